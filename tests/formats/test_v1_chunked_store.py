"""A frozen local store that keeps chunks: every later version reads it, and writes such a one to the byte."""

import random
import shutil
from pathlib import Path

import pytest

from track.errors import MissingObject
from track.model.digest import digest_of
from track.store.checkup import check_store
from track.store.cutting import writing
from track.store.objects import Store
from track.store.pack import CHUNK, RECIPE, read_table

V1 = Path(__file__).parent / "v1" / "chunked-store"
BLOCK = random.Random(4).randbytes(20_000)
FIRST = BLOCK * 55 + b"the end"
SECOND = FIRST[:600_000] + b"and some more" + FIRST[600_000:]
"""Random bytes are not compressed, which libraries do in their own ways; what repeats is there once."""


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(V1, tmp_path / "store"))


def packs(path: Path) -> dict[str, bytes]:
    return {str(pack.relative_to(path)): pack.read_bytes() for pack in path.rglob("*.pack")}


def write(path: Path, folder: Path) -> None:
    """Two versions of a file, one after the other."""
    with Store.open(path, create=False) as store:
        store.wants_chunks = True
        for content in (FIRST, SECOND):
            (folder / "large").write_bytes(content)
            with (folder / "large").open("rb") as file, writing(store) as writer:
                writer.add_file(file.fileno(), len(content))
                writer.commit()


def test_the_frozen_store_is_read(tmp_path: Path) -> None:
    with Store.open(copied(tmp_path), create=False) as store:
        for content in (FIRST, SECOND):
            assert store.read(digest_of(content)) == content
            assert store.check(digest_of(content)) == len(content)
        assert dict(store.objects()) == {digest_of(one): len(one) for one in (FIRST, SECOND)}
        assert not check_store(store, deep=True).bad
    assert sum(len(pack) for pack in packs(V1).values()) < 200_000


def test_such_a_store_is_written_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    shutil.copy(V1 / "store.toml", tmp_path / "store" / "store.toml")
    write(tmp_path / "store", tmp_path)
    assert packs(tmp_path / "store") == packs(V1)


def test_its_packs_are_unreadable_for_who_knows_no_chunks() -> None:
    """Every pack has a record with a form or flag that versions of before do not know: they take none of it away."""
    for path in V1.rglob("*.pack"):
        entries = read_table(path)
        assert all(entry.flags == CHUNK for entry in entries) or all(entry.form == RECIPE for entry in entries)


def test_a_recipe_without_its_packs_is_no_object(tmp_path: Path) -> None:
    path = copied(tmp_path)
    for pack in path.rglob("*.pack"):
        if read_table(pack)[0].flags == CHUNK:
            pack.unlink()
    with Store.open(path, create=False) as store:
        assert store.absent([digest_of(FIRST)])
        with pytest.raises(MissingObject):
            store.read(digest_of(FIRST))
