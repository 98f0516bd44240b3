"""A frozen roots entry that says what its clone keeps: every later version reads it, and writes the same bytes."""

from pathlib import Path

from track.model.digest import digest_of
from track.model.policy import Policy
from track.store.roots import RootsEntry, dump_roots, parse_roots

V1 = Path(__file__).parent / "v1" / "keep"
ENTRY = RootsEntry(
    "ffeeddccbbaa99887766554433221100",
    True,
    {"refs/heads/main": (digest_of(b"the latest"),)},
    Policy(False, last=3, newer_days=90),
    frozenset([digest_of(b"the first"), digest_of(b"the second")]),
)


def test_the_same_bytes_are_written() -> None:
    assert dump_roots(ENTRY) == (V1 / "roots").read_bytes()


def test_the_frozen_entry_is_read() -> None:
    data = (V1 / "roots").read_bytes()
    assert parse_roots(data, "roots/x") == ENTRY
    assert str(digest_of(data)) == "blake3:3957634dafb1500666b834242ec484a99d0e8f3c65d40f9a0fb13c47dd7f67e7"


def test_a_version_that_knows_no_policies_reads_the_rest() -> None:
    """What it has not heard of it leaves out; then all of the history is kept."""
    lines = (V1 / "roots").read_text("ascii").splitlines()
    assert lines[:4] == [
        "format = 1",
        f'writer = "{ENTRY.writer}"',
        "complete = true",
        'keep = "last 3, newer than 90d"',
    ]
