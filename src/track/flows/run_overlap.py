"""Runs that went on at the same time in one working tree, and wrote the same paths."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import TrackError
from track.flows.pointers import pointer_at
from track.flows.run_artifacts import Made, owner_among
from track.flows.run_journal import journal_of
from track.flows.run_left import began_at
from track.model.digest import Digest
from track.model.names import display, pointer_path
from track.model.record import Record
from track.project import Project
from track.publish import create_with
from track.runs.journal import Living
from track.runs.observe import Observed, is_deaf, is_python, is_traced, is_watched, observed

_NOTE = "wrote-"


class Sorted(NamedTuple):
    """The outputs that are a run's own, and what is to be said of those that other runs wrote, too."""

    made: list[Made]
    told: list[str]


class _Other(NamedTuple):
    """Another run, and what it wrote: by path, with the digest where it has ended; and what it was seen writing."""

    record: Record
    wrote: Mapping[bytes, Digest | None]
    seen: Collection[bytes]
    living: Living | None = None


def own_outputs(project: Project, run: Living, made: Sequence[Made], seen: Observed) -> Sorted:
    """Tell what a run made from what others wrote while it went on: runs that ended meanwhile, and those that live.

    A change that was not declared is not this run's when what is there is what another made that was seen writing it,
    or what another that lives was seen writing, and this one was observed and seen writing nothing to it. Who began
    this run, and what it began, are no others. Those that live are left a note of what this one was seen writing.
    """
    found = Sorted([], [])
    paths = {one.path for one in made}
    others = list(_others(project, run, paths)) if made else []
    command = run.record().command
    is_all = is_traced(run.folder)
    is_seen = seen.is_heard and (is_all or (is_python(command) and not is_deaf(command)))
    perhaps = _meant(paths, (*seen.written, *seen.named))
    for one in made:
        name = f"`{display(one.path)}`"
        for other in others:
            if one.path not in other.wrote:
                continue
            who = f"run {display(other.record.name)} ({other.record.short})"
            is_theirs = one.path in other.seen and other.wrote[one.path] in (None, one.pointer.digest)
            is_ours = one.how == "declared" or not is_seen or one.path in perhaps
            if is_theirs and not is_ours and (is_all or is_watched(run.folder, project.root, one.path)):
                found.told.append(f"{name} was written by {who} meanwhile, and is no output of this one")
                break
            found.told.append(f"{name} was written by {who}, too, which went on at the same time")
        else:
            found.made.append(one)
    written = _meant(paths, seen.written)
    _leave(others, run.id, [one.path for one in found.made if one.how == "declared" or one.path in written])
    return found


def _leave(others: Iterable[_Other], run: str, paths: Sequence[bytes]) -> None:
    """Note in the folders of those that live what a run that ends was seen writing; without it nobody takes it so."""
    for other in others:
        if other.living is not None and paths:
            with suppress(TrackError, OSError), other.living.shared():
                create_with(other.living.folder / f"{_NOTE}{run}", b"".join(path + b"\0" for path in paths))


def _left(run: Living, other: str) -> list[bytes]:
    """What another, which has ended, noted for this run."""
    try:
        return (run.folder / f"{_NOTE}{other}").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def _others(project: Project, run: Living, paths: set[bytes]) -> Iterator[_Other]:
    journal, own = journal_of(project), run.record()
    living = {each.id: each for each in journal.living() if each.id != run.id}
    drafts: dict[str, Record] = {}
    for id, each in living.items():
        with suppress(TrackError):
            drafts[id] = each.record()
    above, parent = set[str](), own.parent
    while parent is not None and parent not in above:
        above.add(parent)
        parent = drafts[parent].parent if parent in drafts else None
    ended = list(journal.ended_since(own.started.timestamp()))
    below, before = {own.id}, 0
    while before < len(below):  # what it began began others, and may have ended before them
        before = len(below)
        below |= {record.id for record in (*drafts.values(), *ended) if record.parent in below}
    for id, draft in drafts.items():
        if id in above or id in below:
            continue
        if (top := began_at(living[id])) is not None and _same(top, project.root):
            wrote = _meant(paths, observed(living[id].folder, project.root).written)
            yield _Other(draft, dict.fromkeys(wrote), wrote, living[id])
    for record in ended:
        if record.ended is not None and record.ended > own.started and record.id not in below:
            made = {used.path: used.digest for used in record.of("output") if used.path is not None}
            here = (path for path in paths & made.keys() if _was_here(project, record, path))
            yield _Other(record, {path: made[path] for path in here}, _left(run, record.id))


def _was_here(project: Project, run: Record, path: bytes) -> bool:
    """Whether a run of this clone wrote it in this working tree: of several, its pointer there tells."""
    git = project.git
    if git.git_dir == git.common_dir and not (git.common_dir / "worktrees").exists():
        return True
    with suppress(TrackError):
        now = pointer_at(project, pointer_path(path))
        return now is not None and now.run == run.id
    return False


def _meant(paths: set[bytes], written: Iterable[bytes]) -> set[bytes]:
    """The paths that are, hold, or stand in a place of what was written."""
    places = set(written)
    owners = {owner for path in places if (owner := owner_among(paths, path)) is not None}
    return owners | {path for path in paths if owner_among(places, path) is not None}


def _same(one: object, other: object) -> bool:
    return os.path.realpath(str(one)) == os.path.realpath(str(other))
