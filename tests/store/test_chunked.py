"""Recipes of chunks: what they say, and what is not believed of them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.store.chunked import (
    ChunkedRecipe,
    NeededPack,
    Stretch,
    chunks_of,
    dump_chunked,
    needed_packs,
    parse_chunked,
    parse_needed_table,
)
from track.store.chunking import CHUNK_LIMIT
from track.store.pack import RAW, RECORD_SIZE, ZSTD
from track.store.recipe import OF_WHOLE, RECIPE

DIGEST = digest_of(b"the object")
PACKS = tuple(sorted(NeededPack(digest_of(b"pack %d" % n), digest_of(b"table %d" % n), 1000, 9) for n in range(3)))
SOUND = ChunkedRecipe(
    DIGEST, 5_100_000, PACKS,
    (Stretch(1, 0, 9, 1, 1_000_000), Stretch(0, 2, 1, 8, 4_000_000), Stretch(2, 8, 1, 1, 100_000)),
)  # fmt: skip


@st.composite
def recipes(draw: st.DrawFn) -> ChunkedRecipe:
    """Any that can be."""
    digests = draw(st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
    packs = tuple(
        NeededPack(digest, draw(st.binary(min_size=32, max_size=32)), draw(st.integers(0, 1 << 30)), 1000)
        for digest in sorted(digests)
    )
    numbers = [*range(len(packs)), *draw(st.lists(st.integers(0, len(packs) - 1), max_size=9))]
    stretches = []
    for number in numbers:
        count, times = draw(st.integers(1, 500)), draw(st.integers(1, 1 << 20))
        each = draw(st.integers(count, count * CHUNK_LIMIT))
        stretches.append(Stretch(number, draw(st.integers(0, 500)), count, times, each * times))
    length = sum(stretch.length for stretch in stretches)
    return ChunkedRecipe(draw(st.binary(min_size=32, max_size=32)), length, packs, tuple(stretches))


@given(recipes())
def test_what_is_written_is_read_again(recipe: ChunkedRecipe) -> None:
    data = dump_chunked(recipe)
    assert parse_chunked(data, recipe.digest) == recipe
    assert needed_packs(data, recipe.digest, 0) == tuple(pack.digest for pack in recipe.packs)
    assert needed_packs(data, recipe.digest, OF_WHOLE) == ()


@given(recipes(), st.data())
def test_the_stretches_between_two_places_are_those_that_have_some_of_it(
    recipe: ChunkedRecipe, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, recipe.length))
    end = data.draw(st.integers(start, recipe.length))
    found = list(recipe.between(start, end))
    at = 0
    wanted = []
    for stretch in recipe.stretches:
        if at < end and at + stretch.length > start:
            wanted.append((at, stretch))
        at += stretch.length
    assert found == wanted


LIES: dict[str, Callable[[ChunkedRecipe], ChunkedRecipe]] = {
    "longer than its stretches": lambda one: one._replace(length=one.length + 1),
    "nothing at all": lambda one: ChunkedRecipe(DIGEST, 0, (), ()),
    "packs twice": lambda one: one._replace(packs=(one.packs[0], one.packs[0], one.packs[2])),
    "packs not sorted": lambda one: one._replace(packs=one.packs[::-1]),
    "a pack that is not needed": lambda one: one._replace(
        length=one.length - one.stretches[-1].length, stretches=one.stretches[:-1]
    ),
    "a pack that is not named": lambda one: one._replace(
        stretches=(*one.stretches[:-1], one.stretches[-1]._replace(pack=3))
    ),
    "a pack without entries": lambda one: one._replace(packs=(one.packs[0]._replace(entries_count=0), *one.packs[1:])),
    "entries that are not there": lambda one: one._replace(
        stretches=(*one.stretches[:-1], one.stretches[-1]._replace(first=9))
    ),
    "a table without end": lambda one: one._replace(
        packs=(one.packs[0]._replace(entries_count=1 << 20), *one.packs[1:])
    ),
    "a pack without end": lambda one: one._replace(packs=(one.packs[0]._replace(table_offset=1 << 40), *one.packs[1:])),
    "no chunk": lambda one: one._replace(stretches=(one.stretches[0]._replace(chunks_count=0), *one.stretches[1:])),
    "no times": lambda one: one._replace(stretches=(one.stretches[0]._replace(times=0), *one.stretches[1:])),
    "times that do not divide it": lambda one: one._replace(
        stretches=(one.stretches[0], one.stretches[1]._replace(times=7), one.stretches[2])
    ),
    "chunks larger than any": lambda one: one._replace(
        length=one.length + (1 << 60),
        stretches=(one.stretches[0]._replace(length=one.stretches[0].length + (1 << 60)), *one.stretches[1:]),
    ),
    "chunks smaller than any": lambda one: one._replace(
        stretches=(one.stretches[0], one.stretches[1]._replace(times=1 << 31), one.stretches[2])
    ),
    "a length that no object has": lambda one: one._replace(length=(1 << 64) - 1),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_recipe_that_lies_is_refused(lie: str) -> None:
    assert parse_chunked(dump_chunked(SOUND), DIGEST) == SOUND
    with pytest.raises(DamagedObject, match="contradicts itself"):
        parse_chunked(dump_chunked(LIES[lie](SOUND)), DIGEST)


def test_what_is_no_recipe_of_chunks_is_refused() -> None:
    data = dump_chunked(SOUND)
    counts = data[:12] + b"\xff\xff\xff\xff\xff\xff\xff\xff" + data[20:]
    for bad in (b"", data[:40], data[:-1], data + b"!", data[:99] + bytes([data[99] ^ 1]) + data[100:], counts):
        with pytest.raises(DamagedObject):
            parse_chunked(bad, DIGEST)
    with pytest.raises(DamagedObject):
        parse_chunked(data, digest_of(b"another object"))
    for later in (data[:8] + b"\2" + data[9:], data[:10] + b"\0" + data[11:], data[:10] + b"\3" + data[11:]):
        with pytest.raises(NewerFormat):
            parse_chunked(later, DIGEST)


def record(form: int, length: int, stored: int, offset: int) -> bytes:
    digest = digest_of(b"%d" % offset)
    return b"".join(
        [digest, form.to_bytes(2, "little"), bytes(2)]
        + [number.to_bytes(8, "little") for number in (offset, stored, length)]
        + [digest]
    )


def needing(*records: bytes) -> NeededPack:
    table = b"".join(records)
    return NeededPack(bytes(32), digest_of(table), 30 * len(records), len(records))


def test_a_table_is_believed_only_when_the_recipe_vouches_for_it() -> None:
    records = [record(RAW, 30, 30, 0), record(ZSTD, 900, 30, 30), record(ZSTD, 40, 30, 60)]
    pack, table = needing(*records), b"".join(records)
    assert pack.table_length == 3 * RECORD_SIZE == len(table)
    entries = parse_needed_table(table, pack)
    assert [entry.length for entry in entries] == [30, 900, 40]
    assert chunks_of(Stretch(0, 1, 2, 3, 2820), entries) == entries[1:]
    with pytest.raises(DamagedObject, match="the length that the recipe says"):
        chunks_of(Stretch(0, 1, 2, 3, 2821), entries)
    for bad in (table[:-1], table[:50] + b"!" + table[51:], b""):
        with pytest.raises(DamagedObject):
            parse_needed_table(bad, pack)


@pytest.mark.parametrize(
    "bad", [record(RECIPE, 30, 30, 0), record(ZSTD, CHUNK_LIMIT + 1, 30, 0), record(ZSTD, 0, 30, 0)]
)
def test_a_table_of_what_are_no_chunks_is_refused(bad: bytes) -> None:
    with pytest.raises(DamagedObject, match="no chunks"):
        parse_needed_table(bad, needing(bad))
