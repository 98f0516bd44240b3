"""What is sent twice when pushes and pulls to a bucket are broken off: by the log of the server, little and bounded.

At most one unfinished part or pack of each stream is sent again, 64 MiB in all, wherever the process is killed.
"""

import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, TRACK
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import LOST, Answer, Proxy, Request, proxy
from support.trees import read_tree

MIB = 1 << 20
MOST_AGAIN = 64 * MIB
STREAMS = 4
SMALL_MIB, LARGE_MIB = (160, 48) if FULL else (80, 12)
STEPS = (17, 40, 75) if FULL else (70,)
"""After so many MiB each it is killed, again and again."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Path:
    """A project with many packs of objects that do not shrink, and an object of its own."""
    repo = new_repository(tmp_path_factory.mktemp("resume") / "repo")
    track("init", cwd=repo).ok()
    numbers = random.Random(5)
    (repo / "data").mkdir()
    for number in range(2 * SMALL_MIB):
        (repo / "data" / f"{number:04}.bin").write_bytes(numbers.randbytes(512 << 10))
    (repo / "data" / "large.bin").write_bytes(numbers.randbytes(LARGE_MIB * MIB))
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@pytest.fixture
def between(s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    with proxy(s3_server.endpoint) as made:
        yield made


class Traffic:
    """Bytes of packs and objects by what they are part of; and, once told to, a process that is killed at some byte."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.moved: Counter[str] = Counter()
        self._once: dict[str, int] = {}
        self._lock = threading.Lock()
        self._kill_at: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def total(self) -> int:
        return sum(self.moved.values())

    @property
    def again(self) -> int:
        """The bytes that moved more than once."""
        return self.total - sum(self._once.values())

    @property
    def twice(self) -> list[str]:
        """What moved more than once."""
        return sorted(path for path, size in self.moved.items() if size > self._once[path])

    def watch(self, request: Request, ask: Callable[[], Answer]) -> Answer | None:
        """A fault of a proxy: counts what passes, and cuts it where the process is killed."""
        path = unquote(request.path)
        if request.method != self.method or ("/packs/" not in path and "/objects/" not in path):
            return None
        answer = ask()
        size = len(request.body) if self.method == "PUT" else len(answer.body)
        span = next((value for name, value in request.headers.items() if name.lower() == "range"), "")
        with self._lock:
            self.moved[path + span] += size
            self._once[path + span] = max(size, self._once.get(path + span, 0))
            process = self._process
            if process is not None and self._kill_at is not None and self.total >= self._kill_at:
                self._process = None
                process.send_signal(signal.SIGKILL)
                return LOST
        return answer

    def killed(self, at: int, *args: str, cwd: Path) -> bool:
        """Run a command, and kill it once so many bytes have moved, from the first one on; whether it was."""
        process = subprocess.Popen([*TRACK, *args], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with self._lock:
            self._kill_at, self._process = at, process
        try:
            return process.wait(300) == -signal.SIGKILL
        finally:
            with self._lock:
                self._process = None
            process.kill()
            process.wait()


def added(repo: Path, name: str, url: str, endpoint: str) -> None:
    track("remote", "add", name, url, "--clone", "--endpoint", endpoint, cwd=repo).ok()


@pytest.mark.parametrize("step", STEPS)
def test_a_push_that_is_killed_again_and_again_sends_little_twice(
    source: Path, tmp_path: Path, between: Proxy, step: int
) -> None:
    seen = Traffic("PUT")
    between.faults.append(seen.watch)
    added(source, f"killed{step}", f"s3://{BUCKET}/resume/{tmp_path.name}-{os.getpid()}", between.endpoint)
    kills, at = 0, step * MIB
    while seen.killed(at, "push", f"killed{step}", cwd=source):
        kills += 1
        at = seen.total + step * MIB
    assert kills >= 1 and seen.total >= (SMALL_MIB + LARGE_MIB) * MIB
    assert seen.again <= kills * MOST_AGAIN, f"{kills} kills: {seen.again / MIB:.1f} MiB were sent again"
    assert len(seen.twice) <= kills * STREAMS, f"no more than was on its way, one a stream: {seen.twice}"
    track("verify", "--remote", f"killed{step}", cwd=source).ok()


@pytest.mark.parametrize("step", STEPS)
def test_a_pull_that_is_killed_again_and_again_fetches_little_twice(
    source: Path, tmp_path: Path, s3_server: Seaweed, between: Proxy, step: int
) -> None:
    url = f"s3://{BUCKET}/resume/{tmp_path.name}-{os.getpid()}"
    added(source, f"pull{step}", url, s3_server.endpoint)
    track("push", f"pull{step}", cwd=source).ok()
    git("clone", "--quiet", source, "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    added(clone, "origin", url, between.endpoint)
    seen = Traffic("GET")
    between.faults.append(seen.watch)
    kills, at = 0, step * MIB
    while seen.killed(at, "pull", cwd=clone):
        kills += 1
        at = seen.total + step * MIB
    assert kills >= 1
    assert seen.again <= kills * MOST_AGAIN, f"{kills} kills: {seen.again / MIB:.1f} MiB came again"
    assert len(seen.twice) <= kills * STREAMS + 1, f"no more than was on its way, one a stream: {seen.twice}"
    assert read_tree(clone / "data") == read_tree(source / "data")
