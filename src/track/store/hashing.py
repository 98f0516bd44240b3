"""Hashing files: one thread reads ahead while the others hash, in a few MiB of memory whatever the file's size.

Files are read, not mapped: a mapped file that shrinks, or whose disk fails, kills the process instead of raising.
"""

import os
import threading
from collections.abc import Iterator
from queue import SimpleQueue

from blake3 import blake3

from track.model.digest import Digest

_SLICE = 4 << 20
_BUFFERS = 3
_DIRECT = 1 << 20
"""Files up to this size are read in one call and hashed by one thread."""


def hash_fd(fd: int, size: int) -> Digest:
    """The digest of the first `size` bytes of a file; of fewer where it ends sooner. The position is not used.

    Raises OSError when the file cannot be read.
    """
    if size <= _DIRECT:
        return Digest(blake3(_read_up_to(fd, size)).digest())
    hasher = blake3(max_threads=blake3.AUTO)
    for piece in read_ahead(fd, size):
        hasher.update(piece)
    return Digest(hasher.digest())


def _read_up_to(fd: int, size: int) -> bytes:
    data = os.pread(fd, size, 0)
    while len(data) < size:
        more = os.pread(fd, size - len(data), len(data))
        if not more:
            break
        data += more
    return data


def read_ahead(fd: int, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of a file in slices, read by a second thread; a slice is valid until the next is taken.

    Raises OSError when the file cannot be read.
    """
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[tuple[bytearray, int] | BaseException | None] = SimpleQueue()
    for _ in range(min(_BUFFERS, -(-size // _SLICE))):
        free.put(bytearray(min(_SLICE, size)))
    reader = threading.Thread(target=_fill, args=(fd, size, free, full), name="track-read-ahead", daemon=True)
    reader.start()
    try:
        while (item := full.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            buffer, length = item
            yield memoryview(buffer)[:length]
            free.put(buffer)
    finally:
        free.put(None)
        reader.join()


def _fill(
    fd: int,
    size: int,
    free: "SimpleQueue[bytearray | None]",
    full: "SimpleQueue[tuple[bytearray, int] | BaseException | None]",
) -> None:
    at = 0
    try:
        while at < size and (buffer := free.get()) is not None:
            length = os.preadv(fd, [memoryview(buffer)[: size - at]], at)
            if not length:
                break
            full.put((buffer, length))
            at += length
        full.put(None)
    except BaseException as error:  # handed to the thread that asked, which raises it
        full.put(error)
