"""A push to a bucket and a pull from it, killed at each request: nothing is lost, and the same command finishes it."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, git, new_repository
from support.scene import TRACK
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, proxy, s3_error
from support.sweep import Work, fail_everywhere, kill_everywhere
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
        return process.wait(240) == -signal.SIGKILL
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


def remote_of(repo: Path, between: Proxy, url: str) -> None:
    track("remote", "add", "origin", url, "--clone", "--endpoint", between.endpoint, cwd=repo).ok()


def lost(number: int) -> Callable[[Request, Callable[[], Answer]], Answer | None]:
    """The n-th request is refused for good."""
    seen: list[str] = []

    def refuse(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        seen.append(request.path)
        return s3_error("AccessDenied") if len(seen) == number else None

    return refuse


def test_a_push_of_which_any_request_fails_says_so_and_is_finished_by_the_next(
    source: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        for number in range(1, TOO_MANY):
            url, name = f"s3://{BUCKET}/fails/{tmp_path.name}-{os.getpid()}/{number}", f"f{number}"
            track("remote", "add", name, url, "--clone", "--endpoint", between.endpoint, cwd=source).ok()
            between.faults.append(lost(number))
            done = track("push", name, cwd=source)
            between.faults.clear()
            if done.code == 0:
                break
            assert done.code == 5 and "s3:" in done.err and "Traceback" not in done.err, f"request {number}: {done.err}"
            track("push", name, cwd=source).ok()
            track("verify", "--remote", name, cwd=source).ok()
            track("remote", "remove", name, cwd=source).ok()
        assert 8 <= number < TOO_MANY


def test_a_pull_of_which_any_request_fails_says_so_and_is_finished_by_the_next(
    source: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        url = f"s3://{BUCKET}/fails/{tmp_path.name}-{os.getpid()}/pull"
        track("remote", "add", "fails", url, "--clone", "--endpoint", between.endpoint, cwd=source).ok()
        track("push", "fails", cwd=source).ok()
        for number in range(1, TOO_MANY):
            clone = tmp_path / str(number)
            git("clone", "--quiet", source, clone, cwd=tmp_path)
            remote_of(clone, between, url)
            between.faults.append(lost(number))
            done = track("pull", cwd=clone)
            between.faults.clear()
            if done.code == 0:
                break
            assert done.code == 5 and "s3:" in done.err and "Traceback" not in done.err, f"request {number}: {done.err}"
            assert not (clone / "data").exists(), "what is not whole is not placed"
            track("pull", cwd=clone).ok()
            assert read_tree(clone / "data") == read_tree(source / "data")
        assert 5 <= number < TOO_MANY


LARGE = os.urandom((32 << 20) + (10 << 20) + 5)
PART = 8 << 20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A project with one file that travels in six parts."""
    repo = new_repository(tmp_path / "large")
    track("init", cwd=repo).ok()
    (repo / "model.bin").write_bytes(LARGE)
    track("add", "model.bin", cwd=repo).ok()
    commit_all(repo, "model")
    return repo


def killed_when(between: Proxy, is_it: Callable[[Request], bool], *args: str, cwd: Path) -> None:
    """Run a command and kill it when the server sees such a request."""
    process = subprocess.Popen([*TRACK, *args], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if not is_it(request):
            return None
        process.send_signal(signal.SIGKILL)
        return LOST

    between.faults.append(kill)
    try:
        assert process.wait(240) == -signal.SIGKILL
    finally:
        between.faults.clear()


def parts_of(between: Proxy) -> list[str]:
    found = [request.path.split("partNumber=")[1][0] for request in between.requests if "partNumber=" in request.path]
    del between.requests[:]
    return sorted(found)


def test_a_push_killed_inside_a_large_file_goes_on_with_the_parts_that_are_lacking(
    large: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        remote_of(large, between, f"s3://{BUCKET}/parts/{tmp_path.name}-{os.getpid()}")
        leave_uncut(place_at(s3_server.endpoint, OWNER, f"parts/{tmp_path.name}-{os.getpid()}"))
        for asked in ("uploads=", "partNumber=6", "<CompleteMultipartUpload"):
            killed_when(between, lambda r, asked=asked: asked in r.path or asked in str(r.body[:40]), "push", cwd=large)
        assert "6" not in parts_of(between)[:5]
        track("push", cwd=large).ok()
        assert parts_of(between) == [], "every part was there: only what ends the upload was lacking"
        track("verify", "--remote", "origin", cwd=large).ok()
        listed = place_at(s3_server.endpoint, OWNER).list("parts/")
        assert sum("/objects/" in one.key for one in listed if f"{tmp_path.name}-{os.getpid()}" in one.key) == 1


def test_a_pull_killed_inside_a_large_file_goes_on_and_a_checkout_between_harms_nothing(
    large: Path, tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    with proxy(s3_server.endpoint) as between:
        url = f"s3://{BUCKET}/parts/{tmp_path.name}-{os.getpid()}"
        remote_of(large, between, url)
        leave_uncut(place_at(s3_server.endpoint, OWNER, url.removeprefix(f"s3://{BUCKET}/")))
        track("push", cwd=large).ok()
        git("clone", "--quiet", large, "clone", cwd=tmp_path)
        clone = tmp_path / "clone"
        remote_of(clone, between, url)
        sixth = f"bytes={5 * PART}-"
        killed_when(between, lambda r: any(value.startswith(sixth) for value in r.headers.values()), "pull", cwd=clone)
        between_them = track("checkout", cwd=clone)
        assert between_them.code == 4 and "track pull" in between_them.err and not (clone / "model.bin").exists()
        (partial,) = (clone / ".git/track/store/partial").glob("?" * 64)
        kept = partial.stat().st_size
        assert PART <= kept <= 5 * PART and partial.read_bytes() == LARGE[:kept]
        del between.requests[:]
        track("pull", cwd=clone).ok()
        ranges = [r.headers.get("range", r.headers.get("Range", "")) for r in between.requests if "/objects/" in r.path]
        whole = kept // PART * PART  # the kill may have come in the middle of a write: half a part is asked for again
        wanted = [(start, min(start + PART, len(LARGE)) - 1) for start in range(whole, len(LARGE), PART)]
        assert sorted(ranges) == sorted(f"bytes={first}-{last}" for first, last in wanted), f"{kept} of it were there"
        assert (clone / "model.bin").read_bytes() == LARGE
        track("verify", cwd=clone).ok()
        assert [path.name for path in partial.parent.iterdir()] == ["lock"]


@pytest.mark.needs("strace")
def test_a_pull_from_a_bucket_survives_a_kill_and_an_error_at_any_change(
    source: Path, tmp_path: Path, s3_server: Seaweed, person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    url = f"s3://{BUCKET}/sweep/{tmp_path.name}-{os.getpid()}"
    scene = tmp_path / "scene"
    scene.mkdir()
    git("clone", "--quiet", source, scene / "clone", cwd=tmp_path)
    track("remote", "add", "sweep", url, "--clone", cwd=source).ok()
    track("push", "sweep", cwd=source).ok()
    track("config", "--clone", "remote.sweep.url", url, cwd=scene / "clone").ok()  # a copy may read from a bucket
    pull = Work(scene, "clone", ("pull", "--from", "sweep"), between=(0, 1, 4))
    (tmp_path / "kills").mkdir()
    (tmp_path / "fails").mkdir()
    assert kill_everywhere(pull, tmp_path / "kills", most=5) > 2
    assert fail_everywhere(pull, tmp_path / "fails", ("ENOSPC", "EIO", "EDQUOT", "EACCES"), most=5) > 2
