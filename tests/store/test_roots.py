"""Roots entries: one canonical text, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import DamagedObject, NewerFormat
from track.model.digest import Digest, digest_of
from track.model.policy import ALL, TIPS, Policy
from track.store.layout import (
    RootsKey,
    claim_name,
    is_tombstone,
    object_digest,
    object_key,
    pack_digest,
    pack_key,
    roots_name,
    segment_key,
    segment_name,
)
from track.store.roots import RootsEntry, dump_roots, parse_roots, union
from track.store.segment import Name

WRITER = "0123456789abcdef0123456789abcdef"
ONE, TWO = digest_of(b"1"), digest_of(b"2")

refs = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.lists(st.binary(min_size=32, max_size=32).map(Digest), max_size=4).map(lambda found: tuple(sorted(set(found)))),
    max_size=4,
)


@given(refs, st.booleans())
def test_what_is_written_is_read_back(found: dict[str, tuple[Digest, ...]], complete: bool) -> None:
    entry = RootsEntry(WRITER, complete, found)
    assert parse_roots(dump_roots(entry), "key") == entry


@pytest.mark.parametrize("keep", [ALL, TIPS, Policy(False, last=3, newer_days=90)])
@pytest.mark.parametrize("dropped", [(), (ONE, TWO)])
def test_what_is_kept_and_given_up_is_read_back(keep: Policy, dropped: tuple[Digest, ...]) -> None:
    entry = RootsEntry(WRITER, True, {"main": (ONE,)}, keep, frozenset(dropped))
    assert parse_roots(dump_roots(entry), "key") == entry


def test_what_a_later_version_says_that_it_keeps_is_everything() -> None:
    text = f'format = 1\nwriter = "{WRITER}"\ncomplete = true\nkeep = "what is red"\n[refs]\n'
    assert parse_roots(text.encode(), "roots/x").keep == ALL


def test_the_text_is_canonical() -> None:
    assert dump_roots(RootsEntry(WRITER, True, {"refs/tags/v1": (TWO,), "HEAD": (TWO, ONE)})).decode() == (
        f'format = 1\nwriter = "{WRITER}"\ncomplete = true\n\n[refs]\n'
        f'"HEAD" = [\n  "{min(ONE, TWO)}",\n  "{max(ONE, TWO)}",\n]\n'
        f'"refs/tags/v1" = [\n  "{TWO}",\n]\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "format = 1",
        'format = 1\nwriter = "../../etc"\ncomplete = true\n[refs]\n',
        f'format = 1\nwriter = "{WRITER}"\ncomplete = "yes"\n[refs]\n',
        f'format = 1\nwriter = "{WRITER}"\ncomplete = true\n[refs]\nmain = ["blake3:00"]\n',
        f'format = 1\nwriter = "{WRITER}"\ncomplete = true\nrefs = 3\n',
        "x = " + "[" * 5000,
    ],
)
def test_what_is_no_roots_entry_is_refused(text: str) -> None:
    with pytest.raises(DamagedObject, match="roots/x"):
        parse_roots(text.encode(), "roots/x")


def test_a_later_format_is_refused_by_name() -> None:
    with pytest.raises(NewerFormat, match="format 2"):
        parse_roots(b"format = 2\n", "roots/x")


def test_a_union_says_what_each_said() -> None:
    first = RootsEntry(WRITER, True, {"main": (ONE,)})
    second = RootsEntry(WRITER, True, {"main": (TWO,), "dev": (ONE,)})
    assert union([first, second]).refs == {"main": tuple(sorted((ONE, TWO))), "dev": (ONE,)}


def test_of_what_is_kept_a_union_says_what_the_latest_said() -> None:
    latest = RootsEntry(WRITER, True, {}, TIPS, frozenset([ONE]))
    before = RootsEntry(WRITER, True, {}, ALL, frozenset([TWO]))
    assert union([latest, before])[3:] == (TIPS, frozenset([ONE, TWO]))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 199))
def test_keys_name_what_they_were_made_from(digest: bytes, level: int) -> None:
    assert object_digest(object_key(digest)) == digest
    assert pack_digest(pack_key(digest)) == digest
    assert segment_name(segment_key(Name(level, digest))) == Name(level, digest)
    key = RootsKey(digest[:16].hex(), level, digest[:4].hex())
    assert roots_name(str(key)) == key == claim_name(f"{key}.claim")


HOSTILE = [
    "packs/../../etc/passwd",
    "objects/ab/" + "c" * 61,
    "objects/AB/" + "c" * 62,
    "objects/ab/" + "c" * 62 + "\n",
    "packs/ab/" + "c" * 62,
    "index/0-" + "c" * 64 + "/x",
    "index/00-" + "c" * 64,
    "index/-1-" + "c" * 64,
    "index/200-" + "c" * 64,
    "roots/x/00000001-00000000",
    f"roots/{WRITER}/1-00000000",
    f"roots/{WRITER}/../{WRITER}/00000001-00000000",
    "tombstones/x",
    "",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_listing_names_nothing(key: str) -> None:
    readers = (object_digest, pack_digest, segment_name, roots_name, claim_name)
    assert not any(read(key) for read in readers) and not is_tombstone(key)
