"""Passing: packs that are gathered in memory and sent from there. The disk never has them, and no byte is copied twice.

What is put into one is hashed once, when it is sealed; until it is let go of, nobody changes what it is made of.
"""

from typing import NamedTuple

from blake3 import blake3

from track.model.digest import Digest
from track.store.buffer import Buffer
from track.store.pack import RAW, PackEntry, is_full_pack, make_footer, pack_record, parse_records
from track.store.pieces import Pieces

_JOINED = 1 << 20
"""Small objects are joined to pieces of so many bytes."""


class PassingPack(NamedTuple):
    """A complete pack in memory; `name` is the digest of all of it, `size` its bytes. Let go of it when it was sent."""

    pieces: Pieces
    name: Digest
    size: int
    entries: list[PackEntry]
    buffers: tuple[Buffer, ...]

    @property
    def table_offset(self) -> int:
        """Where its table begins."""
        return sum(entry.stored_length for entry in self.entries)

    def let_go(self) -> None:
        """Give back the memory that it was made of."""
        for buffer in self.buffers:
            buffer.let_go()


class PassingWriter:
    """Gathers one pack in memory. Close it by `seal` or `abandon`."""

    def __init__(self) -> None:
        """Nothing is in it."""
        self._parts: list[bytes | memoryview] = []
        self._small: list[bytes] = []
        self._small_bytes = 0
        self._slice: tuple[Buffer, int, int] | None = None
        """The bytes of a buffer that come last, and are not a part yet: what follows may be next to them there."""
        self._buffers: list[Buffer] = []
        self._records: list[bytes] = []
        self.size = 0
        """Bytes of entries so far."""

    @property
    def is_full(self) -> bool:
        """Whether it is time to seal it."""
        return is_full_pack(self.size, len(self._records))

    def add(self, digest: bytes, data: bytes) -> None:
        """Append an object as it is; the caller has hashed `data`."""
        length = len(data)
        self._end_slice()
        self._records.append(pack_record(digest, RAW, 0, self.size, length, length, digest))
        self._append(data)

    def add_entry(self, entry: PackEntry, stored: bytes) -> None:
        """Append stored bytes in any form; the entry's own offset does not matter."""
        self._end_slice()
        self._records.append(pack_record(*entry[:3], self.size, *entry[4:]))
        self._append(stored)

    def add_slice(self, entry: PackEntry, buffer: Buffer, start: int) -> None:
        """Append an entry whose stored bytes lie in a buffer from `start` on, and stay there until the pack goes."""
        end = start + entry.stored_length
        if self._slice is not None and self._slice[0] is buffer and self._slice[2] == start:
            self._slice = buffer, self._slice[1], end
        else:
            self._join()
            self._end_slice()
            if not any(held is buffer for held in self._buffers):
                buffer.hold()
                self._buffers.append(buffer)
            self._slice = buffer, start, end
        self._records.append(pack_record(*entry[:3], self.size, *entry[4:]))
        self.size += entry.stored_length

    def seal(self) -> PassingPack | None:
        """The pack, with its table and footer; None when nothing was added."""
        if not self._records:
            return None
        self._end_slice()
        table = b"".join(self._records)
        self._small += (table, make_footer(table, self.size))
        self._join()
        hasher = blake3()
        for part in self._parts:
            hasher.update(part)
        size = sum(map(len, self._parts))
        return PassingPack(
            Pieces(tuple(self._parts), size), Digest(hasher.digest()), size, parse_records(table), tuple(self._buffers)
        )

    def abandon(self) -> None:
        """Drop what was gathered."""
        for buffer in self._buffers:
            buffer.let_go()
        self._buffers, self._slice = [], None
        self._parts, self._small, self._records = [], [], []

    def _append(self, stored: bytes) -> None:
        self.size += len(stored)
        self._small.append(stored)
        self._small_bytes += len(stored)
        if self._small_bytes >= _JOINED:
            self._join()

    def _end_slice(self) -> None:
        if self._slice is not None:
            buffer, start, end = self._slice
            self._parts.append(memoryview(buffer.data)[start:end])
            self._slice = None

    def _join(self) -> None:
        if self._small:
            self._parts.append(b"".join(self._small))
            self._small, self._small_bytes = [], 0
