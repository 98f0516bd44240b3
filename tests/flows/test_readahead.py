"""Readahead: who goes on gets more, who jumps gets what was asked for, and nobody gets much that was not."""

import hashlib
from collections.abc import Sequence

from track.flows.readahead import BATCH, Readahead
from track.model.digest import Digest
from track.model.manifest import Entry
from track.store.pack import SMALL


def files(sizes: Sequence[int]) -> list[Entry]:
    return [
        Entry(b"%06d" % at, "f", size, Digest(hashlib.sha256(b"%d" % at).digest())) for at, size in enumerate(sizes)
    ]


def asked_for(entries: list[Entry], ahead: Readahead, order: Sequence[int]) -> list[list[int]]:
    """The numbers that come with each file that is read and not here, itself first."""
    numbers = {entry.digest: number for number, entry in enumerate(entries)}
    here: set[int] = set()
    came = []
    for number in order:
        if number not in here:
            came.append([number, *(numbers[Digest(digest)] for digest in ahead.following(entries, number, 1))])
            here.update(came[-1])
    return came


def test_who_goes_on_gets_twice_as_many_each_time() -> None:
    came = asked_for(files([100] * 900), Readahead(), range(900))
    assert [len(batch) for batch in came] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 389]
    assert [number for batch in came for number in batch] == list(range(900))


def test_who_jumps_gets_what_was_asked_for() -> None:
    order = [500, 3, 200, 40, 899]
    assert asked_for(files([100] * 900), Readahead(), order) == [[number] for number in order]


def test_two_who_go_on_do_not_disturb_each_other() -> None:
    order = [number for pair in zip(range(100), range(500, 600), strict=True) for number in pair]
    came = asked_for(files([100] * 900), Readahead(), order)
    assert [len(batch) for batch in came[::2]] == [len(batch) for batch in came[1::2]] == [1, 2, 4, 8, 16, 32, 64]


def test_what_comes_unasked_is_bounded_and_no_large_file_is_in_it() -> None:
    entries = files([SMALL - 1, SMALL, 300_000, 70] * 200)
    came = asked_for(entries, Readahead(), range(800))
    for batch in came:
        unasked = [entries[number].size for number in batch[1:]]
        assert sum(unasked) <= BATCH and all(size < SMALL for size in unasked)
    assert sorted(number for batch in came for number in batch) == list(range(800))


def test_files_that_are_asked_for_together_and_in_order_bring_as_many_more() -> None:
    entries, ahead = files([100] * 900), Readahead()
    assert ahead.following(entries, 0, 32) == []
    assert list(ahead.following(entries, 32, 32)) == [entry.digest for entry in entries[64:96]]
