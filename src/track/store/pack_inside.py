"""What is inside a pack: it and every object in it are hashed from the same bytes, which are read once.

A pack as ours are is had in one piece. A larger one comes in pieces, so that no more of it is ever in memory.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.store.chunked import RECIPE_LIMIT, parse_chunked
from track.store.pack import (
    FOOTER_LENGTH,
    MAX_EXPANDED,
    RAW,
    RECIPE,
    ZSTD,
    PackEntry,
    checked_records,
    parse_footer,
    parse_table,
    view_entry,
)
from track.store.recipe import OF_WHOLE, parse_recipe
from track.system import read_into

Read = Callable[[int, int], bytes | memoryview]
"""Gives bytes of a file (offset, length), fewer where it ends sooner; they are valid until the next call."""

AT_ONCE = 32 << 20
"""Packs up to this size are had in one piece; ours have half of it."""
_PIECE = 1 << 20
_WINDOW = 512 << 10
"""Bytes that are hashed for the pack and then for its objects, while they are in a core's own memory."""


class Inside(NamedTuple):
    """What a pack turned out to be. `lost` are the objects whose bytes are others, `sound` those that are right.

    The sums are over the records that this version can read. `what` says why there is no table that can be used; empty
    where there is one, and where the pack is of a newer format (`is_newer`).
    """

    digest: bytes
    lost: tuple[bytes, ...] = ()
    sound: frozenset[bytes] = frozenset()
    readable_count: int = 0
    offsets: int = 0
    lengths: int = 0
    what: str = ""
    is_newer: bool = False

    @property
    def entries_count(self) -> int:
        """How many objects are in it."""
        return len(self.lost) + len(self.sound)


def look_inside(read: Read, size: int, place: str, *, at_once: int = AT_ONCE) -> Inside:
    """Read a pack of `size` bytes, and hash it and what is in it; `place` is for messages.

    Up to `at_once` it is had in one piece. Where it comes in several, `size` has to be that of the file.

    Raises:
        TrackError: an object is compressed, and no zstd library is installed.
    """
    step = _PIECE
    if size <= at_once:
        data = memoryview(read(0, size + 1))  # what stands behind the end makes it another file
        size, step = len(data), _WINDOW

        def read(at: int, length: int) -> memoryview:
            return data[at : at + length]

    what, is_newer = "", False
    try:
        footer = parse_footer(bytes(read(max(0, size - FOOTER_LENGTH), FOOTER_LENGTH)), size, place)
        table = bytes(read(footer.table_offset, footer.table_length))
        return _Walk(checked_records(table, footer, place)).along(_pieces(read, size, step))
    except DamagedObject as error:
        what = error.message
    except NewerFormat:
        is_newer = True
    hasher = blake3()
    for piece in _pieces(read, size, step):
        hasher.update(piece)
    return Inside(hasher.digest(), what=what, is_newer=is_newer)


class Reused:
    """Room in memory that one file after another is read into: new room costs as much as hashing does."""

    def __init__(self) -> None:
        """None yet."""
        self._room = bytearray()

    def reader(self, fd: int) -> Read:
        """What reads a file into it."""

        def read(at: int, length: int) -> memoryview:
            if len(self._room) < length:
                self._room = bytearray(length)
            view, had = memoryview(self._room)[:length], 0
            while had < length and (count := read_into(fd, view[had:], at + had)):
                had += count
            return view[:had]

        return read


def entries_of(data: bytes, key: str) -> list[PackEntry] | None:
    """The table of a pack in memory; None when it has none that can be read."""
    try:
        footer = parse_footer(data[-FOOTER_LENGTH:], len(data), key)
        table = data[footer.table_offset : footer.table_offset + footer.table_length]
        return parse_table(table, footer, key)
    except (DamagedObject, NewerFormat):
        return None


def _pieces(read: Read, size: int, step: int) -> Iterator[memoryview]:
    at = 0
    while at < size and (piece := memoryview(read(at, min(step, size - at)))):
        yield piece
        at += len(piece)


class _Walk:
    """One way through the bytes of a pack; of an object that comes in several pieces no more is kept than it needs."""

    def __init__(self, records: Iterator[PackEntry]) -> None:
        self._records = records
        self._lost: list[bytes] = []
        self._sound: set[bytes] = set()
        self._readable = self._offsets = self._lengths = 0
        self._next()

    def along(self, pieces: Iterator[memoryview]) -> Inside:
        """Everything. Raises DamagedObject when the records contradict themselves."""
        whole = blake3()
        for piece in pieces:
            whole.update(piece)
            self._take(piece)
        self._take(memoryview(b""))
        while self._entry is not None:  # the file ended before them
            self._judged(self._entry, False)
        sums = (self._readable, self._offsets, self._lengths)
        return Inside(whole.digest(), tuple(self._lost), frozenset(self._sound - {*self._lost}), *sums)

    def _next(self) -> None:
        self._entry = next(self._records, None)
        self._had = 0
        self._hasher: blake3 | None = None
        self._kept = bytearray()

    def _take(self, piece: memoryview) -> None:
        at = 0
        while (entry := self._entry) is not None and (at < len(piece) or not entry.stored_length):
            part = piece[at : at + entry.stored_length - self._had]
            at += len(part)
            self._had += len(part)
            if len(part) == entry.stored_length:
                self._judged(entry, _is_sound(entry, part))
                continue
            self._keep(entry, part)
            if self._had == entry.stored_length:
                self._judged(entry, self._is_kept_sound(entry))

    def _keep(self, entry: PackEntry, part: memoryview) -> None:
        if entry.form in (ZSTD, RECIPE):
            if entry.stored_length <= max(MAX_EXPANDED, RECIPE_LIMIT):
                self._kept += part
            return
        self._hasher = self._hasher or blake3()
        self._hasher.update(part)

    def _is_kept_sound(self, entry: PackEntry) -> bool:
        if self._hasher is not None:
            return bool(self._hasher.digest() == entry.stored_digest)
        return len(self._kept) == entry.stored_length and _is_sound(entry, memoryview(self._kept))

    def _judged(self, entry: PackEntry, is_sound: bool) -> None:
        if is_sound:
            self._sound.add(entry.digest)
        else:
            self._lost.append(entry.digest)
        if entry.form in (RAW, ZSTD, RECIPE) and not entry.flags:
            self._readable += 1
            self._offsets += entry.offset
            self._lengths += entry.length
        self._next()


def _is_sound(entry: PackEntry, stored: memoryview) -> bool:
    """Whether the stored bytes of an entry are right; of what this version cannot read, whether they are those."""
    if entry.form == RAW:
        return bool(blake3(stored).digest() == entry.digest)
    try:
        if entry.form == RECIPE and blake3(stored).digest() == entry.stored_digest:
            parse = parse_recipe if entry.flags == OF_WHOLE else parse_chunked
            return parse(bytes(stored), entry.digest).length == entry.length
        view_entry(entry, stored, "")
    except DamagedObject:
        return False
    except NewerFormat:
        return bool(blake3(stored).digest() == entry.stored_digest)
    return True
