"""The blocks of a sealed file: what goes in comes out, in pieces too, and whatever is changed is noticed."""

import os
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from track.model.digest import digest_of
from track.store.backends.sealing import (
    BLOCK,
    OVERHEAD,
    SALT,
    SEALED_BLOCK,
    Opening,
    Sealing,
    plain_size,
    sealed_size,
)

STORE = "00112233445566778899aabbccddeeff"
SEALING = Sealing(bytes(range(32)), STORE)
NAME = "packs/ab/cd.pack"
EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK - 1]
LENGTHS = st.one_of(st.sampled_from(EDGES), st.integers(0, 4 * BLOCK))


def content(length: int) -> bytes:
    return (b"sealed?" * (length // 7 + 1))[:length]


def seal(data: bytes, name: str = NAME, sealing: Sealing = SEALING) -> bytes:
    return b"".join(sealing.seal(name, sealing.salt(name, digest_of(data)), [data]))


@given(LENGTHS, st.lists(st.integers(0, 4 * BLOCK), max_size=5))
@example(2 * BLOCK, [BLOCK])
@example(3 * BLOCK - 1, [BLOCK - 1, BLOCK, BLOCK + 1])
def test_what_is_sealed_is_opened_however_it_was_cut(length: int, cuts: list[int]) -> None:
    data = content(length)
    ends = [0, *sorted(min(cut, length) for cut in cuts), length]
    pieces = [data[start:end] for start, end in pairwise(ends)]
    sealed = b"".join(SEALING.seal(NAME, SEALING.salt(NAME, digest_of(data)), pieces))
    assert sealed == seal(data)
    assert SEALING.open(NAME, sealed) == (data, 0)
    assert len(sealed) == sealed_size(length) and plain_size(len(sealed)) == length


@given(LENGTHS, st.integers(0, 4), st.integers(1, 5))
def test_a_piece_is_what_it_is_of_the_whole(length: int, first: int, count: int) -> None:
    data, sealed = content(length), seal(content(length))
    part = sealed[first * SEALED_BLOCK : (first + count) * SEALED_BLOCK]
    if not part:
        return
    found = SEALING.open(NAME, part, first=first, has_end=len(part) < count * SEALED_BLOCK)
    assert found == (data[first * BLOCK : (first + count) * BLOCK], 0)


@given(LENGTHS, st.data())
def test_any_flipped_bit_is_noticed_and_costs_its_block_alone(length: int, draw: st.DataObject) -> None:
    data, sealed = content(length), bytearray(seal(content(length)))
    at, bit = draw.draw(st.integers(0, len(sealed) - 1)), draw.draw(st.integers(0, 7))
    sealed[at] ^= 1 << bit
    found = SEALING.open(NAME, bytes(sealed))
    assert found.bad == 1 and len(found.data) == max(1, length)
    block = at // SEALED_BLOCK
    assert found.data[: block * BLOCK] == data[: block * BLOCK]
    part = found.data[block * BLOCK : (block + 1) * BLOCK]
    assert part == SEALING.noise(NAME, block, len(part))
    assert found.data[(block + 1) * BLOCK :] == data[(block + 1) * BLOCK :]


@given(LENGTHS, st.data())
@example(2 * BLOCK, None)
def test_any_cut_off_end_is_noticed(length: int, draw: st.DataObject | None) -> None:
    sealed = seal(content(length))
    kept = SEALED_BLOCK if draw is None else draw.draw(st.integers(0, len(sealed) - 1))
    assert SEALING.open(NAME, sealed[:kept]).bad > 0
    assert plain_size(kept) != length or length == 0


@given(LENGTHS, st.binary(min_size=1, max_size=100))
def test_what_was_appended_is_noticed(length: int, more: bytes) -> None:
    sealed = seal(content(length))
    assert SEALING.open(NAME, sealed + more).bad > 0
    assert SEALING.open(NAME, sealed + sealed[-SEALED_BLOCK:]).bad > 0


@given(st.permutations(range(4)).filter(lambda order: list(order) != [0, 1, 2, 3]))
def test_blocks_in_another_order_are_noticed(order: list[int]) -> None:
    sealed = seal(content(4 * BLOCK))
    blocks = [sealed[number * SEALED_BLOCK : (number + 1) * SEALED_BLOCK] for number in order]
    assert SEALING.open(NAME, b"".join(blocks)).bad >= 2


def test_blocks_of_another_content_that_lay_there_are_noticed() -> None:
    one, two = seal(content(3 * BLOCK)), seal(content(3 * BLOCK)[::-1])
    mixed = one[:SEALED_BLOCK] + two[SEALED_BLOCK : 2 * SEALED_BLOCK] + one[2 * SEALED_BLOCK :]
    found = SEALING.open(NAME, mixed)
    assert found.bad == 1 and found.data[BLOCK : 2 * BLOCK] == SEALING.noise(NAME, 1, BLOCK)


@pytest.mark.parametrize("name", ["packs/ab/ce.pack", "packs/ab/cd.pac", "objects/ab/cd.pack", ""])
def test_a_file_in_the_place_of_another_is_noticed(name: str) -> None:
    assert SEALING.open(name, seal(content(100))).bad == 1


def test_another_key_or_another_store_opens_nothing() -> None:
    for other in (Sealing(bytes(32), STORE), Sealing(bytes(range(32)), STORE[::-1])):
        assert other.open(NAME, seal(content(100))).bad == 1
        assert other.named("packs", SEALING.name("packs", "ab/cd.pack")) is None
        assert other.key_id != SEALING.key_id


def test_the_same_content_is_sealed_the_same_and_another_is_not() -> None:
    """So an interrupted transfer goes on; and the key stream of a block is never used for two contents."""
    one, again, two = seal(content(100)), seal(content(100)), seal(content(101)[1:])
    assert one == again
    assert one[:SALT] != two[:SALT]
    assert seal(content(100), "packs/ab/ce.pack")[:SALT] != one[:SALT]


def test_what_is_sealed_looks_like_nothing() -> None:
    """No two blocks of a thousand equal ones have anything in common."""
    sealed = seal(bytes(16 * BLOCK))
    pieces = {sealed[at + SALT : at + SALT + 32] for at in range(0, len(sealed), SEALED_BLOCK)}
    assert len(pieces) == 16


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=90))
def test_names_are_sealed_and_opened_and_bound_to_their_folder(name: str) -> None:
    sealed = SEALING.name("roots", name)
    assert sealed.isalnum() and sealed == sealed.lower()
    assert SEALING.named("roots", sealed) == name
    assert SEALING.named("index", sealed) is None


@pytest.mark.parametrize("sealed", ["", "a", "0189", "abcd", "ünïcode", "a" * 200])
def test_names_that_were_not_sealed_here_are_none(sealed: str) -> None:
    assert SEALING.named("roots", sealed) is None
    assert SEALING.named("roots", SEALING.name("roots", "x").upper()) is None


def sizes() -> Iterator[int]:
    yield from range(3 * OVERHEAD)
    for edge in (SEALED_BLOCK, 2 * SEALED_BLOCK):
        yield from range(edge - 2 * OVERHEAD, edge + 2 * OVERHEAD)


def test_a_length_that_no_sealed_file_has_is_never_taken_for_one() -> None:
    for size in sizes():
        plain = plain_size(size)
        assert sealed_size(plain) == size or plain == 0


def test_an_opening_goes_on_where_it_was() -> None:
    data = os.urandom(3 * BLOCK + 5)
    sealed, opening, found = seal(data), Opening(SEALING, NAME), b""
    for at in range(0, len(sealed), SEALED_BLOCK):
        part = sealed[at : at + SEALED_BLOCK]
        found += b"".join(opening.blocks(part, has_end=at + len(part) == len(sealed)))
    assert (found, opening.bad) == (data, 0)
