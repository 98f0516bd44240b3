"""Runs keep: put runs that wait in the journal into the working tree, and stage them."""

from collections.abc import Sequence
from typing import NamedTuple

from track.errors import Conflict, TrackError, UsageError
from track.flows.keep import Keeper
from track.flows.pointers import exists, pointer_at
from track.flows.pointing import pointer_of_content
from track.flows.run_artifacts import Made
from track.flows.run_find import Found, every_run, find_run
from track.flows.run_place import place
from track.model.names import display, is_named_pointer, pointer_path
from track.model.record import Record
from track.progress import Progress, silent
from track.project import Project


class KeptRuns(NamedTuple):
    """Which runs were put in place, the files staged, and the outputs whose data is another by now: they have no new
    pointer, and stand in the record alone.
    """

    runs: tuple[Record, ...]
    staged: tuple[bytes, ...]
    moved_on: tuple[bytes, ...]


def runs_keep(
    project: Project, names: Sequence[str] = (), *, every: bool = False, progress: Progress = silent
) -> KeptRuns:
    """Write and stage the records of these runs, or of all that wait, and the pointers of what they made and is here.

    Raises:
        UsageError: none was named, or one still runs or is in the working tree already.
        UnknownRun: no run is called so.
        Conflict: Git is in the middle of something, or a pointer was written meanwhile.
    """
    chosen = _waiting(project, names, every)
    kept: list[Record] = []
    staged: set[bytes] = set()
    moved_on: list[bytes] = []
    with project.lock():
        for found in sorted(chosen, key=lambda found: found.record.started):
            made, gone = _made(project, found.record, progress)
            placed = place(project, found.record, made, branch=project.git.branch())
            if placed.why_not is not None:
                raise Conflict(
                    f"run {display(found.record.name)} stays in the journal: {placed.why_not}",
                    hint="finish or abort what Git is doing: git status",
                )
            kept.append(found.record)
            staged.update(placed.staged)
            moved_on += gone
    return KeptRuns(tuple(kept), tuple(sorted(staged)), tuple(moved_on))


def _waiting(project: Project, names: Sequence[str], every: bool) -> list[Found]:
    if every:
        return [found for found in every_run(project).found if found.place == "journal"]
    if not names:
        raise UsageError("no run was named", hint="track runs keep RUN…   or, for all that wait: track runs keep --all")
    chosen = [find_run(project, name) for name in names]
    for found in chosen:
        if found.place == "tree":
            raise UsageError(f"run {display(found.record.name)} is in the working tree already", hint="git status")
        if not found.record.has_ended:
            raise UsageError(
                f"run {display(found.record.name)} has not ended",
                hint="when it has ended in the clone that runs it: track push --runs there, track fetch --runs here"
                if found.place == "shared"
                else "when nobody runs it any more: track runs reap",
            )
    return chosen


def _made(project: Project, record: Record, progress: Progress) -> tuple[list[Made], list[bytes]]:
    """The outputs whose data is still what the run made, with their pointers; and the paths of the others."""
    made: list[Made] = []
    moved_on: list[bytes] = []
    with Keeper(project, progress=progress) as keeper:
        for used in record.of("output"):
            if used.path is None or is_named_pointer(used.path):  # whose pointer was written when it was put
                continue
            now = pointer_at(project, pointer_path(used.path))
            try:
                kept = keeper.keep(used.path, now) if exists(project, used.path) else None
            except TrackError:
                kept = None
            if kept is None or kept.digest != used.digest:
                moved_on.append(used.path)
                continue
            made.append(Made(used.path, now, pointer_of_content(used.path, kept, now, run=record.id), used.how))
        keeper.commit()
    return made, moved_on
