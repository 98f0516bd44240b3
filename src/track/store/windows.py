"""Windows: what is needed of a remote's packs soon, asked for at once, and kept until it was read.

A pack is looked at when one of its chunks is about to be read, and everything that is read of it until so many bytes
later comes together: nearly always all that is needed of it. Of what was asked for, only chunks that will be read stay.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate
from typing import NamedTuple

from track.errors import DamagedObject
from track.store.chunk_reading import load_table, load_whole, requests_for
from track.store.chunked import NeededPack, parse_needed_table
from track.store.layout import pack_key
from track.store.outlook import STEP, Outlook
from track.store.pack import PackEntry
from track.store.place import NoSuchKey, Place
from track.store.repeats import Repeats

HORIZON = 48 << 20
"""What is read of a pack until so many bytes have come comes together."""
AHEAD = 16 << 20
"""So many bytes before they are read, they are asked for."""
LIMIT = 96 << 20
"""Bytes that are kept; from then on, nothing comes but what is read next."""
WHOLE_LIMIT = 20 << 20
"""A pack of which most is needed, and that is no larger, comes with its table."""

_TABLES_AHEAD = 8
_WORTH = 0.875
"""What came stays as it is while so much of it is needed."""

Stored = bytes | memoryview


class Came(NamedTuple):
    """Chunks as their pack stores them, by number; the table, when it came with them; bytes that travelled."""

    stored: dict[int, Stored]
    kept_bytes: int
    records: bytes | None
    received_bytes: int


class Window:
    """Chunks of one pack that come together."""

    def __init__(self, future: "Future[Came]", left: set[int]) -> None:
        """`left` are those that are still to be read."""
        self.future, self.left = future, left
        self._needed = self._kept = -1

    @property
    def kept_bytes(self) -> int:
        """About what it has in memory, once it came."""
        return max(0, self._kept)

    def counted(self) -> int:
        """The bytes that travelled, the first time that it is asked after it came."""
        came = self.future.result()
        if self._kept >= 0:
            return 0
        self._kept, self._needed = came.kept_bytes, sum(map(len, came.stored.values()))
        return came.received_bytes

    def drop(self, number: int) -> Stored | None:
        """A chunk was read for the last time; it, when it came."""
        self.left.discard(number)
        stored = self.future.result().stored
        dropped = stored.pop(number, None)
        self._needed -= 0 if dropped is None else len(dropped)
        if not stored:
            self._kept = 0
        elif 2 * self._needed < self._kept:
            for other, data in stored.items():
                stored[other] = bytes(data)
            self._kept = self._needed
        return dropped


class Part:
    """What is under way of one pack: how often each chunk will be read, up to a step, and where it comes from."""

    def __init__(self) -> None:
        self.until = -1
        self.uses: dict[int, int] = {}
        self.coming: dict[int, Window] = {}
        self.here: dict[int, bytes] = {}


class Around(NamedTuple):
    """What a store knows: the table of a remote's pack, in which pack here chunks are, chunks that objects here have.

    `found` is told of tables that came.
    """

    records: Callable[[NeededPack], bytes | None]
    found: Callable[[NeededPack, bytes], None]
    packs_here: Callable[[Iterable[bytes]], Mapping[bytes, bytes]]
    owned: Callable[[bytes], set[int]]
    is_something_here: bool


class Windows:
    """Asks for what will be read, in the order of an outlook. Used in one thread at a time."""

    def __init__(self, place: Place, outlook: Outlook, around: Around, threads: ThreadPoolExecutor) -> None:
        """Nothing is asked for yet. `threads` do."""
        self._place, self._outlook, self._around, self._threads = place, outlook, around, threads
        self._next = 0
        self._parts: dict[bytes, Part] = {}
        self._is_strange = not around.is_something_here
        """Whether packs whose table is not known are expected to have nothing that is here ..."""
        self._is_familiar = False
        """... and whether one had something after all."""
        self._brought: set[bytes] = set()
        self._tables: dict[NeededPack, Future[bytes]] = {}
        self._tables_next = 0
        self._seen: set[bytes] = set()
        self._windows: set[Window] = set()
        self._repeats = Repeats()
        self.received_bytes = 0
        """What came from the remote by way of windows and tables."""

    def look(self, number: int) -> None:
        """Ask for what is needed by a step, and by those that follow it soon. Raises as `table` does."""
        steps = self._outlook.steps
        end = steps[number].position + AHEAD
        while self._next <= number:
            self._ask(self._next)
            self._next += 1
        with suppress(NoSuchKey, DamagedObject):  # whoever comes there is told
            while self._next < len(steps) and self._may_ask(steps[self._next].position, end):
                self._ask(self._next)
                self._next += 1

    def _may_ask(self, position: int, end: int) -> bool:
        return position <= end and sum(window.kept_bytes for window in self._windows) < LIMIT

    def part(self, pack: bytes) -> Part:
        """What is under way of a pack."""
        return self._parts[pack]

    def release(self, number: int) -> None:
        """A step was read."""
        step = self._outlook.steps[number]
        part = self._parts[step.pack.digest]
        for one in step.numbers:
            part.uses[one] -= 1
            if part.uses[one]:
                continue
            del part.uses[one]
            part.here.pop(one, None)
            if (window := part.coming.pop(one, None)) is not None:
                self.received_bytes += window.counted()
                stored = window.drop(one)
                if stored is not None and self._outlook.is_needed_again(step.pack.digest, part.until, one):
                    self._repeats.keep(step.pack.digest, one, stored)
                if not window.left:
                    self._windows.discard(window)
        if not part.uses:
            del self._parts[step.pack.digest]

    # Tables.

    def table(self, pack: NeededPack) -> Sequence[PackEntry]:
        """The table of a pack that was looked at. Raises NoSuchKey, DamagedObject, RemoteError, TablesUnusable."""
        return parse_needed_table(self._records(pack), pack)

    def _records(self, pack: NeededPack) -> bytes:
        if (future := self._tables.pop(pack, None)) is not None:
            records = future.result()
            self.received_bytes += pack.table_length
            self._around.found(pack, records)
            return records
        if (kept := self._around.records(pack)) is not None:
            return kept
        coming = self._parts[pack.digest].coming if pack.digest in self._parts else {}
        if coming and (found := next(iter(coming.values())).future.result().records) is not None:
            self._around.found(pack, found)
            self._learn(self._around.packs_here(entry.digest for entry in parse_needed_table(found, pack)), pack)
            return found
        self.received_bytes += pack.table_length
        records = load_table(self._place, pack)
        self._around.found(pack, records)
        return records

    def _learn(self, here: Mapping[bytes, bytes], pack: NeededPack, size: int = 0) -> None:
        """What to expect of the next pack, as some of one is here, or so many bytes of it were all new."""
        if pack.digest in self._brought:
            return
        self._brought.add(pack.digest)
        self._is_familiar = self._is_familiar or bool(here)
        self._is_strange = not self._is_familiar and (self._is_strange or size >= STEP)

    def _ask_tables(self, number: int) -> None:
        """Have the tables of the next few packs on their way."""
        steps = self._outlook.steps
        self._tables_next = max(self._tables_next, number)
        while self._tables_next < len(steps) and len(self._tables) < _TABLES_AHEAD:
            step = steps[self._tables_next]
            if step.position > steps[number].position + 2 * AHEAD:
                return
            self._tables_next += 1
            pack = step.pack
            if pack.digest in self._seen:
                continue
            self._seen.add(pack.digest)
            if self._around.records(pack) is None and not self._is_whole(pack, self._tables_next - 1):
                self._tables[pack] = self._threads.submit(load_table, self._place, pack)

    # What to ask for.

    def _is_whole(self, pack: NeededPack, number: int) -> bool:
        """Whether a pack is best had with its table: most of it is needed, and nobody expects that it is here."""
        if not self._is_strange or pack.table_offset > WHOLE_LIMIT or self._around.owned(pack.digest):
            return False
        steps = self._outlook.steps
        needed = {one for at in self._outlook.of_pack(pack.digest, number, HORIZON) for one in steps[at].numbers}
        return 2 * len(needed) >= pack.entries_count

    def _ask(self, number: int) -> None:
        """Ask for what is needed of a pack from a step on, unless that was done."""
        step = self._outlook.steps[number]
        pack = step.pack
        part = self._parts.setdefault(pack.digest, Part())
        if part.until >= number:
            return
        self._ask_tables(number)
        is_known = pack in self._tables or self._around.records(pack) is not None
        if not is_known and not part.uses and self._is_whole(pack, number):
            fresh = self._noted(part, number, None)
            self._begin(part, fresh, self._threads.submit(_whole, self._place, pack, fresh))
            return
        entries = self.table(pack)
        fresh = self._repeated(part, pack.digest, self._noted(part, number, entries))
        names = self._around.packs_here({entries[one].digest for one in fresh})
        part.here |= {one: names[entries[one].digest] for one in fresh if entries[one].digest in names}
        absent = [one for one in fresh if one not in part.here]
        owned = self._around.owned(pack.digest) if absent else set[int]()
        left = _first((one for one in absent if one not in owned), entries)
        self._learn(names, pack, sum(entries[one].stored_length for one in left))
        for request in requests_for(((one, entries[one]) for one in left), pack):
            numbers = [piece.what for piece in request.pieces]
            wanted = {one: entries[one] for one in numbers}
            self._begin(part, numbers, self._threads.submit(_pieces, self._place, pack, wanted))

    def _repeated(self, part: Part, pack: bytes, numbers: list[int]) -> list[int]:
        """Take up what was kept of these chunks; the others."""
        kept = {one: stored for one in numbers if (stored := self._repeats.take(pack, one)) is not None}
        if kept:
            future: Future[Came] = Future()
            future.set_result(Came(dict(kept), sum(map(len, kept.values())), None, 0))
            self._begin(part, kept, future)
        return [one for one in numbers if one not in kept]

    def _noted(self, part: Part, number: int, entries: Sequence[PackEntry] | None) -> list[int]:
        """Note how often each chunk is read from a step on; those that were not awaited yet, sorted."""
        outlook = self._outlook
        fresh: set[int] = set()
        size = 0
        for at in outlook.of_pack(outlook.steps[number].pack.digest, number, HORIZON):
            if size > HORIZON:
                break
            for one in outlook.steps[at].numbers:
                if one not in part.uses:
                    fresh.add(one)
                    size += entries[one].stored_length if entries is not None else 0
                part.uses[one] = part.uses.get(one, 0) + 1
            part.until = at
        return sorted(fresh)

    def _begin(self, part: Part, numbers: Iterable[int], future: "Future[Came]") -> None:
        window = Window(future, set(numbers))
        self._windows.add(window)
        part.coming |= dict.fromkeys(window.left, window)


def _first(numbers: Iterable[int], entries: Sequence[PackEntry]) -> list[int]:
    """As many of the chunks as may be in memory; what is more is asked for when it is read."""
    found = list(numbers)
    ends = accumulate(entries[one].stored_length for one in found)
    return [one for one, end in zip(found, ends, strict=True) if end <= LIMIT]


def _whole(place: Place, pack: NeededPack, numbers: Sequence[int]) -> Came:
    """Chunks of a pack that comes as a whole; for a thread. Raises NoSuchKey, DamagedObject, RemoteError."""
    try:
        content, records = load_whole(place, pack)
    except DamagedObject:  # altered on its way: in pieces, each is asked for again
        records = load_table(place, pack)
        entries = parse_needed_table(records, pack)
        came = _pieces(place, pack, {one: entries[one] for one in numbers})
        return came._replace(records=records, received_bytes=came.received_bytes + pack.table_length)
    entries = parse_needed_table(records, pack)
    stored, kept = _kept(content, 0, {one: entries[one] for one in numbers})
    return Came(stored, kept, records, len(content))


def _pieces(place: Place, pack: NeededPack, entries: Mapping[int, PackEntry]) -> Came:
    """Chunks of a pack; for a thread. Raises NoSuchKey, RemoteError."""
    stored: dict[int, Stored] = {}
    kept = received = 0
    for request in requests_for(entries.items(), pack):
        content = memoryview(place.get_range(pack_key(pack.digest), request.offset, request.length))
        received += request.length
        some, size = _kept(content, request.offset, {piece.what: entries[piece.what] for piece in request.pieces})
        stored |= some
        kept += size
    return Came(stored, kept, None, received)


def _kept(content: memoryview, offset: int, entries: Mapping[int, PackEntry]) -> tuple[dict[int, Stored], int]:
    """The chunks in what came from an offset on, and about how many bytes are kept for them."""
    stored: dict[int, Stored] = {
        number: content[entry.offset - offset : entry.offset - offset + entry.stored_length]
        for number, entry in entries.items()
    }
    size = sum(map(len, stored.values()))
    if size >= _WORTH * len(content):
        return stored, len(content)
    return {number: bytes(data) for number, data in stored.items()}, size
