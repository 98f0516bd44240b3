"""What has no room on a small disk is refused before anything of it comes; what has room is not."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.powercut import small_disk
from track.errors import DiskFull, RemoteUnreachable
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store
from track.store.spare_room import check_room
from track.store.tables import tables_beside

from .test_intake import Clones, chunking, clones, content, edited, is_here, place, push, small_packs

__all__ = ["chunking", "clones", "place", "small_packs"]
MIB = 1 << 20

pytestmark = pytest.mark.needs("root", "mount")


@contextmanager
def store_on(folder: Path, size_mib: int) -> Iterator[Store]:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder, size_kib=size_mib << 10, inodes=1000))
        yield stack.enter_context(Store.open(disk / "store", create=True))


@pytest.mark.parametrize("chunks", [True, False])
def test_what_has_no_room_is_refused_before_it_comes(clones: Clones, tmp_path: Path, chunks: bool) -> None:
    digests = push(clones, *(content(4 * MIB, seed) for seed in range(3)))
    with store_on(tmp_path / "disk", 10) as bob:
        bob.wants_chunks = chunks
        before = shutil.disk_usage(bob.path).free
        with pytest.raises(DiskFull, match="no room"):
            clones("bob")[1].fetch(bob, digests)
        assert shutil.disk_usage(bob.path).free > before - MIB
        assert clones("bob")[1].fetch(bob, digests[:1]).objects_count == 1


def test_what_has_no_room_beside_chunks_of_other_objects_is_refused_before_it_comes(
    clones: Clones, tmp_path: Path, chunking: Chunking
) -> None:
    """Their packs have tables that nobody here has seen: any of their chunks might have been here."""
    first, *others = push(clones, content(4 * MIB, 20)), *(push(clones, content(6 * MIB, seed)) for seed in range(4))
    with store_on(tmp_path / "disk", 14) as bob:
        bob.wants_chunks = True
        remote = clones("bob")[1]
        assert remote.fetch(bob, first).objects_count == 1
        before = shutil.disk_usage(bob.path).free
        # Where the remote cuts otherwise its tables do not tell what is here: what has no room is told by the disk.
        with pytest.raises(DiskFull, match="is fetched, .* no room" if chunking == CHOSEN else "no space left"):
            remote.fetch(bob, [digest for one in others for digest in one])
        if chunking == CHOSEN:
            assert shutil.disk_usage(bob.path).free > before - MIB
            assert clones("bob")[1].fetch(bob, others[0]).objects_count == 1
        else:
            assert len(bob.absent(digest for one in others for digest in one)) == 3, "what came is kept"
        is_here(bob, content(4 * MIB, 20))


def test_what_is_here_under_packs_that_nobody_knows_needs_no_room(clones: Clones, tmp_path: Path) -> None:
    data = content(8 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB) + content(MIB, 9))
    with store_on(tmp_path / "disk", 13) as bob:
        bob.wants_chunks = True
        assert clones("bob")[1].fetch(bob, [first]).objects_count == 1
        tables_beside(clones("bob")[1].known.path).unlink()
        assert clones("bob")[1].fetch(bob, [second]).objects_count == 1
        is_here(bob, edited(data, 3 * MIB) + content(MIB, 9))


def test_what_is_here_needs_no_room(clones: Clones, tmp_path: Path) -> None:
    data = content(8 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB) + content(MIB, 9))
    with store_on(tmp_path / "disk", 13) as bob:
        bob.wants_chunks = True
        for digest in (first, second):
            assert clones("bob")[1].fetch(bob, [digest]).objects_count == 1
        assert bob.read(second) == edited(data, 3 * MIB) + content(MIB, 9)


def test_room_for_what_was_begun_is_asked_for_once(
    clones: Clones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(8 * MIB)
    (digest,) = push(clones, data)
    with store_on(tmp_path / "disk", 12) as bob:
        remote = clones("bob")[1]
        asked, get_range = [], remote.place.get_range

        def breaking(key: str, offset: int, length: int) -> bytes | memoryview:
            asked.append(length)
            if sum(asked) > 7 * MIB:
                late = time.monotonic() + 20
                while shutil.disk_usage(bob.path).free >= len(data) and time.monotonic() < late:
                    time.sleep(0.01)  # what came before is on its way to the disk in other threads
                raise RemoteUnreachable("it broke off")
            return get_range(key, offset, length)

        with monkeypatch.context() as patch, pytest.raises(RemoteUnreachable):
            patch.setattr(remote.place, "get_range", breaking)
            remote.fetch(bob, [digest])
        assert shutil.disk_usage(bob.path).free < len(data)
        assert clones("bob")[1].fetch(bob, [digest]).objects_count == 1


def test_what_is_little_beside_others_in_its_packs_has_room(clones: Clones, tmp_path: Path) -> None:
    plain = content(16 * MIB, 7).translate(bytes(97 + (byte & 1) for byte in range(256)))
    digests = push(clones, *(one for at in range(0, 16 * MIB, MIB) for one in (plain[at : at + MIB], content(MIB, at))))
    with store_on(tmp_path / "disk", 6) as bob:
        bob.wants_chunks = True
        remote = clones("bob")[1]
        with pytest.raises(DiskFull, match="no room"):
            remote.fetch(bob, digests)
        assert remote.fetch(bob, digests[::2]).objects_count == 16


def test_a_filesystem_that_does_not_say_how_much_is_free_is_tried() -> None:
    check_room(Path("/proc"), 1 << 50, "anything")
