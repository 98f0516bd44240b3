"""Streams: large objects that a remote has in chunks, read from beginning to end as if they were files here.

Chunks that are here, in packs of chunks or in whole objects, are taken from the disk, and only the others travel,
those next to each other in one request. What comes next is asked for while what came before is read. Chunks are hashed
wherever they come from; whether they make the object is for the reader to see.
"""

import sqlite3
from collections import OrderedDict, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from track.errors import DamagedObject
from track.progress import Moved
from track.store.chunk_gathering import Own, taken
from track.store.chunk_reading import Chunk, load_chunks, load_table, requests_for
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch, chunks_of, parse_needed_table
from track.store.chunks_here import OpenPacksOfChunks
from track.store.pack import PackEntry
from track.store.pieces import PieceReader
from track.store.place import NoSuchKey, Place
from track.store.rooms import Rooms
from track.store.slabs import Broken
from track.store.tables import Tables, TablesUnusable
from track.store.whole import Whole

BATCH = 8 << 20
"""Bytes of an object that are had together ..."""
CHUNKS = 16_384
"""... in so many chunks at most, however small a recipe says that they are."""

_AHEAD = 3
_TABLES_AHEAD = 8
_IN_FLIGHT = 4
_PARSED = 32


class _Lacking(NamedTuple):
    """What is to be had of one pack: chunks by number, and the objects here that may have them."""

    pack: NeededPack
    entries: Sequence[PackEntry]
    numbers: set[int]
    owned: list[Own]


class _Arrived(NamedTuple):
    """Chunks by digest, the bytes that travelled for them, and packs that lack some: with what is there, or without."""

    chunks: dict[bytes, Chunk]
    received_bytes: int
    damaged: frozenset[bytes]
    missing: frozenset[bytes]


class _Batch:
    """Chunks of an object that follow each other: (pack, number, entry)."""

    def __init__(self) -> None:
        self.size = 0
        self.order: list[tuple[NeededPack, int, PackEntry]] = []

    def add(self, pack: NeededPack, number: int, entry: PackEntry) -> None:
        """The next one."""
        self.order.append((pack, number, entry))
        self.size += entry.length

    @property
    def is_full(self) -> bool:
        """Whether it is time to have them."""
        return self.size >= BATCH or len(self.order) >= CHUNKS


class Streams:
    """The objects of one remote; used in one thread at a time.

    `there` are the tables of the remote's packs, `here` those of the packs of chunks here (None: nobody knows).
    `moved` is told how far they were read; `received_bytes` is what came from the remote, as it travelled.
    """

    def __init__(self, place: Place, rooms: Rooms, there: Tables, here: Tables | None, moved: Moved) -> None:
        """Nothing is asked before an object is read."""
        self.fresh: deque[bytes] = deque()
        """Packs of chunks that are here by now, which `here` has the tables of; appended to in any thread."""
        self.place, self.rooms, self.here, self.moved = place, rooms, here, moved
        self._there = there
        self.received_bytes = 0

    @contextmanager
    def there(self) -> Iterator[Tables]:
        """The tables of the remote's packs. Raises TablesUnusable for an error of theirs inside the block."""
        try:
            yield self._there
        except sqlite3.Error as error:
            raise TablesUnusable(error) from error


class Streamed(NamedTuple):
    """One of them."""

    streams: Streams
    recipe: ChunkedRecipe

    def open(self) -> "OpenStream":
        """It, open for reading from its beginning."""
        return OpenStream(self.streams, self.recipe)


class OpenStream:
    """An object that is being read; chunks are asked for when the first is needed."""

    def __init__(self, streams: Streams, recipe: ChunkedRecipe) -> None:
        """For `Streamed.open`."""
        self._streams, self._recipe = streams, recipe
        self._packs = OpenPacksOfChunks(streams.rooms)
        self._entries: OrderedDict[NeededPack, Sequence[PackEntry]] = OrderedDict()
        self._asked: dict[NeededPack, Future[bytes]] = {}
        self._coming = self._chunks()
        self._reader = PieceReader(self._coming)
        self._at = 0

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from there on, where the last one ended; how many bytes came.

        Raises:
            Broken: it cannot be read to its end.
            NewerFormat: a chunk in a form that this version does not know.
            RemoteError: the remote does not answer.
            TablesUnusable: the tables that are kept of the remote.
        """
        assert offset == self._at, "a stream is read from beginning to end"
        done = self._reader.read_into(buffer)
        self._at += done
        self._streams.moved(done)
        return done

    def close(self) -> None:
        """Ask for no more."""
        self._coming.close()
        self._packs.close()

    def _chunks(self) -> Generator[Chunk, None, None]:
        flying: deque[tuple[_Batch, dict[bytes, bytes], Future[_Arrived]]] = deque()
        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            try:
                for batch in self._batches(threads):
                    lacking = self._lacking(batch, here := self._here(batch))
                    flying.append((batch, here, threads.submit(_arrived, self._streams.place, lacking)))
                    if len(flying) > _AHEAD:
                        yield from self._joined(*flying.popleft())
                while flying:
                    yield from self._joined(*flying.popleft())
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _joined(self, batch: _Batch, here: Mapping[bytes, bytes], future: Future[_Arrived]) -> Iterator[Chunk]:
        """The chunks of a batch in order."""
        arrived = future.result()
        self._streams.received_bytes += arrived.received_bytes
        if bad := arrived.damaged | arrived.missing:
            raise Broken(self._recipe.digest, is_damaged=bool(arrived.damaged), bad_packs=bad)
        local = self._read_here(here)
        for _, _, entry in batch.order:
            chunk = arrived.chunks.get(entry.digest)
            yield local[entry.digest] if chunk is None else chunk

    # What there is of it.

    def _batches(self, threads: ThreadPoolExecutor) -> Iterator[_Batch]:
        batch = _Batch()
        for pack, stretch, entries in self._stretches(threads):
            try:
                chunks = chunks_of(stretch, entries)
            except DamagedObject:
                raise self._broken(pack, is_damaged=True) from None
            for _ in range(stretch.times):
                for number, entry in enumerate(chunks, stretch.first):
                    batch.add(pack, number, entry)
                    if batch.is_full:
                        yield batch
                        batch = _Batch()
        yield batch

    def _stretches(self, threads: ThreadPoolExecutor) -> Iterator[tuple[NeededPack, Stretch, Sequence[PackEntry]]]:
        """Each stretch with the table of its pack; those of the next ones are on their way."""
        coming: deque[tuple[NeededPack, Stretch]] = deque()
        for stretch in self._recipe.stretches:
            pack = self._recipe.packs[stretch.pack]
            if pack not in self._entries and pack not in self._asked and self._records(pack) is None:
                self._asked[pack] = threads.submit(load_table, self._streams.place, pack)
            coming.append((pack, stretch))
            if len(coming) > _TABLES_AHEAD:
                pack, stretch = coming.popleft()
                yield pack, stretch, self._table(pack)
        for pack, stretch in coming:
            yield pack, stretch, self._table(pack)

    def _table(self, pack: NeededPack) -> Sequence[PackEntry]:
        if (found := self._entries.pop(pack, None)) is None:
            found = self._read_table(pack)
            if len(self._entries) >= _PARSED:
                self._entries.popitem(last=False)
        self._entries[pack] = found
        return found

    def _read_table(self, pack: NeededPack) -> Sequence[PackEntry]:
        try:
            if (future := self._asked.pop(pack, None)) is None:
                records = self._records(pack)
                records = load_table(self._streams.place, pack) if records is None else records
            else:
                records = future.result()
                self._streams.received_bytes += pack.table_length
                with self._streams.there() as there, there.together():
                    there.note_table(pack, records)
            return parse_needed_table(records, pack)
        except NoSuchKey:
            raise self._broken(pack, is_damaged=False) from None
        except DamagedObject:
            raise self._broken(pack, is_damaged=True) from None

    def _records(self, pack: NeededPack) -> bytes | None:
        with self._streams.there() as there:
            return there.records(pack)

    def _broken(self, pack: NeededPack, *, is_damaged: bool) -> Broken:
        return Broken(self._recipe.digest, is_damaged=is_damaged, bad_packs=frozenset([pack.digest]))

    # Where it is.

    def _here(self, batch: _Batch) -> dict[bytes, bytes]:
        """In which pack here each chunk is; those that are in none are left out."""
        if self._streams.here is None:
            return {}
        while self._streams.fresh:
            self._streams.here.may_use(self._streams.fresh.popleft())
        wanted = list({entry.digest: None for _, _, entry in batch.order})
        found = self._streams.here.spots(wanted)
        return {digest: max(spots).pack for digest, spots in found.items()}

    def _lacking(self, batch: _Batch, here: Mapping[bytes, bytes]) -> list[_Lacking]:
        lacking: dict[NeededPack, _Lacking] = {}
        for pack, number, entry in batch.order:
            if entry.digest in here:
                continue
            if pack not in lacking:
                lacking[pack] = _Lacking(pack, self._table(pack), set(), self._owned(pack.digest))
            lacking[pack].numbers.add(number)
        return list(lacking.values())

    def _owned(self, pack: bytes) -> list[Own]:
        """The stretches of a pack that whole objects here have; what others have is in packs here."""
        with self._streams.there() as there:
            noted = there.owned(pack)
        return [
            Own(Whole(path), owned.at, owned.first, owned.chunks_count)
            for owned in noted
            if (path := self._streams.rooms.whole(owned.object)) is not None
        ]

    def _read_here(self, here: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """The chunks that are in packs here, by digest."""
        tables, found = self._streams.here, dict[bytes, bytes]()
        for name in sorted(set(here.values())):
            assert tables is not None
            try:
                entries = self._packs.table(tables.needed(name))
                wanted = {entry.digest: entry for entry in entries if here.get(entry.digest) == name}
                ordered = sorted(wanted.values(), key=lambda entry: entry.offset)
                for entry, chunk in zip(ordered, self._packs.chunks(name, ordered), strict=True):
                    found[entry.digest] = chunk
            except (DamagedObject, FileNotFoundError):
                raise Broken(self._recipe.digest, is_damaged=False, bad_here=name) from None
        return found


def _arrived(place: Place, lacking: Sequence[_Lacking]) -> _Arrived:
    """What is to be had of some packs; for a thread. Raises NewerFormat, RemoteError."""
    found: dict[bytes, Chunk] = {}
    damaged, missing = set[bytes](), set[bytes]()
    received = 0
    for pack, entries, numbers, owned in lacking:
        left = set(numbers)
        for own in owned:
            for number, chunk in taken(own, entries, frozenset(left)):
                found[entries[number].digest] = chunk
                left.discard(number)
        try:
            for request in requests_for(((number, entries[number]) for number in sorted(left)), pack):
                received += request.length
                for number, coming in load_chunks(place, pack, entries, request):
                    if coming is None:
                        damaged.add(pack.digest)
                    else:
                        found[entries[number].digest] = coming
        except NoSuchKey:
            missing.add(pack.digest)
    return _Arrived(found, received, frozenset(damaged), frozenset(missing))
