"""The files of a directory artifact as a data set: by number, in batches, shuffled and ahead, in many processes."""

import multiprocessing
import operator
import os
import pickle
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import track
from support.cli import track as cli
from support.repositories import commit_all, new_repository
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import proxy
from support.trees import write_tree
from track.api.samples import Samples
from track.errors import DiskFull, MissingObject, UsageError
from track.flows import filling
from track.flows.elsewhere import Elsewhere
from track.model.manifest import Entry
from track.store.objects import Store
from track.store.receive import Fetched
from track.store.remote import Remote
from track.verbs.version_batch import version_batch

COUNT = 700
LARGE = os.urandom(2 << 20)


def content(number: int) -> bytes:
    return b"%d" % number * (number % 50 + 1)


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[track.Repo]:
    """A directory of small files, one large one, and a link, at a remote beside."""
    top = new_repository(tmp_path / "project")
    with track.Repo.init(top, hooks=False) as repo:
        (top / "images/deep").mkdir(parents=True)
        for number in range(COUNT):
            (top / f"images/deep/{number:04}.bin").write_bytes(content(number))
        (top / "images/large.bin").write_bytes(LARGE)
        (top / "images/link").symlink_to("large.bin")
        repo.add("images")
        commit_all(top, "first")
        cli("remote", "add", "here", "../remote", cwd=top).ok()
        repo.push()
        shutil.rmtree(top / "images")
        yield repo


EXPECTED = {f"deep/{number:04}.bin": content(number) for number in range(COUNT)} | {"large.bin": LARGE}


def emptied(repo: track.Repo) -> None:
    store = repo.root / ".git/track/store"
    for name in ("objects", "packs"):
        shutil.rmtree(store / name)
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (store / name).unlink(missing_ok=True)


def test_files_are_numbered_and_a_batch_is_read_together(repo: track.Repo) -> None:
    samples = repo.get("images").samples()
    assert len(samples) == COUNT + 1
    assert samples[3] == ("deep/0003.bin", content(3))
    assert samples[-1] == ("large.bin", LARGE)
    assert [path for path, _ in samples[10:12]] == ["deep/0010.bin", "deep/0011.bin"]
    assert samples.__getitems__([5, 1, 5]) == [samples[5], samples[1], samples[5]]
    assert repo.get("images/deep").samples()[0] == ("0000.bin", content(0))
    assert repr(samples) == "<Samples: 701 files>"
    with pytest.raises(IndexError):
        samples[COUNT + 1]


def test_a_stream_gives_every_file_once_in_the_order_of_its_seed(repo: track.Repo) -> None:
    samples = repo.get("images").samples()
    plain = list(samples.stream(batch=64))
    first, again, other = (list(samples.stream(seed, batch=50, prefetch=3)) for seed in (1, 1, 2))
    assert [path for path, _ in plain] == sorted(EXPECTED)
    assert dict(first) == dict(other) == EXPECTED
    assert first == again
    assert [path for path, _ in first] != [path for path, _ in other]
    parts = [dict(samples.stream(1, part=(which, 3))) for which in range(3)]
    assert sum(map(len, parts)) == len(EXPECTED)
    assert parts[0] | parts[1] | parts[2] == EXPECTED


def test_a_stream_that_is_left_early_leaves_no_thread(repo: track.Repo) -> None:
    stream = repo.get("images").samples().stream(4, batch=8)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("track-samples")]


def test_what_makes_no_sense_is_told_at_once(repo: track.Repo) -> None:
    samples = repo.get("images").samples()
    for wrong, said in (({"batch": 0}, "batch is 0"), ({"prefetch": 0}, "prefetch is 0"), ({"part": (2, 2)}, "part")):
        with pytest.raises(UsageError, match=said):
            samples.stream(**wrong)  # type: ignore[arg-type]  # each is another one
    with pytest.raises(UsageError, match="is no directory"):
        repo.get("images/large.bin").samples()


def test_what_is_not_here_comes_from_a_remote_and_what_is_nowhere_is_told(repo: track.Repo) -> None:
    emptied(repo)
    samples = repo.get("images").samples()
    assert dict(samples.stream(1, batch=100)) == EXPECTED
    emptied(repo)
    shutil.move(repo.root / "../remote", repo.root / "../away")
    with pytest.raises(MissingObject, match="`images` is not available"):
        list(samples.stream(1))
    cli("remote", "remove", "here", cwd=repo.root).ok()
    with pytest.raises(MissingObject, match="`images` is not available"):
        list(samples.stream(1))


def work(samples: Samples, which: int) -> int:
    return sum(EXPECTED[path] == data for path, data in samples.stream(3, part=(which, 2)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_for_themselves(repo: track.Repo, method: str) -> None:
    samples = repo.get("images").samples()
    assert samples[0][1] == content(0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        # A spawned process finds no function of a test by its name.
        read = pool.map_async(operator.itemgetter(slice(100, 200)), [samples] * 4).get(timeout=250)
    assert [sum(EXPECTED[path] == data for path, data in part) for part in read] == [100] * 4
    assert pickle.loads(pickle.dumps(repo.get("images"))).files["large.bin"].read_bytes() == LARGE


@pytest.mark.parametrize("portion", [64 << 20, 256 << 10])
def test_a_shuffled_stream_asks_a_bucket_for_packs_and_not_for_files(
    portion: int, tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, or a portion after the other while the stream goes on."""
    monkeypatch.setattr(filling, "PORTION", portion)
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    top, count = new_repository(tmp_path / "ada"), 3000
    contents = {f"{number:04}.jpg": b"%d " % number * 40 for number in range(count)}
    write_tree(top / "images", {name: random.Random(name).randbytes(900) + each for name, each in contents.items()})
    with proxy(s3_server.endpoint) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        with track.Repo.init(top, hooks=False) as repo:
            repo.add("images")
            cli("remote", "add", "origin", f"s3://{BUCKET}/samples/{os.urandom(4).hex()}", cwd=top).ok()
            commit_all(top, "images")
            repo.push()
        with track.Repo.clone(str(top), tmp_path / "bob", data=False, hooks=False) as clone:
            cli("trust", "--yes", "origin", cwd=clone.root).ok()
            asked: list[str] = []
            between.faults.append(lambda request, ask: asked.append(request.path))
            samples = clone.get("images").samples()
            order = [path for path, content in samples.stream(7, batch=64) if content.endswith(contents[path])]
            assert sorted(order) == sorted(contents) and order != sorted(order)
            from_packs = [path for path in asked if "/packs/" in path]
            # Beside the portions the first batches ask for their own: how many do is a matter of who is faster.
            assert 0 < len(from_packs) < (20 if portion > len(contents) << 10 else count)
            del asked[:]
            assert [path for path, _ in samples.stream(7, part=(1, 3))] == order[1::3]
            assert not asked


def test_files_that_are_read_by_number_bring_those_that_follow(
    tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that stream at once ask for no more than one does."""
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    top, count = new_repository(tmp_path / "ada"), 900
    contents = [random.Random(number).randbytes(2_000 if number != 400 else 2 << 20) for number in range(count)]
    write_tree(top / "images", {f"{number:04}.jpg": content for number, content in enumerate(contents)})
    with proxy(s3_server.endpoint) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        with track.Repo.init(top, hooks=False) as repo:
            repo.add("images")
            cli("remote", "add", "origin", f"s3://{BUCKET}/samples/{os.urandom(4).hex()}", cwd=top).ok()
            commit_all(top, "images")
            repo.push()
        asked: list[str] = []
        between.faults.append(lambda request, ask: asked.append(request.path))
        with track.Repo.clone(str(top), tmp_path / "bob", data=False, hooks=False) as clone:
            cli("trust", "--yes", "origin", cwd=clone.root).ok()
            samples = clone.get("images").samples()
            del asked[:]
            assert [samples[number][1] for number in range(count)] == contents
            by_number = len(asked)
            emptied(clone)
        with track.Repo(tmp_path / "bob") as again:
            samples = again.get("images").samples()
            del asked[:]
            with ThreadPoolExecutor(2) as threads:
                for found in threads.map(lambda _: list(samples.stream()), range(2)):
                    assert [content for _, content in found] == contents
            packs = [path for path in asked if "/packs/" in path]
            assert packs and len(packs) == len(set(packs))
        assert by_number <= 16


@pytest.mark.parametrize("quick_s", [0.0, 60.0])
def test_a_stream_asks_for_its_first_files_alone_and_then_for_packs(
    quick_s: float, repo: track.Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file by itself is not quick to be had, each of the small batches waits for packs; else they grow."""
    monkeypatch.setattr(filling, "PORTION", 64 << 10)
    monkeypatch.setattr("track.api.samples._QUICK_S", quick_s)
    asked: list[tuple[str, int]] = []

    def noted(what: str, function: Callable[..., object], size_of: int) -> Callable[..., object]:
        def work(*given: Any, **named: Any) -> object:
            asked.append((what, len(given[size_of])))
            return function(*given, **named)

        return work

    monkeypatch.setattr("track.api.samples.version_batch", noted("files", version_batch, 2))
    monkeypatch.setattr(Elsewhere, "bring", noted("objects", Elsewhere.bring, 3))
    emptied(repo)
    assert dict(repo.get("images").samples().stream(4, batch=128)) == EXPECTED
    batches = [size for what, size in asked if what == "files"]
    assert asked[:2] == [("files", 16), ("objects", 16)] and sum(batches) == COUNT + 1
    growing = batches[: batches.index(128)] if 128 in batches else batches
    assert set(growing) == {16} if not quick_s else growing == [16, 32, 64][: len(growing)]


def test_on_a_disk_that_has_no_room_for_what_follows_a_file_comes_alone(
    repo: track.Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, sizes = Remote.fetch, list[int]()

    def small(remote: Remote, store: Store, digests: Sequence[bytes]) -> Fetched:
        sizes.append(len(digests))
        if len(digests) > 2:
            raise DiskFull("no room for more than two")
        return fetch(remote, store, digests)

    emptied(repo)
    samples = repo.get("images").samples()
    monkeypatch.setattr(Remote, "fetch", small)
    assert [samples[number] for number in range(12)] == list(EXPECTED.items())[:12]
    assert max(sizes) > 2


def test_a_stream_left_early_fetches_no_further_portion(repo: track.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "PORTION", 1 << 10)
    emptied(repo)
    stream = repo.get("images").samples().stream(4, batch=8)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("track-samples")]
    here = sum(path.stat().st_size for path in (repo.root / ".git/track/store").rglob("*") if path.is_file())
    assert here < len(LARGE)


def test_files_of_other_parts_come_along_where_they_are_small() -> None:
    small = [Entry(b"%d" % number, "f", 1000, bytes([number]) * 32) for number in range(9)]
    assert filling.what_to_fill(small, small[5:1:-1], (1, 3)) == (small, 3)
    large = [entry._replace(size=1 << 20) for entry in small]
    assert filling.what_to_fill(large, large[5:1:-1], (1, 3)) == (large[2:6], 0)
    assert filling.what_to_fill(large, large[::-1], (0, 1)) == (large, 0)
