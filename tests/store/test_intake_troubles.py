"""A store that keeps chunks, and what is in the way of a pull: unreadable files, a deleted record, other writers."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.powercut import small_disk
from track.errors import StoreUnwritable
from track.model.digest import digest_of
from track.store import chunks_here
from track.store.cutting import writing
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store
from track.store.tables import Tables

from .test_chunks_here import collect
from .test_intake import Clones, clones, content, edited, is_here, packs_of_chunks, place, push, small_packs

__all__ = ["clones", "place", "small_packs"]
MIB = 1 << 20


@pytest.fixture
def chunking() -> Chunking:
    """The remote cuts as the stores here do."""
    return CHOSEN


def test_a_pack_here_that_cannot_be_read_is_had_from_the_remote(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(4 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB))
    bob, remote = clones("bob")
    remote.fetch(bob, [first])
    path = sorted(packs_of_chunks(bob))[0]
    read_at, bad = chunks_here.read_at, path.stat().st_ino

    def failing(fd: int, length: int, offset: int) -> bytes:
        if os.fstat(fd).st_ino == bad:
            raise OSError(5, "Input/output error")
        return read_at(fd, length, offset)

    monkeypatch.setattr(chunks_here, "read_at", failing)
    fetched = remote.fetch(bob, [second])
    assert fetched.objects_count == 1 and not fetched.damaged and not fetched.missing
    monkeypatch.undo()
    assert bob.read(second) == edited(data, 3 * MIB)


def test_an_object_here_that_cannot_be_read_is_had_from_the_remote(clones: Clones) -> None:
    data = content(8 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB))
    bob, remote = clones("bob")
    bob.wants_chunks = False
    remote.fetch(bob, [first])
    path = bob.whole(first)
    assert path is not None
    path.unlink()
    path.mkdir()
    for wants in (False, True):
        bob.wants_chunks = wants
        assert remote.fetch(bob, [second]).objects_count == 1
        assert bob.read(second) == edited(data, 3 * MIB)
        whole = bob.whole(second)
        if whole is not None:
            whole.unlink()


@pytest.mark.parametrize("at", [2, 5])
def test_the_record_of_chunks_may_be_deleted_meanwhile(
    clones: Clones, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    data = content(12 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB) + content(2 * MIB, 5))
    bob, remote = clones("bob")
    calls = []
    publish = type(bob.index).add_packs

    def deleting(index: Any, packs: Any) -> None:
        publish(index, packs)
        calls.append(None)
        if len(calls) == at:
            assert bob.chunks_path is not None
            bob.chunks_path.unlink()

    monkeypatch.setattr(type(bob.index), "add_packs", deleting)
    with suppress(StoreUnwritable):
        assert remote.fetch(bob, [first, second]).objects_count == 2
    monkeypatch.undo()
    assert len(calls) >= at and not remote.fetch(bob, bob.absent([first, second])).missing
    is_here(bob, data)
    is_here(bob, edited(data, 3 * MIB) + content(2 * MIB, 5))


def test_a_record_of_chunks_that_is_deleted_meanwhile_is_told_as_that(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    (digest,) = push(clones, content(12 * MIB))
    bob, remote = clones("bob")
    assert bob.chunks_path is not None
    publish, path = type(bob.index).add_packs, bob.chunks_path

    def deleting(index: Any, packs: Any) -> None:
        publish(index, packs)
        path.unlink(missing_ok=True)

    with monkeypatch.context() as patch, pytest.raises(StoreUnwritable, match="was deleted meanwhile") as caught:
        patch.setattr(type(bob.index), "add_packs", deleting)
        remote.fetch(bob, [digest])
    assert "run the same command again" in str(caught.value.hint)
    assert remote.fetch(bob, [digest]).fetched_bytes < 11 * MIB
    is_here(bob, content(12 * MIB))


def test_two_that_cut_into_one_store_at_once_keep_what_each_has_noted(clones: Clones) -> None:
    """What one has cut and not published yet is unknown to the other, and stays in the record of chunks."""
    data, other = content(14 * MIB), content(2 * MIB, 7)
    bob, _ = clones("bob")
    path = bob.path.with_name("large")
    path.write_bytes(data + data)
    with Store.open(bob.path, create=False) as again, path.open("rb") as file, writing(bob) as writer:
        again.wants_chunks = True
        moved = 0

        def joining(size: int) -> None:
            nonlocal moved
            before, moved = moved, moved + size
            if before < 10 * MIB <= moved:
                with writing(again) as second:
                    second.add_content(other)
                    second.commit()

        digest = writer.add_file(file.fileno(), 2 * len(data), joining)
        assert moved > len(data)
        writer.commit()
    assert digest == digest_of(data + data)
    is_here(bob, data + data)
    is_here(bob, other)


def test_the_record_of_chunks_forgets_what_a_collection_took(clones: Clones) -> None:
    data, other = content(3 * MIB), content(3 * MIB, 7)
    bob, _ = clones("bob")
    with writing(bob) as writer:
        digests = [writer.add_content(one) for one in (data, other)]
        writer.commit()
    names = {bytes.fromhex(path.stem) for path in packs_of_chunks(bob)}
    collect(bob, digests[0])
    assert bob.chunks_path is not None
    with Tables(bob.chunks_path) as tables:
        assert len(tables.lacking({*names})) > 0
    is_here(bob, data)


@pytest.mark.needs("root", "mount")
def test_a_sparse_file_that_is_larger_than_the_disk_comes_where_its_bytes_have_room(
    clones: Clones, tmp_path: Path
) -> None:
    data = content(2 * MIB) + bytes(60 * MIB) + content(MIB, 7)
    (digest,) = push(clones, data)
    with small_disk(tmp_path / "disk", size_kib=16 << 10) as disk, Store.open(disk / "store", create=True) as bob:
        remote = clones("bob")[1]
        assert remote.fetch(bob, [digest]).objects_count == 1
        whole = bob.whole(digest)
        assert whole is not None and whole.stat().st_size == len(data)
