"""Gathering: the chunks that several objects need of one pack, written where they belong; for a thread."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, Unreadable
from track.model.digest import digest_of
from track.progress import Share
from track.store.chunk_reading import Chunk, load_chunks, load_table, load_whole, requests_for, verified
from track.store.chunked import NeededPack, Stretch, chunks_of, parse_needed_table
from track.store.pack import PackEntry
from track.store.place import NoSuchKey, Place
from track.store.ranges import Piece, Range
from track.store.slabs import Large
from track.system import name_of, naming, read_at, start_writeback, write_at

WHOLE_LIMIT = 64 << 20
"""Larger packs are never had whole."""


_TOGETHER_BYTES = 4 << 20
_TOGETHER = 512
"""Chunks that follow each other are written at once, up to so many bytes and so many chunks."""


class Goal(NamedTuple):
    """The file of an object under way; one that is new has nothing in it yet."""

    fd: int
    share: Share
    is_new: bool


class Own(NamedTuple):
    """An object here that should have chunks of the pack, at `at`, from the entry `first` on."""

    large: Large
    at: int
    first: int
    chunks_count: int


class Needs(NamedTuple):
    """What objects need of one pack: stretches, each for an offset in the file of an object.

    `records` is its table, when it is here.
    """

    pack: NeededPack
    records: bytes | None
    stretches: list[tuple[Goal, int, Stretch]]
    owned: list[Own]


class Gathered(NamedTuple):
    """What came: the table when it was not here, the bytes that travelled, and the files (fd) that lack something."""

    records: bytes | None
    received_bytes: int
    failed: frozenset[int]
    is_damaged: bool


class _Spot(NamedTuple):
    """Where a chunk is to be written, so many times, so many bytes apart."""

    goal: Goal
    offset: int
    times: int
    step: int


def gather(place: Place, needs: Needs) -> Gathered:
    """Bring what is needed of a pack, from here or from the remote, each chunk hashed before it is written.

    Raises:
        NewerFormat: a chunk in a form that this version does not know.
        RemoteError, DiskFull, StoreUnwritable: it cannot be had, or kept.
    """
    try:
        return _Gathering(place, needs).run()
    except NoSuchKey:
        return Gathered(None, 0, frozenset(goal.fd for goal, _, _ in needs.stretches), False)
    except DamagedObject:  # its table
        return Gathered(None, 0, frozenset(goal.fd for goal, _, _ in needs.stretches), True)


class _Run:
    """Chunks that follow each other in a file, not written yet."""

    def __init__(self) -> None:
        self._fd, self._start, self._end = -1, 0, 0
        self._chunks: list[Chunk] = []

    def add(self, fd: int, chunk: Chunk, offset: int) -> None:
        """Write a chunk some time before `flush` returns."""
        is_next = fd == self._fd and offset == self._end and len(self._chunks) < _TOGETHER
        if not is_next or self._end - self._start >= _TOGETHER_BYTES:
            self.flush()
            self._fd, self._start = fd, offset
        self._chunks.append(chunk)
        self._end = offset + len(chunk)

    def flush(self) -> None:
        """Write what was added."""
        if self._chunks:
            with naming(name_of(self._fd)):
                _write_all_at(self._fd, self._chunks, self._start)
        self._fd, self._chunks = -1, []


def _write_all_at(fd: int, pieces: Sequence[Chunk], offset: int) -> None:
    """Write pieces one after the other from an offset on, where the system can in one call; at most 1,000 of them."""
    if not hasattr(os, "pwritev"):
        for piece in pieces:
            write_at(fd, piece, offset)
            offset += len(piece)
        return
    count = os.pwritev(fd, pieces, offset)
    for piece in pieces:
        if count < len(piece):  # a disk that is nearly full takes some
            write_at(fd, memoryview(piece)[count:], offset + count)
        offset, count = offset + len(piece), max(0, count - len(piece))


def taken(own: Own, entries: Sequence[PackEntry], wanted: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    """(number, chunk) of those that are wanted and that an object here has indeed."""
    with suppress(OSError, IndexError, DamagedObject, Unreadable):  # the remote has it
        content = own.large.open()
        try:
            at = own.at
            for number in range(own.first, own.first + own.chunks_count):
                entry = entries[number]
                if number in wanted:
                    buffer = bytearray(entry.length)
                    content.read_into(memoryview(buffer), at)
                    chunk = bytes(buffer)
                    if digest_of(chunk) == entry.digest:
                        yield number, chunk
                at += entry.length
        finally:
            content.close()


class _Gathering:
    def __init__(self, place: Place, needs: Needs) -> None:
        self._place, self._needs = place, needs
        self._pack = needs.pack
        self._content: memoryview | None = None
        self._run = _Run()
        self._received = 0
        self._failed: set[int] = set()

    def run(self) -> Gathered:
        """All of it."""
        records = self._records()
        entries = parse_needed_table(records, self._pack)
        spots = self._spots(entries)
        left = [number for number in sorted(spots) if not self._is_here(entries[number], spots[number])]
        left = self._copy(entries, spots, left)
        for number, chunk in self._coming(entries, left):
            if chunk is None:
                self._failed.update(spot.goal.fd for spot in spots[number])
            else:
                self._write(chunk, spots[number])
        self._run.flush()
        for goal in {goal for goal, _, _ in self._needs.stretches}:
            start_writeback(goal.fd)
        fresh = records if self._needs.records is None else None
        return Gathered(fresh, self._received, frozenset(self._failed), bool(self._failed))

    def _records(self) -> bytes:
        """The table; with all of the pack, when it looks as if most of it is needed."""
        if self._needs.records is not None:
            return self._needs.records
        numbers = (range(one.first, one.first + one.chunks_count) for _, _, one in self._needs.stretches)
        is_most = 2 * len({number for some in numbers for number in some}) >= self._pack.entries_count
        is_nothing_here = not self._needs.owned and all(goal.is_new for goal, _, _ in self._needs.stretches)
        if is_most and is_nothing_here and self._pack.table_offset <= WHOLE_LIMIT:
            self._content, records = load_whole(self._place, self._pack)
            self._received += len(self._content)
            return records
        self._received += self._pack.table_length
        return load_table(self._place, self._pack)

    def _spots(self, entries: Sequence[PackEntry]) -> dict[int, list[_Spot]]:
        """Where each chunk (by number) belongs; a stretch that cannot be fails its object."""
        spots: dict[int, list[_Spot]] = {}
        for goal, at, stretch in self._needs.stretches:
            try:
                chunks = chunks_of(stretch, entries)
            except DamagedObject:
                self._failed.add(goal.fd)
                continue
            for number, chunk in enumerate(chunks, stretch.first):
                spots.setdefault(number, []).append(_Spot(goal, at, stretch.times, stretch.length // stretch.times))
                at += chunk.length
        return spots

    def _is_here(self, entry: PackEntry, spots: list[_Spot]) -> bool:
        """Whether a chunk lies already wherever it belongs: this object was begun before."""
        for goal, offset, times, _ in spots:
            if goal.is_new or times > 1:
                return False
            if digest_of(read_at(goal.fd, entry.length, offset)) != entry.digest:
                return False
        for goal, _, _, _ in spots:
            goal.share.moved(entry.length)
        return True

    def _copy(self, entries: Sequence[PackEntry], spots: dict[int, list[_Spot]], left: list[int]) -> list[int]:
        """Take what files here have; what is left then."""
        missing = set(left)
        for own in self._needs.owned:
            numbers = [number for number in range(own.first, own.first + own.chunks_count) if number in missing]
            if not numbers:
                continue
            for number, chunk in taken(own, entries, frozenset(numbers)):
                self._write(chunk, spots[number])
                missing.discard(number)
        return sorted(missing)

    def _coming(self, entries: Sequence[PackEntry], left: list[int]) -> Iterator[tuple[int, Chunk | None]]:
        """(number, chunk) of what has to come; None for what is damaged."""
        if self._content is not None:
            for number in left:
                entry = entries[number]
                chunk = verified(entry, self._content[entry.offset : entry.offset + entry.stored_length])
                if chunk is None:
                    piece = Piece(entry.offset, entry.stored_length, number)
                    request = Range(piece.offset, piece.length, [piece])
                    yield from load_chunks(self._place, self._pack, entries, request)
                else:
                    yield number, chunk
            return
        for request in requests_for(((number, entries[number]) for number in left), self._pack):
            self._received += request.length
            yield from load_chunks(self._place, self._pack, entries, request)

    def _write(self, chunk: Chunk, spots: list[_Spot]) -> None:
        for goal, offset, times, step in spots:
            if not (goal.is_new and not chunk[0] and not bytes(chunk).lstrip(b"\0")):  # a hole has zeros already
                for turn in range(times):
                    self._run.add(goal.fd, chunk, offset + turn * step)
            goal.share.moved(len(chunk) * times)
