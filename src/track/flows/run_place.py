"""Placing a run: its record and the pointers of its outputs go into the working tree and are staged, or wait.

A run that has ended is in the journal already, so nothing here can lose it: what cannot be placed now says why, and
is placed later by `track runs keep`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from track import publish
from track.errors import GitFailed, Locked, TrackError
from track.flows.bring import bring
from track.flows.ignoring import ignore
from track.flows.pointers import pointer_at, write_pointer
from track.flows.reach import Version
from track.flows.run_artifacts import Made
from track.flows.undo import Undo
from track.history import index
from track.model.names import display, pointer_path, typed
from track.model.pointer import Pointer
from track.model.record import Record, record_path
from track.model.record_file import dump_record
from track.project import Project


class Placed(NamedTuple):
    """What went into the working tree: the files staged, sorted; or why the run waits in the journal."""

    staged: tuple[bytes, ...]
    why_not: str | None = None


def place(
    project: Project, record: Record, made: Sequence[Made], *, branch: str | None, brings: bool = False
) -> Placed:
    """Write and stage the record of a run, and the pointers of what it made; the project's lock is held.

    With `brings`, the data of what it made comes from the store, for a run that made it elsewhere.

    Nothing is written when the branch is another than `branch`, on which the run began, when Git is in the middle of
    something, or when one of the pointers was changed meanwhile. What is written stays when only staging fails.

    Raises:
        DiskFull, StoreUnwritable: a file could not be written; the run stays in the journal.
        UnsavedWork: what is saved nowhere would be replaced by what it made; nothing was changed.
    """
    why_not = _in_the_way(project, made, branch)
    if why_not is not None:
        return Placed((), why_not)
    changed = [one for one in made if one.pointer != pointer_at(project, pointer_path(one.path))]
    undo = Undo(project, "run", record.id, is_staged=True)
    for one in changed:
        undo.note_pointer(one.path)
    if brings and made:
        versions = [Version(one.path, one.pointer, ()) for one in made]
        bring(project, versions, paths=[one.path for one in made], undo=undo)
    undo.save()
    for one in changed:
        write_pointer(project, pointer_path(one.path), one.pointer)
    path = record_path(record.id, record.started)
    with project.gate.parent(path, create=True, own=True) as (folder, name):
        publish.publish_bytes(name, dump_record(record), dir_fd=folder)
    ignored = ignore(project, [one.path for one in changed])
    staged = sorted({path, *(pointer_path(one.path) for one in changed), *ignored})
    try:
        index.stage(project.git, staged)
    except (Locked, GitFailed) as error:
        todo = " ".join(map(typed, staged))
        return Placed((), f"written and not staged ({error.message}): git add {todo}")
    finally:
        undo.done()
    return Placed(tuple(staged))


def not_placed(error: TrackError) -> Placed:
    """What comes of a run whose record could not be placed: it waits in the journal, with the error and the way on."""
    return Placed((), "; ".join(filter(None, (error.message, error.hint))))


def _in_the_way(project: Project, made: Sequence[Made], branch: str | None) -> str | None:
    operation = project.git.operation()
    if operation is not None:
        return f"Git is in the middle of a {operation}"
    now = project.git.branch()
    if now != branch:
        return (
            f"the branch is {display(now or 'detached')} now; the run began on {display(branch or 'a detached HEAD')}"
        )
    moved = [one.path for one in made if _has_moved(pointer_at(project, pointer_path(one.path)), one)]
    return f"another pointer was written meanwhile for {display(moved[0])}" if moved else None


def _has_moved(now: Pointer | None, made: Made) -> bool:
    """Whether somebody wrote another pointer during the run; one that the run itself had written for what it made,
    as a `track add` in a script does, is none.
    """
    return now != made.present and (now is None or now.digest != made.pointer.digest)
