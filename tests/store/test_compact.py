"""Compacting: small packs become few, whatever happens on the way, and whoever reads meanwhile."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from store.conftest import files, spoil
from track import publish
from track.errors import DiskFull
from track.model.digest import Digest, digest_of
from track.store import compact as compacting
from track.store.compact import WORTH_IT, Compacted, compact
from track.store.objects import Store
from track.store.pack import PACK_SIZE
from track.store.trash import Trash

NOW_S = 1_800_000_000.0
Add = Callable[..., list[Digest]]


def contents(number: int, size: int = 2000) -> list[bytes]:
    return [b"%d %d " % (number, at) * (size // 8) for at in range(5)]


@pytest.fixture
def everything(add: Add) -> dict[bytes, bytes]:
    """Twelve small packs, and what is in them."""
    return {
        digest: content
        for number in range(12)
        for digest, content in zip(add(*contents(number)), contents(number), strict=True)
    }


def packs(store: Store) -> list[bytes]:
    return [name for name, _ in store.packs()]


def check(path: Path, everything: dict[bytes, bytes]) -> None:
    """Every byte is there, for whoever opens the store now, with the index or without."""
    for _ in range(2):
        with Store.open(path, create=False) as store:
            assert dict(store.read_many(list(everything))) == everything
            assert not store.damage
        (path / "index.db").unlink(missing_ok=True)


def test_many_small_packs_become_one(store: Store, everything: dict[bytes, bytes]) -> None:
    before = packs(store)
    done = compact(store, now_s=NOW_S)
    assert (done.merged_count, done.written_count) == (12, 1)
    (name,) = packs(store)
    assert name not in before and store.rooms.pack(name).stat().st_size == done.written_bytes
    assert len(files(store.rooms.trash)) == 12
    assert {store.read(digest) for digest in everything} == set(everything.values())
    check(store.path, everything)


def test_a_few_small_packs_are_left_alone(store: Store, add: Add) -> None:
    for number in range(WORTH_IT - 1):
        add(*contents(number))
    assert compact(store, now_s=NOW_S) == Compacted(0, 0, 0)
    assert len(packs(store)) == WORTH_IT - 1 and not store.rooms.trash.exists()


def test_what_was_merged_is_not_written_again_for_each_new_pack(store: Store, everything: dict, add: Add) -> None:
    compact(store, now_s=NOW_S)
    for number in range(100, 100 + WORTH_IT - 2):
        add(*contents(number))
        assert compact(store, now_s=NOW_S + number) == Compacted(0, 0, 0)


def test_larger_packs_stay_and_the_new_ones_have_the_usual_size(store: Store, add: Add) -> None:
    large = add(*(os.urandom(500_000) for _ in range(12)))
    stays = packs(store)
    for _ in range(20):
        add(*(os.urandom(500_000) for _ in range(4)))
    done = compact(store, now_s=NOW_S)
    assert (done.merged_count, done.written_count) == (20, 3)
    assert set(stays) < set(packs(store)) and len(packs(store)) == 4
    sizes = [path.stat().st_size for name, path in store.packs() if name not in stays]
    assert max(sizes) < PACK_SIZE + compacting.SMALL_PACK
    assert not store.absent(large)


def test_an_object_in_several_packs_is_in_one_afterwards(store: Store, everything: dict[bytes, bytes]) -> None:
    with Store.open(store.path, create=False) as other:
        other.index.absent = lambda digests: set(digests)  # type: ignore[method-assign]  # a writer at the same time
        with other.writer() as writer:
            writer.add(next(iter(everything.values())))
            writer.commit()
    assert compact(store, now_s=NOW_S).merged_count == 13
    assert store.index.count() == len(everything) == sum(1 for _ in store.index.held(everything))


def test_a_damaged_pack_stays_where_it_is(store: Store, everything: dict[bytes, bytes]) -> None:
    name, path = next(store.packs())
    lost = set(store.index.inside(name))
    spoil(path, 3)
    assert compact(store, now_s=NOW_S).merged_count == 11
    assert path.exists()
    sound = {digest: content for digest, content in everything.items() if digest not in lost}
    assert dict(store.read_many(list(sound))) == sound


def test_a_copy_that_is_damaged_is_no_reason_to_take_the_other_away(
    store: Store, everything: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trash, "take_pack", lambda *_: (_ for _ in ()).throw(FileNotFoundError))
    compact(store, now_s=NOW_S)
    monkeypatch.undo()
    merged = max(store.packs(), key=lambda pack: pack[1].stat().st_size)[1]
    spoil(merged, 3)
    compact(store, now_s=NOW_S)
    check(store.path, everything)


def test_whoever_reads_goes_on(store: Store, everything: dict[bytes, bytes]) -> None:
    over = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            with Store.open(store.path, create=False) as other:
                while not over.is_set():
                    assert dict(other.read_many(list(everything))) == everything
                    assert not other.absent(everything)
                    for digest, content in everything.items():
                        assert other.read(digest) == content
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            with store.writer() as writer:
                for at in range(WORTH_IT):
                    writer.add(b"more %d %d" % (number, at))
                    writer.commit()
            assert compact(store, now_s=NOW_S + number).merged_count >= WORTH_IT
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures


@pytest.mark.parametrize("call", ["rename", "rename_new", "sync_fd", "sync_directory", "make_directories"])
def test_a_failure_anywhere_loses_nothing_and_the_next_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    nth, was_reached = 0, True
    while was_reached and nth < 60:
        path = tmp_path / f"store {nth}"
        everything = {}
        with Store.open(path, create=True) as store:
            for number in range(WORTH_IT):
                with store.writer() as writer:
                    everything.update((writer.add(content), content) for content in contents(number, 100))
                    writer.commit()
            with monkeypatch.context() as patch:
                count = _fail_at(patch, call, nth)
                with suppress(DiskFull, OSError):
                    compact(store, now_s=NOW_S)
                was_reached = count() > nth
        check(path, everything)
        with Store.open(path, create=False) as store:
            compact(store, now_s=NOW_S + 1)
            assert len(packs(store)) == 1
            assert not files(store.rooms.staging)
        check(path, everything)
        nth += 1
    assert 0 < nth < 60


def _fail_at(patch: pytest.MonkeyPatch, call: str, nth: int) -> Callable[[], int]:
    real = getattr(publish, call)
    calls: list[object] = []

    def failing(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == nth + 1:
            raise OSError(28, os.strerror(28))
        return real(*args, **options)

    patch.setattr(publish, call, failing)
    return lambda: len(calls)


def test_a_store_that_others_hold_keeps_both_until_the_next_time(store: Store, everything: dict[bytes, bytes]) -> None:
    with Store.open(store.path, create=False) as other, other.lock().shared(0):
        done = compact(store, now_s=NOW_S, timeout_s=0)
    assert (done.merged_count, done.written_count) == (0, 1)
    check(store.path, everything)
    done = compact(store, now_s=NOW_S)
    assert (done.merged_count, done.written_count) == (12, 0)
    check(store.path, everything)


def test_what_went_comes_back_only_when_it_is_needed(store: Store, everything: dict[bytes, bytes]) -> None:
    compact(store, now_s=NOW_S)
    assert store.trash().revive(lambda digests: store.absent(digests)) == 0
    (name,) = packs(store)
    store.rooms.pack(name).unlink()
    assert store.absent(everything) == set()  # it looks there before it says that something is lacking
    assert digest_of(next(iter(everything.values()))) in everything
