"""What Git LFS keeps: the pointers in Git's index, and their content, from the working tree or Git LFS's own folder."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, TrackError, Unreadable, UnsavedWork
from track.flows import setup
from track.flows.adopting import Adopted, Adopter
from track.formats.media import type_of
from track.history import lfs as lfs_in_git
from track.history.lfs import InIndex
from track.model.lfs import LIMIT, Hashing, LfsPointer, is_lfs_pointer, object_key, parse_lfs_pointer, without_lfs
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.project import Project
from track.store.pack import READ_FLAGS
from track.worktree.reading import trouble

_READ = READ_FLAGS | getattr(os, "O_NONBLOCK", 0)
ATTRIBUTES = b".gitattributes"


class Tracked(NamedTuple):
    """A file of which Git has a pointer of Git LFS: `content` is that, `pointer` what it says."""

    path: bytes
    content: bytes
    pointer: LfsPointer
    executable: bool


class Content(NamedTuple):
    """A file's content, in the store now. `is_here` says that it is in the working tree, too, `is_stand_in` that the
    pointer is there in its place.
    """

    adopted: Adopted
    is_here: bool
    is_stand_in: bool


def tracked(project: Project) -> tuple[tuple[Tracked, ...], tuple[tuple[bytes, TrackError], ...]]:
    """(the files, the troubles): every pointer of Git LFS in Git's index by path, and those that cannot be read."""
    found: list[Tracked] = []
    refused: list[tuple[bytes, TrackError]] = []
    for one in lfs_in_git.small_files(project.git, LIMIT):
        if is_lfs_pointer(one.content):
            try:
                found.append(_tracked(one))
            except TrackError as error:
                refused.append((one.path, error))
    return tuple(found), tuple(refused)


def _tracked(one: InIndex) -> Tracked:
    return Tracked(one.path, one.content, parse_lfs_pointer(one.content, one.path), one.executable)


def read(project: Project, adopter: Adopter, one: Tracked, objects: Path) -> Content:
    """Put the content of a file into the store; `objects` is the folder of Git LFS's own.

    Raises:
        MissingObject: it is not here.
        DamagedObject: Git LFS has something else under its name, or of another size.
        UnsavedWork: the file was changed.
        Unreadable, DiskFull, StoreUnwritable: it cannot be read, or kept.
    """
    is_missing, is_stand_in, adopted = _from_here(project, adopter, one)
    if adopted is not None:
        return Content(adopted, True, False)
    if not is_missing and not is_stand_in:
        raise UnsavedWork(
            f"{display(one.path)} is not what Git LFS has of it",
            hint=f"keep the change: git add {typed(one.path)}; git commit      "
            f"or take it back: git checkout -- {typed(one.path)}",
        )
    return Content(from_lfs(adopter, one.path, one.pointer, objects), False, is_stand_in)


def _from_here(project: Project, adopter: Adopter, one: Tracked) -> tuple[bool, bool, Adopted | None]:
    """Whether nothing stands at a file's place, whether its pointer does, and its content if that does."""
    try:
        with project.gate.parent(one.path) as (folder, name):
            if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return False, False, None
            fd = os.open(name, _READ, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return True, False, None
    except OSError as error:
        raise trouble(one.path, error) from error
    try:
        if os.fstat(fd).st_size == len(one.content) and os.pread(fd, len(one.content), 0) == one.content:
            return False, True, None
        return False, False, adopter.adopt(fd, lambda: Hashing(one.pointer))
    finally:
        os.close(fd)


def from_lfs(adopter: Adopter, path: bytes, pointer: LfsPointer, objects: Path) -> Adopted:
    """Put what a pointer of Git LFS means into the store, out of the folder that Git LFS keeps; `path` is for messages.

    Raises:
        MissingObject: it is not here.
        DamagedObject: there is something else under its name, or of another size.
        Unreadable, DiskFull, StoreUnwritable: it cannot be read, or kept.
    """
    place = objects / object_key(pointer.sha256)
    try:
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingObject(
            f"{display(path)}: the object of Git LFS is not here",
            hint=f"bring it first: git lfs fetch --include={typed(path)}      or track import-lfs --fetch",
            details=(f"sha256:{pointer.sha256}",),
        ) from None
    except OSError as error:
        raise trouble(path, error) from error
    try:
        found = os.fstat(fd)
        size = found.st_size
        if not stat.S_ISREG(found.st_mode):
            shown = display(str(place))
            raise Unreadable(f"the object of Git LFS {shown} is no file", hint=f"ls -l {shown}")
        adopted = adopter.adopt(fd, lambda: Hashing(pointer))
    finally:
        os.close(fd)
    if adopted is not None:
        return adopted
    said = pointer.size
    why = f"it has {size:,} bytes, and the pointer says {said:,}" if size != said else "its bytes have another SHA-256"
    raise DamagedObject(
        f"{display(path)}: the object of Git LFS is not what its pointer says: {why}",
        hint="git lfs fsck      says more",
        details=(display(str(place)),),
    )


def pointer_of(path: bytes, pointer: LfsPointer, adopted: Adopted, *, executable: bool) -> Pointer:
    """Our pointer for what a pointer of Git LFS means, which says what it was called there."""
    return Pointer(
        kind="file",
        digest=adopted.digest,
        size=adopted.size,
        executable=executable,
        type=type_of(path),
        labels={"lfs": {"sha256": pointer.sha256}},
    )


def attributes_without_lfs(project: Project) -> dict[bytes, bytes]:
    """What becomes of the `.gitattributes` files that give something to Git LFS, by path.

    So do those that Git's index still has so: an import that was interrupted may have written them, and staged nothing.
    """
    found = {}
    for path, staged in lfs_in_git.attribute_files(project.git).items():
        before = setup.read(project, path)
        if before is None:
            continue
        after = without_lfs(before)
        if after != before or without_lfs(staged) != staged:
            found[path] = after
    return found


def still_given(project: Project, paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those of these paths that Git would give to Git LFS."""
    return lfs_in_git.given_to_lfs(project.git, paths)
