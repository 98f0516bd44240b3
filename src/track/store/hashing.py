"""Hashing files, in a few MiB of memory whatever a file's size.

A mapped file that shrinks, or whose disk fails, kills the process instead of raising. So files are read, one thread
ahead of those that hash; only very large ones are mapped, which saves copying them, and that in a process of its own:
if it is killed, the file is read after all, and that says what is wrong.
"""

import mmap
import os
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from blake3 import blake3

from track import work
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import data_extents
from track.system import leave_no_core, read_at, read_into

_SLICE = 4 << 20
_BUFFERS = 3
_ZEROS = memoryview(bytes(_SLICE))
_PIECE = 256 << 10
_LARGE = 64 << 20
_DIRECT = 1 << 20
"""Files up to this size are read in one call and hashed by one thread."""
_MAPPED = 128 << 20
"""Files from this size on are worth a process (*measured*: 2 GiB mapped take 0.43 s of processor time, read 0.65 s)."""
_MAPPED_SLICE = 32 << 20


def hash_fd(fd: int, size: int, moved: Moved = unheard) -> Digest:
    """The digest of the first `size` bytes of a file; of fewer where it ends sooner. The position is not used.

    `moved` is told on the way how far it is, for large files.

    Raises OSError when the file cannot be read.
    """
    if size <= _DIRECT:
        return Digest(blake3(_read_up_to(fd, size)).digest())
    told = _Once(moved)
    if size >= _MAPPED and work.can_fork() and threading.active_count() == 1:
        found = work.apart(lambda tell: _hash_mapped(fd, size, tell), told)
        if found is not None:
            return Digest(found)
        told.begin_again()
    hasher = blake3(max_threads=work.hash_threads())
    for piece in read_ahead(fd, size):
        hasher.update(piece)
        told(len(piece))
    return Digest(hasher.digest())


def hash_one_of_many(fd: int, moved: Moved = unheard) -> Digest:
    """The digest of a file, read and hashed by this thread alone while others do the same with others.

    A large one is hashed as `hash_fd` does, which keeps every core busy.

    Slices that stay in a core's own memory make two threads 1.7 times as fast as one file after another hashed by all
    (*measured* on packs: 6.7 and 3.9 GB/s; `b3sum`, which maps, has 7.3).

    Raises OSError when the file cannot be read.
    """
    if (size := os.fstat(fd).st_size) >= _LARGE:
        return hash_fd(fd, size, moved)
    hasher = blake3()
    buffer = memoryview(bytearray(_PIECE))
    at = 0
    while length := read_into(fd, buffer, at):
        hasher.update(buffer[:length])
        moved(length)
        at += length
    return Digest(hasher.digest())


def zeros(length: int) -> Iterator[memoryview]:
    """What reading a hole of `length` bytes would give, in slices, without reading it."""
    for at in range(0, length, _SLICE):
        yield _ZEROS[: length - at]


def read_ahead(fd: int, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of a file in slices, read by a second thread; a slice is valid until the next is taken.

    Holes are not read. A file that ends sooner gives fewer.

    Raises OSError when the file cannot be read.
    """
    size = min(size, os.fstat(fd).st_size)
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[tuple[bytearray | None, int] | BaseException | None] = SimpleQueue()
    for _ in range(min(_BUFFERS, -(-size // _SLICE))):
        free.put(bytearray(min(_SLICE, size)))
    reader = threading.Thread(target=_fill, args=(fd, size, free, full), name="track-read-ahead", daemon=True)
    reader.start()
    try:
        while (item := full.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            buffer, length = item
            if buffer is None:
                yield from zeros(length)
            else:
                yield memoryview(buffer)[:length]
                free.put(buffer)
    finally:
        free.put(None)
        reader.join()


class _Once:
    """Tells how far it is, and when it begins again, nothing before it is further than it was."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._here = self._furthest = 0

    def __call__(self, size_bytes: int) -> None:
        self._here += size_bytes
        if self._here > self._furthest:
            self._moved(self._here - self._furthest)
            self._furthest = self._here

    def begin_again(self) -> None:
        self._here = 0


def _hash_mapped(fd: int, size: int, tell: Callable[[int], None]) -> bytes:
    """As `hash_fd`, in a process of its own, which is killed when the file becomes shorter meanwhile."""
    leave_no_core()
    size = min(size, os.fstat(fd).st_size)
    hasher = blake3(max_threads=work.hash_threads())
    for piece in _mapped(fd, size):
        hasher.update(piece)
        tell(len(piece))
    return hasher.digest()


def _mapped(fd: int, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of a file in slices; each is valid until the next is taken."""
    at = 0
    for start, length in (*data_extents(fd, size), (size, 0)):
        yield from zeros(start - at)
        at = start
        while at < start + length:
            before = at % mmap.ALLOCATIONGRANULARITY
            count = min(_MAPPED_SLICE, start + length - at)
            with (
                mmap.mmap(fd, before + count, access=mmap.ACCESS_READ, offset=at - before) as part,
                memoryview(part)[before:] as piece,
            ):
                yield piece
            at += count


def _read_up_to(fd: int, size: int) -> bytes:
    data = read_at(fd, size, 0)
    while len(data) < size:
        more = read_at(fd, size - len(data), len(data))
        if not more:
            break
        data += more
    return data


def _fill(
    fd: int,
    size: int,
    free: "SimpleQueue[bytearray | None]",
    full: "SimpleQueue[tuple[bytearray | None, int] | BaseException | None]",
) -> None:
    """Read data into free buffers and pass them on, and the lengths of holes (None); None, or what failed, ends it."""
    at = 0
    try:
        for start, extent in (*data_extents(fd, size), (size, 0)):
            if start > at:
                full.put((None, start - at))
                at = start
            while at < start + extent and (buffer := free.get()) is not None:
                length = read_into(fd, memoryview(buffer)[: start + extent - at], at)
                if not length:
                    full.put(None)
                    return
                full.put((buffer, length))
                at += length
            if at < start + extent:
                return
        full.put(None)
    except BaseException as error:  # handed to the thread that asked, which raises it
        full.put(error)
