"""Where large objects are cut: where their content says so, and exactly where the slow reference says so, too."""

import random
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.chunker import lengths as slow_lengths
from track.errors import NotAStore
from track.model.digest import Digest, digest_of
from track.store import fastcdc
from track.store.chunking import Chunker, chunker_of
from track.store.description import CHOSEN, Chunking, Description, dump_description, parse_description

SMALL = Chunking(minimum_bytes=1 << 10, average_bytes=4 << 10, maximum_bytes=16 << 10, normalisation=2)
"""Cuts as real ones do, at a sixteenth of their size: the reference is slow."""


def chunker(how: Chunking = SMALL) -> Chunker:
    made = chunker_of(how)
    assert made is not None, "install the project with its extra `chunks`"
    return made


def chunks(data: bytes, how: Chunking = SMALL) -> list[Digest]:
    found, at = [], 0
    for length in chunker(how).lengths(data, is_end=True):
        found.append(digest_of(data[at : at + length]))
        at += length
    assert at == len(data)
    return found


def rows(count: int, seed: int) -> Iterator[bytes]:
    source = random.Random(seed)
    for number in range(count):
        yield b"%d,%d,user%d\n" % (number, source.randrange(10**9), source.randrange(10**6))


@pytest.mark.parametrize("normalisation", [1, 2])
@pytest.mark.parametrize("kind", ["random", "rows", "zeros", "short"])
def test_the_cuts_are_those_of_the_slow_reference(normalisation: int, kind: str) -> None:
    source = random.Random(normalisation)
    data = {
        "random": source.randbytes(500_001),
        "rows": b"".join(rows(20_000, 3)),
        "zeros": bytes(600_000),
        "short": source.randbytes((16 << 10) + 7),
    }[kind]
    how = Chunking(normalisation=normalisation)
    found = chunker(how).lengths(data, is_end=True)
    assert found == slow_lengths(data, how)
    assert all(how.minimum_bytes <= length <= how.maximum_bytes for length in found[:-1])


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=300), st.integers(0, 2**32), st.integers(0, 60_000), st.sampled_from([1, 2, 3]))
def test_any_data_is_cut_as_the_reference_cuts_it(edge: bytes, seed: int, size: int, normalisation: int) -> None:
    data = edge + random.Random(seed).randbytes(size) + edge
    how = SMALL._replace(normalisation=normalisation)
    assert chunker(how).lengths(data, is_end=True) == slow_lengths(data, how)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 200_000), st.integers(32 << 10, 90_000))
def test_the_cuts_depend_on_the_content_and_not_on_how_it_comes(seed: int, size: int, slice_bytes: int) -> None:
    data = random.Random(seed).randbytes(size)
    found, at, have = [], 0, 0
    while at < size:
        have = min(size, max(have, at) + slice_bytes)
        some = chunker().lengths(data[at:have], is_end=have == size)
        found += some
        at += sum(some)
    assert found == chunker().lengths(data, is_end=True)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 400_000), st.integers(0, 2_000), st.binary(max_size=2_000))
def test_an_edit_anywhere_makes_few_new_chunks(seed: int, at: int, removed: int, added: bytes) -> None:
    data = random.Random(seed).randbytes(400_000)
    edited = data[:at] + added + data[at + removed :]
    new = set(chunks(edited)) - set(chunks(data))
    assert len(new) <= 12


def test_a_store_says_how_it_cuts_and_in_one_that_does_not_nothing_is_cut() -> None:
    said = Description("0" * 32, chunking=Chunking(normalisation=2))
    assert b"\nnormalisation = 2\n" in dump_description(said)
    assert parse_description(dump_description(said), "here") == said
    silent = Description("0" * 32)
    assert b"normalisation" not in dump_description(silent)
    assert chunker_of(parse_description(dump_description(silent), "here").chunking) is None
    assert chunker_of(said.chunking) is not None
    for odd in (b'"two"', b"inf", b"nan"):
        with pytest.raises(NotAStore):
            parse_description(dump_description(said).replace(b"= 2\n", b"= " + odd + b"\n"), "here")


@pytest.mark.parametrize(
    "odd",
    [
        CHOSEN._replace(algorithm="rabin"), CHOSEN._replace(normalisation=4), CHOSEN._replace(normalisation=-1),
        CHOSEN._replace(average_bytes=65_000),
        CHOSEN._replace(minimum_bytes=0), CHOSEN._replace(maximum_bytes=1 << 30),
        CHOSEN._replace(minimum_bytes=1 << 17),
        CHOSEN._replace(average_bytes=1 << 40, maximum_bytes=1 << 41), CHOSEN._replace(seed=-1),
        CHOSEN._replace(seed=1 << 70),
    ],
)  # fmt: skip
def test_nothing_is_cut_in_a_way_that_is_not_known(odd: Chunking) -> None:
    assert chunker_of(odd) is None


def test_nothing_is_cut_where_the_chunker_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastcdc, "cutter", lambda: None)
    assert chunker_of(CHOSEN) is None


def test_a_module_of_that_name_that_cuts_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyfastcdc", ModuleType("pyfastcdc"))  # as a folder of that name is
    assert fastcdc.cutter.__wrapped__() is None
