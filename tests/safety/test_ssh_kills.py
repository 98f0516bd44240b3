"""A line of SSH that breaks, is flipped, or whose user is killed: nothing is lost, and the same command finishes it.

Where it happens is so many bytes into what passes; `TRACK_SAFETY=full` tries many more places.
"""

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, TRACK
from support.sshd import Sshd, introduce
from support.trees import read_tree
from track.errors import RemoteUnreachable
from track.store.address import Access, parse_address
from track.store.backends import ssh_line
from track.store.backends.opening import open_place
from track.store.backends.ssh_failure import BROKEN

PLACES = 24 if FULL else 2
Meeting = Callable[[int, bytes], bytes | None]
"""What becomes of bytes, of which so many passed before: None breaks the line."""


class Line:
    """A line between clients and a server of SSH; `meeting` is asked of all that passes, in either direction."""

    def __init__(self, server: Sshd) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port = int(self._listener.getsockname()[1])
        self.passed = 0
        self.connections = 0
        self.meeting: Meeting = lambda passed, data: data
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def begin(self, meeting: Meeting) -> None:
        """From now on, counting from nothing."""
        with self._lock:
            self.passed, self.connections, self.meeting = 0, 0, meeting

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server.port))
            self.connections += 1
            threading.Thread(target=self._between, args=(client, server), daemon=True).start()

    def _between(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
            back.start()
            self._pass(client, server)
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    given = self.meeting(self.passed, data)
                    self.passed += len(data)
                if given is None:
                    break
                target.sendall(given)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(ssh_server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made = Line(ssh_server)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    introduce(ssh_server, home)
    introduce(ssh_server._replace(port=made.port), home, person=False)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project with a directory of small files and two large ones."""
    repo = new_repository(tmp_path / "repo")
    track("init", cwd=repo).ok()
    (repo / "data").mkdir()
    generator = random.Random(5)
    for number in range(40):
        (repo / "data" / f"{number}").write_bytes(generator.randbytes(2000))
    for number in range(2):
        (repo / "data" / f"large-{number}").write_bytes(generator.randbytes(2 << 20))
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def remote_at(line: Line, folder: Path, repo: Path, name: str = "origin") -> None:
    track("remote", "add", name, f"ssh://127.0.0.1:{line.port}{folder}", "--clone", cwd=repo).ok()


def undisturbed(line: Line, source: Path, tmp_path: Path) -> tuple[int, int]:
    """The bytes that pass in a push and in a pull."""
    remote_at(line, tmp_path / "measured", source, "measured")
    line.begin(lambda passed, data: data)
    track("push", "measured", cwd=source).ok()
    pushed = line.passed
    clone = cloned(line, source, tmp_path, "measuring", tmp_path / "measured")
    line.begin(lambda passed, data: data)
    track("pull", cwd=clone).ok()
    return pushed, line.passed


def cloned(line: Line, source: Path, tmp_path: Path, name: str, shared: Path) -> Path:
    git("clone", "--quiet", source, name, cwd=tmp_path)
    remote_at(line, shared, tmp_path / name)
    return tmp_path / name


def whole(source: Path, name: str, shared: Path) -> None:
    """The remote has everything as it should be, and nothing of what was broken off."""
    track("push", name, cwd=source).ok()
    track("verify", "--remote", name, cwd=source).ok()
    assert os.listdir(shared / "staging") == []


def breaking_at(places: list[int]) -> Meeting:
    left = sorted(places)

    def meet(passed: int, data: bytes) -> bytes | None:
        if left and passed >= left[0]:
            left.pop(0)
            return None
        return data

    return meet


def flipping_at(places: list[int]) -> Meeting:
    left = sorted(places)

    def meet(passed: int, data: bytes) -> bytes | None:
        if left and passed >= left[0]:
            left.pop(0)
            return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
        return data

    return meet


@pytest.mark.parametrize("meeting", [breaking_at, flipping_at])
def test_a_line_that_breaks_or_lies_is_made_again_and_the_work_goes_on(
    line: Line, source: Path, tmp_path: Path, meeting: Callable[[list[int]], Meeting]
) -> None:
    pushed, pulled = undisturbed(line, source, tmp_path)
    generator = random.Random(meeting.__name__)
    for number in range(PLACES // 2):
        shared = tmp_path / f"shared-{number}"
        remote_at(line, shared, source, f"r{number}")
        line.begin(meeting([generator.randrange(5000, pushed) for _ in range(3)]))
        undeterred("push", f"r{number}", cwd=source)
        assert line.connections > 1
        line.begin(lambda passed, data: data)
        whole(source, f"r{number}", shared)
        clone = cloned(line, source, tmp_path, f"clone-{number}", shared)
        line.begin(meeting([generator.randrange(5000, pulled) for _ in range(3)]))
        undeterred("pull", cwd=clone)
        assert line.connections > 1
        assert read_tree(clone / "data") == read_tree(source / "data")
        line.begin(lambda passed, data: data)


def undeterred(*args: str, cwd: Path) -> None:
    """Run a command that has to be done at once, and says nothing of what happened on the way."""
    done = track(*args, cwd=cwd).ok()
    assert "raised exception" not in done.err and "hint: " not in done.err, done.err


@contextmanager
def killed_at(line: Line, place: int, *args: str, cwd: Path) -> Iterator[bool]:
    """Run a command and kill it when so many bytes passed; whether it was."""
    process = subprocess.Popen([*TRACK, *args], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(passed: int, data: bytes) -> bytes | None:
        if passed >= place:
            process.send_signal(signal.SIGKILL)
            return None
        return data

    line.begin(kill)
    code = process.wait(120)
    line.begin(lambda passed, data: data)
    yield code == -signal.SIGKILL


def test_a_push_or_pull_that_is_killed_is_finished_by_the_next(line: Line, source: Path, tmp_path: Path) -> None:
    pushed, pulled = undisturbed(line, source, tmp_path)
    killed = 0
    for number in range(PLACES):
        shared = tmp_path / f"shared-{number}"
        remote_at(line, shared, source, f"r{number}")
        with killed_at(line, pushed * (number + 1) // (PLACES + 1), "push", f"r{number}", cwd=source) as was_killed:
            killed += was_killed
        whole(source, f"r{number}", shared)
        clone = cloned(line, source, tmp_path, f"clone-{number}", shared)
        with killed_at(line, pulled * (number + 1) // (PLACES + 1), "pull", cwd=clone) as was_killed:
            killed += was_killed
        track("pull", cwd=clone).ok()
        assert read_tree(clone / "data") == read_tree(source / "data")
        track("verify", cwd=clone).ok()
    assert killed >= PLACES, "most of the commands were still at work"


def test_a_line_that_stays_broken_is_given_up_by_all_threads_together(
    line: Line, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would try for twenty seconds, one after the other."""
    remote_at(line, tmp_path / "shared", source)
    monkeypatch.setattr(ssh_line, "MENDING_S", 2.0)
    place = open_place(parse_address(f"ssh://127.0.0.1:{line.port}{tmp_path / 'shared'}", base=tmp_path), Access())
    place.get("store.toml")
    line.begin(lambda passed, data: None)
    began_s = time.monotonic()

    def ask(_: int) -> str:
        with pytest.raises(RemoteUnreachable) as error:
            place.get("store.toml")
        return error.value.message

    with ThreadPoolExecutor(16) as threads:
        told = set(threads.map(ask, range(64)))
    assert len(told) == 1 and f"127.0.0.1:{line.port}" in told.pop()
    assert time.monotonic() - began_s < 8


def test_a_line_that_stays_broken_is_told(
    line: Line, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ConnectionError in BROKEN
    remote_at(line, tmp_path / "shared", source)
    line.begin(lambda passed, data: None if passed > 20_000 else data)
    done = track("push", cwd=source)
    assert done.code == 5 and f"127.0.0.1:{line.port}" in done.err and "Traceback" not in done.err, done.err
    line.begin(lambda passed, data: data)
    whole(source, "origin", tmp_path / "shared")
