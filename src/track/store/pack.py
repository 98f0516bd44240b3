"""Packs: immutable files of many small objects, which explain themselves. The layout is docs/reference/formats.md.

A pack is its entries back to back, then a table with one record an entry in the same order, then a footer of 64
bytes. All integers are little-endian. A reader believes nothing: the footer must account for every byte of the file,
the records for every byte before the table, and every entry is hashed before it is used.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat, TrackError
from track.model.digest import Digest
from track.publish import create, name_of, remove, stage
from track.store.buffer import Buffer
from track.store.compression import NotExpandable, expand
from track.store.drain import Drain
from track.store.recipe import RECIPE as RECIPE
from track.system import read_at, reading, shown

PACK_SIZE = 16 << 20
"""A writer seals a pack when it has so many bytes."""
SMALL = 1 << 20
"""Objects below this size go into packs, others are whole files."""

RAW, ZSTD = 0, 1
CHUNK = 2
"""Flag of an entry in a local store: a chunk of large objects, and no object by itself."""
MAX_EXPANDED = 256 << 20
"""No compressed entry may say that it is longer than this."""

_RECORD = struct.Struct("<32sHHQQQ32s")
RECORD_SIZE = _RECORD.size
"""Bytes of the table for each entry."""
pack_record = _RECORD.pack
"""The record of an entry, given the fields of `PackEntry`."""
_FOOTER = struct.Struct("<32sQQII8s")
_MAGIC = b"TRACKPAK"
_VERSION = 1
_BUFFER = 1 << 20
_REPAIR = "`track verify` lists what is damaged; `track fetch` brings what a remote still has"
_UPGRADE = "install a newer version of track"
READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""How files of a store are opened: never through a link."""


class PackEntry(NamedTuple):
    """One object in a pack: `stored_length` bytes at `offset` give `length` bytes of `digest`.

    `form` says how: RAW as they are, ZSTD one frame, RECIPE a list of the chunks that make the object.
    An empty `stored_digest` is one that nobody has at hand.
    """

    digest: bytes
    form: int
    flags: int
    offset: int
    stored_length: int
    length: int
    stored_digest: bytes


class SealedPack(NamedTuple):
    """A complete pack that is still in staging; `name` is the digest of the whole file, `size` its bytes."""

    path: Path
    name: Digest
    size: int
    entries: list[PackEntry]

    @property
    def table_offset(self) -> int:
        """Where its table begins."""
        return self.size - FOOTER_LENGTH - len(self.entries) * RECORD_SIZE


class PackWriter:
    """Writes one pack in a staging directory, in large pieces, hashing as it goes. Close by `seal` or `abandon`."""

    def __init__(self, staging: Path, *, threads: int = 2) -> None:
        """Nothing is created before the first bytes are written; with one of `threads`, none is started to write."""
        self._staging, self._threads = staging, threads
        self._path: Path | None = None
        self._drain: Drain | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._records: list[bytes] = []
        self.size = 0
        """Bytes of entries so far."""

    @property
    def is_full(self) -> bool:
        """Whether it is time to seal it: entries and records together have PACK_SIZE."""
        return is_full_pack(self.size, len(self._records))

    def add(self, digest: bytes, data: bytes) -> None:
        """Append an object as it is; the caller has hashed `data`."""
        length = len(data)
        self._records.append(_RECORD.pack(digest, RAW, 0, self.size, length, length, digest))
        self._pieces.append(data)
        self.size += length
        self._buffered += length
        if self._buffered >= _BUFFER:
            self._begun().put(self._taken())

    def add_entry(self, entry: PackEntry, stored: bytes) -> None:
        """Append stored bytes in any form; the entry's own offset does not matter."""
        length = len(stored)
        head = (entry.digest, entry.form, entry.flags, self.size, length, entry.length, entry.stored_digest)
        self._records.append(_RECORD.pack(*head))
        self._pieces.append(stored)
        self.size += length
        self._buffered += length
        if self._buffered >= _BUFFER:
            self._begun().put(self._taken())

    def add_slice(self, entry: PackEntry, buffer: Buffer, start: int) -> None:
        """Append an entry whose stored bytes lie in a buffer from `start` on."""
        self.add_entry(entry, bytes(memoryview(buffer.data)[start : start + entry.stored_length]))

    def seal(self) -> SealedPack | None:
        """Write table and footer and close; None when nothing was added. Not synced: publishing does that."""
        if not self._records:
            return None
        table = b"".join(self._records)
        footer = make_footer(table, self.size)
        self._pieces += (table, footer)
        drain, self._drain = self._begun(), None
        assert self._path is not None
        try:
            name = drain.finish(self._taken())
        except BaseException:
            self.abandon()
            raise
        return SealedPack(self._path, name, self.size + len(table) + len(footer), parse_records(table))

    def abandon(self) -> None:
        """Drop what was written."""
        if self._drain is not None:
            self._drain.stop()
            self._drain = None
        if self._path is not None:
            with suppress(OSError, TrackError):
                remove(self._path)
        self._pieces, self._records = [], []

    def _begun(self) -> Drain:
        if self._drain is None:
            path = stage(self._staging)
            self._drain = Drain(create(path), path, in_background=self._threads > 1)
            self._path = path
        return self._drain

    def _taken(self) -> bytes:
        joined = b"".join(self._pieces)
        self._pieces, self._buffered = [], 0
        return joined


def is_full_pack(size: int, entries_count: int) -> bool:
    """Whether a pack of so many bytes of entries is full: entries and records together have PACK_SIZE."""
    return size + entries_count * RECORD_SIZE >= PACK_SIZE


def make_footer(table: bytes, table_offset: int) -> bytes:
    """The last bytes of a pack, behind its table."""
    return _FOOTER.pack(blake3(table).digest(), table_offset, len(table), 0, _VERSION, _MAGIC)


class Footer(NamedTuple):
    """Where the table of a pack is, and its digest."""

    table_digest: bytes
    table_offset: int
    table_length: int


FOOTER_LENGTH = _FOOTER.size


def parse_footer(tail: bytes, pack_size: int, place: str) -> Footer:
    """The footer in the last 64 bytes of a pack of `pack_size` bytes; `place` is for the message.

    Raises:
        DamagedObject: it is no footer, or does not account for every byte of the pack.
        NewerFormat: a version or a flag that this version does not know.
    """
    if len(tail) != FOOTER_LENGTH or not tail.endswith(_MAGIC):
        raise DamagedObject(f"{place} is not a pack, or is cut short", hint=_REPAIR)
    digest, offset, length, flags, version, _ = _FOOTER.unpack(tail)
    if version != _VERSION or flags:
        raise NewerFormat(f"{place} is a pack of a newer format ({version}, flags {flags:#x})", hint=_UPGRADE)
    if offset + length + FOOTER_LENGTH != pack_size or length % _RECORD.size or not length:
        raise DamagedObject(f"{place} has a footer that does not fit its size of {pack_size} bytes", hint=_REPAIR)
    return Footer(digest, offset, length)


def parse_table(table: bytes, footer: Footer, place: str) -> list[PackEntry]:
    """The records of a pack, which are in the order of their offsets and leave no byte out.

    Raises DamagedObject when the table is not what the footer says, or contradicts itself.
    """
    return list(checked_records(table, footer, place))


def checked_records(table: bytes, footer: Footer, place: str) -> Iterator[PackEntry]:
    """The same, one after the other: what is wrong with the later ones is only told on the way."""
    if blake3(table).digest() != footer.table_digest or len(table) != footer.table_length:
        raise DamagedObject(f"the table of {place} is damaged", hint=_REPAIR)
    end = 0
    new = tuple.__new__  # a third of the time of PackEntry(*record), of which there are thousands
    for record in _RECORD.iter_unpack(table):
        entry = new(PackEntry, record)
        if entry.offset != end:
            raise DamagedObject(f"the entries of {place} overlap or leave gaps", hint=_REPAIR)
        end += entry.stored_length
        if entry.form == RAW and (entry.stored_length != entry.length or entry.stored_digest != entry.digest):
            raise DamagedObject(f"the table of {place} contradicts itself about {entry.digest.hex()}", hint=_REPAIR)
        yield entry
    if end != footer.table_offset:
        raise DamagedObject(f"the entries of {place} do not fill it", hint=_REPAIR)


def dump_table(entries: Iterable[PackEntry]) -> bytes:
    """The records as they stand in a pack."""
    return b"".join([_RECORD.pack(*entry) for entry in entries])


def read_table(pack: int | Path) -> list[PackEntry]:
    """The records of a pack file, given by descriptor or path.

    Raises:
        DamagedObject: the footer or the table is not that of a whole pack.
        NewerFormat: written by a later version.
        Unreadable: the disk or the rights are in the way.
    """
    if isinstance(pack, Path):
        with reading(pack):
            fd = os.open(pack, READ_FLAGS)
            try:
                return _read_table(fd, shown(pack))
            finally:
                os.close(fd)
    return _read_table(pack, name_of(pack))


def _read_table(fd: int, place: str) -> list[PackEntry]:
    size = os.fstat(fd).st_size
    tail = read_at(fd, FOOTER_LENGTH, max(0, size - FOOTER_LENGTH))
    footer = parse_footer(tail, size, place)
    return parse_table(read_at(fd, footer.table_length, footer.table_offset), footer, place)


def read_entry(fd: int, entry: PackEntry) -> bytes:
    """The object of an entry, verified; at most `entry.length` bytes are ever made.

    Raises:
        DamagedObject: the bytes are not those of the digest.
        NewerFormat: stored in a form that this version cannot read.
    """
    if not 0 <= entry.offset <= entry.offset + entry.stored_length <= os.fstat(fd).st_size:
        raise DamagedObject(f"{name_of(fd)} has no bytes {entry.offset} and following", hint=_REPAIR)
    return expand_entry(entry, read_at(fd, entry.stored_length, entry.offset), name_of(fd))


def expand_entry(entry: PackEntry, stored: bytes | memoryview, place: str) -> bytes:
    """The object of an entry given its stored bytes, verified. Raises as `read_entry` does."""
    return bytes(view_entry(entry, stored, place))


def view_entry(entry: PackEntry, stored: bytes | memoryview, place: str) -> bytes | memoryview:
    """The same, not copied: `stored` itself where that is the object. Raises as `read_entry` does."""
    if entry.form == RAW and not entry.flags:
        if len(stored) == entry.length and blake3(stored).digest() == entry.digest:
            return stored
        raise DamagedObject(f"the bytes in {place} are not those of blake3:{entry.digest.hex()}", hint=_REPAIR)
    if entry.form != ZSTD or entry.flags:
        what = f"object blake3:{entry.digest.hex()} in {place} has form {entry.form}, flags {entry.flags:#x}"
        raise NewerFormat(f"{what}, which this version cannot read", hint=_UPGRADE)
    if entry.length > MAX_EXPANDED or (entry.stored_digest and blake3(stored).digest() != entry.stored_digest):
        raise DamagedObject(f"the bytes in {place} are not those of blake3:{entry.digest.hex()}", hint=_REPAIR)
    try:
        data = expand(bytes(stored), entry.length)
    except NotExpandable as error:
        raise DamagedObject(f"blake3:{entry.digest.hex()} in {place}: {error}", hint=_REPAIR) from error
    if blake3(data).digest() != entry.digest:
        raise DamagedObject(f"the bytes in {place} are not those of blake3:{entry.digest.hex()}", hint=_REPAIR)
    return data


def parse_records(table: bytes) -> list[PackEntry]:
    """The records of a table, whatever they say."""
    new = tuple.__new__  # a third of the time of PackEntry(*record), of which there are thousands
    return [new(PackEntry, record) for record in _RECORD.iter_unpack(table)]
