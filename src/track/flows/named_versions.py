"""Versions of named artifacts: when each was made and by whom, and the one that words such as `rides@prod` mean."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import NamedTuple

from track.errors import MalformedPointer, MalformedRecord, NewerFormat, UnknownPath, UnknownRevision, UsageError
from track.flows.named import (
    Names,
    Versions,
    label,
    matching,
    no_match,
    schema_by,
    schema_of,
    side_of,
    unknown_name,
    wanted_of,
)
from track.flows.run_journal import journal_of
from track.flows.sides import HERE, STAGED, Side, parsed, ref_names, side_here
from track.history import log
from track.history.log import Event
from track.history.present import present_blobs
from track.model.digest import Digest
from track.model.expressions import expression
from track.model.names import (
    ARTIFACTS,
    artifact_pointer,
    display,
    is_named_pointer,
    parse_alias_pointer,
    parse_artifact_pointer,
    typed,
)
from track.model.nearest import nearest
from track.model.pointer import Pointer
from track.model.record import Record, record_path
from track.model.record_file import parse_record
from track.model.run_words import is_run_id
from track.project import Project

LATEST = "latest"
_DIGEST = expression(r"(?:blake3:)?([0-9a-f]{4,64})")
_WITH_DIGEST = expression(r"(.*)@(blake3:[0-9a-f]+)", re.DOTALL)
_LISTED = 10


class NamedVersion(NamedTuple):
    """A version of a named artifact: its pointer at `path`, where it was found, and its partitions.

    `created` is when the run that made it ended, else when it was first committed (None: it is not committed yet);
    `user` is who, `commit` the first one that has it, where Git was asked, and `behind` grows the longer ago that is.
    """

    name: str
    partitions: Mapping[str, str]
    path: bytes
    pointer: Pointer
    where: str
    created: datetime | None = None
    user: str | None = None
    commit: str | None = None
    behind: int = 0

    @property
    def rank(self) -> tuple[datetime, int, str]:
        """By what versions are sorted: when they were made, how far behind the tips, then the digest."""
        return self.created or datetime.max.replace(tzinfo=UTC), -self.behind, str(self.pointer.digest)


class Asked(NamedTuple):
    """What a person asks for: a name, a version of it (None: the latest), partitions, and whether at all refs."""

    name: str
    version: str | None = None
    rev: str | None = None
    partitions: Mapping[str, object] = {}
    time: str | date | None = None
    every: bool = False


def asked_of(
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
) -> Asked:
    """What `[REV:]NAME[@VERSION]` asks for.

    Raises:
        UsageError: no name, or a revision at both places.
    """
    whole = _WITH_DIGEST.fullmatch(words)
    rev, colon, name = (whole[1] if whole else words).rpartition(":")
    name, at, version = (name, "@", whole[2]) if whole else name.partition("@")
    if not name:
        raise UsageError(f"no name in `{display(words)}`", hint="track artifacts list")
    if at and not version:
        raise UsageError(f"no version behind the @ of `{display(words)}`", hint=f"leave it out: {typed(name)}")
    return Asked(name, version or None, rev if colon else None, partitions or {}, time, every)


def choose(project: Project, asked: Asked) -> NamedVersion:
    """The latest version that is meant, in the working tree, at a revision, or over all refs.

    Raises:
        UnknownPath: there is no such artifact, or no such version; what there is is told.
        UnknownRevision, UsageError: the version is none, or may be several; they are listed.
        MalformedPointer, NewerFormat: its pointer, or what was declared, cannot be read.
    """
    if asked.version in (None, LATEST):
        return latest(candidates(project, asked))
    names = Names(side_here(project))
    if asked.rev is not None:
        raise UsageError(
            f"`{display(asked.rev)}:` and `@{display(str(asked.version))}` both say which version", hint="leave out one"
        )
    assert asked.version is not None
    found = names.found.get(asked.name, Versions())
    by_alias = _by_alias(names, asked, found)
    by_rev = _at_revision(project, asked)
    if by_alias is not None and by_rev is not None and by_alias.pointer.digest != by_rev.pointer.digest:
        word = asked.version
        raise UsageError(
            f"`{display(word)}` is an alias of `{display(asked.name)}` and a revision with another version",
            hint=f"{typed(f'{word}:{asked.name}')}      means the revision\n"
            f"{typed(f'{asked.name}@{by_alias.pointer.digest.hex()[:12]}')}      means what the alias names",
        )
    if by_alias is not None:
        return _fitting(project, names, asked, by_alias)
    if by_rev is not None:
        return by_rev
    return _by_digest(project, asked)


def latest(versions: Sequence[NamedVersion]) -> NamedVersion:
    """The latest of several: made last; of those made at once none that another one of its partition followed, and then
    that with the greatest digest, so that every clone says the same.
    """
    last = max(one.rank[0] for one in versions)
    at_once: dict[bytes, NamedVersion] = {}
    for one in sorted((one for one in versions if one.rank[0] == last), key=lambda one: one.behind, reverse=True):
        at_once[one.path] = one
    return max(at_once.values(), key=lambda one: str(one.pointer.digest))


def candidates(project: Project, asked: Asked) -> list[NamedVersion]:
    """Every version that has what is asked for: the present one of each partition, or with `every` all at all refs.

    Raises as `choose`.
    """
    side = side_of(project, asked.rev)
    names = Names(side)
    if asked.every:
        return _everywhere(project, names, asked)
    wanted = wanted_of(asked.name, schema_of(project, names, asked.name), asked.partitions, asked.time)
    places = names.of(asked.name).places
    if not (found := matching(places, wanted)):
        raise no_match(asked.name, wanted.shown, places.values(), side.name)
    versions = []
    for path, partitions in found.items():
        if (pointer := side.pointer(path)) is not None:
            versions.append(NamedVersion(asked.name, partitions, path, pointer, side.name))
    if not versions:
        raise no_match(asked.name, wanted.shown, (), side.name)
    return versions if len(versions) == 1 else dated(project, versions, side)


def dated(project: Project, versions: Sequence[NamedVersion], side: Side) -> list[NamedVersion]:
    """These versions of one side, with when they were made and by whom."""
    revs = ["HEAD"] if side.name in (HERE, STAGED) else [side.name]
    try:
        events = list(log.history(project.git, revs, named_pathspecs({one.name for one in versions})))
    except UnknownRevision:  # nothing is committed yet
        events = []
    first = {(path, digest): (number, event) for path, digest, _, number, event in _made(project, events).found}
    return [_dated(project, one, first.get((one.path, one.pointer.digest))) for one in versions]


def _everywhere(project: Project, names: Names, asked: Asked) -> list[NamedVersion]:
    """Every version of a name that any ref's history has, and what is in the working tree."""
    made = _made(project, log.history(project.git, None, named_pathspecs({asked.name}), every_side=True))
    places = {path: has for path in made.paths if (has := partitions_at(path, asked.name)) is not None}
    here = names.found.get(asked.name, Versions()).places
    if not places and not here:
        raise unknown_name(asked.name, names)
    schema = schema_of(project, names, asked.name) if here else schema_by(places.values())
    wanted = wanted_of(asked.name, schema, asked.partitions, asked.time)
    found = [
        _dated(
            project,
            NamedVersion(asked.name, places[path], path, pointer, event.commit.oid[:10]),
            (number, event),
        )
        for path, _, pointer, number, event in made.found
        if path in places and wanted.fits(places[path])
    ]
    committed = {(one.path, one.pointer.digest) for one in found}
    for path, partitions in matching(here, wanted).items():
        present = names.side.pointer(path)
        if present is not None and (path, present.digest) not in committed:
            found.append(NamedVersion(asked.name, partitions, path, present, HERE))
    if not found:
        raise no_match(asked.name, wanted.shown, [*places.values(), *here.values()], HERE)
    return found


class _Made(NamedTuple):
    """What was made of named artifacts: the pointers' paths, and (path, digest, pointer, number, event) a version.

    The event is the earliest that gave the path this content, its number how many came after it, and the pointer the
    newest that says so: labels that were changed since make no other version.
    """

    paths: frozenset[bytes]
    found: tuple[tuple[bytes, Digest, Pointer, int, Event], ...]


def _made(project: Project, events: Iterable[Event]) -> _Made:
    """The versions that these events made, which come newest first; those that are not here are left out."""
    made = [(number, event) for number, event in enumerate(events) if event.blob is not None]
    contents = present_blobs(project.git, (event.blob for _, event in made if event.blob is not None))
    known = {}
    for name, content in contents.items():
        with suppress(MalformedPointer, NewerFormat):  # it was once committed so, and is passed over
            known[name] = parsed(content, b"it")
    found: dict[tuple[bytes, Digest], tuple[Pointer, int, Event]] = {}
    for number, event in made:
        pointer = known.get(event.blob or "")
        if pointer is not None:
            newest = found.get((event.path, pointer.digest), (pointer,))[0]
            found[event.path, pointer.digest] = newest, number, event
    versions = tuple((path, digest, *made) for (path, digest), made in found.items())
    return _Made(frozenset(event.path for _, event in made), versions)


def _dated(project: Project, one: NamedVersion, found: tuple[int, Event] | None) -> NamedVersion:
    record = _record_of(project, one.pointer.run)
    behind, event = found if found is not None else (0, None)
    one = one._replace(behind=behind)
    commit = event.commit if event is not None else None
    if record is not None and record.ended is not None:
        return one._replace(created=record.ended, user=record.by or None, commit=commit and commit.oid)
    if commit is None:
        return one
    when = datetime.fromtimestamp(commit.authored, UTC)
    return one._replace(created=when, user=f"{commit.author} <{commit.email}>", commit=commit.oid)


def _record_of(project: Project, run: str | None) -> Record | None:
    """The record of a run by its id, which says where it lies; None where it is not here, or cannot be read."""
    if run is None or not is_run_id(run):
        return None
    started = datetime.fromtimestamp(int(run.replace("-", "")[:12], 16) / 1000, UTC)
    path = record_path(run, started)
    content = log.read_start(os.fsencode(project.git.top), path, log.MAX_RECORD)
    if content is None:
        content = dict(log.records_left_out(project.git, {path})).get(path)
    try:
        if content is not None and (record := parse_record(content, path)).id == run:
            return record
        return journal_of(project).find_ended(run)
    except (MalformedRecord, NewerFormat):
        return None


def named_pathspecs(names: Iterable[str]) -> list[bytes]:
    """Where the pointers of these names may lie."""
    found: list[bytes] = []
    for name in sorted(names):
        path = artifact_pointer(name)
        found += [path, path[: -len(".track")]]
    return found


def partitions_at(path: bytes, name: str) -> dict[str, str] | None:
    """The partitions of the pointer at a path, if it is one of this name."""
    if not is_named_pointer(path) or b"/@" in path[len(ARTIFACTS) :]:
        return None
    try:
        named = parse_artifact_pointer(path)
    except MalformedPointer:
        return None
    return dict(named.partitions) if named.name == name else None


def _by_alias(names: Names, asked: Asked, found: Versions) -> NamedVersion | None:
    path = found.aliases.get(asked.version or "")
    pointer = names.side.pointer(path) if path is not None else None
    if path is None or pointer is None:
        return None
    return NamedVersion(asked.name, pointer.partitions, path, pointer, names.side.name)


def _fitting(project: Project, names: Names, asked: Asked, one: NamedVersion) -> NamedVersion:
    """The version of an alias, if it has the partitions that were asked for, too."""
    wanted = wanted_of(asked.name, schema_of(project, names, asked.name), asked.partitions, asked.time)
    if wanted.fits(one.partitions):
        return one
    raise UsageError(
        f"`{display(asked.name)}@{display(str(asked.version))}` is not {label('', wanted.shown)}: "
        f"it is {label('', one.partitions) or 'without partitions'}",
        hint=f"leave out the partitions, or the alias: track get {typed(asked.name)}",
    )


def _at_revision(project: Project, asked: Asked) -> NamedVersion | None:
    """The latest version at the revision that the version is; None where it is no revision, or has none."""
    assert asked.version is not None
    try:
        project.git.resolve(asked.version)
        return choose(project, asked._replace(version=None, rev=asked.version))
    except UnknownRevision:
        return None
    except UnknownPath:
        if _DIGEST.fullmatch(asked.version) is not None:  # digits may be either
            return None
        raise


def _by_digest(project: Project, asked: Asked) -> NamedVersion:
    """The version whose digest begins so, wherever in the history it is."""
    assert asked.version is not None
    digits = _DIGEST.fullmatch(asked.version)
    every = _everywhere(project, Names(side_here(project)), asked)
    if digits is not None:
        found = [one for one in every if one.pointer.digest.hex().startswith(digits[1])]
        if len({one.pointer.digest for one in found}) == 1:
            return max(found, key=lambda one: one.rank)
        if found:
            raise UsageError(
                f"{len({one.pointer.digest for one in found})} versions of `{display(asked.name)}` begin with "
                f"{display(asked.version)}",
                hint="give more digits",
                details=tuple(line_of(one) for one in found[:_LISTED]),
            )
    names = Names(side_here(project))
    aliases = sorted(names.found.get(asked.name, Versions()).aliases)
    raise UnknownPath(
        f"`{display(asked.name)}` has no version `{display(asked.version)}`: no alias, no digest and no revision",
        hint=nearest(asked.version or "", {*aliases, *ref_names(project)})
        or f"track artifacts show {typed(asked.name)}      lists them",
        details=tuple(f"there is {display(asked.name)}@{display(each)}" for each in aliases[:_LISTED]),
    )


def version_path(path: bytes, pointer: Pointer) -> bytes:
    """Where the pointer of a version lies of which `path` is the pointer, or the alias."""
    alias = parse_alias_pointer(path)
    return path if alias is None else artifact_pointer(alias[0], pointer.partitions)


def line_of(one: NamedVersion) -> str:
    """A version in a line: its digest, when it was made, and its partitions."""
    when = f"{one.created:%Y-%m-%d %H:%M} UTC" if one.created is not None else "not committed"
    return f"{one.pointer.digest.short}  {when}  {label(one.name, one.partitions)}"
