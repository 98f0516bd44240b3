"""The frozen list of what is in a remote, and what a store says of its server: read by every later version."""

from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat, TrackError
from track.store.description import SUMS, Abilities, Description, dump_description, parse_description
from track.store.listing import dump_listing, parse_listing
from track.store.place import Listed

V1 = Path(__file__).parent / "v1" / "listing"
KEYS = [
    Listed("index/0-" + "0123456789abcdef" * 4, 1234, 1790000000.0),
    Listed("index/1-" + "f" * 64, 99, 1790000001.0),
    Listed("roots/" + "a" * 32 + "/00000001-deadbeef", 321, 1790000002.0),
    Listed("roots/" + "b" * 32 + "/00000002-00000000.claim", 7, 1790000003.0),
    Listed("tombstones/00000001-0a0b0c0d", 0, 1790000004.0),
]
SAID = Description("00112233445566778899aabbccddeeff", abilities=Abilities(True, True))


def test_the_frozen_list_is_read_and_written_again_byte_for_byte() -> None:
    frozen = (V1 / "listing").read_bytes()
    assert parse_listing(frozen) == KEYS
    assert dump_listing(reversed(KEYS)) == frozen


def test_an_empty_list_is_one() -> None:
    assert parse_listing(dump_listing([])) == []


def test_the_frozen_description_is_read_and_written_again_byte_for_byte() -> None:
    frozen = (V1 / "store.toml").read_bytes()
    assert parse_description(frozen, "here") == SAID and dump_description(SAID) == frozen


def test_a_store_that_says_nothing_of_its_server_is_read_as_before() -> None:
    plain = dump_description(Description(SAID.id))
    assert b"[server]" not in plain and parse_description(plain, "here").abilities == Abilities(None, False)
    odd = plain + b'[server]\nconditions = "yes"\nlisting = 1\nsums = "sha512"\nlater = 2\n'
    assert parse_description(odd, "here").abilities == Abilities(None, False)


@pytest.mark.parametrize("name", SUMS)
def test_the_sum_that_a_server_looks_at_is_one_line_more(name: str) -> None:
    said = SAID._replace(abilities=SAID.abilities._replace(sums=name))
    assert dump_description(said) == (V1 / "store.toml").read_bytes() + f'sums = "{name}"\n'.encode()
    assert parse_description(dump_description(said), "here") == said


def test_keys_that_are_none_of_ours_are_not_listed() -> None:
    odd = [Listed("index/a b", 1, 1.0), Listed("index/\n0 0 x", 1, 1.0), *KEYS]
    assert parse_listing(dump_listing(odd)) == KEYS


@pytest.mark.parametrize("path", sorted((V1 / "refused").iterdir()), ids=lambda path: path.name)
def test_what_is_no_list_is_refused(path: Path) -> None:
    kind: type[TrackError] = NewerFormat if path.name.startswith("newer") else DamagedObject
    with pytest.raises(kind):
        parse_listing(path.read_bytes())
