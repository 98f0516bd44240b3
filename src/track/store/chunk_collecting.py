"""Collecting chunks: which of a local store's chunks are used, and how those of a pack that goes get another one.

A chunk is used by the recipes of what is needed, and of what is too young to go. Where an object has several recipes,
the one that was written last counts alone: so a pack is free as soon as every recipe that named it is written anew.
"""

import os
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, Protocol

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch, check_entry
from track.store.index import Held
from track.store.objects import Store
from track.store.pack import CHUNK, READ_FLAGS, PackEntry, PackWriter, dump_table, read_table
from track.store.writer import Writer
from track.system import read_at, reading

_AT_ONCE = 2000


class Needed(Protocol):
    """Says which digests are needed."""

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these that are needed."""


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
    moving = _Moving(store, writer)
    try:
        for name in packs:
            with suppress(DamagedObject, NewerFormat, FileNotFoundError):
                moving.take(name, uses, progress)
        moving.seal()
    finally:
        moving.abandon()
    for held in uses.users if moving.moved else ():
        with suppress(DamagedObject, FileNotFoundError):
            recipe = store.recipes.read(held)
            if any(pack.digest in moving.moved for pack in recipe.packs):
                writer.add_recipe(moving.relocated(recipe))
    return frozenset(moving.moved)


class _Moved(NamedTuple):
    """Of each entry of a pack: the number of its new pack (-1: it was not used), its number there, its length."""

    packs: "array[int]"
    numbers: "array[int]"
    lengths: "array[int]"


class _Run(NamedTuple):
    """As a stretch, of a pack that is not numbered yet."""

    pack: NeededPack
    first: int
    chunks_count: int
    times: int
    length: int


class _Moving:
    """Chunks on their way from some packs to others."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store, self._writer = store, writer
        self._pack = PackWriter(store.rooms.staging)
        self._count = 0
        self._new: list[NeededPack] = []
        self.moved: dict[bytes, _Moved] = {}

    def take(self, name: bytes, uses: Uses, progress: Progress) -> None:
        """All that is used of a pack, verified before any of it is taken."""
        path = self._store.rooms.pack(name)
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
        moved = _Moved(array("q"), array("q"), array("q"))
        for entry, data, is_used in zip(entries, stored, used, strict=True):
            moved.packs.append(len(self._new) if is_used else -1)
            moved.numbers.append(self._count)
            moved.lengths.append(entry.length)
            if is_used:
                self._pack.add_entry(entry, data)
                self._count += 1
                progress.advance(size_bytes=len(data))
                if self._pack.is_full:
                    self.seal()
        self.moved[name] = moved

    def seal(self) -> None:
        """Give the open pack to the writer."""
        sealed, self._pack, self._count = self._pack.seal(), PackWriter(self._store.rooms.staging), 0
        if sealed is not None:
            table = blake3(dump_table(sealed.entries)).digest()
            self._new.append(NeededPack(sealed.name, table, sealed.table_offset, len(sealed.entries)))
            self._writer.adopt_chunks(sealed)

    def abandon(self) -> None:
        """Drop the open pack."""
        self._pack.abandon()

    def relocated(self, recipe: ChunkedRecipe) -> ChunkedRecipe:
        """The same object, of the packs in which its chunks are now."""
        runs = [run for stretch in recipe.stretches for run in self._runs(recipe.packs[stretch.pack], stretch)]
        packs = sorted({run.pack for run in runs})
        number = {pack: at for at, pack in enumerate(packs)}
        stretches = tuple(Stretch(number[run.pack], *run[1:]) for run in runs)
        return ChunkedRecipe(recipe.digest, recipe.length, tuple(packs), stretches)

    def _runs(self, pack: NeededPack, stretch: Stretch) -> Iterator[_Run]:
        moved = self.moved.get(pack.digest)
        if moved is None:
            yield _Run(pack, *stretch[1:])
            return
        runs: list[_Run] = []
        for old in range(stretch.first, stretch.first + stretch.chunks_count):
            new, number, length = self._new[moved.packs[old]], moved.numbers[old], moved.lengths[old]
            last = runs[-1] if runs else None
            if last is not None and last.pack == new and last.first + last.chunks_count == number:
                runs[-1] = last._replace(chunks_count=last.chunks_count + 1, length=last.length + length)
            else:
                runs.append(_Run(new, number, 1, 1, length))
        if len(runs) == 1:
            yield runs[0]._replace(times=stretch.times, length=stretch.length)
        else:
            for _ in range(stretch.times):
                yield from runs


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
