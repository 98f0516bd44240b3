"""Twins: several names of one file in a working tree, of which one is replaced or removed.

That moves the time of the last change (ctime) of the others, and is no edit of anybody's.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from track.errors import UnsavedWork
from track.model.names import display
from track.worktree.reading import stat_of
from track.worktree.stat_cache import STORE_LINK, Stat

_LOOK = getattr(os, "O_PATH", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)) | getattr(os, "O_CLOEXEC", 0)
_ALONE: AbstractContextManager[None] = nullcontext()


class Twins:
    """What one command did to files that have other names: the ctime of each as it left it."""

    def __init__(self) -> None:
        """Nothing was done yet."""
        self._left: dict[int, int] = {}

    def going(self, fd: int, name: bytes, path: bytes, seen: Stat | None) -> AbstractContextManager[None]:
        """Make sure that `name` is what the plan saw: `seen`, or nothing. In the block it is replaced or removed.

        Raises:
            UnsavedWork: it is something else by now; also when its ctime alone moved, unless here.
        """
        try:
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return _ALONE
        if seen is None and stat.S_ISDIR(found.st_mode):
            return _ALONE  # renaming replaces an empty one and refuses any other
        if seen is None:
            raise in_the_way(path)
        now, expected = as_linked(stat_of(found), seen)._replace(flags=0), seen._replace(flags=0)
        left_ns = self._left.get(expected.inode, expected.ctime_ns) if self._left else expected.ctime_ns
        if now != expected and now != expected._replace(ctime_ns=left_ns):
            raise in_the_way(path)
        return self._following(fd, name, found) if found.st_nlink > 1 and stat.S_ISREG(found.st_mode) else _ALONE

    @contextmanager
    def _following(self, fd: int, name: bytes, found: os.stat_result) -> Iterator[None]:
        """Hold the file open while one of its names goes, and note which ctime that gave it."""
        twin = -1
        with suppress(OSError):  # not one that may be looked at so: its other names are told as changed
            twin = os.open(name, _LOOK | getattr(os, "O_NOFOLLOW", 0), dir_fd=fd)
        try:
            yield
            after = os.fstat(twin) if twin >= 0 else found
            if stat_of(after)._replace(ctime_ns=0) == stat_of(found)._replace(ctime_ns=0):
                self._left[after.st_ino] = after.st_ctime_ns
        finally:
            if twin >= 0:
                os.close(twin)


def as_linked(now: Stat, before: Stat) -> Stat:
    """The stat of a link to the store with size and time of the object, as `before` has them; others as they are."""
    return now._replace(size=before.size, mtime_ns=before.mtime_ns) if before.flags & STORE_LINK else now


def in_the_way(path: bytes) -> UnsavedWork:
    """The error of who finds another thing at `path` than was seen there."""
    return UnsavedWork(
        f"{display(path)} changed while track was at work", hint="run the same command again when nothing writes to it"
    )
