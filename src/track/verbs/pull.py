"""Pull: bring the bytes that pointers need, and make the working files what the pointers say."""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, TrackError, naming_too
from track.flows.bring import Brought, BroughtArtifact, Lacking, bring
from track.flows.choice import Choice, refuse_vain
from track.flows.hearing import hear
from track.flows.lost import lacking_here, put_damage_aside
from track.flows.passed import Came, Passed, together_passed
from track.flows.reach import Version, errors_of, versions_here
from track.flows.receive import Foreseen, Received, receive
from track.flows.run_sharing import bring_shared
from track.flows.shallow import not_away
from track.flows.undo import Undo
from track.flows.unmerged import versions_in_conflict
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did. `remotes` are (name, URL) of those that were asked; sizes in bytes, as they travelled.

    With `dry_run`, `artifacts` is what would be placed of what is here, and `foreseen` what would be fetched first for
    each of `lacking`; the bytes are those of the objects.
    `refused` says which pointers could not be read; everything else was done. `step` is the number under which it can
    be undone (None: nothing to), `given_up` are unsaved files that went into the trash. `passed` are remotes that could
    not be used, or of which something was damaged; it came from another one. `shared` says of each remote how many
    runs others share there.
    """

    remotes: tuple[tuple[str, str], ...]
    versions_count: int
    objects_count: int
    fetched_bytes: int
    artifacts: tuple[BroughtArtifact, ...]
    lacking: tuple[Lacking, ...]
    dry_run: bool
    refused: tuple[TrackError, ...] = ()
    step: int | None = None
    given_up: tuple[bytes, ...] = ()
    passed: tuple[Passed, ...] = ()
    foreseen: tuple[Foreseen, ...] = ()
    shared: tuple[Came, ...] = ()


def pull(
    project: Project,
    paths: Sequence[str] = (),
    *,
    remote: str | None = None,
    choice: Choice | None = None,
    force: bool = False,
    runs: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Pulled:
    """Fetch what the pointers in the working tree need, and place it; of everything, or what lies at `paths`.

    With `choice`, only of the files that it takes; of a directory of which nothing was placed, the rest stays away.
    Of pointers in conflict, what both sides need comes too, for `track merge`.
    What is here already is not asked for; then no remote is needed, and the first one is asked only whether something
    was purged there. Artifacts that come whole are placed, also when others do not. Unsaved work is never lost, unless
    `force` gives it up. Interrupted, the same again goes on.
    With `runs`, also the records of runs that others shared, without the data that these name.
    With `dry_run` the remotes are asked what they have, nothing is fetched or written, and what would fail is the same
    error.

    Raises:
        UnknownPath: nothing lies at one of the paths, or nothing there that `choice` takes.
        MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
        UnsavedWork: files whose content is saved nowhere would go; what came is in the store, nothing was placed.
        NoRemote: something is lacking, and the project names no remote.
        MissingObject, DamagedObject: bytes that no remote has whole; everything else was placed.
        RemoteError: the remote is not there, is no store, or this clone was not told that it may use it.
        Locked: another `track` changes the working tree for too long.
    """
    asked = [project.relative(path) for path in paths]
    shared, passed = bring_shared(project, remote, dry_run=dry_run) if runs else ((), ())
    with nullcontext() if dry_run else project.lock():
        found, refused = versions_here(project, asked)
        found = found if asked or choice is not None else tuple(not_away(project, found))
        with naming_too(refused):
            asking = partial(receive, project, remote=remote, paths=asked, choice=choice, progress=progress)
            if dry_run:
                planning = partial(bring, project, paths=asked, choice=choice, force=force, dry_run=True)
                planned = _foresee(project, found, _Asked(asked, choice), asking, planning)
                return _with_runs(replace(planned, refused=(*refused, *planned.refused)), shared, passed)
            placing = partial(bring, project, paths=asked, choice=choice, force=force, progress=progress)
            done = _pull(project, found, _Asked(asked, choice), asking, placing)
    if found and not done.remotes:
        passed = together_passed(passed, hear(project, found, remote, progress))
    return _with_runs(replace(done, refused=(*refused, *done.refused)), shared, passed)


def _with_runs(pulled: Pulled, shared: tuple[Came, ...], passed: tuple[Passed, ...]) -> Pulled:
    return replace(pulled, shared=shared, passed=together_passed(pulled.passed, passed))


class _Asked(NamedTuple):
    """What was asked for."""

    paths: Sequence[bytes]
    choice: Choice | None


def _lacking(project: Project, found: Sequence[Version], asked: _Asked) -> list[Version]:
    is_all = not asked.paths and asked.choice is None
    return lacking_here(project, (*found, *(versions_in_conflict(project) if is_all else ())), *asked)


def _foresee(
    project: Project,
    found: Sequence[Version],
    asked: _Asked,
    receiving: Callable[..., Received],
    planning: Callable[..., Brought],
) -> Pulled:
    """What a pull would do; nothing is written."""
    planned = planning(found)
    lacking = _lacking(project, found, asked)
    coming = receiving(lacking, dry_run=True) if lacking else Received(0, 0, ())
    return Pulled(
        remotes=tuple((named.name, named.url) for named in coming.remotes),
        versions_count=len(found),
        objects_count=coming.objects_count,
        fetched_bytes=coming.fetched_bytes,
        artifacts=planned.artifacts,
        lacking=planned.lacking,
        dry_run=True,
        refused=errors_of(coming.refused, planned.refused),
        passed=coming.passed,
        foreseen=coming.foreseen,
    )


def _pull(
    project: Project,
    found: Sequence[Version],
    asked: _Asked,
    receiving: Callable[[Sequence[Version]], Received],
    bringing: Callable[..., Brought],
) -> Pulled:
    lacking = _lacking(project, found, asked)
    undo = Undo(project, "pull", *map(os.fsdecode, asked.paths))
    received: list[Received] = []
    trouble: MissingObject | DamagedObject | None = None
    if lacking:
        try:
            received.append(receiving(lacking))
        except (MissingObject, DamagedObject) as error:
            trouble = error
    refused = tuple(one for each in received for one in each.refused)
    placed = [version for version in found if version.path not in {one.path for one in refused}]
    refuse_vain(project, placed, *asked)
    try:
        brought = bringing(placed, undo=undo)
    except DamagedObject:  # in the local store: what is bad there is put aside, and comes again
        lacking = put_damage_aside(project, placed, *asked)
        if not lacking:
            raise
        received.append(receiving(lacking))
        brought = bringing(placed, undo=undo)
    step = undo.done()
    if trouble is not None:
        with naming_too(errors_of(refused, brought.refused)):
            raise _with_placed(trouble, brought)
    return Pulled(
        remotes=tuple((named.name, named.url) for each in received[-1:] for named in each.remotes),
        versions_count=len(found),
        objects_count=sum(each.objects_count for each in received),
        fetched_bytes=sum(each.fetched_bytes for each in received),
        artifacts=brought.artifacts,
        lacking=brought.lacking,
        dry_run=False,
        refused=errors_of(refused, brought.refused),
        step=step,
        given_up=brought.given_up,
        passed=tuple(one for each in received for one in each.passed),
    )


def _with_placed(error: MissingObject | DamagedObject, brought: Brought) -> MissingObject | DamagedObject:
    """The error, saying too what was placed all the same."""
    if brought.artifacts:
        names = ", ".join(display(artifact.path) for artifact in brought.artifacts[:3])
        more = f" and {len(brought.artifacts) - 3} more" if len(brought.artifacts) > 3 else ""
        error.details = (*error.details, f"placed all the same: {names}{more}")
    return error
