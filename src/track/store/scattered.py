"""Scattered: packs of chunks at a remote of which the smaller part is needed, and the recipes that name them.

Such a pack can go when what is needed of it lies in another one, and every recipe that names it is written anew. So
the packs in which those recipes lie go with it: the old recipes leave the index in the step that takes their packs
out of it, and not before.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.store.chunk_reading import load_table
from track.store.chunked import ChunkedRecipe, NeededPack, parse_needed_table
from track.store.dead_file import MOSTLY, REWRITE_LIMIT, DeadFile
from track.store.known import Known
from track.store.layout import pack_key
from track.store.marks import Marks
from track.store.needing import live_recipes
from track.store.pack import RECORD_SIZE
from track.store.place import Listed, NoSuchKey, Place
from track.store.survey import in_threads

RECIPES_LIMIT = 256 << 20
"""Bytes of packs of recipes that are written anew in one collection, in memory; the rest waits for the next."""
_WORTH_A_LOOK = 0.75
"""The table of a pack is read when no more than this part of its chunks is needed."""


class Used:
    """Which chunks recipes name: of each pack, which entries, and where its table is."""

    def __init__(self) -> None:
        """None."""
        self._packs: dict[bytes, tuple[NeededPack, bytearray]] = {}

    def add(self, recipe: ChunkedRecipe) -> None:
        """What this recipe names."""
        for number, first, count, _, _ in recipe.stretches:
            pack = recipe.packs[number]
            _, entries = self._packs.setdefault(pack.digest, (pack, bytearray(pack.entries_count)))
            entries[first : first + count] = b"\1" * count

    def __contains__(self, pack: bytes) -> bool:
        """Whether any recipe names a pack."""
        return pack in self._packs

    def of(self, pack: bytes) -> tuple[NeededPack, bytearray]:
        """What a recipe says of a pack, and one byte for each of its entries: 1 where it is named. Raises KeyError."""
        return self._packs[pack]

    def every(self) -> list[bytes]:
        """The packs, sorted."""
        return sorted(self._packs)


class Scattered(NamedTuple):
    """Packs of chunks that are mostly dead, and the packs of recipes that name them; all of them go together.

    `chunks_count` chunks of `chunks_bytes`, as stored, are needed of the former. `named_from` says of each of them in
    which packs the recipes lie.
    """

    packs: tuple[DeadFile, ...]
    recipe_packs: tuple[DeadFile, ...]
    chunks_count: int
    chunks_bytes: int
    named_from: Mapping[bytes, frozenset[bytes]]

    @property
    def files(self) -> tuple[DeadFile, ...]:
        """All of these packs."""
        return (*self.packs, *self.recipe_packs)


NOTHING_SCATTERED = Scattered((), (), 0, 0, {})


class _Candidate(NamedTuple):
    """A pack of chunks that is mostly dead; bytes are as stored."""

    file: DeadFile
    live_bytes: int


def find_scattered(
    place: Place, known: Known, marks: Marks, used: Used, listed: Mapping[str, Listed], *, before_s: float,
    stay: Collection[bytes],
) -> Scattered:  # fmt: skip
    """The packs of chunks that are mostly dead, and can be written anew with all the recipes that name them.

    Needed recipes name what is `used`. Nothing is touched that was written after `before_s`, nor packs that `stay`.

    Raises:
        MissingObject: a recipe that is needed cannot be read.
        NewerFormat: it is of a later version.
        RemoteError: the remote does not answer.
    """
    sizes = {
        pack: size
        for pack, size in known.every_pack()
        if size <= REWRITE_LIMIT and pack not in stay
        and (there := listed.get(pack_key(pack))) is not None and there.modified_s < before_s
    }  # fmt: skip

    def look(pack: bytes) -> _Candidate | None:
        return _candidate(place, *used.of(pack), sizes[pack])

    found = in_threads(look, [one for one in used.every() if one in sizes])
    candidates = {one.file.digest: one for one in found if one is not None}
    if not candidates:
        return NOTHING_SCATTERED
    named_from: dict[bytes, set[bytes]] = defaultdict(set)
    for held, recipe in live_recipes(place, known, marks):
        for pack in recipe.packs:
            if pack.digest in candidates and held.pack is not None and held.pack not in stay:
                named_from[pack.digest].add(held.pack)
    chosen: list[_Candidate] = []
    recipe_packs: set[bytes] = set()
    for one in sorted(candidates.values(), key=lambda each: (each.live_bytes - each.file.size, each.file.digest)):
        more = named_from[one.file.digest] | recipe_packs
        if more <= sizes.keys() and sum(sizes[pack] for pack in more) <= RECIPES_LIMIT:
            chosen.append(one)
            recipe_packs = more
    return Scattered(
        tuple(one.file for one in chosen),
        tuple(_of_recipes(known, marks, pack, sizes[pack]) for pack in sorted(recipe_packs)),
        sum(one.file.live_count for one in chosen),
        sum(one.live_bytes for one in chosen),
        {one.file.digest: frozenset(named_from[one.file.digest]) for one in chosen},
    )


def _candidate(place: Place, pack: NeededPack, used: bytearray, size: int) -> _Candidate | None:
    """A pack, when it is mostly dead, and no recipe names more entries than it has."""
    live = used.count(1)
    if len(used) != pack.entries_count or live > _WORTH_A_LOOK * pack.entries_count:
        return None
    try:
        entries = parse_needed_table(load_table(place, pack), pack)
    except (NoSuchKey, DamagedObject, NewerFormat):
        return None
    dead_bytes = sum(one.stored_length + RECORD_SIZE for one, is_used in zip(entries, used, strict=True) if not is_used)
    if dead_bytes <= MOSTLY * size:
        return None
    live_bytes = sum(one.stored_length for one, is_used in zip(entries, used, strict=True) if is_used)
    return _Candidate(DeadFile(pack.digest, True, size, len(entries) - live, live, False), live_bytes)


def _of_recipes(known: Known, marks: Marks, pack: bytes, size: int) -> DeadFile:
    inside = known.inside(pack)
    live = marks.kept([held.digest for held in inside])
    live_count = sum(held.digest in live for held in inside)
    return DeadFile(pack, True, size, len(inside) - live_count, live_count, False)
