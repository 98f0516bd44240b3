"""Objects that are cut, where things go wrong: damage, lies, interruptions, collections, and a thousand edits."""

import os
import random
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.remotes import WRITER, add_objects, new_remote
from track.errors import DamagedObject, DiskFull, MissingObject
from track.model.digest import Digest, digest_of
from track.store import assembly, drafts, pack, parcels, transfer
from track.store.backends.folder import FolderPlace, open_folder
from track.store.chunk_reading import load_chunked
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch, dump_chunked
from track.store.compression import zstd
from track.store.description import Chunking
from track.store.layout import pack_key
from track.store.objects import Store
from track.store.pack import RAW, ZSTD, PackEntry, PackWriter, dump_table, read_table
from track.store.recipe import RECIPE
from track.store.remote import Remote
from track.store.segment import Held, PackSize
from track.store.survey import publish_segment
from track.store.tables import tables_beside
from track.store.tombstones import Tombstone, write_tombstone

SMALL = Chunking(minimum_bytes=2 << 10, average_bytes=8 << 10, maximum_bytes=32 << 10, normalisation=2)
"""Cuts as real ones do, at an eighth of their size."""
Clones = Callable[[str], tuple[Store, Remote]]
MIB = 1 << 20


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs and slabs of a MiB, so that a few MiB are many of them."""
    monkeypatch.setattr(pack, "PACK_SIZE", MIB)
    monkeypatch.setattr("track.store.slabs.SLAB", MIB)


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    """An empty folder."""
    (tmp_path / "place").mkdir()
    return open_folder(tmp_path / "place")


@pytest.fixture
def clones(place: FolderPlace, tmp_path: Path) -> Iterator[Clones]:
    """A store and its view of the one remote, by the name of a clone; refreshed each time it is asked for."""
    with ExitStack() as stack:
        made: dict[str, tuple[Store, Remote]] = {}

        def clone(name: str) -> tuple[Store, Remote]:
            if name not in made:
                store = stack.enter_context(Store.open(tmp_path / name / "store", create=True))
                made[name] = (store, stack.enter_context(new_remote(place, tmp_path / name / "known.db", SMALL)))
            made[name][1].refresh()
            return made[name]

        yield clone


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def push(clones: Clones, *contents: bytes, name: str = "ada") -> list[Digest]:
    store, remote = clones(name)
    digests = add_objects(store, contents)
    remote.send(store, digests, writer=WRITER, roots={"HEAD": tuple(digests)})
    return digests


def recipe_of(remote: Remote, digest: bytes) -> ChunkedRecipe:
    (held, *_) = remote.known.chunked(digest)
    return load_chunked(remote.place, held)


def flip(place: FolderPlace, key: str, at: int) -> None:
    data = bytearray(place.get(key))
    data[at] ^= 1
    place.delete(key)
    place.put(key, bytes(data))


# ---- what travels ----


def test_only_what_pays_is_compressed(clones: Clones, place: FolderPlace, tmp_path: Path) -> None:
    text = b"".join(b"%d,%d,row of a table\n" % (n, n * n) for n in range(80_000))
    (digest,) = push(clones, text + content(2 * MIB))
    _, remote = clones("ada")
    forms = []
    for needed in recipe_of(remote, digest).packs:
        (tmp_path / "pack").write_bytes(place.get(pack_key(needed.digest)))
        forms += [entry.form for entry in read_table(tmp_path / "pack")]
    assert {RAW, ZSTD} == set(forms) and forms.count(RAW) > 100 and forms.count(ZSTD) > 100
    bob, seen_by_bob = clones("bob")
    assert not seen_by_bob.fetch(bob, [digest]).missing and bob.read(digest) == text + content(2 * MIB)


def test_what_repeats_inside_an_object_goes_once_and_holes_stay_holes(clones: Clones) -> None:
    part = content(MIB)
    data = part + bytes(64 * MIB) + part + part
    store, remote = clones("ada")
    (digest,) = add_objects(store, [data])
    sent = remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    assert sent.sent_bytes < 1.3 * MIB
    assert len(recipe_of(remote, digest).stretches) < 20
    bob, seen_by_bob = clones("bob")
    seen_by_bob.fetch(bob, [digest])
    path = bob.open_verified(digest)
    assert path.read_bytes() == data and path.stat().st_blocks * 512 < 8 * MIB


@pytest.mark.parametrize("quarters", [32, 34, 36])
def test_what_comes_again_many_packs_later_is_found_again(clones: Clones, quarters: int) -> None:
    """Where a chunk is goes out of memory some packs after it was written, perhaps between two looks at it."""
    first = content(quarters * MIB // 4)
    second = first[: MIB // 2] + b"something new" + first[MIB // 2 :]
    digests = push(clones, first, second)
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, digests)
    assert fetched.objects_count == 2 and fetched.fetched_bytes < len(first) + MIB


def test_many_objects_share_packs_and_requests(clones: Clones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "PACK_SIZE", 16 * MIB)
    digests = push(clones, *(content(MIB + 5, seed) for seed in range(20)))
    bob, remote = clones("bob")
    asked: list[str] = []
    get_range = remote.place.get_range
    monkeypatch.setattr(remote.place, "get_range", lambda key, *rest: asked.append(key) or get_range(key, *rest))
    assert remote.fetch(bob, digests).objects_count == 20
    assert len(asked) <= 4 and not bob.absent(digests)


# ---- any edit, any recipe ----


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 1_500_000), st.integers(0, 90_000), st.integers(0, 40_000)), max_size=4))
def test_any_history_of_edits_is_sent_little_by_little_and_comes_back(
    edits: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    folder = tmp_path / secrets.token_hex(8)
    (folder / "place").mkdir(parents=True)
    try:
        versions = [content(1_500_000)]
        for number, (at, removed, added) in enumerate(edits):
            before = versions[-1]
            after = before[:at] + content(added, number + 7) + before[at + removed :]
            versions.append(after + content(max(0, MIB - len(after)), 99))
        with ExitStack() as stack:
            place = open_folder(folder / "place")
            ada = stack.enter_context(Store.open(folder / "ada", create=True))
            bob = stack.enter_context(Store.open(folder / "bob", create=True))
            remote = stack.enter_context(new_remote(place, folder / "a.db", SMALL))
            other = stack.enter_context(new_remote(place, folder / "b.db", SMALL))
            for number, data in enumerate(versions):
                (digest,) = add_objects(ada, [data])
                remote.refresh()
                sent = remote.send(ada, [digest], writer=WRITER, roots={"HEAD": (digest,)})
                if number and len(data) > MIB:
                    assert sent.sent_bytes < edits[number - 1][2] + 12 * SMALL.maximum_bytes
                other.refresh()
                fetched = other.fetch(bob, [digest])
                assert not fetched.missing and not fetched.damaged and bob.read(digest) == data
    finally:
        shutil.rmtree(folder)


def test_a_thousand_edits_are_still_read_in_few_pieces(clones: Clones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("track.store.slabs.SLAB", 16 * MIB)
    data = bytearray(content(4 * MIB))
    (digest,) = push(clones, bytes(data))
    most = 0
    for turn in range(30):
        at = (turn * 131_071 + 5_000) % len(data)
        data[at : at + 4] = b"edit"
        (digest,) = push(clones, bytes(data))
        _, remote = clones("ada")
        most = max(most, len(recipe_of(remote, digest).packs))
    assert drafts.PACKS_PER_SLAB // 2 < most <= drafts.PACKS_PER_SLAB + 4
    bob, seen_by_bob = clones("bob")
    seen_by_bob.fetch(bob, [digest])
    assert bob.read(digest) == data


# ---- interrupted ----


class Killed(BaseException):
    """As if the process had ended."""


def test_a_push_that_was_broken_off_goes_on_at_the_pack_where_it_was(
    clones: Clones, place: FolderPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(12 * MIB)
    store, remote = clones("ada")
    (digest,) = add_objects(store, [data])
    monkeypatch.setattr(parcels, "INDEX_EVERY_BYTES", 3 * MIB)
    count = 0

    def breaking(*args: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise Killed
        publish_segment(*args)

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "publish_segment", breaking)
        with pytest.raises(Killed):
            remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    assert remote.absent([digest]) == {digest} and not any(store.rooms.staging.iterdir())
    store, remote = clones("ada")
    sent = remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    assert 0 < sent.sent_bytes < 7 * MIB
    bob, seen_by_bob = clones("bob")
    seen_by_bob.fetch(bob, [digest])
    assert bob.read(digest) == data and seen_by_bob.verify().problems == ()


def test_a_fetch_that_was_broken_off_asks_for_what_did_not_come(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(12 * MIB)
    (digest,) = push(clones, data)
    bob, remote = clones("bob")
    get_range, asked = remote.place.get_range, []

    def breaking(key: str, offset: int, length: int) -> bytes:
        asked.append(key)
        if len(asked) > 7:
            raise Killed
        return get_range(key, offset, length)

    with monkeypatch.context() as patch:
        patch.setattr(remote.place, "get_range", breaking)
        with pytest.raises(Killed):
            remote.fetch(bob, [digest])
    assert (bob.rooms.partial / digest.hex()).exists()
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, [digest])
    assert fetched.objects_count == 1 and fetched.fetched_bytes < 10 * MIB
    assert bob.read(digest) == data and not (bob.rooms.partial / digest.hex()).exists()


def test_an_object_that_ends_with_a_window_comes_when_all_of_it_arrives_at_once(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(3 * MIB + MIB // 2)  # in four packs, as many as are asked for at a time
    (digest,) = push(clones, data)
    bob, remote = clones("bob")
    monkeypatch.setattr(assembly, "WINDOW", len(data))
    monkeypatch.setattr(assembly, "wait", lambda futures, **_: wait(futures))
    assert remote.fetch(bob, [digest]).objects_count == 1
    assert bob.read(digest) == data


def test_what_lies_in_a_broken_off_fetch_is_not_believed(clones: Clones) -> None:
    data = content(2 * MIB)
    (digest,) = push(clones, data)
    bob, remote = clones("bob")
    bob.rooms.partial.mkdir()
    wrong = data[:500_000] + b"!" + data[500_001:] + b"and more"
    (bob.rooms.partial / digest.hex()).write_bytes(wrong)
    fetched = remote.fetch(bob, [digest])
    assert fetched.objects_count == 1 and fetched.fetched_bytes < 200_000
    assert bob.read(digest) == data


def test_what_another_version_here_lost_comes_from_the_remote(clones: Clones) -> None:
    first, second = push(clones, content(2 * MIB), content(2 * MIB) + b"more")
    bob, remote = clones("bob")
    remote.fetch(bob, [first])
    path = bob.open_verified(first)
    os.chmod(path, 0o600)
    path.write_bytes(bytes(2 * MIB))
    assert remote.fetch(bob, [second]).objects_count == 1
    assert bob.read(second) == content(2 * MIB) + b"more"


# ---- damage ----


def test_a_damaged_chunk_is_found_named_and_sent_again(clones: Clones, place: FolderPlace) -> None:
    first, second, other = push(clones, content(3 * MIB), content(3 * MIB) + b"!", content(MIB, 9))
    ada, seen_by_ada = clones("ada")
    (bad, *_) = recipe_of(seen_by_ada, first).packs
    flip(place, pack_key(bad.digest), 100)
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, [first, second, other])
    assert fetched.damaged == {first, second} and fetched.objects_count == 1
    assert bob.absent([first, second]) == {first, second}
    with pytest.raises(DamagedObject, match="is damaged at"):
        remote.read_part(first, 0, 10)
    (problem,) = seen_by_ada.verify().problems
    assert problem.key == pack_key(bad.digest) and problem.digests == tuple(sorted([first, second]))
    assert seen_by_ada.absent([first, second, other]) == {first, second}
    sent = seen_by_ada.send(ada, [first, second], writer=WRITER, roots={"HEAD": (first, second)})
    assert MIB // 2 < sent.sent_bytes < 1.5 * MIB  # what was in the pack, and no more
    assert seen_by_ada.absent([first, second]) == set()
    bob, remote = clones("bob")
    assert remote.fetch(bob, [first, second]).objects_count == 2
    assert bob.read(second) == content(3 * MIB) + b"!"


def test_a_pack_that_is_gone_is_found_and_sent_again(clones: Clones, place: FolderPlace) -> None:
    (digest,) = push(clones, content(3 * MIB))
    ada, seen_by_ada = clones("ada")
    gone = recipe_of(seen_by_ada, digest).packs[1]
    place.delete(pack_key(gone.digest))
    bob, remote = clones("bob")
    assert remote.fetch(bob, [digest]).missing == {digest}
    with pytest.raises(MissingObject, match="has lost a pack"):
        remote.read_part(digest, 0, 3 * MIB)
    for read_all in (False, True):
        (problem,) = seen_by_ada.verify(read_all=read_all).problems
        assert (problem.key, problem.what, problem.digests) == (pack_key(gone.digest), "missing", (digest,))
    seen_by_ada.send(ada, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    bob, remote = clones("bob")
    assert remote.fetch(bob, [digest]).objects_count == 1 and bob.read(digest) == content(3 * MIB)


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_recipe_that_is_lost_is_sent_again_and_nothing_else(clones: Clones, place: FolderPlace, how: str) -> None:
    (digest,) = push(clones, content(3 * MIB))
    ada, seen_by_ada = clones("ada")
    (held,) = seen_by_ada.known.chunked(digest)
    assert held.pack is not None
    if how == "gone":
        place.delete(pack_key(held.pack))
    else:
        flip(place, pack_key(held.pack), held.offset + 70)
    bob, remote = clones("bob")
    fetched = remote.fetch(bob, [digest])
    assert digest in (fetched.missing if how == "gone" else fetched.damaged)
    with pytest.raises(MissingObject if how == "gone" else DamagedObject):
        remote.read_part(digest, 0, 10)
    assert [problem.digests for problem in seen_by_ada.verify().problems] == [(digest,)]
    sent = seen_by_ada.send(ada, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    assert 0 < sent.sent_bytes < 100_000
    bob, remote = clones("bob")
    assert remote.fetch(bob, [digest]).objects_count == 1


def test_a_chunk_that_comes_wrong_once_is_asked_for_again(clones: Clones, monkeypatch: pytest.MonkeyPatch) -> None:
    (digest,) = push(clones, content(3 * MIB))
    bob, remote = clones("bob")
    get_range, lied = remote.place.get_range, set()

    def lying(key: str, offset: int, length: int) -> bytes:
        data = get_range(key, offset, length)
        if key in lied:
            return data
        lied.add(key)
        return bytes([data[0] ^ 1]) + data[1:]

    monkeypatch.setattr(remote.place, "get_range", lying)
    assert remote.fetch(bob, [digest]).objects_count == 1 and len(lied) >= 4
    assert bob.read(digest) == content(3 * MIB)


def test_an_object_that_is_damaged_here_is_not_said_to_be_there(clones: Clones) -> None:
    store, remote = clones("ada")
    (digest,) = add_objects(store, [content(3 * MIB)])
    path = store.open_verified(digest)
    os.chmod(path, 0o600)
    with path.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(b"!")
    with pytest.raises(DamagedObject):
        remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    store, remote = clones("ada")
    assert store.whole(digest) is None and remote.absent([digest]) == {digest}


# ---- lies ----


def plant(
    remote: Remote, chunks: list[tuple[int, bytes, int]], recipe: Callable[[NeededPack], ChunkedRecipe], folder: Path
) -> None:
    """Put a pack of chunks (form, stored bytes, length that is said) and a recipe there, as a hostile writer may."""
    writer = PackWriter(folder)
    for form, stored, length in chunks:
        digest = digest_of(stored) if form == RAW else digest_of(bytes(length))
        writer.add_entry(PackEntry(digest, form, 0, 0, len(stored), length, digest_of(stored)), stored)
    sealed = writer.seal()
    assert sealed is not None
    table = dump_table(sealed.entries)
    needed = NeededPack(sealed.name, digest_of(table), sealed.table_offset, len(sealed.entries))
    made = recipe(needed)
    data = dump_chunked(made)
    second = PackWriter(folder)
    second.add_entry(PackEntry(made.digest, RECIPE, 0, 0, len(data), made.length, digest_of(data)), data)
    other = second.seal()
    assert other is not None
    for one in (sealed, other):
        remote.place.put(pack_key(one.name), one.path.read_bytes())
    held = Held(made.digest, other.name, RECIPE, 0, 0, len(data), made.length)
    publish_segment(remote.place, remote.known, [held], [PackSize(one.name, one.size) for one in (sealed, other)])


def test_a_recipe_of_other_bytes_gives_nothing(clones: Clones, tmp_path: Path) -> None:
    bob, remote = clones("bob")
    lie = digest_of(b"what it should be")
    plant(remote, [(RAW, b"x" * 70_000, 70_000)],
          lambda pack: ChunkedRecipe(lie, 2 * 70_000, (pack,), (Stretch(0, 0, 1, 2, 140_000),)), tmp_path)  # fmt: skip
    assert remote.fetch(bob, [lie]).damaged == {lie}
    assert bob.absent([lie]) == {lie} and not (bob.rooms.partial / lie.hex()).exists()


def test_a_recipe_that_would_fill_the_disk_is_refused_first(clones: Clones, tmp_path: Path) -> None:
    bob, remote = clones("bob")
    bomb = digest_of(b"bomb")
    length = 70_000 * (1 << 31)
    plant(remote, [(RAW, b"x" * 70_000, 70_000)],
          lambda pack: ChunkedRecipe(bomb, length, (pack,), (Stretch(0, 0, 1, 1 << 31, length),)), tmp_path
    )  # fmt: skip
    with pytest.raises(DiskFull, match="has no room"):
        remote.fetch(bob, [bomb])
    assert not any(bob.rooms.partial.glob("?" * 64))
    assert remote.read_part(bomb, length - 5, 9) == b"xxxxx"


def test_a_chunk_that_expands_beyond_its_length_is_never_expanded(clones: Clones, tmp_path: Path) -> None:
    bob, remote = clones("bob")
    bomb = digest_of(b"bomb")
    stored = zstd.compress(bytes(200 * MIB), level=1)
    plant(remote, [(ZSTD, stored, 1000)],
          lambda pack: ChunkedRecipe(bomb, 1000, (pack,), (Stretch(0, 0, 1, 1, 1000),)), tmp_path)  # fmt: skip
    assert remote.fetch(bob, [bomb]).damaged == {bomb}
    with pytest.raises(DamagedObject):
        remote.read_part(bomb, 0, 5)


def test_a_recipe_and_an_index_that_differ_about_the_length_give_nothing(clones: Clones, tmp_path: Path) -> None:
    bob, remote = clones("bob")
    digest = digest_of(b"x" * 70_000)
    plant(remote, [(RAW, b"x" * 70_000, 70_000)],
          lambda pack: ChunkedRecipe(digest, 70_000, (pack,), (Stretch(0, 0, 1, 1, 70_000),)), tmp_path)  # fmt: skip
    (held,) = remote.known.chunked(digest)
    assert held.pack is not None
    sizes = remote.known.packs([held.pack])
    remote.known.forget_index()
    publish_segment(
        remote.place, remote.known, [held._replace(length=99)], [PackSize(held.pack, sizes[held.pack].size)]
    )
    assert remote.fetch(bob, [digest]).damaged == {digest}


# ---- beside others ----


def test_two_pushes_at_once_are_both_whole(clones: Clones, place: FolderPlace) -> None:
    base = content(3 * MIB)
    ada, seen_by_ada = clones("ada")
    bob, seen_by_bob = clones("bob")
    (one,) = add_objects(ada, [base + b"one"])
    (two,) = add_objects(bob, [base + b"two"])
    seen_by_ada.refresh()
    seen_by_bob.refresh()
    seen_by_ada.send(ada, [one], writer=WRITER, roots={"HEAD": (one,)})
    seen_by_bob.send(bob, [two], writer="e" * 32, roots={"HEAD": (two,)})
    eve, remote = clones("eve")
    assert remote.fetch(eve, [one, two]).objects_count == 2
    assert (eve.read(one), eve.read(two)) == (base + b"one", base + b"two") and remote.verify().problems == ()


def test_nothing_new_needs_a_pack_that_is_condemned(clones: Clones, place: FolderPlace) -> None:
    (first,) = push(clones, content(3 * MIB))
    _, remote = clones("ada")
    condemned = {needed.digest for needed in recipe_of(remote, first).packs}
    write_tombstone(place, Tombstone("condemned", "e" * 32, packs=frozenset(condemned)))
    first_again, second = push(clones, content(3 * MIB), content(3 * MIB) + b"more")
    assert first_again == first
    for key in map(pack_key, condemned):
        place.delete(key)
    bob, seen_by_bob = clones("bob")
    assert seen_by_bob.fetch(bob, [first, second]).objects_count == 2
    assert bob.read(first) == content(3 * MIB)


@pytest.mark.parametrize("damage", ["gone", "nonsense", "another version"])
def test_the_tables_are_only_an_accelerator(clones: Clones, damage: str) -> None:
    push(clones, content(3 * MIB))
    _, remote = clones("ada")
    path = tables_beside(remote.known.path)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"nonsense" * 2000 if damage == "nonsense" else b"")
    (second,) = push(clones, content(3 * MIB) + b"more")
    bob, seen_by_bob = clones("bob")
    assert seen_by_bob.fetch(bob, [second]).objects_count == 1


def test_where_nothing_is_cut_objects_go_whole_as_before(clones: Clones, place: FolderPlace, tmp_path: Path) -> None:
    with Store.open(tmp_path / "old" / "store", create=True) as store, new_remote(place, tmp_path / "old.db") as remote:
        (digest,) = add_objects(store, [content(2 * MIB)])
        remote.refresh()
        remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
        assert [one.size for one in place.list("objects/")] == [2 * MIB]
    bob, seen_by_bob = clones("bob")
    assert seen_by_bob.fetch(bob, [digest]).objects_count == 1
