"""Going back: the artifacts that a step in the trash touched become what they were before it."""

import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from track.errors import Conflict, DamagedObject, MissingObject, UsageError
from track.flows.bring import carry_out, refuse_losses
from track.flows.clear import absence, clear
from track.flows.ignoring import heed, ignore
from track.flows.moving import Passage, Place
from track.flows.plan import Plan, plan
from track.flows.pointers import content_at, exists, put_pointer
from track.flows.relocate import relocate, remove_empty_above, rename
from track.flows.sides import pointer_of
from track.flows.undo import Undo, pointer_of_held, trash_of
from track.history import index
from track.model.names import display, is_named_pointer, typed
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.cutting import writing
from track.store.pack import SMALL
from track.worktree.parts import remember
from track.worktree.reading import READ_FLAGS
from track.worktree.trash import Before, Move, Step


class Back(NamedTuple):
    """What takes a step back: plans for working copies that come and that go, and pointers with what they were.

    `data` are the artifacts whose working copy becomes as it was, wholly; `moves` what is moved back.
    """

    step: Step
    comes: list[Plan]
    goes: list[Plan]
    pointers: list[Before]
    data: list[Before]
    moves: list[Move]

    @property
    def plans(self) -> list[Plan]:
        """The plans by which anything changes."""
        return [found for found in (*self.comes, *self.goes) if not found.is_done or found in self.goes]

    @property
    def given_up(self) -> tuple[bytes, ...]:
        """What goes into the trash now, because it is saved nowhere."""
        return tuple(
            found.path + b"/" + path if path else found.path for found in self.plans for path in found.given_up
        )


def way_back(project: Project, step: Step, paths: Sequence[bytes] = (), *, force: bool = False) -> Back:
    """What has to change so that everything is as before `step`, or what lies at `paths`; nothing is changed yet.

    Bytes that only the trash has are put into the store first.

    Raises:
        UnsavedWork: files whose content is saved nowhere would go.
        MissingObject, DamagedObject: what was there then is not here any more.
    """
    wanted = [before for before in step.artifacts if not paths or any(_concerns(before, path) for path in paths)]
    _save_trashed(project, step)
    back = Back(step, [], [], [], [], _moves_back(project, step, paths))
    for before in wanted:
        parts = _parts(before, paths)
        if before.has_data and before.held is not None:
            pointer = pointer_of_held(project, before.held)
            found = plan(project, before.path, pointer, parts=parts, asked=bool(parts), force=force)
            if found.absent:
                raise _not_here(before, len(found.absent))
            back.comes.append(found)
        elif before.has_data:
            found = absence(project, before.path, parts, force=force)
            back.goes.extend([found] if found.removes or found.empties else [])
        if before.has_data and not parts:
            back.data.append(before)
        if before.has_pointer and not parts and _differs(project, before):
            back.pointers.append(before)
    refuse_losses(project, back.plans)
    return back


def go_back(project: Project, back: Back, undo: Undo, progress: Progress = silent) -> list[bytes]:
    """Do it, noted in `undo`; the pointers and ignore files that were handed to Git's index, sorted.

    Raises as `bring` does.
    """
    if not undo.is_resumed:
        undo.note_moves(back.moves)
    undo.note_all(
        (before.path for before in back.pointers), (*(one for one in back.comes if not one.is_done), *back.goes)
    )
    touched = undo.touched | {pointer_of(before.path) for before in back.pointers}
    placed = [before for before in back.pointers if not is_named_pointer(before.path)]
    touched.update(ignore(project, [before.path for before in placed if before.was_ignored]))
    _put(project, (before for before in back.pointers if before.pointer is not None))
    clear(project, back.goes, progress)
    carry_out(project, back.comes, undo, progress)
    for before in back.data:
        remember(project.worktree_state, before.path, before.parts)
    _move_back(project, back)
    _put(project, (before for before in back.pointers if before.pointer is None))
    touched.update(heed(project, [before.path for before in placed if not before.was_ignored]))
    _ignore_again(project, [before for before in back.data if not before.has_pointer])
    if back.step.is_staged and touched:
        index.stage(project.git, sorted(touched))
    return sorted(touched) if back.step.is_staged else []


def _put(project: Project, befores: Iterable[Before]) -> None:
    for before in befores:
        put_pointer(project, pointer_of(before.path), before.pointer)


def _ignore_again(project: Project, befores: Sequence[Before]) -> None:
    """Data without a pointer has an ignore line only where a checkout of another revision gave it one."""
    alone = [before for before in befores if content_at(project, pointer_of(before.path)) is None]
    heed(project, [before.path for before in alone if not before.was_ignored])
    came = [before.path for before in alone if before.was_ignored and before.held is not None]
    if came:
        ignored = project.git.ignored(came)
        ignore(project, [path for path in came if path not in ignored])


def _moves_back(project: Project, step: Step, paths: Sequence[bytes]) -> list[Move]:
    """The moves that are left to take back, the last first."""
    if step.moves and paths:
        raise UsageError("a move is taken back as a whole", hint=f"track restore {step.number}")
    moves = [Move(move.target, move.source) for move in reversed(step.moves) if not is_named_pointer(move.source)]
    for move in moves:
        if exists(project, move.source) and exists(project, move.target):
            raise Conflict(
                f"`{display(move.source)}` cannot be moved back: something is at `{display(move.target)}` again",
                hint=f"move it out of the way first: mv {typed(move.target)} {typed(move.target + b'.new')}",
            )
    return [move for move in moves if exists(project, move.source)]


def _move_back(project: Project, back: Back) -> None:
    """Rename data back; what is known of the stats of an artifact goes along, that of parts has to be found anew."""
    known = {before.path: before for before in back.step.artifacts}
    for move in back.moves:
        source, target = known.get(move.source), known.get(move.target)
        if source is not None and target is not None and source.pointer is None and target.pointer is not None:
            pointer = parse_pointer(target.pointer, display(move.target))
            ends = Place(move.source, b""), Place(move.target, b"")
            relocate(project, Passage(*ends, pointer, None, None, pointer))
            continue
        owners = [path for path in known if path in (move.source, move.target) or _is_above(path, move)]
        rename(project, move)
        for owner in owners:
            project.stat_cache.forget(owner)
            remove_empty_above(project, move.source, owner)


def _is_above(path: bytes, move: Move) -> bool:
    return move.source.startswith(path + b"/") or move.target.startswith(path + b"/")


def _concerns(before: Before, path: bytes) -> bool:
    """Whether an artifact, its pointer, a folder above it or something in it was asked for."""
    inner = before.path + b"/"
    return path in (before.path, pointer_of(before.path)) or inner.startswith(path + b"/") or path.startswith(inner)


def _parts(before: Before, paths: Sequence[bytes]) -> tuple[bytes, ...]:
    inner = before.path + b"/"
    if any(not path.startswith(inner) and _concerns(before, path) for path in paths):
        return ()
    return tuple(sorted(path[len(inner) :] for path in paths if path.startswith(inner)))


def _differs(project: Project, before: Before) -> bool:
    return content_at(project, pointer_of(before.path)) != before.pointer


def _save_trashed(project: Project, step: Step) -> None:
    """Put what was given up into the store: from there it comes back as any other version does."""
    trashed = dict(trash_of(project).contents(step.number))
    absent = project.store.absent(trashed)
    if not absent:
        return
    with writing(project.store, takes_purged=True) as writer:  # it was in the working tree, and is again
        for digest in sorted(absent):
            path = trashed[digest]
            if stat.S_ISLNK(os.lstat(path).st_mode):
                found = writer.add(os.fsencode(os.readlink(path)))
            else:
                fd = os.open(path, READ_FLAGS)
                try:
                    size = os.fstat(fd).st_size
                    found = writer.add(os.read(fd, size)) if size < SMALL else writer.add_file(fd, size)
                finally:
                    os.close(fd)
            if found != digest:
                raise DamagedObject(
                    f"{display(str(path))} in the trash is not what was put there",
                    hint="look at it yourself; it is left as it is",
                )
        writer.commit()


def _not_here(before: Before, count: int) -> MissingObject:
    return MissingObject(
        f"`{display(before.path)}` cannot be brought back: {count:,} objects of what it was are not here",
        hint="track fetch      brings what a remote has",
    )
