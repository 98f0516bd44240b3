"""Drafts: recipes of chunks while they are written, with the packs of those chunks that the remote lacks.

What is reused is decided a slab at a time. A slab whose old chunks lie in too many packs has the most scattered of
them written anew, so that what was edited a thousand times is still read at speed.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from blake3 import blake3

from track.errors import DamagedObject
from track.model.digest import Digest
from track.store.buffer import Buffer
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch
from track.store.chunking import Chunker
from track.store.pack import PackEntry, dump_table
from track.store.salt import add_salt
from track.store.slabs import Slab, Source, Stored, digests_of, slabs, stored_chunks
from track.store.tables import Spot, Tables
from track.work import Pending, Threads

PACKS_PER_SLAB = 8
"""A recipe takes up chunks of no more old packs than this for each slab of 16 MiB ..."""
PACKS_KEPT = 4
"""... and of those that give it most when there are more: the next edit shall not have all of them written anew."""

_AHEAD = 1
_THREADS = 2
_REMEMBERED_PACKS = 8


class _Pack(Protocol):
    """A pack that is complete."""

    @property
    def name(self) -> Digest: ...
    @property
    def entries(self) -> list[PackEntry]: ...
    @property
    def table_offset(self) -> int: ...


P = TypeVar("P", bound=_Pack, covariant=True)
"""How packs are made: on the disk, or in memory."""


class Writer(Protocol[P]):
    """Gathers one pack."""

    size: int

    @property
    def is_full(self) -> bool:
        """Whether it is time to seal it."""

    def add(self, digest: bytes, data: bytes) -> None:
        """Append an object as it is."""

    def add_entry(self, entry: PackEntry, stored: bytes) -> None:
        """Append stored bytes."""

    def add_slice(self, entry: PackEntry, buffer: Buffer, start: int) -> None:
        """Append an entry whose stored bytes lie in a buffer."""

    def seal(self) -> P | None:
        """The pack; None when nothing was added."""

    def abandon(self) -> None:
        """Drop it."""


class Drafted(NamedTuple, Generic[P]):
    """What came of some slabs: a pack to send, if one is full; recipes of which every chunk is in a pack by now."""

    pack: P | None
    recipes: tuple[ChunkedRecipe, ...]
    reused_bytes: int


@dataclass
class _Draft:
    """A recipe that is being written; packs are known by their digest, or by their number while they are open."""

    source: Source
    stretches: list[tuple[bytes | int, int, int, int, int]] = field(default_factory=list)
    length: int = 0
    last_open: int = -1

    def append(self, pack: bytes | int, number: int, length: int) -> None:
        """The next chunk of the object is this entry of a pack."""
        self.length += length
        if isinstance(pack, int):
            self.last_open = max(self.last_open, pack)
        if self.stretches:
            before, first, count, times, size = self.stretches[-1]
            if before == pack and times == 1 and number == first + count:
                self.stretches[-1] = pack, first, count + 1, 1, size + length
                return
            if before == pack and count == 1 and number == first:
                self.stretches[-1] = pack, first, 1, times + 1, size + length
                return
        self.stretches.append((pack, number, 1, 1, length))


class Drafting(Generic[P]):
    """Cuts objects, one after another, into packs of what the remote lacks, and a recipe for each. In one thread."""

    def __init__(
        self,
        tables: Tables,
        chunker: Chunker,
        writer: Callable[[], Writer[P]],
        *,
        damaged: Callable[[bytes], object],
        is_salted: bool = False,
        flags: int = 0,
    ) -> None:
        """`writer` begins a pack. `damaged` is told of an object whose file has other bytes, and raises. Packs that are
        salted have new names, whatever is in them. `flags` are those of the chunks in their packs."""
        self._tables, self._chunker, self._begun = tables, chunker, writer
        self._damaged, self._is_salted, self._flags = damaged, is_salted, flags
        self._writer = writer()
        self._number = 0
        self._entries = 0
        self._names: dict[int, bytes] = {}
        self._fresh: set[bytes] = set()
        self._placed: dict[bytes, tuple[int, int]] = {}
        self._recent: deque[list[bytes]] = deque([[]])
        self._draft: _Draft | None = None
        self._hasher = (
            blake3()
        )  # in one thread: others cut, hash and send, and to share the work of one costs an eighth
        self._done: list[_Draft] = []
        self.last = b""
        """The digest of what was cut last."""

    def run(self, sources: Iterable[Source]) -> Iterator[Drafted[P]]:
        """All of it, a pack or a few finished recipes at a time; what is not sealed at the end is, last.

        Raises:
            DamagedObject: the file of an object has other bytes.
            DiskFull, StoreUnwritable, Unreadable: the disk is in the way.
        """
        try:
            yield from self.cut(sources)
            yield from self.seal()
        except BaseException:
            self.abandon()
            raise

    def cut(self, sources: Iterable[Source]) -> Iterator[Drafted[P]]:
        """As `run`, but the last pack stays open for what is cut next, also after one that could not be read."""
        hashed: deque[tuple[Slab, Pending[list[bytes]]]] = deque()
        stored: deque[_Decided] = deque()
        with Threads(_THREADS) as threads:
            coming = slabs(sources, self._chunker)
            try:
                for slab in coming:
                    hashed.append((slab, threads.submit(digests_of, slab)))
                    if len(hashed) > _AHEAD:
                        stored.append(self._decided(*hashed.popleft(), threads))
                    if len(stored) > _AHEAD:
                        yield from self._written(stored.popleft())
                while hashed:
                    stored.append(self._decided(*hashed.popleft(), threads))
                while stored:
                    yield from self._written(stored.popleft())
            except BaseException:  # what was not written of it is as if it had never come
                self._draft, self._hasher = None, blake3()
                self._fresh.clear()
                raise
            finally:
                coming.close()

    def abandon(self) -> None:
        """Drop the open pack."""
        self._writer.abandon()

    def _decided(self, slab: Slab, future: Pending[list[bytes]], threads: Threads) -> "_Decided":
        """What to reuse; what is new is compressed from here on."""
        digests = future.result()
        unknown = [digest for digest in digests if digest not in self._fresh and digest not in self._placed]
        spots = self._tables.spots(unknown)
        reused = _chosen(digests, slab.lengths, spots)
        wanted = []
        for number, digest in enumerate(digests):
            if digest not in reused and digest not in self._fresh and digest not in self._placed:
                self._fresh.add(digest)
                wanted.append(number)
        return _Decided(slab, digests, reused, threads.submit(stored_chunks, slab, digests, wanted))

    def _written(self, decided: "_Decided") -> Iterator[Drafted[P]]:
        """Write what is new of a slab into packs, and all of it into the draft."""
        slab, digests, reused, future = decided
        new = future.result()
        self._hasher.update(slab.data)
        draft = self._draft = self._draft or _Draft(slab.source)
        for number, (digest, length) in enumerate(zip(digests, slab.lengths, strict=True)):
            if digest in reused:
                draft.append(*reused[digest], length)
                continue
            if (chunk := new.get(number)) is not None:
                self._put(digest, length, chunk, slab.buffer)
            pack, entry = self._placed.get(digest) or self._sealed_long_ago(digest)
            draft.append(pack, entry, length)
            if self._writer.is_full:
                yield from self.seal()
        if slab.is_last:
            self._finish(draft)
        slab.release()
        size = sum(slab.lengths) - sum(slab.lengths[number] for number in new)
        yield Drafted(None, self._ready(), size)

    def _put(self, digest: bytes, length: int, chunk: Stored, buffer: Buffer) -> None:
        stored_length = length if chunk.data is None else len(chunk.data)
        entry = PackEntry(digest, chunk.form, self._flags, 0, stored_length, length, chunk.digest)
        if chunk.data is None:
            self._writer.add_slice(entry, buffer, chunk.start)
        else:
            self._writer.add_entry(entry, chunk.data)
        self._placed[digest] = self._number, self._entries
        self._fresh.discard(digest)
        self._recent[-1].append(digest)
        self._entries += 1

    def _sealed_long_ago(self, digest: bytes) -> tuple[bytes | int, int]:
        """Where a chunk is that was remembered when its slab was decided, and is forgotten now: in a pack of ours."""
        return max(self._tables.spots([digest])[digest])

    def _finish(self, draft: _Draft) -> None:
        source, found = draft.source, self._hasher.digest()
        self._draft, self._hasher = None, blake3()
        if not source.digest:
            draft.source = source = source._replace(digest=found)
        if found != source.digest or draft.length != source.size:
            self._damaged(source.digest)
            raise DamagedObject(f"object {Digest(source.digest)} changed while it was read", hint="run it again")
        self._done.append(draft)
        self.last = found

    def seal(self) -> Iterator[Drafted[P]]:
        """Seal the open pack, when there is anything in it; every recipe is ready then."""
        if self._is_salted and self._writer.size:
            add_salt(self._writer)
        pack = self._writer.seal()
        if pack is None:
            return
        self._writer = self._begun()
        self._names[self._number] = pack.name
        table = dump_table(pack.entries)
        needed = NeededPack(pack.name, blake3(table).digest(), pack.table_offset, len(pack.entries))
        with self._tables.together():
            self._tables.note_table(needed, table)
        self._tables.may_use(pack.name)
        self._number, self._entries = self._number + 1, 0
        self._recent.append([])
        if len(self._recent) > _REMEMBERED_PACKS:  # from now on, the tables say where they are
            for digest in self._recent.popleft():
                del self._placed[digest]
        yield Drafted(pack, self._ready(), 0)

    def _ready(self) -> tuple[ChunkedRecipe, ...]:
        """The recipes of which no chunk is in the open pack any more."""
        ready = [draft for draft in self._done if draft.last_open < self._number]
        self._done = [draft for draft in self._done if draft.last_open >= self._number]
        return tuple(self._recipe(draft) for draft in ready)

    def _recipe(self, draft: _Draft) -> ChunkedRecipe:
        names = [self._names[one[0]] if isinstance(one[0], int) else one[0] for one in draft.stretches]
        packs = sorted(set(names))
        number = {pack: at for at, pack in enumerate(packs)}
        stretches = tuple(Stretch(number[name], *one[1:]) for name, one in zip(names, draft.stretches, strict=True))
        return ChunkedRecipe(draft.source.digest, draft.length, tuple(map(self._tables.needed, packs)), stretches)


class _Decided(NamedTuple):
    slab: Slab
    digests: list[bytes]
    reused: dict[bytes, Spot]
    stored: Pending[dict[int, Stored]]


def _chosen(digests: list[bytes], lengths: list[int], spots: dict[bytes, list[Spot]]) -> dict[bytes, Spot]:
    """Which place of each chunk to take up: what goes on where the one before was, else in the pack that gives most.

    Chunks of packs that give little are left out when there are too many packs: they are written anew.
    """
    given: Counter[bytes] = Counter()
    for digest, length in zip(digests, lengths, strict=True):
        for pack in {spot.pack for spot in spots.get(digest, ())}:
            given[pack] += length
    chosen: dict[bytes, Spot] = {}
    used: Counter[bytes] = Counter()
    before: Spot | None = None
    for digest, length in zip(digests, lengths, strict=True):
        places = spots.get(digest)
        if not places:
            before = None
            continue
        following = Spot(before.pack, before.number + 1) if before is not None else None
        spot = following if following in places else max(places, key=lambda place: (given[place.pack], place))
        before = chosen.setdefault(digest, spot)
        used[before.pack] += length
    if len(used) > PACKS_PER_SLAB:
        kept = {pack for pack, _ in used.most_common(PACKS_KEPT)}
        chosen = {digest: spot for digest, spot in chosen.items() if spot.pack in kept}
    return chosen
