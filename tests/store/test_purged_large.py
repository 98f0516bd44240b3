"""A large file that is cut while purges are known is read once; if it was purged, nothing of it is kept."""

import os
import random
from pathlib import Path

import pytest

from track.errors import PurgedObject
from track.model.digest import digest_of
from track.store import writer as store_writer
from track.store.cutting import writing
from track.store.objects import Store
from track.store.purged import note_purged
from track.store.tombstones import Purge

SECRET = random.Random(1).randbytes(40 << 20)
OTHER = random.Random(2).randbytes(20 << 20)
SMALL = random.Random(3).randbytes(2 << 20)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(store_writer, "READ_ONCE", 16 << 20)
    store = Store.open(tmp_path / "store", create=True)
    store.wants_chunks = True
    note_purged(store.rooms, {digest_of(SECRET): Purge("2026-01-02", "Ada", "asked for", ("x",))}, "0" * 32)
    return store


def add(writer: store_writer.Writer, folder: Path, content: bytes) -> bytes:
    path = folder / "file"
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY)
    try:
        return writer.add_file(fd, len(content))
    finally:
        os.close(fd)


def everything(store: Store) -> bytes:
    return b"".join(path.read_bytes() for path in store.path.rglob("*") if path.is_file())


def test_what_was_purged_is_refused_and_what_came_before_and_after_is_kept(store: Store, tmp_path: Path) -> None:
    with writing(store) as writer:
        for content in (SMALL, OTHER):
            assert add(writer, tmp_path, content) == digest_of(content)
        with pytest.raises(PurgedObject, match="asked for"):
            add(writer, tmp_path, SECRET)
        joined = OTHER[: 10 << 20] + SECRET[: 10 << 20]  # shares chunks with what was dropped
        assert add(writer, tmp_path, joined) == digest_of(joined)
        writer.commit()
    for content in (SMALL, OTHER, joined):
        assert store.read(digest_of(content)) == content
    assert store.absent([digest_of(SECRET)]) and SECRET[30 << 20 :][:4000] not in everything(store)


def test_it_is_not_hashed_before(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    found = store_writer.hash_fd
    monkeypatch.setattr(store_writer, "hash_fd", lambda fd, size: hashed.append(size) or found(fd, size))
    with writing(store) as writer:
        for content in (SMALL, OTHER):
            add(writer, tmp_path, content)
        writer.commit()
    assert hashed == [len(SMALL)]
    assert store.read(digest_of(OTHER)) == OTHER


def test_a_very_large_one_is_published_on_the_way(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_writer, "READ_TWICE", 32 << 20)
    monkeypatch.setattr(store_writer, "_PUBLISHED_AT_ONCE", 1)
    large = random.Random(4).randbytes(48 << 20)
    with writing(store) as writer:
        add(writer, tmp_path, large)  # and then it is interrupted
    assert len(list((store.path / "packs").rglob("*.pack"))) > 1
    with writing(store) as writer, pytest.raises(PurgedObject):
        add(writer, tmp_path, SECRET)
