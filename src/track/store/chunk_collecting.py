"""Collecting chunks: which of a local store's chunks are used, and how those of a pack that goes get another one.

A chunk is used by the recipes of what is needed, and of what is too young to go. Where an object has several recipes,
the one that was written last counts alone: so a pack is free as soon as every recipe that named it is written anew.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from itertools import islice

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.store.chunk_moving import Moving
from track.store.chunked import ChunkedRecipe, check_entry
from track.store.index import Held
from track.store.marks import Needed
from track.store.objects import Store
from track.store.pack import CHUNK, READ_FLAGS, PackEntry, read_table
from track.store.writer import Writer
from track.system import read_at, reading

_AT_ONCE = 2000


class Uses:
    """Which chunks are used: of each pack, which entries; and where the recipe of each object is that counts."""

    def __init__(self) -> None:
        """Nothing is used."""
        self.recipes: dict[bytes, tuple[bytes, int]] = {}
        self.users: list[Held] = []
        self.broken: set[bytes] = set()
        """What is needed, and can be had by none of its recipes for now."""
        self._entries: dict[bytes, bytearray] = {}
        self._wholly: set[bytes] = set()

    def add(self, recipe: ChunkedRecipe) -> None:
        """Use what this recipe names."""
        for number, first, count, _, _ in recipe.stretches:
            pack = recipe.packs[number]
            entries = self._entries.setdefault(pack.digest, bytearray(pack.entries_count))
            entries[first : first + count] = b"\1" * count

    def add_all(self, packs: Iterable[bytes]) -> None:
        """Use all of these packs."""
        self._wholly.update(packs)

    def of(self, pack: bytes, entries_count: int) -> bytearray:
        """One byte for each entry of a pack: 1 where it is used."""
        if pack in self._wholly:
            return bytearray(b"\1" * entries_count)
        return (self._entries.get(pack) or bytearray()).ljust(entries_count, b"\0")

    def uses(self, pack: bytes) -> bool:
        """Whether anything in a pack is used."""
        return pack in self._wholly or 1 in self._entries.get(pack, b"")

    def is_spared(self, pack: bytes) -> bool:
        """Whether all of a pack is used because nobody can say what of it is: it stays as it is."""
        return pack in self._wholly

    def is_recipe(self, digest: bytes, pack: bytes, offset: int) -> bool:
        """Whether this is the recipe of an object that counts."""
        return self.recipes.get(digest) == (pack, offset)


def uses_of(store: Store, needed: Needed, before_s: float, *, spares: bool = True) -> Uses:
    """What is used by what is needed, and by recipes in packs that changed after `before_s` (seconds since 1970).

    When it `spares` what is broken, all that is left of a needed object of which something is damaged or missing is
    used, too: what is missing may come back.
    """
    store.index.refresh()  # an index of our own does not know what other users of the store added
    found = Uses()
    every = store.index.recipes()
    while group := list(islice(every, _AT_ONCE)):
        kept = needed.kept([held.digest for held in group])
        for held in group:
            name = store.index.pack_name(held.pack)
            found.recipes[held.digest] = name, held.offset
            if held.digest in kept or _modified_s(store, name) > before_s:
                found.users.append(held)
                _use(store, found, held)
    if spares and (lost := store.index.cut_up() - found.recipes.keys()):
        found.broken = {one for one in needed.kept(sorted(lost)) if store.whole(one) is None}
        found.add_all(store.index.needed(found.broken))
    return found


def _use(store: Store, found: Uses, held: Held) -> None:
    try:
        found.add(store.recipes.read(held))
    except (DamagedObject, FileNotFoundError):  # whatever it says: what it is known to need stays
        found.add_all(store.index.needed([held.digest]))


def _modified_s(store: Store, name: bytes) -> float:
    try:
        return store.rooms.pack(name).lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def is_of_chunks(entries: Sequence[PackEntry]) -> bool:
    """Whether a pack holds chunks, and nothing else."""
    return all(entry.flags == CHUNK for entry in entries)


def move_chunks(
    store: Store, writer: Writer, packs: Iterable[bytes], uses: Uses, progress: Progress = silent
) -> frozenset[bytes]:
    """Write the used chunks of these packs into new ones, and the recipes of their users anew; which packs were.

    They are durable with the writer's commit. A pack in which a used chunk is damaged, or that is gone, stays as it is.

    Raises:
        DiskFull, StoreUnwritable: it could not be written.
    """
    moving = Moving(store.rooms.staging, lambda sealed, _: writer.adopt_chunks(sealed))
    try:
        for name in packs:
            with suppress(DamagedObject, NewerFormat, FileNotFoundError):
                _take(store, moving, name, uses, progress)
        moving.seal()
    finally:
        moving.abandon()
    for held in uses.users if moving.moved else ():
        with suppress(DamagedObject, FileNotFoundError):
            recipe = store.recipes.read(held)
            if any(pack.digest in moving.moved for pack in recipe.packs):
                writer.add_recipe(moving.relocated(recipe))
    return frozenset(moving.moved)


def _take(store: Store, moving: Moving, name: bytes, uses: Uses, progress: Progress) -> None:
    """All that is used of a pack, verified before any of it is taken."""
    path = store.rooms.pack(name)
    entries = read_table(path)
    used = uses.of(name, len(entries))
    with reading(path):
        fd = os.open(path, READ_FLAGS)
        try:
            stored = [
                read_at(fd, one.stored_length, one.offset) if is_used else b""
                for one, is_used in zip(entries, used, strict=True)
            ]
        finally:
            os.close(fd)
    for entry, data, is_used in zip(entries, stored, used, strict=True):
        if is_used:
            check_entry(entry, data, "its pack")
    moving.take(name, entries, used, stored)
    progress.advance(size_bytes=sum(map(len, stored)))


def objects_hit(store: Store, pack: bytes, lost: Collection[bytes] | None) -> tuple[bytes, ...]:
    """The objects that need chunks of a pack which are lost; all that need the pack, where it is None. Sorted."""
    needing = store.index.needing([pack])
    if lost is None:
        return tuple(sorted(needing))
    return tuple(sorted(held.digest for held in _needing(store, needing) if _is_hit(store, held, pack, lost)))


def rescue_chunks(store: Store, pack: bytes, lost: Collection[bytes] | None) -> tuple[bytes, ...]:
    """Have nothing need a pack in which chunks are lost: the others move, with the recipes that name them.

    The objects that are lost by it. Raises DiskFull, StoreUnwritable.
    """
    hit = objects_hit(store, pack, lost)
    for digest in hit:
        store.index.forget_recipes(digest, pack)
    uses = Uses()
    for held in _needing(store, store.index.needing([pack]) - set(hit)):
        uses.users.append(held)
        with suppress(DamagedObject, FileNotFoundError):
            uses.add(store.recipes.read(held))
    if uses.uses(pack):
        with store.writer() as writer:
            move_chunks(store, writer, [pack], uses)
            writer.commit()
    return hit


def is_named(store: Store, pack: bytes) -> bool:
    """Whether a recipe that counts names a pack; somebody may have written one a moment ago."""
    store.index.refresh()
    for held in _needing(store, store.index.needing([pack])):
        with suppress(DamagedObject, FileNotFoundError):
            if any(one.digest == pack for one in store.recipes.read(held).packs):
                return True
    return False


def _needing(store: Store, digests: Collection[bytes]) -> list[Held]:
    return [held for held in store.index.recipes() if held.digest in digests]


def _is_hit(store: Store, held: Held, pack: bytes, lost: Collection[bytes]) -> bool:
    """Whether one of the lost chunks is in an object; one whose recipe cannot be read is."""
    try:
        recipe = store.recipes.read(held)
        entries = read_table(store.rooms.pack(pack))
    except (DamagedObject, NewerFormat, FileNotFoundError):
        return True
    return any(
        entry.digest in lost
        for number, first, count, _, _ in recipe.stretches
        if recipe.packs[number].digest == pack
        for entry in entries[first : first + count]
    )
