"""Ranged: a file that is read at a remote, a part at a time, as a file of Python's."""

import io

from track.flows.elsewhere import FileParts

_FURTHEST = 8 << 20
_BUFFER = 64 << 10


class _Raw(io.RawIOBase):
    """Reads what is asked for; the more of it one after the other, the further ahead."""

    def __init__(self, parts: FileParts) -> None:
        self._parts = parts
        self._at = self._next = self._start = 0
        self._held = b""
        self._ahead = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._parts.length}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]  # the two that come
        length = min(len(buffer), self._parts.length - self._at)
        if length <= 0:
            return 0
        if not self._start <= self._at < self._start + len(self._held):
            self._ahead = min(max(2 * self._ahead, length), _FURTHEST) if self._at == self._next else 0
            self._held = self._parts.read(self._at, self._at + max(length, self._ahead))
            self._start = self._at
        found = self._held[self._at - self._start :][:length]
        buffer[: len(found)] = found
        self._at += len(found)
        self._next = self._start + len(self._held)
        return len(found)


def ranged(parts: FileParts) -> io.BufferedReader:
    """Parts of an object as a file that is open for reading; every byte was checked before it is given."""
    return io.BufferedReader(_Raw(parts), _BUFFER)
