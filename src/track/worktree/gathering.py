"""Gathering: the contents of many small files of one folder, read in one tight loop.

The same rules as `reading.read_small`, without a call and a tuple for each file: a dataset has millions of them.
"""

import os
import stat
from collections.abc import Iterator

from track.worktree.found import Folder
from track.worktree.reading import READ_FLAGS, changed, read_small, trouble
from track.worktree.stat_cache import STAT, STAT_SIZE, STORE_LINK, Stat


def small_numbers(folder: Folder, limit: int) -> list[int]:
    """The numbers of the names that are to be looked at and have fewer than `limit` bytes, in their order."""
    rows = list(STAT.iter_unpack(folder.stats))
    return [number for number in folder.pending if rows[number][2] < limit and not rows[number][1] & STORE_LINK]


def small_contents(fd: int, folder: Folder, place: bytes, limit: int) -> Iterator[bytes]:
    """The content of each of `small_numbers`, in that order; `fd` is the open folder and `place` its path.

    Raises:
        ChangedWhileAdding: one of them is not what was seen, or changed while it was read.
        Unreadable: no permission, or the disk fails.
    """
    names = folder.split()
    for number in small_numbers(folder, limit):
        name = names[number]
        mode, _, size, mtime_ns, ctime_ns, inode = seen = STAT.unpack_from(folder.stats, number * STAT_SIZE)
        if not stat.S_ISREG(mode):
            yield read_small(fd, name, Stat._make(seen), path=place + b"/" + name)
            continue
        try:
            file = os.open(name, READ_FLAGS, dir_fd=fd)
            try:
                data = os.read(file, size + 1)
                after = os.fstat(file)
            finally:
                os.close(file)
        except OSError as error:
            raise trouble(place + b"/" + name, error) from error
        if (len(data), after.st_size, after.st_ino, after.st_mode) != (size, size, inode, mode) or (
            after.st_ctime_ns != ctime_ns or after.st_mtime_ns != mtime_ns
        ):
            raise changed(place + b"/" + name)
        yield data
