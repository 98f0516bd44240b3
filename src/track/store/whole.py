"""Whole objects: large ones, a file each, so that they can be reflinked or linked out; and what is found bad."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from blake3 import blake3

from track.errors import ChangedWhileAdding, TrackError
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import copy_range, create, data_extents, make_directories, name_of, publish_new, remove, stage
from track.store.hashing import hash_fd, zeros
from track.store.pack import READ_FLAGS
from track.system import naming, read_into, reading, share_blocks, start_writeback

_SLICE = 4 << 20
"""What is copied before it is hashed: little enough to be in the processor's own memory still."""
_WRITEBACK = 16 << 20
_BUFFER = 1 << 20


def staged_copy(
    source_fd: int, size: int, staging: Path, *, durable: bool = True, moved: Moved = unheard
) -> tuple[Path, Digest]:
    """Copy `size` bytes of a file into staging, sharing blocks where possible and keeping holes; and their digest.

    What is hashed is the copy, in this thread, while another copies: the digest is that of what is stored, whatever
    happens to the source meanwhile. One thread hashes faster than any copies, and more would be in its way. A copy
    that will not be synced (not `durable`) is left to the kernel to write when it likes: telling it to begin costs a
    third of the time (*measured* on 2 GiB). `moved` is told how far it is.

    Raises:
        ChangedWhileAdding: the source became shorter.
        DiskFull, StoreUnwritable: the copy could not be written.
    """
    staged = stage(staging)
    fd = create(staged, mode=0o600)
    try:
        try:
            digest = _copy_and_hash(source_fd, fd, staged, size, moved, durable=durable)
        finally:
            os.close(fd)
    except BaseException:
        with suppress(OSError, TrackError):
            remove(staged)
        raise
    return staged, digest


def _copy_and_hash(source_fd: int, fd: int, staged: Path, size: int, moved: Moved, *, durable: bool) -> Digest:
    is_there = share_blocks(source_fd, fd)
    with naming(staged):
        if is_there and os.fstat(fd).st_size < size:
            raise _shorter(source_fd)
        os.ftruncate(fd, size)
    read_fd = os.open(staged, READ_FLAGS)
    if is_there:
        try:
            return hash_fd(read_fd, size, moved)
        finally:
            os.close(read_fd)
    copied: SimpleQueue[_Copied | BaseException] = SimpleQueue()
    stop = threading.Event()
    sliced = _slices(source_fd, fd, size, durable=durable)
    copier = threading.Thread(target=_copy, args=(sliced, copied, stop), name="track-copy", daemon=True)
    copier.start()
    hasher = blake3()
    buffer = memoryview(bytearray(min(_BUFFER, size)))
    at = 0
    try:
        while at < size:
            piece = copied.get()
            if isinstance(piece, BaseException):
                raise piece
            for hole in zeros(piece.start - at):
                hasher.update(hole)
                moved(len(hole))
            at = piece.start
            while at < piece.end:
                length = read_into(read_fd, buffer[: piece.end - at], at)
                if not length:
                    raise ChangedWhileAdding("the staged copy is shorter than it was written")
                hasher.update(buffer[:length])
                moved(length)
                at += length
    finally:
        stop.set()
        copier.join()
        os.close(read_fd)
    return Digest(hasher.digest())


class _Copied(NamedTuple):
    """A stretch of data that is in the copy now; before it, to the end of the last one, there is a hole."""

    start: int
    end: int


def _copy(slices: Iterator[_Copied], copied: "SimpleQueue[_Copied | BaseException]", stop: threading.Event) -> None:
    """Hand over what is copied, slice by slice, until somebody says stop."""
    try:
        for piece in slices:
            copied.put(piece)
            if stop.is_set():
                return
    except BaseException as error:  # handed to the thread that hashes, which raises it
        copied.put(error)


def _slices(source_fd: int, fd: int, size: int, *, durable: bool) -> Iterator[_Copied]:
    """Copy, saying after each slice how far it is; holes are passed over."""
    for start, length in data_extents(source_fd, size):
        for at in range(start, start + length, _SLICE):
            piece = min(_SLICE, start + length - at)
            if copy_range(source_fd, fd, piece, offset=at) != piece:
                raise _shorter(source_fd)
            if durable and (at + piece) // _WRITEBACK > at // _WRITEBACK:
                start_writeback(fd)
            yield _Copied(at, at + piece)
    if os.fstat(source_fd).st_size < size:
        raise _shorter(source_fd)
    yield _Copied(size, size)


def _shorter(source_fd: int) -> ChangedWhileAdding:
    return ChangedWhileAdding(f"{name_of(source_fd)} became shorter while it was being added")


def open_whole(path: Path) -> int:
    """A descriptor of a whole object: a regular file, never reached through a link. Raises FileNotFoundError."""
    with reading(path):
        try:
            fd = os.open(path, READ_FLAGS | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):  # a link or a socket
                raise FileNotFoundError(path) from error
            raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(path)
    return fd


class OpenWhole:
    """A whole object, open for reading; nothing of it is verified."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        self._fd = open_whole(path)
        self._path = path
        self.size = os.fstat(self._fd).st_size

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from there on, as far as the object goes; how many bytes came."""
        done = 0
        with reading(self._path):
            while done < len(buffer) and (length := read_into(self._fd, buffer[done:], offset + done)):
                done += length
        return done

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


class Whole(NamedTuple):
    """A large object that is a file of its own."""

    path: Path

    def open(self) -> OpenWhole:
        """It, open for reading. Raises FileNotFoundError."""
        return OpenWhole(self.path)


def set_aside(path: Path, quarantine: Path) -> Path | None:
    """Move what was found bad into quarantine, under a name that is free; None when the store cannot be written.

    Nothing is ever deleted there: a person may still rescue part of it.
    """
    flat = f"{path.parent.name}{path.name}"
    try:
        make_directories(quarantine)
        for number in range(1000):
            target = quarantine / (flat if not number else f"{flat}.{number}")
            if not os.path.lexists(target) and publish_new(path, target):
                return target
    except (OSError, TrackError):
        return None
    return None
