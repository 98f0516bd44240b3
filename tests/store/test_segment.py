"""Index segments: the same entries give the same bytes, and a reader believes nothing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import DamagedObject, NewerFormat, TrackError
from track.model.digest import digest_of
from track.store.segment import (
    Held,
    Name,
    PackSize,
    Segment,
    build_segment,
    head_size,
    merge_segments,
    parse_head,
    parse_segment,
    read_entries,
)

PACKS = [PackSize(digest_of(b"pack one"), 1 << 20), PackSize(digest_of(b"pack two"), 9_000)]


def held(number: int, pack: bytes | None = PACKS[0].digest, *, offset: int = 0) -> Held:
    digest = digest_of(str(number).encode())
    if pack is None:
        return Held(digest, None, 0, 0, 0, 0, (1 << 20) + number)
    return Held(digest, pack, number % 2, 0, offset, 7, 7 + number)


def parsed(entries: list[Held], **more: object) -> Segment:
    name, data = build_segment(entries, PACKS, **more)  # type: ignore[arg-type]  # passed through as given
    return parse_segment(data, name)


def test_a_segment_says_what_it_was_built_from() -> None:
    entries = [held(1), held(2, None), held(3, PACKS[1].digest, offset=100), held(3, PACKS[0].digest, offset=5)]
    segment = parsed(entries)
    assert set(segment.entries()) == set(entries)
    assert segment.head.packs == tuple(sorted(PACKS))
    assert segment.name.level == 0 and not segment.head.is_merge and segment.head.replaced == ()


@given(st.lists(st.integers(0, 5000), max_size=60), st.randoms())
def test_the_order_of_entries_does_not_matter(numbers: list[int], shuffled: random.Random) -> None:
    entries = [held(number, None if number % 5 == 0 else PACKS[number % 2].digest) for number in numbers]
    other = entries[:]
    shuffled.shuffle(other)
    assert build_segment(entries, PACKS) == build_segment(other + entries, reversed(PACKS))


def test_entries_are_sorted_by_digest_and_found_through_the_fan_out() -> None:
    entries = [held(number) for number in range(1000)]
    name, data = build_segment(entries, PACKS)
    head = parse_head(data[:3000])
    assert head.total_size == len(data)
    for byte in range(256):
        offset, length = head.window(byte)
        found = list(read_entries(head, data[offset : offset + length]))
        assert {one.digest for one in found} == {one.digest for one in entries if one.digest[0] == byte}
    digests = [one.digest for one in parse_segment(data, name).entries()]
    assert digests == sorted(digests)


def test_an_empty_segment_is_one() -> None:
    assert list(parsed([]).entries()) == []


def test_a_merge_has_the_entries_of_all_and_names_what_it_replaces() -> None:
    first, second = parsed([held(1), held(2)]), parsed([held(2), held(3, PACKS[1].digest)])
    name, data = merge_segments([first, second])
    merged = parse_segment(data, name)
    assert {one.digest for one in merged.entries()} == {held(number).digest for number in (1, 2, 3)}
    assert merged.name.level == 1 and merged.head.is_merge
    assert merged.head.replaced == tuple(sorted([first.name, second.name]))


def test_every_flipped_bit_is_noticed() -> None:
    name, data = build_segment([held(1), held(2, None)], PACKS, replaced=[Name(0, digest_of(b"x"))])
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        with pytest.raises(DamagedObject):
            parse_segment(bytes(broken), name)


def test_a_segment_cut_short_is_refused() -> None:
    name, data = build_segment([held(1)], PACKS)
    for length in (0, 7, 23, 500, len(data) - 1):
        with pytest.raises(DamagedObject):
            parse_segment(data[:length], name)
        with pytest.raises(DamagedObject):
            parse_head(data[: min(length, 1000)])


def renamed(data: bytes) -> Segment:
    """What a liar who knows BLAKE3 would get past the digests."""
    return parse_segment(data, Name(0, digest_of(data)))


def resealed(data: bytes, head_length: int) -> bytes:
    head = data[: head_length - 32]
    body = head + digest_of(head) + data[head_length:-32]
    return body + digest_of(body)


def test_a_liar_gets_nothing_past_the_rules() -> None:
    _, data = build_segment([held(1), held(2)], PACKS)
    size = parse_head(data).size
    swapped = data[:size] + data[size + 56 : size + 112] + data[size : size + 56] + data[-32:]
    outside = data[: size + 36] + b"\xff\xff\xff\xff" + data[size + 40 :]
    strange_pack = data[: size + 32] + b"\x09\0\0\0" + data[size + 36 :]
    endless = data[: size + 44] + b"\xff" * 8 + data[size + 52 :]
    wrong_fan_out = data[:24] + b"\x02\0\0\0" * 256 + data[24 + 1024 :]
    unsorted_packs = data[:1048] + data[1088:1128] + data[1048:1088] + data[1128:]
    assert renamed(resealed(data, size)).head.entries_count == 2
    for lie in (swapped, outside, strange_pack, endless, wrong_fan_out, unsorted_packs):
        with pytest.raises(DamagedObject):
            list(renamed(resealed(lie, size)).entries())


def test_a_later_format_is_refused_by_name() -> None:
    _name, data = build_segment([held(1)], PACKS)
    later = data[:8] + b"\x02\0" + data[10:]
    with pytest.raises(NewerFormat, match="format 2"):
        parse_segment(later, Name(0, digest_of(later)))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_segment_or_an_error_of_ours(data: bytes) -> None:
    for given_data in (data, b"trackidx\x01\0" + data):
        with pytest.raises(TrackError):
            renamed(given_data)


def test_a_head_that_would_not_fit_into_memory_is_refused_unread() -> None:
    _, data = build_segment([held(1)], PACKS)
    with pytest.raises(DamagedObject, match="which cannot be"):
        head_size(data[:12] + b"\xff" * 8 + data[20:])
