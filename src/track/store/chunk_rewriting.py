"""Rewriting at a remote: what is needed of scattered packs of chunks gets new packs, and recipes that name those.

The new packs come first, then one segment of the index that names them and the new recipes in them. The old recipes
stay beside those until their packs are deleted, so whoever reads finds one of both, or either.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.progress import Progress, silent
from track.store.chunk_moving import Moving
from track.store.chunk_reading import load_chunked, load_whole
from track.store.chunked import ChunkedRecipe, NeededPack, dump_chunked, parse_chunked, parse_needed_table
from track.store.inventory import places_like
from track.store.known import Known
from track.store.marks import Needed
from track.store.objects import Store
from track.store.pack import PackEntry, PackWriter, SealedPack, dump_table, expand_entry
from track.store.pack_there import held_in, live_entries, send_pack
from track.store.place import NoSuchKey, Place
from track.store.recipe import OF_WHOLE, RECIPE
from track.store.salt import add_salt
from track.store.scattered import Scattered, Used
from track.store.segment import Held, PackSize
from track.store.survey import publish_segment
from track.store.tables import Tables, tables_beside


class Rewritten(NamedTuple):
    """The packs of which nothing is needed any more, and what went into new ones: chunks, and bytes as stored."""

    packs: frozenset[bytes]
    chunks_count: int
    chunks_bytes: int


class _Recipe(NamedTuple):
    """An entry of a pack of recipes, and what it says where it is one of chunks."""

    entry: PackEntry
    stored: bytes
    chunked: ChunkedRecipe | None


def rewrite_scattered(
    place: Place, known: Known, store: Store, marks: Needed, scattered: Scattered, *, stay: frozenset[bytes | None],
    keep: Callable[[], None] = lambda: None, progress: Progress = silent,
) -> Rewritten:  # fmt: skip
    """Write anew what is needed of these packs. Killed before its end, it leaves packs that nothing names.

    A pack that is damaged, or gone, stays, and so do those of chunks that recipes in it name. What lies in packs that
    `stay`, because they are condemned already or missing, counts as gone; None stands for objects that are files of
    their own. `keep` is called before anything is written.

    Raises:
        RemoteError: the remote does not answer, or does not take a new pack.
        DiskFull, StoreUnwritable: no space for a new pack here.
    """
    without = frozenset[bytes]()
    progress.begin("keeping what is needed of large files", count=len(scattered.packs))
    try:
        while True:
            rewriting = _Rewriting(place, known, store, marks, stay, keep=keep)
            try:
                return rewriting.run(scattered, without, progress)
            except _Unsound as error:  # then another recipe may be the one to keep
                without |= error.packs
            finally:
                rewriting.abandon()
    finally:
        progress.end()


class _Unsound(Exception):
    """Packs of chunks that cannot be written anew."""

    def __init__(self, packs: frozenset[bytes]) -> None:
        super().__init__()
        self.packs = packs


class _Rewriting:
    def __init__(
        self, place: Place, known: Known, store: Store, marks: Needed, stay: frozenset[bytes | None], *,
        keep: Callable[[], None],
    ) -> None:  # fmt: skip
        self._place, self._known, self._store, self._marks = place, known, store, marks
        self._stay, self._keep = stay, keep
        self._moving = Moving(store.rooms.staging, self._send_chunks, is_salted=True)
        self._recipes = PackWriter(store.rooms.staging)
        self._sizes: list[PackSize] = []
        self._held: list[Held] = []
        self._tables: list[tuple[NeededPack, bytes]] = []
        self._made: list[ChunkedRecipe] = []
        self._count = self._size = 0

    def abandon(self) -> None:
        """Drop the open packs."""
        self._moving.abandon()
        self._recipes.abandon()

    def run(self, scattered: Scattered, without: frozenset[bytes], progress: Progress) -> Rewritten:
        """All of it, `without` some packs of chunks. Raises _Unsound when others cannot be written anew, either."""
        inside = self._read({one.digest for one in scattered.recipe_packs})
        packs = {one.digest for one in scattered.packs if scattered.named_from[one.digest] <= inside.keys()} - without
        going = {pack for one in packs for pack in scattered.named_from[one]}
        wanted = self._wanted({pack: inside[pack] for pack in sorted(going)}, packs | without)
        used = Used()
        for one in wanted:
            if one.chunked is not None:
                used.add(one.chunked)
        for pack in sorted(packs):
            self._keep()
            with suppress(DamagedObject, NewerFormat, NoSuchKey):
                self._take(used, pack)
                progress.advance(count=1)
        moved = frozenset(self._moving.moved)
        if packs - moved:
            raise _Unsound(frozenset(packs - moved))
        if not moved:
            return Rewritten(frozenset(), 0, 0)
        self._moving.seal()
        for one in wanted:
            self._add(one)
        self._send_recipes()
        self._keep()
        publish_segment(self._place, self._known, self._held, self._sizes)
        self._note()
        return Rewritten(moved | going, self._count, self._size)

    def _read(self, packs: set[bytes]) -> dict[bytes, list[_Recipe]]:
        """What is needed in those packs of recipes that are sound."""
        found: dict[bytes, list[_Recipe]] = {}
        for pack in sorted(packs):
            with suppress(DamagedObject, NewerFormat, NoSuchKey):
                found[pack] = [
                    _Recipe(entry, stored, parse_chunked(stored, entry.digest) if _is_chunked(entry) else None)
                    for entry, stored in live_entries(self._place, self._known, self._marks, pack)
                ]
        return found

    def _wanted(self, inside: Mapping[bytes, list[_Recipe]], packs: set[bytes]) -> list[_Recipe]:
        """What has to be written anew: one recipe of each object, unless another stays that names none of the packs.

        They are those that go, and those that are damaged.
        """
        found: dict[tuple[bytes, bool], _Recipe] = {}
        gone = self._stay | inside.keys()
        for pack, recipes in inside.items():
            for one in recipes:
                key = one.entry.digest, one.entry.flags == OF_WHOLE
                if key not in found and not self._is_elsewhere(pack, one.entry, gone, packs):
                    found[key] = one
        return list(found.values())

    def _is_elsewhere(self, pack: bytes, entry: PackEntry, gone: frozenset[bytes | None], packs: set[bytes]) -> bool:
        digest, form, flags, offset, stored_length, length, _ = entry
        return any(
            place.pack not in gone and self._is_free(place, packs)
            for place in places_like(self._known, Held(digest, pack, form, flags, offset, stored_length, length))
        )

    def _is_free(self, held: Held, packs: set[bytes]) -> bool:
        """Whether a place of an object does not need any of these packs."""
        if held.form != RECIPE or held.flags == OF_WHOLE:
            return True
        try:
            named = {pack.digest for pack in load_chunked(self._place, held).packs}
        except (DamagedObject, NewerFormat, NoSuchKey):
            return False
        return named.isdisjoint(packs | self._stay) and self._known.has_packs(named) == named

    def _take(self, used: Used, name: bytes) -> None:
        """Take what is used of a pack, all of it verified before."""
        if name not in used:  # what is needed of it has another recipe
            self._moving.take(name, (), (), ())
            return
        pack, named = used.of(name)
        content, records = load_whole(self._place, pack)
        entries = parse_needed_table(records, pack)
        view = memoryview(content)
        stored = [view[entry.offset : entry.offset + entry.stored_length] for entry in entries]
        needed = [(entry, data) for entry, data, is_used in zip(entries, stored, named, strict=True) if is_used]
        for entry, data in needed:
            expand_entry(entry, data, "the remote")
        self._moving.take(name, entries, named, stored)
        self._count += len(needed)
        self._size += sum(len(data) for _, data in needed)

    def _add(self, one: _Recipe) -> None:
        """Write an entry of a pack of recipes, naming the new packs."""
        entry, stored, chunked = one
        if chunked is not None:
            made = self._moving.relocated(chunked)
            stored = dump_chunked(made)
            entry = PackEntry(entry.digest, RECIPE, 0, 0, len(stored), entry.length, digest_of(stored))
            self._made.append(made)
        self._recipes.add_entry(entry, stored)
        if self._recipes.is_full:
            self._send_recipes()

    def _send_recipes(self) -> None:
        if not self._recipes.size:
            return
        salt = add_salt(self._recipes)
        sealed, self._recipes = self._recipes.seal(), PackWriter(self._store.rooms.staging)
        assert sealed is not None
        self._held += held_in(sealed, without=salt)
        self._send(sealed)

    def _send_chunks(self, sealed: SealedPack, needed: NeededPack) -> None:
        self._tables.append((needed, dump_table(sealed.entries)))
        self._send(sealed)

    def _send(self, sealed: SealedPack) -> None:
        self._sizes.append(PackSize(sealed.name, sealed.size))
        self._keep()
        send_pack(self._place, sealed.path, sealed.name)

    def _note(self) -> None:
        """Have the next push from here find the chunks where they are now."""
        with Tables(tables_beside(self._known.path)) as tables:
            with tables.together():
                for needed, records in self._tables:
                    tables.note_table(needed, records)
            for recipe in self._made:
                tables.forget_object(recipe.digest)
                if self._store.large(recipe.digest) is not None:
                    tables.note_object(recipe)


def _is_chunked(entry: PackEntry) -> bool:
    return entry.form == RECIPE and entry.flags != OF_WHOLE
