"""A push to a bucket and a pull from it, killed at each request: nothing is lost, and the same command finishes it."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import TRACK
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import LOST, Answer, Proxy, Request, proxy
from support.trees import read_tree

TOO_MANY = 40


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Path:
    """A project with a directory of small objects, in a pack, and an object of its own."""
    repo = new_repository(tmp_path_factory.mktemp("kills") / "repo")
    track("init", cwd=repo).ok()
    (repo / "data").mkdir()
    for number in range(40):
        (repo / "data" / f"{number}").write_bytes(os.urandom(500))
    (repo / "data" / "large").write_bytes(os.urandom(2 << 20))
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def killed_at(number: int, between: Proxy, *args: str, cwd: Path, answered: bool) -> bool:
    """Run a command and kill it when the server sees its n-th request, before or after it is done; whether it was."""
    seen: list[str] = []
    process = subprocess.Popen([*TRACK, *args], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        seen.append(request.method)
        if len(seen) != number:
            return None
        if answered:
            ask()
        process.send_signal(signal.SIGKILL)
        return LOST

    between.faults.append(kill)
    try:
        return process.wait(120) == -signal.SIGKILL
    finally:
        between.faults.clear()


def test_a_push_that_is_killed_at_any_request_is_finished_by_the_next(
    source: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        for number in range(1, TOO_MANY):
            url = f"s3://{BUCKET}/kills/{tmp_path.name}-{os.getpid()}/{number}"
            name = f"r{number}"
            track("remote", "add", name, url, "--clone", "--endpoint", between.endpoint, cwd=source).ok()
            was_killed = killed_at(number, between, "push", name, cwd=source, answered=bool(number % 2))
            track("push", name, cwd=source).ok()
            checked = track("verify", "--remote", name, cwd=source)
            assert checked.code == 0, f"killed at request {number}: {checked.out}{checked.err}"
            if not was_killed:
                break
            track("remote", "remove", name, cwd=source).ok()
        assert 8 <= number < TOO_MANY, "every request of a push was a point at which it was killed"


def test_a_pull_that_is_killed_at_any_request_is_finished_by_the_next(
    source: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        url = f"s3://{BUCKET}/kills/{tmp_path.name}-{os.getpid()}/pull"
        track("remote", "add", "pull", url, "--clone", "--endpoint", between.endpoint, cwd=source).ok()
        track("push", "pull", cwd=source).ok()
        for number in range(1, TOO_MANY):
            clone = tmp_path / str(number)
            git("clone", "--quiet", source, clone, cwd=tmp_path)
            track("remote", "add", "origin", url, "--clone", "--endpoint", between.endpoint, cwd=clone).ok()
            was_killed = killed_at(number, between, "pull", cwd=clone, answered=bool(number % 2))
            track("pull", cwd=clone).ok()
            assert read_tree(clone / "data") == read_tree(source / "data"), f"killed at request {number}"
            track("verify", cwd=clone).ok()
            if not was_killed:
                break
        assert 5 <= number < TOO_MANY
