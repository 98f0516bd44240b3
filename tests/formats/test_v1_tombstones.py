"""Frozen tombstones of every format: every later version reads them, and writes the latest the same."""

from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.store.tombstones import Purge, Tombstone, dump_tombstone, parse_tombstone

V1 = Path(__file__).parent / "v1" / "tombstones"
WRITER = "ffeeddccbbaa99887766554433221100"
ONE, TWO, THREE = (digest_of(content) for content in (b"one\n", b"two\n", b"three\n"))
GOLDEN = "blake3:c39cca0197542bf0bfaacb704e4a3ce3894159a20554435745ff91424978b719"
WRITTEN = {
    "condemned": Tombstone("condemned", WRITER, frozenset({ONE, TWO}), frozenset({THREE})),
    "deleted": Tombstone("deleted", WRITER, packs=frozenset({TWO})),
    "deleting": Tombstone("deleting", WRITER),
    "purged": Tombstone(
        "purged",
        WRITER,
        objects=frozenset({ONE, THREE}),
        purge=Purge("2026-01-02", "Ada <ada@example.org>", 'asked "for" it\n\\ caf\u00e9', ("data/a b.csv", "x")),
    ),
}


def refused() -> dict[str, bytes]:
    """What this version refuses, by name; `newer` is of a later version, everything else is damaged."""
    good = dump_tombstone(WRITTEN["condemned"])
    purged = dump_tombstone(WRITTEN["purged"])
    return {
        "newer": good.replace(b"format = 2", b"format = 3"),
        "cut-short": good[:-40],
        "no-format": good.replace(b"format = 2\n", b""),
        "other-kind": good.replace(b"condemned", b"forgotten"),
        "short-digest": good.replace(ONE.hex().encode(), ONE.hex().encode()[:-2]),
        "capital-digest": good.replace(ONE.hex().encode(), ONE.hex().upper().encode()),
        "no-list": b'format = 2\nkind = "condemned"\nwriter = "%s"\npacks = "%s"\n' % (WRITER.encode(), b"0" * 64),
        "writer": good.replace(WRITER.encode(), b"../../etc"),
        "purge-without-reason": b"".join(line for line in purged.splitlines(True) if not line.startswith(b"reason")),
        "purge-on-no-day": purged.replace(b"2026-01-02", b"yesterday!"),
        "first-with-no-digest": b"track-tombstone 1\nnothing\n",
        "not-text": b"\xff\xfe",
    }


def frozen(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_same_bytes_are_written() -> None:
    written = {name: dump_tombstone(tombstone) for name, tombstone in WRITTEN.items()}
    first = b"track-tombstone 1\n" + "".join(f"{one.hex()}\n" for one in sorted((ONE, TWO))).encode()
    assert {**written, "first": first} == frozen(V1)
    assert refused() == frozen(V1 / "refused")


def test_the_frozen_files_are_still_those() -> None:
    names = sorted(path for path in V1.rglob("*") if path.is_file())
    everything = b"".join(f"{path.relative_to(V1)} {digest_of(path.read_bytes())}\n".encode() for path in names)
    assert str(digest_of(everything)) == GOLDEN


@pytest.mark.parametrize("name", WRITTEN)
def test_every_kind_is_read(name: str) -> None:
    assert parse_tombstone((V1 / name).read_bytes(), name) == WRITTEN[name]


def test_the_first_format_is_read() -> None:
    assert parse_tombstone((V1 / "first").read_bytes(), "first") == Tombstone(
        "condemned", "", objects=frozenset({ONE, TWO})
    )


@pytest.mark.parametrize("name", refused())
def test_what_nobody_can_read_is_refused_by_name(name: str) -> None:
    wanted = NewerFormat if name == "newer" else DamagedObject
    with pytest.raises(wanted, match=f"tombstones/{name}") as caught:
        parse_tombstone((V1 / "refused" / name).read_bytes(), f"tombstones/{name}")
    assert caught.value.hint
