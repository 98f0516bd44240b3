"""Opened: a file of a version as something to read from, and as a file on this machine, both verified."""

import io
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from track import publish
from track.errors import DamagedObject, MissingObject, TrackError
from track.flows.pinned import Pinned, bring, content, file_of
from track.progress import Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.store.whole import open_whole

READABLE = "readable"
"""The folder of a clone's state in which files lie that are read by their path; all of it may be deleted."""
READABLE_S = 7 * 86_400.0
"""What nobody asked for so long is swept, by `gc` and by whoever makes another one."""
_SWEPT_AT_ONCE = 100
_swept: set[Path] = set()


def opened(project: Project, pinned: Pinned, progress: Progress = silent) -> BinaryIO:
    """A pinned file, open for reading; all of it was hashed before. Raises as `content` does.

    A large one is the store's own file, read as one goes; what somebody does to the store meanwhile it does not see.
    """
    if pinned.pointer.kind == "value" or file_of(pinned).mode == "l":
        return io.BytesIO(content(project, pinned, progress))
    digest = file_of(pinned).digest
    for is_last in (False, True):
        if project.store.whole(digest) is None:
            found = content(project, pinned, progress)
            if project.store.whole(digest) is None:
                return io.BytesIO(found)
        try:
            return _verified(project, digest)
        except (MissingObject, DamagedObject):
            if is_last:
                raise
            bring(project, pinned, progress=progress)
    raise AssertionError("the second turn returns or raises")


def readable(project: Project, pinned: Pinned, progress: Progress = silent) -> Path:
    """The path of a read-only file with the bytes and the name of a pinned file, verified each time it is asked for.

    A large file is a link to the store's own, a small one a copy, under a folder named by the digest in this clone's
    state, for READABLE_S after it was last asked for. Raises as `content` does, and DiskFull, StoreUnwritable where it
    cannot be made.
    """
    data: bytes | None = None
    target: Path | None = None
    if pinned.pointer.kind == "value":
        digest = bytes(pinned.pointer.digest)
        data = content(project, pinned, progress)
    else:
        digest = file_of(pinned).digest
        if project.store.whole(digest) is None:
            data = content(project, pinned, progress)
        if project.store.whole(digest) is not None:
            data, target = None, _verified_path(project, pinned, digest, progress)
    folder = project.state / READABLE / digest.hex()
    place = folder / pinned.filename
    with suppress(OSError):  # there is none yet, or it may not be written: then nothing sweeps it
        os.utime(folder)  # first: from now on no sweep takes it
    if _is_so(place, data, target):
        return place
    if project.state not in _swept:
        _swept.add(project.state)
        sweep_readable(project, time.time(), most=_SWEPT_AT_ONCE)
    publish.make_directories(folder)
    with suppress(FileNotFoundError):
        publish.remove(place)
    if target is not None:
        with suppress(FileExistsError):  # made by another thread or process, just now
            publish.make_symlink(os.fsencode(target), place)
    else:
        assert data is not None
        publish.publish_bytes(place, data, mode=0o444, durable=False)
    return place


def sweep_readable(project: Project, now_s: float, *, most: int | None = None) -> int:
    """Remove files of `readable` that nobody asked for in READABLE_S, at most so many; how many.

    Who has one open goes on reading it.
    """
    removed = 0
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(project.state / READABLE) as found:
        for item in found:
            if removed == most:
                break
            with suppress(OSError, TrackError):  # another process sweeps too
                if now_s - item.stat(follow_symlinks=False).st_mtime > READABLE_S:
                    publish.remove_tree(Path(item.path))
                    removed += 1
    return removed


def _verified(project: Project, digest: bytes) -> BinaryIO:
    path = project.store.rooms.object(digest)
    try:
        fd = open_whole(path)
    except FileNotFoundError:
        fd = open_whole(project.store.open_verified(digest))  # says where it was looked for, or finds it in the trash
    try:
        if hash_fd(fd, os.fstat(fd).st_size) != digest:
            project.store.open_verified(digest)  # finds the same damage, puts it aside, and says so
            raise DamagedObject(f"object {digest.hex()[:8]} changed while it was read", hint="read it again")
        os.lseek(fd, 0, os.SEEK_SET)
        return os.fdopen(fd, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(fd)
        raise


def _verified_path(project: Project, pinned: Pinned, digest: bytes, progress: Progress) -> Path:
    try:
        return project.store.open_verified(digest)
    except (MissingObject, DamagedObject):
        bring(project, pinned, progress=progress)
    return project.store.open_verified(digest)


def _is_so(place: Path, data: bytes | None, target: Path | None) -> bool:
    """Whether what lies there is what would be made."""
    try:
        if target is not None:
            return place.is_symlink() and os.readlink(place) == str(target)
        return not place.is_symlink() and place.read_bytes() == data
    except (OSError, TrackError):
        return False
