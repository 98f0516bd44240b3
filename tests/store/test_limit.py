"""The limit of bytes a second: over all streams together, in both directions, and interrupted at once."""

import os
import threading
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.remotes import add_objects, new_place, new_remote, random_objects
from support.repositories import commit_all, git
from support.sharing import cloned, shared
from support.trees import read_tree
from track.config import find_key, parse_value
from track.errors import BadConfig
from track.model.digest import digest_of
from track.progress import Share, Stopped
from track.store.limit import LimitedPlace, Limiter, limiter_of
from track.store.objects import Store
from track.store.place import Place

MIB = 1 << 20


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def now(self) -> float:
        return self.at_s

    def sleep(self, pause_s: float) -> None:
        self.at_s += pause_s


def test_bytes_take_as_long_as_the_rate_says_after_a_short_burst() -> None:
    clock = Clock()
    limiter = Limiter(1000, now=clock.now, sleep=clock.sleep)
    limiter.take(250)
    assert clock.at_s == 100.0
    for _ in range(100):
        limiter.take(100)
    assert clock.at_s == pytest.approx(110.0)
    clock.at_s += 3600  # nothing moved for an hour: that is not saved up
    limiter.take(250)
    limiter.take(1000)
    assert clock.at_s == pytest.approx(110.0 + 3600 + 1)


def test_several_streams_share_one_rate() -> None:
    rate, each, streams = 400_000, 50_000, 4
    limiter = Limiter(rate)
    began = time.monotonic()
    threads = [threading.Thread(target=lambda: [limiter.take(each // 5) for _ in range(5)]) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= (each * streams) / rate - 0.25 - 0.01


def test_whoever_waits_is_woken_when_nobody_wants_the_bytes() -> None:
    share = Share(10)
    share.stop()
    with pytest.raises(Stopped):
        Limiter(1000).take(1_000_000, share.moved)


def test_the_remotes_of_one_process_share_a_limiter() -> None:
    assert limiter_of(12_345) is limiter_of(12_345)


class Counting(Limiter):
    """Counts what is taken, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__(1 << 40)
        self.taken: list[int] = []

    def take(self, size_bytes: int, moved: object = None) -> None:
        self.taken.append(size_bytes)


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_every_byte_that_goes_or_comes_is_taken_once(tmp_path: Path, kind: str) -> None:
    contents = [*random_objects(30, 2000), os.urandom(3 * MIB), os.urandom(11 * MIB)]
    with Store.open(tmp_path / "a", create=True) as source, Store.open(tmp_path / "b", create=True) as target:
        digests = add_objects(source, contents)
        limiter = Counting()
        place: Place = LimitedPlace(new_place(kind, tmp_path / "remote"), limiter)
        with new_remote(place, tmp_path / "record.db") as remote:
            remote.refresh()
            before = sum(limiter.taken)
            sent = remote.send(source, digests, writer="f" * 32, roots={"main": (digest_of(b""),)})
            went = sum(limiter.taken) - before
            assert sent.sent_bytes <= went <= sent.sent_bytes + 100_000
            before = sum(limiter.taken)
            fetched = remote.fetch(target, digests)
            came = sum(limiter.taken) - before
            assert not fetched.missing and not fetched.damaged
            assert fetched.fetched_bytes <= came + 1 and came <= fetched.fetched_bytes + 4 * MIB


@pytest.mark.parametrize("text", ["10M", "512 KiB", "1000", "0", "2GB"])
def test_a_rate_is_written_as_people_write_it(text: str) -> None:
    assert isinstance(parse_value(find_key("transfer.rate"), text, "here"), int)


@pytest.mark.parametrize("text", ["fast", "-1", "999", "10 MB/s", "", "1.5M"])
def test_what_is_no_rate_is_refused(repo: Path, text: str) -> None:
    with pytest.raises(BadConfig, match="bytes a second"):
        parse_value(find_key("transfer.rate"), text, "here")
    track("init", cwd=repo).ok()
    done = track("push", f"--limit-rate={text}", cwd=repo)
    assert done.code == 2 and "--limit-rate 10M" in done.err


def test_a_push_and_a_pull_take_as_long_as_the_rate_allows(tmp_path: Path) -> None:
    repo = shared(tmp_path)
    (repo / "model.bin").write_bytes(os.urandom(2_000_000))  # which nothing makes smaller on its way
    track("add", "model.bin", cwd=repo).ok()
    commit_all(repo, "what cannot be compressed")
    began = time.monotonic()
    track("push", "--limit-rate", "2M", cwd=repo).ok()
    assert time.monotonic() - began >= 2_000_000 / 2_000_000 - 0.3
    clone = cloned(repo)
    track("config", "--clone", "transfer.rate", "2M", cwd=clone).ok()
    began = time.monotonic()
    track("pull", cwd=clone).ok()
    assert time.monotonic() - began >= 2_000_000 / 2_000_000 - 0.3
    assert read_tree(clone / "data") == read_tree(repo / "data")
    commit_all(repo)
    track("clone", "--limit-rate", "0", str(repo), "free", cwd=tmp_path).ok()
    assert git("status", "--porcelain", cwd=tmp_path / "free") == ""
