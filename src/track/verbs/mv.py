"""Mv: rename and move artifacts, and parts of directories, without storing anything again."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from track.errors import UnknownPath, UsageError
from track.flows.destination import Destination, refuse_targets
from track.flows.ignoring import heed, ignore
from track.flows.moving import Moving, Passage
from track.flows.naming import Meant, everything, meant
from track.flows.nodes import saved
from track.flows.pointers import left_out_of, put_pointer, write_pointer
from track.flows.relocate import refuse_partly, relocate
from track.flows.sides import pointer_of
from track.flows.undo import Undo
from track.history import index
from track.model.names import display, is_named_pointer
from track.model.pointer import Pointer, dump_pointer, parse_pointer
from track.project import Project
from track.worktree.trash import Move, Step


@dataclass(frozen=True, slots=True)
class MovedPath:
    """One move, as paths from the top. `how` is "renamed" (an artifact), "split" (a part of one became one of its own),
    "joined" (an artifact became a part of another) or "moved" (a part, within or between directories).
    """

    source: bytes
    target: bytes
    how: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What `mv` did, or with `dry_run` would do. `pointers` were written or removed, `staged` went to Git's index.

    `step` is the number under which it can be undone (None: it was done before).
    """

    moves: tuple[MovedPath, ...]
    pointers: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    step: int | None


def mv(project: Project, paths: Sequence[str], target: str, *, stage: bool = True, dry_run: bool = False) -> Moved:
    """Move artifacts, or what is in them, to `target`: a name that is free, or a folder, a directory artifact too.

    Pointers, ignore lines and working copies move, unsaved edits as they stand; nothing is read, hashed or stored
    again. What leaves a directory becomes an artifact with its labels; what enters one becomes a part of it.
    Interrupted, the same call goes on.

    Raises:
        UsageError, UnknownPath, NameTooLong: what was asked for cannot be.
        Conflict, AlreadyInGit: something is at the target, or would be in the way; nothing was changed.
        OutsideRepository, ForbiddenPath: the target is in no place that track may write to.
        MissingObject: the manifest of a directory is not here.
        DiskFull, StoreUnwritable, Locked: nothing is lost; the same call goes on.
    """
    if not paths:
        raise UsageError("nothing to move was named", hint="track mv SOURCE… TARGET")
    with project.lock():
        words = [display(project.relative(path) or b".") for path in (*paths, target)]
        undo = Undo(project, "mv", *words, is_staged=stage)
        if undo.was_done and not _is_anything(project, paths):
            return Moved((), (), (), None)
        if undo.is_resumed:
            pointers = _as_before(undo)
            moves = undo.step.moves
        else:
            pointers = everything(project)
            moves = _moves(project, meant(project, paths), target, pointers)
        moving = Moving(project.store.read, pointers)
        passages = moving.pass_through(moves)
        if not undo.is_resumed:
            for passage in passages:
                refuse_partly(project, passage)
        changes = dict(_changes(pointers, moving.pointers))
        outcome = tuple(
            MovedPath(move.source, move.target, _how(one)) for move, one in zip(moves, passages, strict=True)
        )
        touched = {pointer_of(path) for path in changes}
        if dry_run:
            return Moved(outcome, tuple(sorted(touched)), (), None)
        with saved(project, moving.nodes):
            undo.note_moves(moves)
            undo.note_all(changes, ())
            touched |= undo.touched | _act(project, passages, changes, undo.step)
        if stage:
            index.stage(project.git, sorted(touched))
            index.forget(project.git, left_out_of(project, changes.keys() - moving.pointers.keys()))
        staged = tuple(sorted(touched)) if stage else ()
        return Moved(outcome, tuple(sorted(pointer_of(path) for path in changes)), staged, undo.done())


def _is_anything(project: Project, paths: Sequence[str]) -> bool:
    known = everything(project)
    return any(project.relative(path) in known or os.path.lexists(os.path.join(project.cwd, path)) for path in paths)


def _as_before(undo: Undo) -> dict[bytes, Pointer]:
    """The pointers as they were when an interrupted move began."""
    return {
        before.path: parse_pointer(before.pointer, display(before.path))
        for before in undo.step.artifacts
        if before.pointer is not None
    }


def _moves(project: Project, found: Sequence[Meant], target: str, known: Mapping[bytes, Pointer]) -> tuple[Move, ...]:
    """The single moves, each with a target that is free. Raises UnknownPath where a pointer is in Git's index alone."""
    for one in found:
        if one.path not in known:
            raise UnknownPath(
                f"the pointer of {display(one.path)} is not in the working tree, or cannot be read",
                hint="track status shows what is here",
            )
    sources = [one.path + b"/" + part if part else one.path for one in found for part in one.parts or (b"",)]
    destination = Destination(project, target, known)
    moves = tuple(Move(source, destination.of(source, len(sources))) for source in sources)
    refuse_targets(project, moves, known)
    return moves


def _changes(before: Mapping[bytes, Pointer], after: Mapping[bytes, Pointer]) -> Iterator[tuple[bytes, Pointer | None]]:
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            yield path, after.get(path)


def _how(passage: Passage) -> str:
    if passage.is_whole:
        return "renamed"
    if not passage.target.inner:
        return "split"
    return "moved" if passage.source.inner else "joined"


def _act(
    project: Project,
    passages: Sequence[Passage],
    changes: Mapping[bytes, Pointer | None],
    step: Step,
) -> set[bytes]:
    """Ignore lines first, then pointers that come, then the data, then pointers that go: data always has a name."""
    before = {one.path: one.pointer for one in step.artifacts if one.pointer is not None}
    same = {one.target.path: before[one.source.path] for one in passages if one.is_whole and one.source.path in before}
    comes = [path for path, pointer in changes.items() if pointer is not None and path not in before]
    goes = [path for path, pointer in changes.items() if pointer is None]
    touched = set(ignore(project, comes))
    for path in comes:
        pointer = changes[path]
        assert pointer is not None
        put_pointer(project, pointer_of(path), same.get(path) or dump_pointer(pointer))
    for passage in passages:
        if not is_named_pointer(passage.source.artifact):
            relocate(project, passage)
    for path, pointer in changes.items():
        if pointer is not None and path in before:
            write_pointer(project, pointer_of(path), pointer)
    for path in goes:
        put_pointer(project, pointer_of(path), None)
    return touched | set(heed(project, goes))
