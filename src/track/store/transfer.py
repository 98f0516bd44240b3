"""Sending: what a remote lacks goes there in packs, then an index segment that says where it is.

Whole local packs are sent as they are when every object of them is asked for; other small objects are packed anew.
Of large ones go the chunks that the remote lacks, with a recipe; where nothing is cut, they go whole, with a recipe of
their pieces. Everything is hashed as it was written at the remote. What is final is said in the index every 256 MiB or
30 s, so an interrupted push goes on where it was.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, TrackError
from track.model.digest import digest_of
from track.progress import Progress, Share, silent
from track.publish import remove
from track.store.chunked import ChunkedRecipe, dump_chunked
from track.store.chunking import Chunker
from track.store.drafts import Drafting
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.objects import Store
from track.store.pack import RAW, PackEntry, PackWriter, read_table
from track.store.place import Place, Upload
from track.store.recipe import OF_WHOLE, PIECE, RECIPE, Recipe, dump_recipe, make_recipe
from track.store.salt import add_salt
from track.store.segment import Held, PackSize
from track.store.slabs import Source
from track.store.survey import publish_segment
from track.store.tables import Tables
from track.store.whole import Whole

INDEX_EVERY_BYTES = 256 << 20
INDEX_EVERY_OBJECTS = 200_000
INDEX_EVERY_S = 30.0
AS_IS_FROM = 12 << 20
"""Smaller local packs are packed together instead of being sent as they are: fewer requests, for good."""

_IN_FLIGHT = 4
_REPORT_S = 0.1


class Sent(NamedTuple):
    """What was sent: objects, bytes as they travelled, and the packs that they were in."""

    objects_count: int
    sent_bytes: int
    packs_count: int


class _Parcel(NamedTuple):
    """One file to send: a pack or a whole object, with what the index will say of it.

    `length` is how many bytes of objects it brings, whatever its size.
    """

    key: str
    source: Path
    digest: bytes
    size: int
    length: int
    held: tuple[Held, ...]
    is_pack: bool
    is_temporary: bool


class Cutting(NamedTuple):
    """How large objects are cut for a remote, and what is known of the packs of chunks there."""

    chunker: Chunker
    tables: Tables


class _Flight(NamedTuple):
    """A parcel on its way, and how far it is."""

    parcel: _Parcel
    share: Share


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
        self._ready: list[ChunkedRecipe] = []
        """Recipes that are in the group that is about to be indexed."""
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

    def _parcels(self, stock: _Stock) -> Generator[_Parcel, None, None]:
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
                    yield _pack_parcel(path, pack, size, entries, is_temporary=False)
        yield from self._packed(sorted(rest))

    def _whole(self, sources: list[Source]) -> Iterator[_Parcel]:
        for digest, large, size in sources:
            held = Held(digest, None, RAW, 0, 0, 0, size)
            if isinstance(large, Whole):
                yield _Parcel(object_key(digest), large.path, digest, size, size, (held,), False, False)
            else:
                path = self._store.copy_of_chunks(digest, self._store.rooms.staging)
                yield _Parcel(object_key(digest), path, digest, size, size, (held,), False, True)

    def _cut(self, sources: list[Source], cutting: Cutting) -> Iterator[_Parcel]:
        """Packs of the chunks that the remote lacks; the recipes gather until they are sent with the group."""
        unusable = self._bad_packs | self._condemned
        cutting.tables.use(lambda packs: self._known.has_packs(packs) - unusable)
        drafting = Drafting(
            cutting.tables,
            cutting.chunker,
            self._store.rooms.staging,
            damaged=self._store.check,
            is_salted=self._is_salted,
            is_passing=True,
        )
        for pack, recipes, reused_bytes in drafting.run(sources):
            self._drafted += recipes
            self._progress.advance(size_bytes=reused_bytes)
            if pack is not None:
                length = sum(entry.length for entry in pack.entries)
                yield _Parcel(pack_key(pack.name), pack.path, bytes(pack.name), pack.size, length, (), True, True)

    def _packed(self, digests: list[bytes]) -> Iterator[_Parcel]:
        """New packs of about 16 MiB with these objects."""
        staging = self._store.rooms.staging
        writer = PackWriter(staging, is_passing=True)
        try:
            for digest, data in self._store.read_many(digests):
                writer.add(digest, data)
                if writer.is_full:
                    full, writer = writer, PackWriter(staging, is_passing=True)
                    yield from self._sealed(full)
            last, writer = writer, PackWriter(staging, is_passing=True)
            yield from self._sealed(last)
        finally:
            writer.abandon()  # what was sealed is the parcel's to drop

    def _send_groups(self, parcels: Iterator[_Parcel]) -> None:
        more = True
        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            while more:
                with self._place.upload() as upload:
                    group, more = self._upload_group(parcels, upload, threads)
                    try:
                        if group:
                            upload.commit()
                            self._index(group)
                    finally:
                        for parcel in group:
                            _drop(parcel)

    def _upload_group(
        self, parcels: Iterator[_Parcel], upload: Upload, threads: ThreadPoolExecutor
    ) -> tuple[list[_Parcel], bool]:
        """Upload until the group is large or old enough to be indexed; what arrived, and whether more may follow."""
        group: list[_Parcel] = []
        flying: dict[Future[Recipe | None], _Flight] = {}
        recipes: list[Recipe] = []
        deadline, size, count, more = time.monotonic() + INDEX_EVERY_S, 0, 0, True
        try:
            while size < INDEX_EVERY_BYTES and count < INDEX_EVERY_OBJECTS and time.monotonic() < deadline:
                parcel = next(parcels, None)
                if parcel is None:
                    more = False
                    break
                flight = _Flight(parcel, Share(parcel.length))
                flying[threads.submit(self._put, upload, flight)] = flight
                size, count = size + parcel.size, count + len(parcel.held)
                if len(flying) >= _IN_FLIGHT:
                    group += self._landed(flying, recipes)
            while flying:
                group += self._landed(flying, recipes)
            for parcel in self._recipes(recipes):
                group.append(parcel)
                upload.put_file(parcel.key, parcel.source, parcel.digest, replace=parcel.digest in self._bad_packs)
        except BaseException:
            for flight in flying.values():
                flight.share.stop()
            wait(flying)
            for parcel in (*(flight.parcel for flight in flying.values()), *group):
                _drop(parcel)
            raise
        return group, more

    def _put(self, upload: Upload, flight: _Flight) -> Recipe | None:
        """Runs in a thread: send one file; the recipe of a large one."""
        parcel = flight.parcel
        recipe = make_recipe(parcel.source) if not parcel.is_pack and parcel.size > PIECE else None
        replace = parcel.digest in (self._bad_packs if parcel.is_pack else self._lost)
        upload.put_file(parcel.key, parcel.source, parcel.digest, replace=replace, moved=flight.share.moved)
        return recipe if recipe is not None and recipe.digest == parcel.digest else None

    def _recipes(self, recipes: list[Recipe]) -> Iterator[_Parcel]:
        """Packs of nothing but recipes, so that no packs of objects carry what a local store has no use for."""
        writer = PackWriter(self._store.rooms.staging)
        try:
            for recipe in sorted(recipes):
                stored = dump_recipe(recipe)
                entry = PackEntry(recipe.digest, RECIPE, OF_WHOLE, 0, len(stored), recipe.length, digest_of(stored))
                writer.add_entry(entry, stored)
            for chunked in self._drafted:  # in the order of their chunks: neighbours come together, too
                stored = dump_chunked(chunked)
                entry = PackEntry(chunked.digest, RECIPE, 0, 0, len(stored), chunked.length, digest_of(stored))
                writer.add_entry(entry, stored)
            self._ready, self._drafted = self._drafted, []
            yield from self._sealed(writer)
        finally:
            writer.abandon()

    def _sealed(self, writer: PackWriter) -> Iterator[_Parcel]:
        """A pack made for this push; where some are condemned or purged, random bytes in it make it none of them."""
        salt = add_salt(writer) if self._is_salted and writer.size else b""
        pack = writer.seal()
        if pack is not None:
            entries = [entry for entry in pack.entries if entry.digest != salt]
            yield _pack_parcel(pack.path, pack.name, pack.size, entries, is_temporary=True)

    def _landed(self, flying: dict[Future[Recipe | None], _Flight], recipes: list[Recipe]) -> list[_Parcel]:
        """Wait until something arrived, saying meanwhile how far all of it is; what arrived."""
        while not (done := wait(flying, timeout=_REPORT_S, return_when=FIRST_COMPLETED).done):
            self._progress.advance(size_bytes=sum(flight.share.take() for flight in flying.values()))
        landed = []
        for future in done:
            parcel, share = flying.pop(future)
            try:
                recipe = future.result()
            except DamagedObject:
                if not parcel.is_pack or parcel.is_temporary:
                    _drop(parcel)
                    raise
                self._again += [held.digest for held in parcel.held]
                continue
            except BaseException:
                _drop(parcel)
                raise
            self._progress.advance(size_bytes=share.rest(), count=len(parcel.held))
            landed.append(parcel)
            recipes += [recipe] if recipe is not None else []
        return landed

    def _index(self, group: list[_Parcel]) -> None:
        if self._keep is not None:
            self._keep()
        packs = [PackSize(parcel.digest, parcel.size) for parcel in group if parcel.is_pack]
        held = [held for parcel in group for held in parcel.held]
        publish_segment(self._place, self._known, held, packs)
        if self._cutting is not None:
            for recipe in self._ready:
                self._cutting.tables.note_object(recipe)
        self._known.note_repaired((pack.digest for pack in packs), (one.digest for one in held if one.pack is None))
        sent = self._sent
        size = sum(parcel.size for parcel in group)
        count = sum(one.flags != OF_WHOLE for one in held)
        self._sent = Sent(sent.objects_count + count, sent.sent_bytes + size, sent.packs_count + len(packs))


def _pack_parcel(path: Path, name: bytes, size: int, entries: Iterable[PackEntry], *, is_temporary: bool) -> _Parcel:
    held = tuple(
        Held(entry.digest, name, entry.form, entry.flags, entry.offset, entry.stored_length, entry.length)
        for entry in entries
    )
    length = sum(one.length for one in held if one.form != RECIPE)
    return _Parcel(pack_key(name), path, bytes(name), size, length, held, True, is_temporary)


def _drop(parcel: _Parcel) -> None:
    """Remove a pack that was made only to be sent."""
    if parcel.is_temporary:
        with suppress(OSError, TrackError):
            remove(parcel.source)
