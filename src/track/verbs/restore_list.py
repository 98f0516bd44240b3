"""Restore, asked: which commands can be undone."""

from dataclasses import dataclass

from track.flows.undo import trash_of, undone
from track.project import Project


@dataclass(frozen=True, slots=True)
class Undoable:
    """A step that can be undone. `time_s` is Unix time; `artifacts` are the paths that it touched, sorted.

    `given_up_bytes` is how much the trash holds of what is saved nowhere else. `undone_by` is the step that took it
    back; one that is not `is_done` was interrupted.
    """

    number: int
    time_s: int
    words: tuple[str, ...]
    artifacts: tuple[bytes, ...]
    given_up_bytes: int
    undoes: int | None
    undone_by: int | None
    is_done: bool


def restore_list(project: Project) -> tuple[Undoable, ...]:
    """Every step in the trash of this working tree, the newest first; nothing is changed."""
    trash = trash_of(project)
    steps = list(trash.steps())
    taken_back = undone(steps)
    return tuple(
        Undoable(
            number=step.number,
            time_s=step.time_s,
            words=step.words,
            artifacts=tuple(before.path for before in step.artifacts),
            given_up_bytes=sum(path.lstat().st_size for _, path in trash.contents(step.number)),
            undoes=step.undoes,
            undone_by=taken_back.get(step.number),
            is_done=step.is_done,
        )
        for step in steps
    )
