"""Frozen series of format 1: every later version reads them to the bit.

Not written to the byte: other builds of zlib find other spellings of the same columns.
"""

from pathlib import Path

import pytest

from track.model.digest import Digest, digest_of
from track.model.series import Event, Point, parse_events, parse_points

V1 = Path(__file__).parent / "v1" / "series"
START = 1_783_000_000_000_000
SERIES = {
    "points": "6e2ed6922dffc5bc0f131ba7f79ab044e2b3479079e4857886219b4b7f6c9ed2",
    "events": "d63d003065be9c2eee4a11eea4a5e10971ca680e12092313877a4beaf610d4d2",
    "nothing": "c7abb4ebfbe1dfa24e4976f21aa66eb65f7cc6f2ddb69330210bd8779f7f6a39",
}


@pytest.mark.parametrize(("name", "digest"), SERIES.items())
def test_the_frozen_series_are_what_they_were(name: str, digest: str) -> None:
    assert digest_of((V1 / name).read_bytes()) == Digest.from_hex(digest)


def test_the_frozen_points_are_read_to_the_bit() -> None:
    found = parse_points((V1 / "points").read_bytes())
    assert list(found) == ["loss", "odd ä/name", "resources/rss"]
    loss = [Point(n, (n * 1000 + 7) / 1e6, START + n * 1000 + 7, 1 / (n + 1)) for n in range(300)]
    assert list(found["loss"]) == loss
    assert list(found["odd ä/name"]) == [
        Point(-5, -1.5, -(2**63), -0.0),
        Point(2**63 - 1, 1e-300, 2**63 - 1, 5e-324),
        Point(0, 0.1 + 0.2, 0, 1.7e308),
    ]
    assert str(found["odd ä/name"].values[0]) == "-0.0"
    assert list(found["resources/rss"]) == [Point(0, 0.25, START + 1, 2.0**40)]
    assert parse_points((V1 / "nothing").read_bytes()) == {}


def test_the_frozen_events_are_read_as_they_were() -> None:
    assert parse_events((V1 / "events").read_bytes()) == (
        Event(START, "begun"),
        Event(START + 5, "ValueError: x\n  at line 3"),
        Event(START - 9, ""),
        Event(START + 6, "größer 猫 \0"),
    )
