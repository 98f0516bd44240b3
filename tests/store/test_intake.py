"""A store that keeps chunks takes large objects from a remote as they come: what it lacks is what is written."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from store.conftest import spoil
from support.remotes import WRITER, new_remote
from track.errors import RemoteUnreachable, StoreUnwritable
from track.model.digest import Digest, digest_of
from track.store import pack, streams, windows
from track.store.backends.folder import FolderPlace, open_folder
from track.store.chunk_reading import load_chunked
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch
from track.store.cutting import writing
from track.store.description import CHOSEN, Chunking
from track.store.footprint import footprint
from track.store.layout import pack_key
from track.store.objects import Store
from track.store.pack import CHUNK, RAW, read_table
from track.store.remote import Remote
from track.store.tables import Tables, tables_beside

from .test_chunk_transfer import content, flip, plant

MIB = 1 << 20
OTHERWISE = Chunking(minimum_bytes=2 << 10, average_bytes=8 << 10, maximum_bytes=32 << 10, normalisation=2)
Clones = Callable[[str], tuple[Store, Remote]]


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs, slabs and what is had together of a MiB, so that a few MiB are many of them."""
    monkeypatch.setattr(pack, "PACK_SIZE", MIB)
    monkeypatch.setattr("track.store.slabs.SLAB", MIB)
    monkeypatch.setattr("track.store.streams.BATCH", MIB)


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    """An empty folder."""
    (tmp_path / "place").mkdir()
    return open_folder(tmp_path / "place")


@pytest.fixture(params=["alike", "otherwise"])
def chunking(request: pytest.FixtureRequest) -> Chunking:
    """How the remote cuts: as the stores here, or not."""
    return CHOSEN if request.param == "alike" else OTHERWISE


@pytest.fixture
def clones(place: FolderPlace, tmp_path: Path, chunking: Chunking) -> Iterator[Clones]:
    """A store that keeps chunks and its view of the one remote, by the name of a clone; refreshed when asked for."""
    with ExitStack() as stack:
        made: dict[str, tuple[Store, Remote]] = {}

        def clone(name: str) -> tuple[Store, Remote]:
            if name not in made:
                store = stack.enter_context(Store.open(tmp_path / name / "store", create=True))
                store.wants_chunks = True
                made[name] = (store, stack.enter_context(new_remote(place, tmp_path / name / "known.db", chunking)))
            made[name][1].refresh()
            return made[name]

        yield clone


def push(clones: Clones, *contents: bytes) -> list[Digest]:
    store, remote = clones("ada")
    with writing(store) as writer:
        digests = [writer.add_content(one) for one in contents]
        writer.commit()
    remote.send(store, digests, writer=WRITER, roots={"HEAD": tuple(digests)})
    return digests


def edited(data: bytes, at: int) -> bytes:
    return data[:at] + b"something new" + data[at:]


def packs_of_chunks(store: Store) -> list[Path]:
    return [path for _, path in store.packs() if all(one.flags == CHUNK for one in read_table(path))]


def is_here(store: Store, data: bytes) -> None:
    """It is in the store in chunks alone, and whole in every way that somebody may look."""
    assert not list(store.wholes()) and {one.name for one in store.rooms.partial.glob("*")} <= {"lock"}
    assert store.read(digest_of(data)) == data
    with Store.open(store.path, create=False) as again:
        again.index.rebuild()
        assert again.read(digest_of(data)) == data


def test_a_new_version_writes_what_changed_and_no_more(clones: Clones, chunking: Chunking) -> None:
    data = content(8 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB))
    bob, remote = clones("bob")
    assert remote.fetch(bob, [first]).objects_count == 1
    is_here(bob, data)
    before = footprint(bob)
    fetched = remote.fetch(bob, [second])
    assert fetched.objects_count == 1
    is_here(bob, edited(data, 3 * MIB))
    assert footprint(bob) - before < MIB
    assert fetched.fetched_bytes < MIB


def test_many_objects_come_in_any_order_with_what_is_alike_once(clones: Clones) -> None:
    data = content(3 * MIB)
    versions = [edited(data, at * 300_000) for at in range(8)] + [bytes(5 * MIB) + data[: 2 * MIB]]
    digests = push(clones, *versions)
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, random.Random(1).sample(digests, len(digests)))
    assert fetched.objects_count == len(versions) and footprint(bob) < 6 * MIB
    for version in versions:
        is_here(bob, version)


def test_what_versions_that_come_together_share_travels_once(clones: Clones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "HORIZON", 4 * MIB)
    monkeypatch.setattr("track.store.intake.HORIZON", 4 * MIB)
    data = content(12 * MIB)
    digests = push(clones, *[edited(data, turn * 900_000) for turn in range(1, 6)])
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, digests)
    assert fetched.objects_count == 5 and fetched.fetched_bytes < 15 * MIB
    for turn in range(1, 6):
        is_here(bob, edited(data, turn * 900_000))


@pytest.mark.parametrize("how_many", [8, 10])
def test_what_was_broken_off_goes_on_with_what_came(
    clones: Clones, chunking: Chunking, monkeypatch: pytest.MonkeyPatch, how_many: int
) -> None:
    data = content(12 * MIB)
    (digest,) = push(clones, data)
    bob, remote = clones("bob")
    get_range, asked = remote.place.get_range, []

    def breaking(key: str, offset: int, length: int) -> bytes:
        if length > 100_000:
            asked.append(length)
        if len(asked) > how_many:
            raise RemoteUnreachable("it broke off")
        return get_range(key, offset, length)

    with monkeypatch.context() as patch:
        patch.setattr(remote.place, "get_range", breaking)
        with pytest.raises(RemoteUnreachable):
            remote.fetch(bob, [digest])
    assert bob.absent([digest]) == {digest} and packs_of_chunks(bob)
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, [digest])
    assert fetched.objects_count == 1
    assert chunking != CHOSEN or fetched.fetched_bytes < (12 - how_many + 8) * MIB
    is_here(bob, data)
    assert footprint(bob) < 13 * MIB


@pytest.mark.parametrize("chunking", [CHOSEN])
@pytest.mark.parametrize("how", ["flipped", "short", "gone"])
def test_what_is_damaged_here_is_not_relied_on(clones: Clones, how: str) -> None:
    data = content(4 * MIB)
    first, second, third = push(clones, data, edited(data, 3 * MIB), content(2 * MIB, 9))
    bob, remote = clones("bob")
    remote.fetch(bob, [first])
    path = sorted(packs_of_chunks(bob))[0]
    if how == "flipped":
        spoil(path, path.stat().st_size // 3)
    elif how == "short":
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    else:
        path.unlink()
    fetched = remote.fetch(bob, [second, third])
    assert fetched.objects_count == 2 and not fetched.damaged and not fetched.missing
    is_here(bob, edited(data, 3 * MIB))
    is_here(bob, content(2 * MIB, 9))


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_what_is_bad_at_the_remote_is_told_and_the_others_come(clones: Clones, place: FolderPlace, how: str) -> None:
    first, second, other = push(clones, content(3 * MIB), content(3 * MIB) + b"!", content(2 * MIB, 9))
    ada, seen_by_ada = clones("ada")
    needed = {
        digest: set(load_chunked(place, held).packs)
        for digest in (first, other)
        for held in seen_by_ada.known.chunked(digest)
    }
    bad = min(needed[first] - needed[other])
    if how == "flipped":
        flip(place, pack_key(bad.digest), 100)
    else:
        place.delete(pack_key(bad.digest))
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, [first, second, other])
    assert (fetched.damaged if how == "flipped" else fetched.missing) == {first, second}
    assert fetched.objects_count == 1 and bob.absent([first, second, other]) == {first, second}
    is_here(bob, content(2 * MIB, 9))
    seen_by_ada.verify()
    seen_by_ada.send(ada, [first, second], writer=WRITER, roots={"HEAD": (first, second)})
    bob, remote = clones("bob")
    assert remote.fetch(bob, [first, second]).objects_count == 2
    is_here(bob, content(3 * MIB) + b"!")


def test_a_recipe_of_other_bytes_gives_nothing(clones: Clones, tmp_path: Path) -> None:
    bob, remote = clones("bob")
    lie, (honest,) = digest_of(b"what it should be"), push(clones, content(2 * MIB))
    plant(remote, [(RAW, b"x" * 70_000, 70_000)], lambda needed: stated(lie, needed), tmp_path)
    fetched = remote.fetch(bob, [lie, honest])
    assert fetched.damaged == {lie} and fetched.objects_count == 1
    assert bob.absent([lie]) == {lie}
    is_here(bob, content(2 * MIB))


def test_a_recipe_of_tiny_chunks_without_end_takes_little_memory_at_a_time(
    clones: Clones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, remote = clones("bob")
    lie, times, had = digest_of(b"what it should be"), 100_000, list[int]()
    stretch = Stretch(0, 0, 1, times, times)
    plant(remote, [(RAW, b"x", 1)], lambda needed: ChunkedRecipe(lie, times, (needed,), (stretch,)), tmp_path)
    add = streams._Batch.add

    def counting(batch: streams._Batch, *chunk: Any) -> None:
        add(batch, *chunk)
        had.append(len(batch.order))

    monkeypatch.setattr(streams._Batch, "add", counting)
    assert remote.fetch(bob, [lie]).damaged == {lie} and len(had) == times
    assert max(had) < 20_000


def stated(digest: bytes, needed: NeededPack) -> ChunkedRecipe:
    return ChunkedRecipe(digest, 140_000, (needed,), (Stretch(0, 0, 1, 2, 140_000),))


def test_what_is_here_as_a_whole_gives_its_chunks(clones: Clones) -> None:
    data = content(8 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB))
    bob, remote = clones("bob")
    bob.wants_chunks = False
    remote.fetch(bob, [first])
    bob.wants_chunks = True
    fetched = remote.fetch(bob, [second])
    assert fetched.objects_count == 1 and fetched.fetched_bytes < MIB
    assert bob.whole(second) is None and bob.read(second) == edited(data, 3 * MIB)


def damage_pages(path: Path) -> None:
    """Leave of a database its first page, as a power cut may."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"U" * (len(data) - 4096))


def test_damaged_tables_of_a_remote_are_begun_anew(clones: Clones) -> None:
    data = content(3 * MIB)
    first, second = push(clones, data, edited(data, MIB))
    bob, remote = clones("bob")
    remote.fetch(bob, [first])
    damage_pages(tables_beside(remote.known.path))
    assert remote.fetch(bob, [second]).objects_count == 1
    is_here(bob, edited(data, MIB))
    with Tables(tables_beside(remote.known.path)) as tables:
        assert tables.lacking([]) == [] and tables.owned(b"") == []


def test_a_damaged_record_of_chunks_is_named_with_the_way_on(clones: Clones) -> None:
    data = content(3 * MIB)
    first, second = push(clones, data, edited(data, MIB))
    bob, remote = clones("bob")
    remote.fetch(bob, [first])
    assert bob.chunks_path is not None
    damage_pages(bob.chunks_path)
    with pytest.raises(StoreUnwritable, match=r"chunks\.db cannot be used"):
        remote.fetch(bob, [second])
    bob.chunks_path.unlink()
    assert remote.fetch(bob, [second]).objects_count == 1
    is_here(bob, edited(data, MIB))


def test_without_a_record_of_chunks_everything_still_comes(clones: Clones, monkeypatch: pytest.MonkeyPatch) -> None:
    data = content(4 * MIB)
    first, second = push(clones, data, edited(data, 3 * MIB))
    bob, remote = clones("bob")
    assert bob.chunks_path is not None
    bob.chunks_path.mkdir()
    assert remote.fetch(bob, [first]).objects_count == 1
    assert remote.fetch(bob, [second]).objects_count == 1
    is_here(bob, edited(data, 3 * MIB))
    assert footprint(bob) < 5 * MIB
