"""Destination: where a move may lead, and why it may not; everything is refused before anything changes."""

import errno
import os
import stat
from collections.abc import Mapping, Sequence

from track.errors import AlreadyInGit, Conflict, InsideArtifact, NameTooLong, OutsideRepository, UsageError
from track.flows.pointers import exists
from track.flows.relocate import is_same_file
from track.model.names import (
    artifact_pointer,
    check_worktree_path,
    display,
    is_named_pointer,
    is_pointer_path,
    pointer_path,
    typed,
)
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.trash import Move

_NAME_LIMIT = 255


class Destination:
    """What a person named as the target: a folder to move into, or the new name itself."""

    def __init__(self, project: Project, words: str, known: Mapping[bytes, Pointer]) -> None:
        """`known` are the pointers before the move."""
        self._project = project
        self._words = words
        self._known = known

    def of(self, source: bytes, count: int) -> bytes:
        """Where one of `count` sources goes.

        Raises:
            UsageError: several sources and no folder, or a folder that is not there.
            OutsideRepository, ForbiddenPath: it is in no place that track may write to.
        """
        if is_named_pointer(source):
            return self._of_name(count)
        path = self._project.relative(self._words)
        if path and is_pointer_path(path) and path != source:
            raise UsageError(
                f"`{display(self._words)}` is the name of a pointer",
                hint=f"name the data: track mv {typed(source)} {typed(path[: -len('.track')])}",
            )
        if not path or self._is_folder(path):
            whole = os.path.join(os.fsencode(self._project.root), path, source.rpartition(b"/")[2])
            return self._project.relative(whole)
        if count > 1 or self._words.endswith("/"):
            said = f"`{display(self._words)}` is not a folder"
            raise UsageError(said, hint=f"make it first: mkdir -p {typed(path)}")
        folder = path.rpartition(b"/")[0]
        if folder and not self._is_folder(folder):
            raise UsageError(
                f"there is no folder `{display(folder)}` to move to", hint=f"make it first: mkdir -p {typed(folder)}"
            )
        return path

    def _of_name(self, count: int) -> bytes:
        if count > 1:
            raise UsageError("named artifacts have no folder to move to", hint="move them one by one")
        path = self._words.encode("utf-8", "surrogateescape")
        return path if is_named_pointer(path) and is_pointer_path(path) else artifact_pointer(self._words)

    def _is_folder(self, path: bytes) -> bool:
        try:
            with self._project.gate.parent(path) as (fd, name):
                return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return False
            raise


def refuse_targets(project: Project, moves: Sequence[Move], known: Mapping[bytes, Pointer]) -> None:
    """Refuse moves that would put something over another, into itself, or where Git would not see its pointer.

    Raises:
        UsageError, NameTooLong, OutsideRepository: a target makes no sense.
        Conflict, InsideArtifact, AlreadyInGit: something is in the way.
    """
    targets: set[bytes] = set()
    for move in moves:
        _refuse_nonsense(move, targets)
        targets.add(move.target)
        if is_named_pointer(move.source):
            if move.target in known:
                raise Conflict(f"`{display(move.target)}` is there already", hint="choose another name, or rm it first")
            continue
        _refuse_taken(project, move, known)
        owner = _owner(move.target, known)
        if owner is None:
            _refuse_unseen(project, move.target)
        elif known[owner].kind != "directory" or known.get(move.source, known[owner]).kind == "value":
            raise InsideArtifact(
                f"`{display(move.target)}` would lie inside `{display(owner)}`, a {known[owner].kind}",
                hint="choose another target",
            )


def _refuse_nonsense(move: Move, targets: set[bytes]) -> None:
    if move.target == move.source:
        raise UsageError(f"`{display(move.source)}` is there already", hint="name another target")
    if move.target.startswith(move.source + b"/"):
        raise UsageError(f"`{display(move.source)}` cannot be moved into itself", hint="name another target")
    if move.target in targets:
        raise Conflict(f"two of these would become `{display(move.target)}`", hint="move them one by one")
    if is_named_pointer(move.target):
        return
    why = check_worktree_path(move.target)
    if why is not None:
        raise OutsideRepository(f"`{display(move.target)}` {why}", hint="name a path in your working tree")
    name = move.target.rpartition(b"/")[2]
    if len(pointer_path(name)) > _NAME_LIMIT:
        raise NameTooLong(f"`{display(name)}` has {len(name)} bytes: no pointer fits beside it", hint="a shorter name")


def _refuse_taken(project: Project, move: Move, known: Mapping[bytes, Pointer]) -> None:
    """Nothing is replaced: neither data nor a pointer, in the working tree or in Git's index."""
    target, pointer = move.target, pointer_path(move.target)
    if exists(project, target):
        if target.lower() == move.source.lower() and is_same_file(project, move.source, target):
            raise Conflict(
                f"this filesystem takes `{display(move.source)}` and `{display(target)}` for the same name",
                hint=f"in two steps: track mv {typed(move.source)} {typed(move.source + b'.moving')}\n"
                f"track mv {typed(move.source + b'.moving')} {typed(target)}",
            )
        raise Conflict(f"something is at `{display(target)}` already", hint="name another target, or remove that first")
    if target in known or (_owner(target, known) is None and exists(project, pointer)):
        raise Conflict(f"`{display(target)}` has a pointer already", hint=f"remove it first: track rm {typed(target)}")
    in_git = project.git.is_tracked([target, pointer])
    if in_git:
        raise AlreadyInGit(
            f"`{display(in_git[0])}` is tracked by Git",
            hint=f"let Git forget it first: git rm -r -- {typed(in_git[0])}",
        )


def _refuse_unseen(project: Project, target: bytes) -> None:
    pointer = pointer_path(target)
    if project.git.ignored([pointer]):
        raise Conflict(
            f"Git ignores `{display(pointer)}`, so the pointer would be in no commit",
            hint=f"see which line does: git check-ignore -v {typed(pointer)}",
        )


def _owner(path: bytes, known: Mapping[bytes, Pointer]) -> bytes | None:
    """The artifact that a path lies inside."""
    return next((path[:at] for at, byte in enumerate(path) if byte == 0x2F and path[:at] in known), None)
