"""Purging a local store: of an object no byte stays, wherever what was found damaged was put."""

import random
from pathlib import Path

import pytest

from store.conftest import files, spoil
from support.remotes import WRITER, new_remote
from track.model.digest import Digest, digest_of
from track.store.backends.folder import open_folder
from track.store.checkup import check_store
from track.store.cutting import writing
from track.store.objects import Store
from track.store.purged import note_purged, purge_here
from track.store.tombstones import Purge

SECRET = random.Random(1).randbytes(1 << 20)
MUCH = random.Random(2).randbytes(5000)
OTHER = b"what somebody else said" * 10


@pytest.mark.parametrize("in_chunks", [False, True])
def test_what_is_purged_goes_from_damaged_packs_in_quarantine_too(tmp_path: Path, in_chunks: bool) -> None:
    content = SECRET if in_chunks else SECRET[:1000]
    with Store.open(tmp_path / "store", create=True) as store:
        store.wants_chunks = in_chunks
        digest = add(store, content, OTHER)
        spoil(max((path for _, path in store.packs()), key=lambda path: path.stat().st_size), 10)
        check_store(store)
        assert files(store.rooms.quarantine)
        purge_here(store, frozenset([digest]), timeout_s=1)
        assert not any(SECRET[500:1000] in path.read_bytes() for path in files(store.path))


def test_what_was_purged_does_not_come_beside_what_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with Store.open(tmp_path / "ada", create=True) as ada, Store.open(tmp_path / "bob", create=True) as bob:
        digest, other = add(ada, SECRET[:1000], MUCH), digest_of(MUCH)
        with new_remote(open_folder(tmp_path / "place"), tmp_path / "known.db") as remote:
            remote.send(ada, [digest, other], writer=WRITER, roots={"HEAD": (digest,)})
            remote.refresh()
            note_purged(bob.rooms, {digest: Purge("2026-01-01", "Ada", "asked for", ("secret",))}, WRITER)
            assert remote.fetch(bob, [other]).objects_count == 1
        assert bob.read(other) == MUCH
        assert not any(SECRET[500:1000] in path.read_bytes() for path in files(bob.path))


def test_notes_of_purges_that_cannot_be_read_stop_nobody(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        (store.path / "tombstones").symlink_to("tombstones")
        assert store.read(add(store, OTHER)) == OTHER


def add(store: Store, content: bytes, *others: bytes) -> Digest:
    """Add an object, and small ones beside it."""
    with writing(store) as writer:
        for other in others:
            writer.add(other)
        path = store.path.with_name("content")
        path.write_bytes(content)
        with path.open("rb") as file:
            size = len(content)
            digest = writer.add_file(file.fileno(), size) if size >= 1 << 20 else writer.add(content)
        writer.commit()
    return digest
