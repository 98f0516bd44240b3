"""Restore: take a command back; pointers and working files are as they were before it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from track.errors import UnknownPath, UsageError
from track.flows.going_back import go_back, way_back
from track.flows.sides import pointer_of
from track.flows.undo import Undo, trash_of, undone
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project
from track.worktree.trash import Step

LAST = "last"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, or with `dry_run` would do. Paths are from the top of the working tree, sorted.

    `number` and `words` are of the step that was taken back, `step` is the number under which the restore itself can
    be (None: nothing had to change). `artifacts` are those whose data or pointer changed, `pointers` the pointer files
    that did, `staged` what was handed to Git's index; `given_up` are unsaved files that went into the trash.
    """

    number: int
    words: tuple[str, ...]
    step: int | None
    artifacts: tuple[bytes, ...]
    pointers: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    given_up: tuple[bytes, ...]


def restore(
    project: Project,
    which: str = LAST,
    paths: Sequence[str] = (),
    *,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Restored:
    """Make everything what it was before a step, or only what lies at `paths`.

    `which` is a step's number, or "last": the newest that is no restore and was not taken back. It is a step itself.
    Interrupted, the same call goes on. With `force`, unsaved files that are in the way go into the trash.

    Raises:
        UsageError: there is no such step.
        UnknownPath: the step touched nothing at one of the paths.
        UnsavedWork: files would go whose content is saved nowhere, all of them named; nothing was changed.
        MissingObject, DamagedObject: what was there then is not here any more; nothing was changed.
        DiskFull, StoreUnwritable: what is in the working tree is as it was, or whole.
    """
    asked = [project.relative(path) for path in paths]
    with project.lock():
        step = _step(project, which)
        _refuse_unknown(step, asked)
        back = way_back(project, step, asked, force=force)
        words = ("restore", str(step.number), *map(os.fsdecode, asked))
        undo = Undo(project, *words, undoes=None if asked else step.number, is_staged=step.is_staged)
        staged = [] if dry_run else go_back(project, back, undo, progress)
        number = None if dry_run else undo.done()
    changed = {found.path for found in back.plans} | {before.path for before in back.pointers}
    pointers = sorted(pointer_of(before.path) for before in back.pointers)
    return Restored(
        step.number, step.words, number, tuple(sorted(changed)), tuple(pointers), tuple(staged), back.given_up
    )


def _step(project: Project, which: str) -> Step:
    trash = trash_of(project)
    if which == LAST:
        steps = list(trash.steps())
        newest = steps[0] if steps else None
        if newest is not None and newest.undoes is not None and not newest.is_done:
            which = str(newest.undoes)  # an interrupted restore goes on
        else:
            taken_back = undone(steps)
            left = [step for step in steps if step.verb != "restore" and step.number not in taken_back]
            if not left:
                raise UsageError("there is nothing to undo", hint="track restore      lists what was done")
            return left[0]
    found = trash.step(int(which)) if which.isascii() and which.isdecimal() and len(which) < 10 else None
    if found is None:
        raise UsageError(f"there is no step `{display(which)}`", hint="track restore      lists what can be undone")
    return found


def _refuse_unknown(step: Step, asked: Sequence[bytes]) -> None:
    for path in asked:
        if not any(_touches(before.path, path) for before in step.artifacts):
            raise UnknownPath(
                f"step {step.number} touched nothing at `{display(path)}`",
                hint=f"track restore -n {step.number}      says what it would bring back",
            )


def _touches(artifact: bytes, path: bytes) -> bool:
    return (
        path in (artifact, pointer_of(artifact))
        or artifact.startswith(path + b"/")
        or path.startswith(artifact + b"/")
        or not path
    )
