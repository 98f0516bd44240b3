"""Frozen packs and a frozen store of format 1: every later version reads them, and writes the same bytes."""

import os
import shutil
from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat, TrackError
from track.model.digest import Digest, digest_of
from track.store.description import Chunking, Description, dump_description, parse_description
from track.store.objects import Store
from track.store.pack import RAW, ZSTD, PackWriter, read_entry, read_table

V1 = Path(__file__).parent / "v1"
TEXT = b"The quick brown fox jumps over the lazy dog.\n"
LARGE = b"".join(b"%07d\n" % number for number in range(1 << 17))
SMALL = (b"", b"\n", TEXT, bytes(range(256)), b"second commit")
PACKS = {
    "later-form.pack": "fd6655dd159e5996c6b03a58cfcc75d82b85e1642d5edf20666142234e988f42",
    "raw.pack": "3db538d42893026f28c084c0c6d08698f81c0def82ea9e131b62e114d73a6d1a",
    "two-of-one.pack": "eb219f580be54088885ec916a73eefb903fccb1e24757c981979024d69204268",
    "zstd.pack": "7a7270c0857aeef0bd9904fe9978ca28b0048a2f003d9efa80230178ebf9a5c8",
}


def _read(name: str) -> list[tuple[int, bytes | type]]:
    """The form of each entry of a frozen pack, and its content or the error that reading it gives."""
    found: list[tuple[int, bytes | type]] = []
    fd = os.open(V1 / "packs" / name, os.O_RDONLY)
    try:
        for entry in read_table(fd):
            try:
                found.append((entry.form, read_entry(fd, entry)))
            except TrackError as error:
                found.append((entry.form, type(error)))
    finally:
        os.close(fd)
    return found


@pytest.mark.parametrize(("name", "digest"), PACKS.items())
def test_the_frozen_packs_are_still_those(name: str, digest: str) -> None:
    assert digest_of((V1 / "packs" / name).read_bytes()) == Digest.from_hex(digest)


def test_frozen_packs_are_read() -> None:
    assert _read("raw.pack") == [(RAW, content) for content in SMALL[:4]]
    assert _read("zstd.pack") == [(RAW, TEXT), (ZSTD, TEXT * 50)]
    assert _read("two-of-one.pack") == [(ZSTD, TEXT), (RAW, TEXT)]
    assert _read("later-form.pack") == [(RAW, TEXT), (2, NewerFormat), (0, NewerFormat), (9, NewerFormat)]


def test_the_frozen_pack_is_written_to_the_byte(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path)
    for content in SMALL[:4]:
        writer.add(digest_of(content), content)
    sealed = writer.seal()
    assert sealed is not None
    assert sealed.name.hex() == PACKS["raw.pack"]
    assert sealed.path.read_bytes() == (V1 / "packs" / "raw.pack").read_bytes()


@pytest.mark.parametrize("path", sorted((V1 / "packs" / "refused").glob("*.pack")), ids=lambda path: path.stem)
def test_frozen_packs_that_break_the_rules_are_refused(path: Path) -> None:
    with pytest.raises(NewerFormat if path.stem.startswith("newer") else DamagedObject):
        read_table(path)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A copy of the frozen store that a test may write to."""
    return shutil.copytree(V1 / "store", tmp_path / "store")


def test_the_frozen_store_is_read(frozen: Path) -> None:
    with Store.open(frozen, create=False) as store:
        assert store.id == "00112233445566778899aabbccddeeff"
        contents = {digest_of(content): content for content in (*SMALL, LARGE)}
        assert dict(store.objects()) == {digest: len(content) for digest, content in contents.items()}
        assert dict(store.read_many(list(contents))) == contents
        assert store.open_verified(digest_of(LARGE)).read_bytes() == LARGE
        assert store.damage == []


def test_the_frozen_store_lacks_nothing_that_is_added_again_and_takes_more(frozen: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((frozen / "packs").rglob("*.pack"))}
    with Store.open(frozen, create=True) as store:
        with store.writer() as writer:
            for content in SMALL:
                writer.add(content)
            writer.commit()
            assert {path: path.read_bytes() for path in sorted((frozen / "packs").rglob("*.pack"))} == before
            more = writer.add(b"more")
            writer.commit()
        assert store.read(more) == b"more"


def test_the_same_objects_make_the_same_store_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    with Store.open(tmp_path / "store", create=True) as store, store.writer() as writer:
        for content in SMALL[:4]:
            writer.add(content)
        writer.commit()
        writer.add(SMALL[4])
        with (tmp_path / "large").open("rb") as file:
            writer.add_file(file.fileno(), len(LARGE))
        writer.commit()
    for folder in ("packs", "objects"):
        made, frozen = (
            {path.relative_to(root): path.read_bytes() for path in (root / folder).rglob("*") if path.is_file()}
            for root in (tmp_path / "store", V1 / "store")
        )
        assert made == frozen


def test_the_frozen_description_is_read_and_written_as_it_is() -> None:
    content = (V1 / "store" / "store.toml").read_bytes()
    description = Description("00112233445566778899aabbccddeeff", "", Chunking("fastcdc-2020", 0, 16384, 65536, 262144))
    assert parse_description(content, "here") == description
    assert dump_description(description) == content
    shared = Description(description.id, "group")
    assert parse_description(dump_description(shared), "here") == shared
