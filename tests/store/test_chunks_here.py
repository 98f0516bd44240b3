"""A local store that keeps large objects in chunks: what they share is there once, and nothing else changes."""

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.conftest import files, overwrite, spoil
from track.errors import ChangedWhileAdding, DamagedObject, DiskFull, MissingObject
from track.model.digest import Digest, digest_of
from track.store import compact_chunks as compacting_chunks
from track.store.checkup import check_store
from track.store.chunk_collecting import uses_of
from track.store.chunks_here import InChunks
from track.store.collect import MOSTLY, look, rewrite, take
from track.store.compact import WORTH_IT, compact
from track.store.compact_chunks import compact_chunks
from track.store.cutting import writing
from track.store.footprint import footprint, stored_sizes
from track.store.objects import Store
from track.store.pack import CHUNK, RECIPE, PackWriter, read_table

MIB = 1 << 20
LATER_S = 4_000_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that wants chunks."""
    with Store.open(tmp_path / "store", create=True) as opened:
        opened.wants_chunks = True
        yield opened


def add(store: Store, *contents: bytes) -> list[Digest]:
    """Add large objects in one commit."""
    digests = []
    with writing(store) as writer:
        for number, content in enumerate(contents):
            path = store.path.with_name(f"large-{number}")
            path.write_bytes(content)
            with path.open("rb") as file:
                digests.append(writer.add_file(file.fileno(), len(content)))
            path.unlink()
        writer.commit()
    assert digests == [digest_of(content) for content in contents]
    return digests


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def edited(content: bytes, at: int, new: bytes = b"something new") -> bytes:
    return content[:at] + new + content[at:]


class Only:
    """What is needed: these, and nothing else."""

    def __init__(self, *digests: bytes) -> None:
        self.digests = set(digests)

    def kept(self, digests: list[bytes]) -> set[bytes]:
        return self.digests.intersection(digests)


def collect(store: Store, *needed: bytes, now_s: float = LATER_S) -> None:
    """Collect all that is not needed, whatever its age, and empty the trash."""
    marks = Only(*needed)
    found = look(store, marks, float("inf"))
    rewritten = rewrite(store, marks, found)
    with store.lock().exclusive(1):
        take(store, marks, found, rewritten, now_s)
        store.trash().empty(float("inf"))


def packs_of_chunks(store: Store) -> list[Path]:
    return [path for _, path in store.packs() if all(entry.flags == CHUNK for entry in read_table(path))]


def everything(path: Path, contents: list[bytes]) -> None:
    """Each content is there, for who opens the store with its index or without it."""
    for names in ((), ("index.db",), ("index.db", "chunks.db")):
        for name in names:
            (path / name).unlink(missing_ok=True)
        with Store.open(path, create=False) as store:
            assert not store.absent(map(digest_of, contents))
            for content in contents:
                assert store.read(digest_of(content)) == content
                assert store.check(digest_of(content)) == len(content)
                copy = store.copy_of_chunks(digest_of(content), path / "staging")
                assert copy.read_bytes() == content
                copy.unlink()
            assert not store.damage and not check_store(store).bad


def test_versions_of_a_file_share_what_they_have_in_common(store: Store) -> None:
    first = noise(1, 20 * MIB)
    versions = [first, edited(first, 10 * MIB), edited(first, 3 * MIB), first + b"more"]
    add(store, versions[0])
    once = footprint(store)
    for version in versions[1:]:
        add(store, version)
    assert not list(store.wholes())
    assert once < 20.1 * MIB and footprint(store) < once + 3 * MIB
    everything(store.path, versions)


def test_chunks_are_no_objects(store: Store) -> None:
    """Who looks for objects, this version or one of before, finds none that is a part of another."""
    (digest,) = add(store, noise(1, 3 * MIB))
    assert dict(store.objects()) == {digest: 3 * MIB}
    (pack,) = packs_of_chunks(store)
    assert store.absent(entry.digest for entry in read_table(pack)) == {one.digest for one in read_table(pack)}
    assert store.sizes([digest]) == {digest: 3 * MIB}
    assert store.whole(digest) is None and isinstance(store.large(digest), InChunks)
    assert store.are_large([digest, digest_of(b"")]) == {digest}


def test_whole_objects_and_chunked_ones_live_side_by_side(store: Store) -> None:
    first, second, third = noise(1, 2 * MIB), noise(2, 2 * MIB), noise(3, 2 * MIB)
    store.wants_chunks = False
    add(store, first)
    store.wants_chunks = True
    add(store, first, second)
    store.wants_chunks = False
    add(store, first, second, third)
    assert sorted(digest for digest, _ in store.wholes()) == sorted(map(digest_of, (first, third)))
    assert [held.digest for held in store.index.recipes()] == [digest_of(second)]
    for content in (first, second, third):
        assert store.read(digest_of(content)) == content


def test_the_same_twice_is_written_once(store: Store) -> None:
    content = noise(1, 2 * MIB)
    add(store, content, content)
    before = files(store.rooms.packs)
    add(store, content)
    assert files(store.rooms.packs) == before and len(before) == 2


def test_holes_stay_holes(store: Store, tmp_path: Path) -> None:
    content = bytes(8 * MIB) + noise(1, 2 * MIB) + bytes(8 * MIB)
    (digest,) = add(store, content)
    assert footprint(store) < 3 * MIB
    copy = store.copy_of_chunks(digest, store.rooms.staging)
    assert copy.read_bytes() == content
    assert copy.stat().st_blocks * 512 < 4 * MIB


def test_a_file_that_becomes_shorter_meanwhile_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(noise(1, 2 * MIB))
    with (
        (tmp_path / "large").open("rb") as file,
        writing(store) as writer,
        pytest.raises(ChangedWhileAdding, match="large"),
    ):
        writer.add_file(file.fileno(), 3 * MIB)
    assert not files(store.rooms.packs) and not files(store.rooms.staging)


def test_a_file_that_becomes_shorter_leaves_those_beside_it_as_they_are(store: Store, tmp_path: Path) -> None:
    first, path = noise(1, 3 * MIB), tmp_path / "f"
    contents = [first, first + noise(2, MIB), noise(3, 2 * MIB)]
    with writing(store) as writer:
        for content, missing in ((first, 0), (noise(4, 20 * MIB), 1), (contents[1], 0), (contents[2], 0)):
            path.write_bytes(content)
            with path.open("rb") as file, suppress(ChangedWhileAdding):
                writer.add_file(file.fileno(), len(content) + missing)
        writer.commit()
    everything(store.path, contents)


def test_nothing_is_committed_after_the_disk_was_full(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("no space left")

    contents, path = [noise(seed, 2 * MIB) for seed in range(3)], tmp_path / "f"
    with writing(store) as writer:
        for content in contents:
            path.write_bytes(content)
            with monkeypatch.context() as meanwhile, path.open("rb") as file, suppress(DiskFull):
                if content is contents[1]:
                    meanwhile.setattr(PackWriter, "add_entry", full)
                writer.add_file(file.fileno(), len(content))
        with pytest.raises(DiskFull):
            writer.commit()
    assert not list(store.objects()) and not files(store.rooms.staging)
    add(store, *contents)
    everything(store.path, contents)


def test_what_is_not_committed_is_dropped(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(noise(1, 20 * MIB))
    with (tmp_path / "large").open("rb") as file, writing(store) as writer:
        writer.add_file(file.fileno(), 20 * MIB)
    assert not files(store.rooms.packs) and not files(store.rooms.staging)
    add(store, noise(1, 20 * MIB))  # nothing relies on packs that never came
    everything(store.path, [noise(1, 20 * MIB)])


def test_a_pack_that_somebody_deleted_takes_its_objects_along_and_they_can_be_added_again(store: Store) -> None:
    content, other = noise(1, 2 * MIB), noise(2, 2 * MIB)
    add(store, content)
    (gone,) = packs_of_chunks(store)
    add(store, other)
    gone.unlink()
    with Store.open(store.path, create=False) as again:
        again.wants_chunks = True
        assert again.absent(map(digest_of, (content, other))) == {digest_of(content)}
        with pytest.raises(MissingObject):
            again.read(digest_of(content))
        add(again, content)
    everything(store.path, [content, other])


def test_a_damaged_chunk_is_never_given_and_the_object_can_be_added_again(store: Store) -> None:
    first = noise(1, 4 * MIB)
    second = edited(first, 2 * MIB)
    add(store, first)
    (pack,) = packs_of_chunks(store)
    add(store, second)
    spoil(pack, 100)
    for digest in map(digest_of, (first, second)):
        with pytest.raises(DamagedObject, match="a chunk of it in the pack"):
            store.read(digest)
        assert store.absent([digest]) == {digest}
    add(store, first, second)
    for content in (first, second):
        assert store.read(digest_of(content)) == content


def test_verify_takes_no_pack_from_whoever_began_to_write_before(store: Store, tmp_path: Path) -> None:
    first = noise(1, 4 * MIB)
    grown, path = first[MIB:] + noise(2, MIB), tmp_path / "grown"
    path.write_bytes(grown)
    add(store, first)
    (pack,) = packs_of_chunks(store)
    spoil(pack, 100)
    with Store.open(store.path, create=False) as other, writing(store) as writer, path.open("rb") as file:
        writer.add_file(file.fileno(), len(grown))
        assert check_store(other).bad and pack.exists()
        writer.commit()
    assert store.read(digest_of(grown)) == grown
    with Store.open(store.path, create=False) as other:
        assert check_store(other).bad and not pack.exists()
    everything(store.path, [grown])


def test_verify_saves_what_shares_a_pack_with_damage(store: Store) -> None:
    first, second = noise(1, 3 * MIB), noise(2, 3 * MIB)
    add(store, first, second)
    (pack,) = packs_of_chunks(store)
    spoil(pack, 100)  # in a chunk of the first
    (bad,) = check_store(store, settles=False).bad
    assert bad.digests == (digest_of(first),) and pack.exists()
    (bad,) = check_store(store).bad
    assert bad.digests == (digest_of(first),) and not pack.exists()
    assert store.absent(map(digest_of, (first, second))) == {digest_of(first)}
    assert store.read(digest_of(second)) == second
    assert not check_store(store).bad
    add(store, first)
    everything(store.path, [first, second])


@pytest.mark.parametrize("end", [40, MIB])
def test_a_pack_without_its_table_loses_all_that_needs_it(store: Store, end: int) -> None:
    first, second = noise(1, 3 * MIB), noise(2, 3 * MIB)
    add(store, first)
    (pack,) = packs_of_chunks(store)
    add(store, second)
    overwrite(pack, pack.read_bytes()[:-end])
    with Store.open(store.path, create=False) as again:
        again.wants_chunks = True
        check_store(again)
        assert again.absent(map(digest_of, (first, second))) == {digest_of(first)}
        add(again, first)
    everything(store.path, [first, second])


def test_a_damaged_recipe_is_put_aside(store: Store) -> None:
    content = noise(1, 2 * MIB)
    (digest,) = add(store, content)
    (path,) = [path for _, path in store.packs() if read_table(path)[0].form == RECIPE]
    spoil(path, 60)
    with pytest.raises(DamagedObject):
        store.read(digest)
    assert store.absent([digest]) == {digest}
    assert check_store(store).bad
    add(store, content)
    everything(store.path, [content])


def test_collecting_takes_dead_chunks_and_keeps_those_of_what_is_needed(store: Store) -> None:
    first = noise(1, 8 * MIB)
    second = edited(first, 100)
    other = noise(2, 8 * MIB)
    add(store, first)
    add(store, second)
    add(store, other)
    before = footprint(store)
    collect(store, *map(digest_of, (second, other)))
    assert footprint(store) > before - MIB  # nearly all is shared
    assert store.absent([digest_of(first)])
    collect(store, digest_of(second))
    assert footprint(store) < 9 * MIB
    everything(store.path, [second])
    collect(store)
    assert footprint(store) == 0


def test_packs_that_are_mostly_dead_are_written_anew_with_the_recipes_that_name_them(store: Store) -> None:
    shared = noise(1, 2 * MIB)
    versions = [shared + noise(number, 6 * MIB) for number in range(2, 5)]
    for version in versions:
        add(store, version)
    collect(store, digest_of(versions[2]))
    collect(store, digest_of(versions[2]))
    assert footprint(store) < 8.2 * MIB
    everything(store.path, [versions[2]])


def test_a_repeated_chunk_survives_being_moved(store: Store) -> None:
    block = noise(1, 256 << 10)
    content = block * 12 + noise(2, 2 * MIB)
    add(store, noise(3, 9 * MIB), content)
    collect(store, digest_of(content))
    collect(store, digest_of(content))
    assert footprint(store) < 4 * MIB
    everything(store.path, [content])


def test_what_a_young_object_shares_with_dead_ones_stays(store: Store) -> None:
    """It is not needed, and may be any moment: the grace period is for all of it."""
    first = noise(1, 4 * MIB)
    add(store, first)
    for path in files(store.rooms.packs):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    second = edited(first, 100)
    add(store, second)
    found = look(store, Only(), 2_000_000_000.0 - 1e9 + 1)
    assert not any(one.of_chunks and not one.is_mixed for one in found.going)
    with store.lock().exclusive(1):
        take(store, Only(), found, frozenset(), LATER_S)
    assert store.read(digest_of(second)) == second


def test_what_is_needed_again_comes_back_from_the_trash(store: Store) -> None:
    content = noise(1, 3 * MIB)
    (digest,) = add(store, content)
    marks = Only()
    found = look(store, marks, float("inf"))
    with store.lock().exclusive(1):
        take(store, marks, found, frozenset(), LATER_S)
    assert not files(store.rooms.packs)
    assert not store.absent([digest])
    assert store.read(digest) == content


@pytest.mark.parametrize("of_chunks", [True, False])
def test_what_a_killed_collection_took_half_comes_back(store: Store, of_chunks: bool) -> None:
    content = noise(1, 3 * MIB)
    (digest,) = add(store, content)
    batch = store.trash().begin(2_000_000_000)
    for name, path in list(store.packs()):
        if (path in packs_of_chunks(store)) is of_chunks:
            store.trash().take_pack(batch, name)
            store.index.forget_pack(name)
    assert not store.absent([digest])
    assert store.read(digest) == content


def test_a_collection_that_was_killed_before_it_took_anything_leaves_both_copies_good(store: Store) -> None:
    first, second = noise(1, 8 * MIB), noise(2, 2 * MIB)
    add(store, first, second)
    marks = Only(digest_of(second))
    rewrite(store, marks, look(store, marks, float("inf")))
    for path in (store.path / "index.db", store.path / "chunks.db"):
        path.unlink()
    everything(store.path, [first, second])
    collect(store, digest_of(second))
    collect(store, digest_of(second))
    assert footprint(store) < 2.2 * MIB
    everything(store.path, [second])


def test_small_packs_of_recipes_are_merged(store: Store) -> None:
    contents = [noise(number, 2 * MIB) for number in range(WORTH_IT + 1)]
    for content in contents:
        add(store, content)
    done = compact(store, now_s=LATER_S)
    assert (done.merged_count, done.written_count) == (WORTH_IT + 1, 1)
    everything(store.path, contents)


def test_a_recipe_that_was_written_anew_is_the_one_that_is_merged(store: Store) -> None:
    contents = [noise(number, 2 * MIB) for number in range(WORTH_IT + 1)]
    dead = noise(99, 9 * MIB)
    add(store, contents[0], dead)
    for content in contents[1:]:
        add(store, content)
    marks = Only(*map(digest_of, contents))
    found = look(store, marks, float("inf"))
    rewritten = rewrite(store, marks, found)
    with store.lock().exclusive(1):
        take(store, marks, found, rewritten, LATER_S)
    compact(store, now_s=LATER_S)
    with store.lock().exclusive(1):
        store.trash().empty(float("inf"))
    everything(store.path, contents)


def with_many_packs(store: Store, count: int = WORTH_IT + 2) -> list[bytes]:
    """Versions of a file, each of which left a small pack with what was new."""
    versions = [noise(1, 5 * MIB)]
    for number in range(1, count):
        versions.append(edited(versions[-1], number * 400_000, b"edit %d" % number))
    for version in versions:
        add(store, version)
    return versions


def test_small_packs_of_chunks_are_merged(store: Store) -> None:
    versions = with_many_packs(store)
    assert len(packs_of_chunks(store)) == len(versions)
    before = footprint(store)
    assert compact_chunks(store, now_s=LATER_S) == len(versions) - 1  # the first is not small
    compact(store, now_s=LATER_S)
    assert len(packs_of_chunks(store)) == 2 and len(list(store.packs())) == 4  # two are of recipes
    assert footprint(store) < before
    everything(store.path, versions)
    assert not store.index.broken()
    again = edited(versions[-1], 5 * MIB, b"and another")
    add(store, again)
    assert footprint(store) < before + MIB, "the chunks that moved are found where they are"
    assert compact_chunks(store, now_s=LATER_S) == 0
    everything(store.path, [*versions, again])


def test_a_few_small_packs_of_chunks_are_left_alone(store: Store) -> None:
    with_many_packs(store, WORTH_IT)
    before = files(store.rooms.packs)
    assert compact_chunks(store, now_s=LATER_S) == 0
    assert files(store.rooms.packs) == before


@pytest.mark.parametrize("limit", ["MOST_MOVED", "MOST_RECIPES"])
def test_a_compaction_of_chunks_writes_only_so_much(store: Store, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = with_many_packs(store)
    monkeypatch.setattr(compacting_chunks, limit, 1000)
    assert compact_chunks(store, now_s=LATER_S) == 0
    everything(store.path, versions)


def test_a_compaction_of_chunks_that_was_killed_leaves_all_that_is_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = with_many_packs(store)
    with monkeypatch.context() as meanwhile, pytest.raises(KeyboardInterrupt):
        meanwhile.setattr(compacting_chunks, "_take", killed)
        compact_chunks(store, now_s=LATER_S)
    assert [store.read(digest_of(version)) for version in versions] == versions
    collect(store, *map(digest_of, versions))
    assert len(packs_of_chunks(store)) == 2
    everything(store.path, versions)


def killed(*_: object) -> int:
    raise KeyboardInterrupt


def test_what_is_used_again_while_chunks_are_merged_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who began to add before relies on the old packs when the new ones are there already."""
    versions = with_many_packs(store)
    again = edited(versions[-1], MIB, b"meanwhile")
    path = store.path.with_name("again")
    path.write_bytes(again)
    take_chunks = compacting_chunks._take
    with Store.open(store.path, create=False) as other:
        other.wants_chunks = True

        def take_later(store: Store, moved: frozenset[bytes], now_s: float, timeout_s: float) -> int:
            writer.commit()
            stack.close()
            return take_chunks(store, moved, now_s, timeout_s)

        monkeypatch.setattr(compacting_chunks, "_take", take_later)
        with ExitStack() as stack, path.open("rb") as file:
            writer = stack.enter_context(writing(other))
            writer.add_file(file.fileno(), len(again))
            taken = compact_chunks(store, now_s=LATER_S)
    assert taken < len(versions) - 1 and len(packs_of_chunks(store)) > 3
    store.trash().empty(float("inf"))
    everything(store.path, [*versions, again])


def test_a_damaged_small_pack_of_chunks_stays_and_costs_no_other(store: Store) -> None:
    versions = with_many_packs(store)
    spoil(sorted(packs_of_chunks(store), key=lambda path: path.stat().st_mtime_ns)[-1], 20)  # of the last version alone
    assert compact_chunks(store, now_s=LATER_S) == len(versions) - 2
    store.trash().empty(float("inf"))
    for version in versions[:-1]:
        assert store.read(digest_of(version)) == version
    with pytest.raises(DamagedObject):
        store.read(digest_of(versions[-1]))


def test_an_older_index_is_made_again(store: Store) -> None:
    content = noise(1, 2 * MIB)
    add(store, content)
    store.index._change("PRAGMA user_version = 1", ())
    everything(store.path, [content])


def test_two_writers_at_once_rely_on_nothing_of_each_other(store: Store) -> None:
    content = noise(1, 20 * MIB)
    with Store.open(store.path, create=False) as other:
        other.wants_chunks = True
        path = store.path.with_name("large")
        path.write_bytes(content)
        with path.open("rb") as file, writing(store) as writer:
            writer.add_file(file.fileno(), len(content))
            add(other, content)
            writer.commit()
    everything(store.path, [content])


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_collection_leaves_what_is_left_of_a_needed_object(store: Store, how: str) -> None:
    content, dead = noise(1, 20 * MIB), noise(2, 3 * MIB)
    add(store, content)
    add(store, dead)
    pack = max(packs_of_chunks(store), key=lambda path: path.stat().st_size)
    sound = pack.read_bytes()
    if how == "damaged":
        spoil(pack, 1000)
        with pytest.raises(DamagedObject):
            store.read(digest_of(content))
    else:
        pack.unlink()
    collect(store, digest_of(content))
    assert footprint(store) < 21 * MIB and store.absent([digest_of(content)])
    pack.touch()
    overwrite(pack, sound)  # from a copy of the disk
    store.index.rebuild()
    everything(store.path, [content])


def test_what_is_left_of_an_object_goes_when_it_is_here_again(store: Store) -> None:
    content = noise(1, 20 * MIB)
    add(store, content)
    spoil(max(packs_of_chunks(store), key=lambda path: path.stat().st_size), 1000)
    with pytest.raises(DamagedObject):
        store.read(digest_of(content))
    add(store, content)
    collect(store, digest_of(content))
    everything(store.path, [content])
    assert footprint(store) < 21 * MIB


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A store that two people share, each of whom has an index of their own, as each has it open."""
    path = tmp_path / "shared"
    with (
        Store.open(path, create=True, group=True, cache=tmp_path / "mine") as mine,
        Store.open(path, create=False, cache=tmp_path / "theirs") as theirs,
    ):
        mine.wants_chunks = theirs.wants_chunks = True
        assert not mine.index.count()
        yield mine, theirs


def test_a_collection_knows_the_recipes_that_others_added_to_a_shared_store(shared: tuple[Store, Store]) -> None:
    mine, theirs = shared
    content = noise(1, 3 * MIB)
    add(theirs, content)
    collect(mine, digest_of(content))
    everything(mine.path, [content])


def test_chunks_that_somebody_else_uses_again_meanwhile_stay(shared: tuple[Store, Store]) -> None:
    mine, theirs = shared
    content = noise(1, 3 * MIB)
    add(theirs, content)
    found = look(mine, Only(), float("inf"))
    assert found.going
    grown = content + noise(2, MIB)
    add(theirs, grown)
    with mine.lock().exclusive(1):
        take(mine, Only(digest_of(grown)), found, frozenset(), LATER_S)
        mine.trash().empty(float("inf"))
    everything(mine.path, [grown])


def test_sizes_tell_what_an_object_takes(store: Store) -> None:
    content = noise(1, 4 * MIB)
    add(store, content, edited(content, 100))
    for digest in map(digest_of, (content, edited(content, 100))):
        assert 4 * MIB <= stored_sizes(store, [digest])[digest] < 4.1 * MIB


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_whatever_is_added_edited_and_collected_what_is_needed_is_whole(tmp_path_factory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("walk")
    source = random.Random(data.draw(st.integers(0, 1 << 30)))
    contents: list[bytes] = []
    with Store.open(path / "store", create=True) as store:
        for step in data.draw(st.lists(st.sampled_from("nneeeecmso"), min_size=3, max_size=12)):
            store.wants_chunks = step != "o"
            if step in "no" or not contents:
                contents.append(source.randbytes(source.randrange(MIB, 3 * MIB)))
                add(store, contents[-1])
            elif step == "e":
                old = source.choice(contents)
                at = source.randrange(len(old))
                new = source.randbytes(source.randrange(200_000))
                contents.append(old[:at] + new + old[at + 50_000 :] + bytes(MIB))
                add(store, contents[-1])
            elif step == "c":
                contents = [one for one in contents if source.random() < 0.6]
                collect(store, *map(digest_of, contents))
            elif step == "m":
                compact(store, now_s=LATER_S)
            else:
                (store.path / source.choice(["index.db", "chunks.db"])).unlink(missing_ok=True)
                store.close()
            for content in contents:
                assert store.read(digest_of(content)) == content
        assert not store.damage and not check_store(store).bad
    with suppress(OSError):
        shutil.rmtree(path)


def test_what_is_used_is_what_recipes_name(store: Store) -> None:
    content = noise(1, 4 * MIB)
    (digest,) = add(store, content)
    (pack,) = packs_of_chunks(store)
    (name,) = [name for name, path in store.packs() if path == pack]
    count = len(read_table(pack))
    assert uses_of(store, Only(digest), float("inf")).of(name, count) == b"\1" * count
    assert uses_of(store, Only(), float("inf")).of(name, count) == bytes(count)
    assert uses_of(store, Only(), 0.0).of(name, count) == b"\1" * count
    assert MOSTLY == 0.5
