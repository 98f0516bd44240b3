"""Reading files that others may change meanwhile: what is returned belongs to the stat that was seen, or it fails.

Nothing here follows a link, and nothing waits on a pipe.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import ChangedWhileAdding, SpecialFile, TrackError, Unreadable
from track.model.names import display
from track.worktree.stat_cache import Stat

TICK_NS = 10_000_000
COARSE_TICK_NS = 2_000_000_000
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BECAME_ANOTHER = {errno.ELOOP, errno.ENXIO, errno.ESTALE, errno.EAGAIN}
_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}


class Clock(NamedTuple):
    """The time by a filesystem's own clock, and how far apart two changes must be for their times to differ."""

    now_ns: int
    tick_ns: int


def fs_now(dir_fd: int, state: Path | None = None) -> Clock:
    """The time now on the filesystem of an open folder, by a file made there that has no name.

    Where that cannot be, by a file made in `state`, if that is on the same filesystem; else by the system's clock.
    The tick is 2 s for the latter, and where times are whole seconds (FAT, some network filesystems).
    """
    try:
        now = _made_in(dir_fd, state)
    except (OSError, TrackError):
        return Clock(time.time_ns(), COARSE_TICK_NS)
    return Clock(now, TICK_NS if now % 1_000_000_000 else COARSE_TICK_NS)


def _made_in(dir_fd: int, state: Path | None) -> int:
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):
            fd = os.open(b".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=dir_fd)
            try:
                return os.fstat(fd).st_mtime_ns
            finally:
                os.close(fd)
    if state is None or os.stat(state).st_dev != os.fstat(dir_fd).st_dev:
        raise FileNotFoundError
    name = state / f"clock-{os.urandom(6).hex()}"
    fd = publish.create(name, mode=0o600)
    try:
        return os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
        publish.remove(name)


def stat_of(found: os.stat_result, flags: int = 0) -> Stat:
    """A system's stat as the rows have it."""
    return Stat(found.st_mode, flags, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def same(found: os.stat_result, seen: Stat) -> bool:
    """Whether nothing that a change would move differs."""
    return (
        found.st_ctime_ns == seen.ctime_ns
        and found.st_mtime_ns == seen.mtime_ns
        and found.st_size == seen.size
        and found.st_ino == seen.inode
        and found.st_mode == seen.mode
    )


def read_small(dir_fd: int, name: bytes, seen: Stat, *, path: bytes = b"") -> bytes:
    """The content of a file, or the target of a link, that had the stat `seen`; for files that fit in memory.

    `path` is for messages.

    Raises:
        ChangedWhileAdding: it is not what was seen any more, or changed while it was read.
        Unreadable: no permission, or the disk fails.
    """
    if stat.S_ISLNK(seen.mode):
        return _read_link(dir_fd, name, seen, path or name)
    try:
        fd = os.open(name, READ_FLAGS, dir_fd=dir_fd)
        try:
            data = os.read(fd, seen.size + 1)
            if len(data) == seen.size and same(os.fstat(fd), seen):
                return data
        finally:
            os.close(fd)
    except OSError as error:
        raise trouble(path or name, error) from error
    raise changed(path or name)


def _read_link(dir_fd: int, name: bytes, seen: Stat, path: bytes) -> bytes:
    try:
        target = os.readlink(name, dir_fd=dir_fd)
        if same(os.stat(name, dir_fd=dir_fd, follow_symlinks=False), seen):
            return target
    except OSError as error:
        raise trouble(path, error) from error
    raise changed(path)


@contextmanager
def open_checked(dir_fd: int, name: bytes, seen: Stat, *, path: bytes = b"") -> Iterator[int]:
    """A descriptor of a file that had the stat `seen`, for reading; checked again at the end of the block.

    Raises as `read_small`. What was read is only good when the block has ended without an error.
    """
    try:
        fd = os.open(name, READ_FLAGS, dir_fd=dir_fd)
    except OSError as error:
        raise trouble(path or name, error) from error
    try:
        if not same(os.fstat(fd), seen):
            raise changed(path or name)
        yield fd
        if not same(os.fstat(fd), seen):
            raise changed(path or name)
    finally:
        os.close(fd)


def changed(path: bytes) -> ChangedWhileAdding:
    """The error for a file that is not what it was a moment ago."""
    return ChangedWhileAdding(
        f"{display(path)} changed while it was being added", hint="run the same command again when nothing writes to it"
    )


def trouble(path: bytes, error: OSError) -> ChangedWhileAdding | Unreadable:
    """The error for a file that was just seen and cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno in _BECAME_ANOTHER:
        return changed(path)
    if isinstance(error, PermissionError):
        hint = "check its owner and mode, or leave it out with a line in .trackignore"
        return Unreadable(f"no permission to read {display(path)}", hint=hint)
    hint = "the disk or its connection may be failing: look at the system's log"
    return Unreadable(f"{display(path)} cannot be read: {os.strerror(error.errno or 0)}", hint=hint)


def special(path: bytes, mode: int) -> SpecialFile:
    """The error for what is neither file, folder nor link."""
    return SpecialFile(
        f"{display(path)} is {_KINDS.get(stat.S_IFMT(mode), 'a special file')}, which has no content to keep",
        hint="move it elsewhere, or leave it out with a line in .trackignore",
    )


def read_whole(dir_fd: int, name: bytes, *, limit: int = 1 << 20) -> bytes | None:
    """The content of a small file as it is now, or its beginning; None if there is no file of that name.

    Raises Unreadable.
    """
    try:
        fd = os.open(name, READ_FLAGS, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _BECAME_ANOTHER:
            return None
        raise trouble(name, error) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        content = b""
        while len(content) < limit and (piece := os.read(fd, limit - len(content))):
            content += piece
        return content
    except OSError as error:
        raise trouble(name, error) from error
    finally:
        os.close(fd)
