"""Sending: what a remote lacks goes there in packs, then an index segment that says where it is.

Whole local packs are sent as they are when every object of them is asked for; other small objects are packed anew.
Of large ones go the chunks that the remote lacks, with a recipe; where nothing is cut, they go whole, with a recipe of
their pieces. Everything is hashed as it was written at the remote. What is final is said in the index every 256 MiB or
30 s, so an interrupted push goes on where it was.
"""

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject
from track.model.digest import digest_of
from track.progress import Progress, Share, silent
from track.store.chunked import ChunkedRecipe, dump_chunked
from track.store.chunking import Chunker
from track.store.drafts import Drafting
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.objects import Store
from track.store.pack import RAW, PackEntry, read_table
from track.store.parcels import Flight, Group, Parcel, pack_parcel
from track.store.passing import PassingPack, PassingWriter
from track.store.place import Place, Upload
from track.store.recipe import OF_WHOLE, PIECE, RECIPE, Recipe, dump_recipe, make_recipe
from track.store.salt import add_salt
from track.store.segment import Held, PackSize
from track.store.slabs import Source
from track.store.survey import publish_segment
from track.store.tables import Tables
from track.store.whole import Whole

AS_IS_FROM = 12 << 20
"""Smaller local packs are packed together instead of being sent as they are: fewer requests, for good."""

_IN_FLIGHT = 4
_GROUPS = 2
_REPORT_S = 0.1


class Sent(NamedTuple):
    """What is there now: objects; how many bytes travelled for them, and in how many packs: what was found there by
    its name, as after a push that was broken off, is in neither.
    """

    objects_count: int
    sent_bytes: int
    packs_count: int


class _Landed(NamedTuple):
    """How many bytes travelled for a parcel, and the recipe of a large file."""

    sent_bytes: int
    recipe: Recipe | None


class Cutting(NamedTuple):
    """How large objects are cut for a remote, and what is known of the packs of chunks there."""

    chunker: Chunker
    tables: Tables


def send(
    place: Place,
    known: Known,
    store: Store,
    digests: Iterable[bytes],
    *,
    cutting: Cutting | None = None,
    keep: Callable[[], None] | None = None,
    progress: Progress = silent,
) -> Sent:
    """Send these objects, all of them; the caller has asked which the remote lacks. Interrupted, it goes on next time.

    Without `cutting`, large ones go whole. `keep` is called now and then, to say that it goes on. Nothing is sent under
    the name of a pack that a collection condemned: it may delete that one at any time.

    Raises:
        MissingObject: the local store does not have one of them; nothing was sent.
        DamagedObject: the local store's copy of one is damaged; what was sent before stays, and is known there.
        RemoteError, DiskFull, StoreUnwritable: the remote cannot take it.
    """
    stock = _take_stock(store, set(digests))
    progress.begin("sending", size_bytes=stock.size, count=len(stock.wanted))
    try:
        return _Sending(place, known, store, cutting, progress, keep=keep).run(stock)
    finally:
        progress.end()


class _Stock(NamedTuple):
    """What the local store has of the objects wanted: large ones with their sizes, and how many a pack (number) has."""

    wanted: set[bytes]
    size: int
    large: dict[bytes, int]
    packs: Counter[int]


def _take_stock(store: Store, wanted: set[bytes]) -> _Stock:
    """Look where the objects are. Raises MissingObject when any is nowhere."""
    missing = store.absent(wanted)
    if missing:
        raise MissingObject(
            f"{len(missing)} of {len(wanted)} objects are not in the local store",
            details=tuple(sorted(digest.hex() for digest in missing)[:5]),
        )
    packs: Counter[int] = Counter()
    size = 0
    large: dict[bytes, int] = {}
    for held in store.index.held(wanted):
        if held.form == RECIPE:
            large[held.digest] = held.length
            continue
        size += held.length
        packs[held.pack] += 1
    large |= store.sizes(store.index.absent(wanted))
    return _Stock(wanted, size + sum(large.values()), large, packs)


class _Sending:
    """One push under way: a group of parcels at a time, made final and indexed together."""

    def __init__(
        self,
        place: Place,
        known: Known,
        store: Store,
        cutting: Cutting | None,
        progress: Progress,
        *,
        keep: Callable[[], None] | None,
    ) -> None:
        self._place, self._known, self._store, self._progress = place, known, store, progress
        self._cutting, self._keep = cutting, keep
        self._drafted: list[ChunkedRecipe] = []
        """Recipes of which every chunk was in a parcel by now."""
        self._condemned = known.condemned.packs
        self._is_salted = bool(self._condemned or known.condemned.purged)
        """Whether no pack may have the name of one that a collection deletes, or that a purge, run again, would."""
        self._bad_packs = known.bad_packs()
        self._lost = known.lost()
        self._again: list[bytes] = []
        self._sent = Sent(0, 0, 0)

    def run(self, stock: _Stock) -> Sent:
        """Send it all: first what goes as it is, then packs made anew."""
        with closing(self._parcels(stock)) as parcels:
            self._send_groups(parcels)
        while self._again:  # packs that turned out to be damaged here: their objects one by one, each verified
            rest, self._again = self._again, []
            self._send_groups(self._packed(rest))
        return self._sent

    def _parcels(self, stock: _Stock) -> Generator[Parcel, None, None]:
        rest = stock.wanted
        sources = [
            Source(digest, large, size)
            for digest, size in sorted(stock.large.items())
            if (large := self._store.large(digest)) is not None
        ]
        rest.difference_update(source.digest for source in sources)
        if sources:
            yield from self._whole(sources) if self._cutting is None else self._cut(sources, self._cutting)
        for number, _ in stock.packs.most_common():
            pack = self._store.index.pack_name(number)
            path = self._store.rooms.pack(pack)
            with suppress(DamagedObject, FileNotFoundError):
                entries, size = read_table(path), path.stat().st_size
                inside = {entry.digest for entry in entries}
                if size >= AS_IS_FROM and inside <= rest and pack not in self._condemned:
                    rest -= inside
                    yield pack_parcel(path, pack, size, entries, is_temporary=False)
        yield from self._packed(sorted(rest))

    def _whole(self, sources: list[Source]) -> Iterator[Parcel]:
        for digest, large, size in sources:
            held = Held(digest, None, RAW, 0, 0, 0, size)
            if isinstance(large, Whole):
                yield Parcel(object_key(digest), large.path, digest, size, size, (held,), False, False)
            else:
                path = self._store.copy_of_chunks(digest, self._store.rooms.staging)
                yield Parcel(object_key(digest), path, digest, size, size, (held,), False, True)

    def _cut(self, sources: list[Source], cutting: Cutting) -> Iterator[Parcel]:
        """Packs of the chunks that the remote lacks; the recipes gather until they are sent with the group."""
        unusable = self._bad_packs | self._condemned
        cutting.tables.use(lambda packs: self._known.has_packs(packs) - unusable)
        drafting = Drafting(
            cutting.tables,
            cutting.chunker,
            PassingWriter,
            damaged=self._store.check,
            is_salted=self._is_salted,
        )
        for pack, recipes, reused_bytes in drafting.run(sources):
            self._drafted += recipes
            self._progress.advance(size_bytes=reused_bytes)
            if pack is not None:
                length = sum(entry.length for entry in pack.entries)
                yield Parcel(pack_key(pack.name), pack, bytes(pack.name), pack.size, length, (), True, True)

    def _packed(self, digests: list[bytes]) -> Iterator[Parcel]:
        """New packs of about 16 MiB with these objects."""
        writer = PassingWriter()
        for digest, data in self._store.read_many(digests):
            writer.add(digest, data)
            if writer.is_full:
                yield from self._sealed(writer)
                writer = PassingWriter()
        yield from self._sealed(writer)

    def _send_groups(self, parcels: Iterator[Parcel]) -> None:
        """Send all of them. While the last of a group arrive, and are indexed, those of the next are on their way."""
        flying: dict[Future[_Landed], Flight] = {}
        groups: deque[Group] = deque()
        more = True
        with ThreadPoolExecutor(_IN_FLIGHT) as threads, ExitStack() as uploads:
            try:
                while more or groups:
                    if more and len(flying) < _IN_FLIGHT and (group := self._open(groups, uploads)) is not None:
                        if (parcel := next(parcels, None)) is not None:
                            flight = group.begin(parcel)
                            flying[threads.submit(self._put, group.upload, flight)] = flight
                        else:
                            more = False
                            self._close(group)
                    elif flying:
                        self._land(flying)
                    while groups and groups[0].is_there:
                        self._finish(groups[0])
                        groups.popleft()
            except BaseException:
                for flight in flying.values():
                    flight.share.stop()
                wait(flying)
                for flight in flying.values():
                    flight.parcel.drop()
                for group in groups:
                    group.drop()
                raise

    def _open(self, groups: deque[Group], uploads: ExitStack) -> Group | None:
        """The group that takes parcels; None when one that is full waits for the one before it."""
        if groups and groups[-1].is_full and not groups[-1].is_closed:
            self._close(groups[-1])
        if groups and not groups[-1].is_closed:
            return groups[-1]
        if len(groups) == _GROUPS:
            return None
        groups.append(Group(uploads.enter_context(self._place.upload())))
        return groups[-1]

    def _close(self, group: Group) -> None:
        """Nothing more comes into it; with it go the recipes of which every chunk was in a parcel by now."""
        group.is_closed = True
        group.drafted, self._drafted = self._drafted, []

    def _finish(self, group: Group) -> None:
        """Make it final and index it, with its recipes."""
        try:
            for parcel in self._recipes(group):
                group.arrived.append(parcel)
                landed = self._put(group.upload, Flight(parcel, Share(parcel.length), group))
                group.note_sent(parcel, landed.sent_bytes)
            if group.arrived:
                group.upload.commit()
                self._index(group)
        finally:
            group.drop()

    def _put(self, upload: Upload, flight: Flight) -> _Landed:
        """Runs in a thread: send one file."""
        parcel = flight.parcel
        replace = parcel.digest in (self._bad_packs if parcel.is_pack else self._lost)
        if isinstance(parcel.source, PassingPack):
            pieces = parcel.source.pieces
            moved = flight.share.moved
            return _Landed(upload.put_pieces(parcel.key, pieces, parcel.digest, replace=replace, moved=moved), None)
        recipe = make_recipe(parcel.source) if not parcel.is_pack and parcel.size > PIECE else None
        sent = upload.put_file(parcel.key, parcel.source, parcel.digest, replace=replace, moved=flight.share.moved)
        return _Landed(sent, recipe if recipe is not None and recipe.digest == parcel.digest else None)

    def _recipes(self, group: Group) -> Iterator[Parcel]:
        """Packs of nothing but recipes, so that no packs of objects carry what a local store has no use for."""
        writer = PassingWriter()
        for recipe in sorted(group.recipes):
            stored = dump_recipe(recipe)
            entry = PackEntry(recipe.digest, RECIPE, OF_WHOLE, 0, len(stored), recipe.length, digest_of(stored))
            writer.add_entry(entry, stored)
        for chunked in group.drafted:  # in the order of their chunks: neighbours come together, too
            stored = dump_chunked(chunked)
            entry = PackEntry(chunked.digest, RECIPE, 0, 0, len(stored), chunked.length, digest_of(stored))
            writer.add_entry(entry, stored)
        yield from self._sealed(writer)

    def _sealed(self, writer: PassingWriter) -> Iterator[Parcel]:
        """A pack made for this push; where some are condemned or purged, random bytes in it make it none of them."""
        salt = add_salt(writer) if self._is_salted and writer.size else b""
        pack = writer.seal()
        if pack is not None:
            entries = [entry for entry in pack.entries if entry.digest != salt]
            yield pack_parcel(pack, pack.name, pack.size, entries, is_temporary=True)

    def _land(self, flying: dict[Future[_Landed], Flight]) -> None:
        """Wait until something arrived, saying meanwhile how far all of it is."""
        while not (done := wait(flying, timeout=_REPORT_S, return_when=FIRST_COMPLETED).done):
            self._progress.advance(size_bytes=sum(flight.share.take() for flight in flying.values()))
        for future in done:
            parcel, share, group = flying.pop(future)
            group.under_way -= 1
            try:
                landed = future.result()
            except DamagedObject:
                if not parcel.is_pack or parcel.is_temporary:
                    parcel.drop()
                    raise
                self._again += [held.digest for held in parcel.held]
                continue
            except BaseException:
                parcel.drop()
                raise
            self._progress.advance(size_bytes=share.rest(), count=len(parcel.held))
            group.arrived.append(parcel.emptied())
            group.note_sent(parcel, landed.sent_bytes)
            group.recipes += [landed.recipe] if landed.recipe is not None else []

    def _index(self, group: Group) -> None:
        if self._keep is not None:
            self._keep()
        packs = [PackSize(parcel.digest, parcel.size) for parcel in group.arrived if parcel.is_pack]
        held = [held for parcel in group.arrived for held in parcel.held]
        publish_segment(self._place, self._known, held, packs)
        if self._cutting is not None:
            for recipe in group.drafted:
                self._cutting.tables.note_object(recipe)
        self._known.note_repaired((pack.digest for pack in packs), (one.digest for one in held if one.pack is None))
        sent = self._sent
        count = sum(one.flags != OF_WHOLE for one in held)
        self._sent = Sent(
            sent.objects_count + count, sent.sent_bytes + group.sent_bytes, sent.packs_count + group.sent_packs
        )
