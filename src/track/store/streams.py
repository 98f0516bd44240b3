"""Streams: large objects that a remote has in chunks, read from beginning to end as if they were files here.

Chunks that are here, in packs of chunks or in whole objects, are taken from the disk, and only the others travel,
a pack or what is needed of it in one request, for all objects that are read soon. What comes next is asked for while
what came before is read. Chunks are hashed wherever they come from; whether they make the object is for the reader to
see.
"""

import sqlite3
from collections import OrderedDict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self

from track.errors import DamagedObject, Unreadable
from track.progress import Moved
from track.store.chunk_gathering import Own, taken
from track.store.chunk_reading import Chunk, load_chunks, requests_for, verified
from track.store.chunked import ChunkedRecipe, NeededPack, chunks_of
from track.store.chunks_here import InChunks, OpenPacksOfChunks
from track.store.objects import Store
from track.store.outlook import Outlook
from track.store.pack import PackEntry
from track.store.pieces import PieceReader
from track.store.place import NoSuchKey, Place
from track.store.slabs import Broken
from track.store.spare_room import check_room_for_chunks
from track.store.tables import Tables, TablesUnusable
from track.store.whole import Whole
from track.store.windows import Around, Window, Windows

BATCH = 4 << 20
"""Bytes of an object that are expanded and hashed together ..."""
CHUNKS = 16_384
"""... in so many chunks at most, however small a recipe says that they are."""

_AHEAD = 2
_IN_FLIGHT = 4
_EXPANDING = 2
_PARSED = 32


class _Lacking(NamedTuple):
    """What is to be had of one pack: the windows in which chunks come, by number; objects here that may have them."""

    pack: NeededPack
    entries: Sequence[PackEntry]
    coming: dict[int, Window | None]
    owned: list[Own]


class _Arrived(NamedTuple):
    """Chunks by digest; the bytes that travelled beside windows; packs that lack some: with what is there, or not."""

    chunks: dict[bytes, Chunk]
    received_bytes: int
    damaged: frozenset[bytes]
    missing: frozenset[bytes]


class _Batch:
    """Chunks of an object that follow each other: (pack, number, entry); and the steps that end with them."""

    def __init__(self) -> None:
        self.size = 0
        self.order: list[tuple[NeededPack, int, PackEntry]] = []
        self.ended: list[int] = []

    def add(self, pack: NeededPack, number: int, entry: PackEntry) -> None:
        """The next one."""
        self.order.append((pack, number, entry))
        self.size += entry.length

    @property
    def is_full(self) -> bool:
        """Whether it is time to have them."""
        return self.size >= BATCH or len(self.order) >= CHUNKS


class Streams:
    """The objects of one remote, read one after another; used in one thread at a time.

    `there` are the tables of the remote's packs, `here` those of the packs of chunks here (None: nobody knows).
    `moved` is told how far they were read; `received_bytes` is what came from the remote, as it travelled.
    """

    def __init__(self, place: Place, store: Store, there: Tables, here: Tables | None, moved: Moved) -> None:
        """Nothing is asked before an object is read."""
        self.fresh: deque[bytes] = deque()
        """Packs of chunks that are here by now, which `here` has the tables of; appended to in any thread."""
        self.place, self.rooms, self.here, self.moved = place, store.rooms, here, moved
        self._store, self._there = store, there
        self._owners: dict[bytes, Whole | InChunks] = {}
        self._windows: Windows | None = None
        self._outlook: Outlook | None = None
        self._asking, self._expanding = ThreadPoolExecutor(_IN_FLIGHT), ThreadPoolExecutor(_EXPANDING)
        self._asked_bytes = 0
        """What came beside windows."""

    def __enter__(self) -> Self:
        """The streams themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask for no more."""
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._expanding.shutdown(wait=False, cancel_futures=True)

    @property
    def received_bytes(self) -> int:
        """What came from the remote so far, as it travelled."""
        return self._asked_bytes + (self._windows.received_bytes if self._windows is not None else 0)

    def plan(self, recipes: Iterable[ChunkedRecipe]) -> None:
        """Say what is read, in this order."""
        self._outlook = Outlook(recipes)
        self._owners = self._found_owners(self._outlook)
        self._windows = Windows(self.place, self._outlook, self._around(), self._asking)

    def check_room(self, *, is_cut_alike: bool) -> None:
        """Raise DiskFull when the store has no room for what it lacks of what is read, as far as that is known."""
        assert self._outlook is not None, "what is read was planned"
        folder, around = self.rooms.staging, self._around()
        check_room_for_chunks(self.place, folder, self._outlook, around, is_cut_alike=is_cut_alike)

    @contextmanager
    def there(self) -> Iterator[Tables]:
        """The tables of the remote's packs. Raises TablesUnusable for an error of theirs inside the block."""
        try:
            yield self._there
        except sqlite3.Error as error:
            raise TablesUnusable(error) from error

    def open(self, recipe: ChunkedRecipe) -> "OpenStream":
        """One of them, open for reading from its beginning."""
        assert self._windows is not None and self._outlook is not None, "what is read was planned"
        return OpenStream(self, recipe, self._windows, self._outlook)

    def submit_expanding(self, lacking: Sequence[_Lacking]) -> Future[_Arrived]:
        """Have chunks that come expanded and hashed."""
        return self._expanding.submit(_arrived, self.place, lacking)

    def count(self, size: int) -> None:
        """So many bytes came beside windows."""
        self._asked_bytes += size

    # What is here.

    def _around(self) -> Around:
        return Around(
            self._records, self._note, self.packs_here, self._owned_numbers, self.here is not None and self.here.is_used
        )

    def _records(self, pack: NeededPack) -> bytes | None:
        with self.there() as there:
            return there.records(pack)

    def _note(self, pack: NeededPack, records: bytes) -> None:
        with self.there() as there, there.together():
            there.note_table(pack, records)

    def packs_here(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """In which pack here each chunk is; those that are in none are left out."""
        if self.here is None:
            return {}
        while self.fresh:
            self.here.may_use(self.fresh.popleft())
        return {digest: max(spots).pack for digest, spots in self.here.spots(list(digests)).items()}

    def owned(self, pack: bytes) -> list[Own]:
        """The stretches of a pack that objects here have, however those are cut."""
        with self.there() as there:
            noted = there.owned(pack)
        return [
            Own(large, owned.at, owned.first, owned.chunks_count)
            for owned in noted
            if (large := self._owners.get(owned.object)) is not None
        ]

    def _found_owners(self, outlook: Outlook) -> dict[bytes, Whole | InChunks]:
        """The objects here that were noted to have some of the packs; looked for before others read of them."""
        with self.there() as there:
            noted = {owned.object for pack in outlook.packs for owned in there.owned(pack.digest)}
        found = {digest: self._store.large(digest) for digest in noted}
        return {digest: large for digest, large in found.items() if large is not None}

    def _owned_numbers(self, pack: bytes) -> set[int]:
        return {number for own in self.owned(pack) for number in range(own.first, own.first + own.chunks_count)}


class Streamed(NamedTuple):
    """One of them."""

    streams: Streams
    recipe: ChunkedRecipe

    def open(self) -> "OpenStream":
        """It, open for reading from its beginning."""
        return self.streams.open(self.recipe)


class OpenStream:
    """An object that is being read; chunks are asked for when the first is needed."""

    def __init__(self, streams: Streams, recipe: ChunkedRecipe, windows: Windows, outlook: Outlook) -> None:
        """For `Streamed.open`."""
        self._streams, self._recipe, self._windows, self._outlook = streams, recipe, windows, outlook
        self._packs = OpenPacksOfChunks(streams.rooms)
        self._entries: OrderedDict[NeededPack, Sequence[PackEntry]] = OrderedDict()
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
        for batch in self._batches():
            lacking, here = self._sorted(batch)
            flying.append((batch, here, self._streams.submit_expanding(lacking)))
            if len(flying) > _AHEAD:
                yield from self._joined(*flying.popleft())
        while flying:
            yield from self._joined(*flying.popleft())

    def _joined(self, batch: _Batch, here: Mapping[bytes, bytes], future: Future[_Arrived]) -> Iterator[Chunk]:
        """The chunks of a batch in order."""
        arrived = future.result()
        self._streams.count(arrived.received_bytes)
        if bad := arrived.damaged | arrived.missing:
            raise Broken(self._recipe.digest, is_damaged=bool(arrived.damaged), bad_packs=bad)
        for step in batch.ended:  # who reads to the end of the object does not come back
            self._windows.release(step)
        local = self._read_here(here)
        for _, _, entry in batch.order:
            chunk = arrived.chunks.get(entry.digest)
            yield local[entry.digest] if chunk is None else chunk

    def _batches(self) -> Iterator[_Batch]:
        batch = _Batch()
        steps = iter(self._outlook.of_object(self._recipe.digest))
        for stretch in self._recipe.stretches:
            pack, left = self._recipe.packs[stretch.pack], stretch.chunks_count
            is_checked = False
            while left:
                number = next(steps)
                step = self._outlook.steps[number]
                left -= step.chunks_count
                try:
                    self._windows.look(number)
                    entries = self._table(pack)
                    if not is_checked:
                        chunks_of(stretch, entries)
                        is_checked = True
                except NoSuchKey:
                    raise self._broken(pack, is_damaged=False) from None
                except DamagedObject:
                    raise self._broken(pack, is_damaged=True) from None
                for _ in range(step.times):
                    for one in step.numbers:
                        batch.add(pack, one, entries[one])
                        if batch.is_full:
                            yield batch
                            batch = _Batch()
                batch.ended.append(number)
        yield batch

    def _table(self, pack: NeededPack) -> Sequence[PackEntry]:
        if (found := self._entries.pop(pack, None)) is None:
            found = self._windows.table(pack)
            if len(self._entries) >= _PARSED:
                self._entries.popitem(last=False)
        self._entries[pack] = found
        return found

    def _broken(self, pack: NeededPack, *, is_damaged: bool) -> Broken:
        return Broken(self._recipe.digest, is_damaged=is_damaged, bad_packs=frozenset([pack.digest]))

    # Where it is.

    def _sorted(self, batch: _Batch) -> tuple[list[_Lacking], dict[bytes, bytes]]:
        """What has to come of which pack, and in which pack here the others are, by digest."""
        here: dict[bytes, bytes] = {}
        lacking: dict[NeededPack, _Lacking] = {}
        for pack, number, entry in batch.order:
            part = self._windows.part(pack.digest)
            if (name := part.here.get(number)) is not None:
                here[entry.digest] = name
                continue
            if pack not in lacking:
                lacking[pack] = _Lacking(pack, self._table(pack), {}, self._streams.owned(pack.digest))
            lacking[pack].coming[number] = part.coming.get(number)
        return list(lacking.values()), here

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
            except (DamagedObject, FileNotFoundError, Unreadable):
                raise Broken(self._recipe.digest, is_damaged=False, bad_here=name) from None
        return found


def _arrived(place: Place, lacking: Sequence[_Lacking]) -> _Arrived:
    """What is to be had of some packs; for a thread. Raises NewerFormat, RemoteError."""
    found: dict[bytes, Chunk] = {}
    damaged, missing = set[bytes](), set[bytes]()
    received = 0
    for one in lacking:
        try:
            left = _from_windows(one, found)
            if not left:
                continue
            received += _asked(place, one, left, found)
            if any(one.entries[number].digest not in found for number in left):
                damaged.add(one.pack.digest)
        except NoSuchKey:
            missing.add(one.pack.digest)
        except DamagedObject:  # its table
            damaged.add(one.pack.digest)
    return _Arrived(found, received, frozenset(damaged), frozenset(missing))


def _from_windows(lacking: _Lacking, found: dict[bytes, Chunk]) -> set[int]:
    """Add what came in windows to what was found; the others. Raises NoSuchKey, DamagedObject, RemoteError."""
    left = set[int]()
    for number, window in lacking.coming.items():
        entry = lacking.entries[number]
        stored = None if window is None else window.future.result().stored.get(number)
        chunk = None if stored is None else verified(entry, stored)
        if chunk is None:
            left.add(number)
        else:
            found[entry.digest] = chunk
    return left


def _asked(place: Place, lacking: _Lacking, left: set[int], found: dict[bytes, Chunk]) -> int:
    """Add what objects here have, or the remote when it is asked now; how many bytes travelled. Raises as above."""
    entries, wanted = lacking.entries, set(left)
    for own in lacking.owned:
        for number, chunk in taken(own, entries, frozenset(wanted)):
            found[entries[number].digest] = chunk
            wanted.discard(number)
    received = 0
    for request in requests_for(((number, entries[number]) for number in sorted(wanted)), lacking.pack):
        received += request.length
        for number, coming in load_chunks(place, lacking.pack, entries, request):
            if coming is not None:
                found[entries[number].digest] = coming
    return received
