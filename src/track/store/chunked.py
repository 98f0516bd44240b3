"""A recipe of chunks: the stretches of packs that make a large object, a few bytes for each of them.

    head      magic "trackrcp" · version u16 · flags u16 = 2 · packs u32 · stretches u32 · length u64 · digest
    packs     sorted: digest · digest of its table · offset of its table u64 · entries u32
    stretches in order: pack u32 · first u32 · count u32 · times u32 · length u64
    footer    BLAKE3 of all before it

Numbers are little-endian. A stretch is `count` chunks that follow each other in one pack, beginning with the entry
`first` of its table, `times` over; `length` is that of all of it. The digest, place and length of each chunk are in
the table of its pack, which the recipe vouches for: so a terabyte is megabytes of recipe, not a gigabyte, and a
change of it is a few stretches. The idea of naming ranges of packs is that of Xet's xorbs.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.store.description import CHUNK_LIMIT
from track.store.pack import CHUNK, RECORD_SIZE, Footer, PackEntry, expand_entry, parse_table
from track.store.recipe import OF_WHOLE, RECIPE

IN_PACKS = 2
"""Flag in the head of a recipe: it names stretches of packs."""
RECIPE_LIMIT = 256 << 20
"""Bytes of a recipe; none is read that says that it has more."""

PACK_LIMIT = 1 << 30
"""Bytes of a pack that a recipe may need, and of ..."""
TABLE_LIMIT = 64 << 20
"""... its table."""

_MAGIC = b"trackrcp"
_VERSION = 1
_HEADER = struct.Struct("<8sHHIIQ32s")
_PACK = struct.Struct("<32s32sQI")
_STRETCH = struct.Struct("<IIIIQ")
_LENGTH_LIMIT = (1 << 63) - 1


class NeededPack(NamedTuple):
    """A pack that a recipe needs, and where its table is: `entries_count` records at `table_offset`, of this digest."""

    digest: bytes
    table_digest: bytes
    table_offset: int
    entries_count: int

    @property
    def table_length(self) -> int:
        """Bytes of its table."""
        return self.entries_count * RECORD_SIZE


class Stretch(NamedTuple):
    """So many chunks next to each other in a pack (which counts into the recipe's), from `first` on, `times` over.

    `length` is in bytes of the object, all times together.
    """

    pack: int
    first: int
    chunks_count: int
    times: int
    length: int


class ChunkedRecipe(NamedTuple):
    """An object of `length` bytes, and the stretches of packs that make it, in order."""

    digest: bytes
    length: int
    packs: tuple[NeededPack, ...]
    stretches: tuple[Stretch, ...]

    def between(self, start: int, end: int) -> Iterator[tuple[int, Stretch]]:
        """The stretches that have some of the bytes from `start` to `end`, with the offset of each in the object."""
        at = 0
        for stretch in self.stretches:
            if at >= end:
                return
            if at + stretch.length > start:
                yield at, stretch
            at += stretch.length


def needed_packs(stored: bytes, digest: bytes, flags: int) -> tuple[bytes, ...]:
    """The digests of the packs that the recipe of an object needs, sorted; `flags` are those of its record.

    None for an object that is a file of its own. Raises as `parse_chunked` does.
    """
    return () if flags == OF_WHOLE else tuple(pack.digest for pack in parse_chunked(stored, digest).packs)


def dump_chunked(recipe: ChunkedRecipe) -> bytes:
    """The bytes of a recipe; the same recipe always gives the same."""
    packs, stretches = recipe.packs, recipe.stretches
    head = _HEADER.pack(_MAGIC, _VERSION, IN_PACKS, len(packs), len(stretches), recipe.length, recipe.digest)
    data = b"".join([head, *(_PACK.pack(*pack) for pack in packs), *(_STRETCH.pack(*one) for one in stretches)])
    return data + blake3(data).digest()


def parse_chunked(data: bytes, digest: bytes) -> ChunkedRecipe:
    """The recipe of the object with this digest.

    Raises:
        DamagedObject: no recipe of chunks, another object's, or one that contradicts itself.
        NewerFormat: of a later version.
    """
    shown = f"the recipe of blake3:{digest.hex()}"
    if len(data) < _HEADER.size + 32 or not data.startswith(_MAGIC):
        raise DamagedObject(f"{shown} does not begin as one")
    _, version, flags, packs_count, count, length, named = _HEADER.unpack_from(data)
    if version != _VERSION or flags != IN_PACKS:
        raise NewerFormat(f"{shown} is of a newer format ({version}, flags {flags:#x})", hint="update track")
    stretches_at = _HEADER.size + _PACK.size * packs_count
    if len(data) != stretches_at + _STRETCH.size * count + 32:
        raise DamagedObject(f"{shown} has another size than it says")
    if blake3(memoryview(data)[:-32]).digest() != data[-32:] or named != digest:
        raise DamagedObject(f"{shown} is damaged, or another object's")
    packs = tuple(map(NeededPack._make, _PACK.iter_unpack(memoryview(data)[_HEADER.size : stretches_at])))
    stretches = tuple(map(Stretch._make, _STRETCH.iter_unpack(memoryview(data)[stretches_at:-32])))
    recipe = ChunkedRecipe(digest, length, packs, stretches)
    if not _is_sound(recipe):
        raise DamagedObject(f"{shown} contradicts itself")
    return recipe


def _is_sound(recipe: ChunkedRecipe) -> bool:
    """Whether everything that it says can be, as far as it alone can tell."""
    packs = recipe.packs
    return (
        0 < recipe.length <= _LENGTH_LIMIT
        and all(a.digest < b.digest for a, b in pairwise(packs))
        and all(0 < pack.table_length <= TABLE_LIMIT and pack.table_offset <= PACK_LIMIT for pack in packs)
        and {stretch.pack for stretch in recipe.stretches} == set(range(len(packs)))
        and all(_can_be(stretch, packs[stretch.pack]) for stretch in recipe.stretches)
        and sum(stretch.length for stretch in recipe.stretches) == recipe.length
    )


def _can_be(stretch: Stretch, pack: NeededPack) -> bool:
    _, first, count, times, length = stretch
    return (
        count > 0
        and times > 0
        and first + count <= pack.entries_count
        and count * times <= length <= count * times * CHUNK_LIMIT
        and length % times == 0
    )


def parse_needed_table(table: bytes, pack: NeededPack) -> list[PackEntry]:
    """The records of a pack's table, which has to be the one that a recipe vouches for; without the flag of chunks.

    Raises DamagedObject when it is another one, or cannot be one of chunks.
    """
    shown = f"pack {pack.digest.hex()[:12]}"
    entries = parse_table(table, Footer(pack.table_digest, pack.table_offset, pack.table_length), shown)
    if any(not 0 < entry.length <= CHUNK_LIMIT or entry.form == RECIPE for entry in entries):
        raise DamagedObject(f"{shown} has entries that are no chunks")
    if any(entry.flags for entry in entries):  # of a local store
        return [entry._replace(flags=0) if entry.flags == CHUNK else entry for entry in entries]
    return entries


def chunks_of(stretch: Stretch, table: Sequence[PackEntry]) -> Sequence[PackEntry]:
    """The chunks of a stretch, one time, given the table of its pack.

    Raises DamagedObject when they do not have the length that the recipe says.
    """
    chunks = table[stretch.first : stretch.first + stretch.chunks_count]
    if sum(chunk.length for chunk in chunks) * stretch.times != stretch.length:
        raise DamagedObject("the chunks of a stretch do not have the length that the recipe says")
    return chunks


def check_entry(entry: PackEntry, stored: bytes | memoryview, place: str) -> None:
    """Check what a pack stores of an object or a chunk, in any form that a local store writes.

    Raises:
        DamagedObject: the bytes are not those of the digest; a recipe is none.
        NewerFormat: stored in a form that this version does not know.
    """
    if entry.form == RECIPE and not entry.flags:
        if parse_chunked(bytes(stored), entry.digest).length != entry.length:
            raise DamagedObject(f"the recipe of blake3:{entry.digest.hex()} in {place} is of another length")
    else:
        expand_entry(entry._replace(flags=0) if entry.flags == CHUNK else entry, stored, place)
