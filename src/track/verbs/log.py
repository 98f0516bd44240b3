"""Log: the versions of an artifact, the commits that have a run, or what commits did to all of them; newest first."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import NamedTuple

from track.errors import MalformedPointer, NewerFormat, OutsideRepository, UnknownPath, UnknownRevision, UsageError
from track.flows import sides, view
from track.flows.catalogued import catalog_of
from track.flows.logged import CommitLogged, Version, commits_logged, contents_of, record_logged, version_logged
from track.flows.meaning import CommitMeant, meaning
from track.flows.named_log import named_events
from track.flows.named_versions import LATEST
from track.flows.run_find import Found, known_runs
from track.flows.version_ids import SavedMeant
from track.history import log as history
from track.history.catalog import Scope
from track.history.log import Event
from track.model.manifest import Read
from track.model.names import display, is_named_pointer, is_pointer_path, name_of, parse_artifact_name, typed
from track.model.nearest import nearest
from track.project import Project

__all__ = ["CommitLogged", "Logged", "Version", "log"]
MOST = 100
"""So many commits are told of where nobody says how many."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The versions of one artifact that a revision reaches, newest first; else what `commits` did.

    `name` is that of a named artifact; where its versions are partitions, each is at a path of its own. `is_more` says
    that there may be commits that did something before these.
    """

    path: bytes
    name: str | None
    versions: tuple[Version, ...]
    commits: tuple[CommitLogged, ...] = ()
    is_more: bool = False

    @property
    def absent_count(self) -> int:
        """How many pointers and records are in the history and not in this clone, as in a partial one."""
        return sum(one.is_absent for one in self.versions) + sum(one.absent_count for one in self.commits)


def log(
    project: Project,
    words: str | None = None,
    rev: str = "HEAD",
    *,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    stat: bool = False,
    follow: bool = True,
    most: int | None = None,
) -> Logged:
    """List the commits that made, changed or removed what `words` mean, as far as `rev` reaches.

    That is an artifact by its path, or a named one: all its partitions (also `NAME@latest`), those with `partitions`
    and `time`, with `NAME@VERSION` that of this version, or an alias. Of a run it is its record. Without words, or for
    a revision or `A..B`, it is what commits did to all of these: at most `most` commits (None: 100), or versions (None:
    all).

    With `follow`, a pointer that appeared where another with the same content went is followed to there. `stat`
    counts the files inside that changed.

    Raises:
        UnknownRevision: there is no such commit.
        UnknownPath: nothing is called so, or no commit that the revision reaches has it.
        UsageError: several things are called so; each is listed with words that mean it alone.
    """
    how = _How(rev, view.reader(project) if stat else None, follow, most)
    if words is None:
        return _commits(project, rev, most)
    if partitions or time is not None:
        return _named(project, words, how, partitions, time)
    try:
        meant = meaning(project, words)
    except (UnknownPath, UnknownRevision, OutsideRepository, MalformedPointer, NewerFormat):
        if (ends := view.range_of(words)) is not None and _are_commits(project, ends):
            return _commits(project, words, most)
        try:
            return _gone(project, words, how)
        except UnknownPath:
            if ends is None:
                raise
            return _commits(project, words, most)  # says which end is no revision
    if isinstance(meant, CommitMeant):
        return _commits(project, meant.id, most)
    if isinstance(meant, Found | SavedMeant):
        return _of_run(project, meant if isinstance(meant, Found) else meant.run, rev)
    is_all = "@" not in words or words.endswith(f"@{LATEST}")
    if is_named_pointer(meant.artifact) and is_all and not is_pointer_path(os.fsencode(words)):
        return _named(project, parse_artifact_name(meant.artifact), how)
    versions = _versions(project, meant.artifact, how)
    if not versions:
        raise _none(project, meant.artifact, rev)
    return Logged(meant.artifact, name_of(meant.artifact), versions)


class _How(NamedTuple):
    """From which revision, with what manifests are read (None: nothing inside is counted), and how far back."""

    rev: str
    read: Read | None
    follow: bool
    most: int | None


def _commits(project: Project, rev: str, most: int | None) -> Logged:
    """What the commits did that a revision reaches, or `A..B`, or either end of `A...B` alone."""
    ends = view.range_of(rev)
    if ends is None:
        tips, known = [project.git.resolve(rev)], []
    else:
        first, second = (project.git.resolve(end or "HEAD") for end in ends)
        tips, known = [second], [first]
        if "..." in rev:
            tips, known = [first, second], project.git.run("merge-base", "--all", first, second).decode().split()
    count = MOST if most is None else most
    found = commits_logged(project, tips, known, count)
    return Logged(b"", None, (), found, is_more=len(found) == count)


def _are_commits(project: Project, revs: tuple[str, ...]) -> bool:
    try:
        return all(project.git.resolve(rev or "HEAD") for rev in revs)
    except UnknownRevision:
        return False


def _of_run(project: Project, found: Found, rev: str) -> Logged:
    """The commits that have the record of a run."""
    record = found.record
    if found.path is None:
        raise UnknownPath(
            f"no commit has the run {display(record.name)} ({record.short})",
            hint=f"track runs show {record.short}      says what is known of it",
        )
    commits = record_logged(project, project.git.resolve(rev), found.path)
    if not commits:
        place = typed(found.path)
        way = f"its record is at {place}: git commit"
        if found.place == "commit":
            way = f"others have it: git log --all -- {place}"
        raise UnknownPath(
            f"no commit that `{display(rev)}` reaches has the run {display(record.name)} ({record.short})",
            hint=way,
        )
    return Logged(found.path, None, (), commits)


def _named(
    project: Project,
    name: str,
    how: _How,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
) -> Logged:
    """The versions of a named artifact, in all partitions that are meant."""
    events = named_events(project, name, how.rev, partitions, time)
    paths = {event.path for event in events}
    if len(paths) == 1:  # what was renamed is followed
        (path,) = paths
        return Logged(path, name_of(path), _versions(project, path, how))
    events = events[: how.most]
    contents = contents_of(project, events)
    versions = tuple(version_logged(event.path, event, contents, read=how.read) for event in events)
    if not versions:
        raise _none(project, os.fsencode(name), how.rev)
    return Logged(b"", name, versions)


def _gone(project: Project, words: str, how: _How) -> Logged:
    """The versions of what nothing in the working tree is called any more, or what cannot be read there."""
    (asked,) = view.paths_from(project, [words])
    if not asked:
        raise UnknownPath(f"`{display(words)}` is the whole working tree and no artifact", hint="track log")
    artifact = asked
    with suppress(UnknownPath, MalformedPointer, NewerFormat):
        artifact = view.locate(sides.side_at(project, how.rev), asked).artifact
    if versions := _versions(project, artifact, how):
        return Logged(artifact, name_of(artifact), versions)
    try:
        return _named(project, words, how)
    except UsageError:
        raise _none(project, artifact, how.rev) from None


def _none(project: Project, artifact: bytes, rev: str) -> UnknownPath:
    names = catalog_of(project).ask(Scope(every=True, history=True), lambda known: known.names())
    names |= {*sides.ref_names(project), *known_runs(project, lambda id, called: False)[1]}
    return UnknownPath(
        f"no commit that `{display(rev)}` reaches has an artifact called `{display(name_of(artifact) or artifact)}`",
        hint=nearest(os.fsdecode(artifact), names) or "track ls; track status shows what is not committed yet",
    )


def _versions(project: Project, artifact: bytes, how: _How) -> tuple[Version, ...]:
    """The versions of one pointer, followed to where it was before."""
    return tuple(islice(_each(project, artifact, how), how.most))


def _each(project: Project, artifact: bytes, how: _How) -> Iterator[Version]:
    events = list(history.history(project.git, [how.rev], [sides.pointer_of(artifact)]))
    made = [event.commit.oid for event in events if event.op == "A" and event.commit.parents]
    removed = history.removed_in(project.git, made) if how.follow else {}
    contents = contents_of(project, events)
    for event in events:
        source = _source(event, removed.get(event.commit.oid, {}))
        yield version_logged(artifact, event, contents, source=source, read=how.read)
        if source is not None:
            parent = event.commit.parents[0]
            yield from _each(project, sides.artifact_of(source), how._replace(rev=parent))
            return


def _source(event: Event, removed: Mapping[bytes, str]) -> bytes | None:
    """The pointer that went in the commit in which an equal one appeared."""
    if event.op != "A":
        return None
    return next((path for path in sorted(removed) if removed[path] == event.blob), None)
