"""Two at once: a writer under an add, two adds, an add and a checkout, two pushes; nobody loses, nobody is stuck."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git
from support.scene import BIG, FULL, TRACK, duplicate, first_version, said_by, two_versions
from support.strace import run
from support.sweep import clean
from support.trees import read_tree

pytestmark = pytest.mark.timeout(3600)

ROUNDS = 200 if FULL else 4
CHANGED = "changed while it was being added|became shorter while it was being added"
READS = ("read", "pread64", "readv", "copy_file_range", "sendfile", "mmap", "ioctl")


@contextmanager
def scribbling(path: Path, *, after: Path | None = None) -> Iterator[None]:
    """Somebody overwrites bytes of `path` in place, all the time; once the trace `after` has its name, if given."""
    over = threading.Event()

    def scribble() -> None:
        while after is not None and not (after.exists() and path.name in after.read_text(errors="replace")):
            if over.wait(0.001):
                return
        with path.open("r+b", buffering=0) as file:
            number = 0
            while not over.wait(0.002):
                number += 1
                file.seek(number % 1000)
                file.write(bytes([number % 256]))

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Somebody appends to `path`, all the time."""
    over = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not over.wait(0.002):
                file.write(b"one more line\n")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Somebody saves `path` anew, the careful way, all the time."""
    over = threading.Event()
    staged = path.parent.parent / "staged"

    def replace() -> None:
        number = 0
        while not over.wait(0.002):
            number += 1
            staged.write_bytes(number.to_bytes(4, "big") * 400_000)
            os.replace(staged, path)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        staged.unlink(missing_ok=True)


def restored(repo: Path) -> None:
    """The store is whole, and gives back what the pointers say, whatever was written over it since."""
    verified = track("verify", cwd=repo)
    assert verified.code in (0, 1), said_by(verified)
    track("checkout", "--force", cwd=repo).ok()
    clean(track("verify", cwd=repo))


@pytest.mark.parametrize("writer", [scribbling, growing, replacing])
@pytest.mark.parametrize("size", [3000, 6 << 20])
def test_a_file_that_changes_under_add_is_refused_or_stored_as_one_content(tmp_path: Path, writer, size: int) -> None:  # type: ignore[no-untyped-def]
    repo = first_version(tmp_path / "repo")
    path = repo / "data" / "busy.bin"
    for _ in range(ROUNDS):
        path.write_bytes(os.urandom(size))
        with writer(path):
            done = track("add", "data", cwd=repo)
        if done.code == 0:
            restored(repo)
        else:
            assert done.code == 6, said_by(done)
            assert "busy.bin" in done.err
            assert re.search(CHANGED, done.err), done.err
        track("add", "data", cwd=repo).ok()
        clean(track("verify", cwd=repo))


@pytest.mark.needs("strace")
@pytest.mark.parametrize("size", [3000, 6 << 20])
def test_a_file_that_surely_changes_while_it_is_read_is_named(tmp_path: Path, size: int) -> None:
    """Every read of the file takes half a second; the writer begins with the first of them and writes every 2 ms."""
    repo = first_version(tmp_path / "repo")
    path = repo / "data" / "busy.bin"
    path.write_bytes(os.urandom(size))
    calls = ",".join(READS)
    with scribbling(path, after=tmp_path / "log"):
        done = run(
            [*TRACK, "add", "data"],
            cwd=repo,
            log=tmp_path / "log",
            calls=READS,
            inject=(f"{calls}:delay_exit=500000",),
            only=path,
            follow=True,
        )
    assert "busy.bin" in done.log, "the file was read by a call that is not watched"
    assert done.code == 6, f"{done.code} {done.out}{done.err}"
    assert "busy.bin" in done.err
    assert re.search(CHANGED, done.err), done.err
    assert not (repo / "data.track").exists()


def at_once(*commands: tuple[Path, tuple[str, ...]]) -> list[tuple[int, str]]:
    """Start every command, each in its folder, then wait; codes and what was said."""
    started = [
        subprocess.Popen(
            [*TRACK, *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for folder, command in commands
    ]
    said = [process.communicate(timeout=240)[0] for process in started]
    return [(process.returncode, text.decode()) for process, text in zip(started, said, strict=True)]


def test_two_adds_of_different_paths_at_once_both_succeed(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        repo = first_version(tmp_path / f"repo{number}")
        ends = at_once((repo, ("add", "data")), (repo, ("add", "model.bin")))
        assert [code for code, _ in ends] == [0, 0], ends
        staged = git("diff", "--cached", "--name-only", cwd=repo).split()
        assert {"data.track", "model.bin.track"} <= set(staged)
        ignored = (repo / ".gitignore").read_text(encoding="utf-8").splitlines()
        assert {"/data", "/model.bin"} <= set(ignored)
        clean(track("verify", cwd=repo))


def test_two_adds_of_the_same_path_at_once_both_succeed(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        repo = first_version(tmp_path / f"repo{number}")
        before = read_tree(repo / "data")
        ends = at_once(*[(repo, ("add", "data"))] * 3)
        assert [code for code, _ in ends] == [0, 0, 0], ends
        clean(track("verify", cwd=repo))
        assert read_tree(repo / "data") == before


def test_adds_in_two_worktrees_of_one_store_both_succeed(tmp_path: Path) -> None:
    repo = two_versions(tmp_path / "repo")
    for number in range(ROUNDS):
        other = tmp_path / f"other{number}"
        git("worktree", "add", "--quiet", "-b", f"branch{number}", str(other), cwd=repo)
        for folder in (repo, other):
            (folder / "same.bin").write_bytes(number.to_bytes(4, "big") + BIG)
        ends = at_once((repo, ("add", "same.bin")), (other, ("add", "same.bin")))
        assert [code for code, _ in ends] == [0, 0], ends
        clean(track("verify", cwd=repo))


def test_an_add_and_a_checkout_at_once_both_succeed(tmp_path: Path) -> None:
    origin = two_versions(tmp_path / "origin")
    for number in range(ROUNDS):
        repo = duplicate(origin, tmp_path / f"repo{number}")
        git("checkout", "--quiet", "v1", cwd=repo)
        (repo / "other.bin").write_bytes(b"added meanwhile")
        ends = at_once((repo, ("add", "other.bin")), (repo, ("checkout",)))
        assert [code for code, _ in ends] == [0, 0], ends
        assert (repo / "data/a.txt").read_bytes() == b"alpha\n"
        assert (repo / "other.bin.track").exists()
        clean(track("verify", cwd=repo))


def test_two_pushes_to_one_remote_at_once_both_arrive(tmp_path: Path) -> None:
    origin = two_versions(tmp_path / "origin")
    track("remote", "add", "origin", "../remote", cwd=origin).ok()
    commit_all(origin, "remote")
    for number in range(ROUNDS):
        place = tmp_path / f"round{number}"
        place.mkdir()
        duplicate(tmp_path / "remote", place / "remote")
        repos = [duplicate(origin, place / name) for name in ("ada", "bob")]
        for repo in repos:
            (repo / f"{repo.name}.bin").write_bytes(repo.name.encode() * 100)
            track("add", f"{repo.name}.bin", cwd=repo).ok()
            commit_all(repo, repo.name)
        ends = at_once(*[(repo, ("push",)) for repo in repos])
        assert [code for code, _ in ends] == [0, 0], ends
        for repo in repos:
            clone = place / f"{repo.name}-clone"
            git("clone", "--quiet", str(repo), str(clone), cwd=place)
            track("pull", cwd=clone).ok()
            assert (clone / f"{repo.name}.bin").read_bytes() == repo.name.encode() * 100
            assert read_tree(clone / "data") == read_tree(repo / "data")


def test_an_add_that_finds_its_bytes_already_here_keeps_them_while_a_collection_runs(tmp_path: Path) -> None:
    """The same few contents come and go: what was named by nothing is relied on again while it is being taken away."""
    repo = first_version(tmp_path / "repo")
    track("config", "--clone", "trash.steps", "1", cwd=repo).ok()
    over = threading.Event()
    said: list[str] = []

    def collect() -> None:
        while not over.is_set():
            done = track("gc", "--grace", "0", cwd=repo)
            if done.code:
                said.append(said_by(done))

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for number in range(ROUNDS):
            (repo / "model.bin").write_bytes(BIG + bytes([number % 3]))
            (repo / "data/a.txt").write_bytes(b"one of three: %d" % (number % 3))
            track("add", "data", "model.bin", cwd=repo).ok()
            clean(track("verify", "data", "model.bin", cwd=repo))
    finally:
        over.set()
        collector.join()

    assert said == []
    clean(track("verify", cwd=repo))
