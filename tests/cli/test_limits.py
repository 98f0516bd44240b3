"""Limits of the system that a command meets: it names which, and is no bug of ours. Nothing is lost."""

import subprocess
import sys
from errno import EAGAIN
from os import strerror
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.trees import write_tree
from track.cli.failure import of_a_limit, of_the_world


@pytest.fixture
def here(repo: Path) -> Path:
    """A project with a file that is stored and another that is not."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"big": b"12345678" * 100_000})
    track("add", "big", cwd=repo).ok()
    write_tree(repo, {"new": b"new"})
    return repo


def within(limit: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of track within a limit of the shell."""
    line = f'ulimit {limit}; exec "$@"'
    command = ["sh", "-c", line, "sh", sys.executable, "-m", "track", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("words", [("add", "new"), ("status",), ("run", "--", "true"), ("doctor",)])
def test_too_many_open_files_are_told_with_the_limit_to_raise(here: Path, words: tuple[str, ...]) -> None:
    told = 0
    for limit in (6, 10):
        done = within(f"-n {limit}", *words, cwd=here)
        if done.returncode:
            assert (done.returncode, "ulimit -n 4096" in done.stderr) == (1, True), f"{limit}: {done.stderr}"
            told += 1
    assert told
    assert track("status", cwd=here).ok()


def test_memory_that_is_used_up_is_no_bug_and_loses_nothing(here: Path) -> None:
    for limit in (100_000, 80_000, 60_000):
        done = within(f"-v {limit}", "run", "-o", "out", "--", "cp", "big", "out", cwd=here)
        if done.returncode:
            assert (done.returncode, "raise the limit" in done.stderr) == (1, True), f"{limit}: {done.stderr}"
    assert track("verify", cwd=here).ok()
    track("add", "new", cwd=here).ok()


def test_where_no_thread_and_no_process_can_be_started_that_is_told() -> None:
    told = of_a_limit(RuntimeError("can't start new thread"))
    assert told is not None and "ulimit -u" in (told.hint or "")
    told = of_the_world(BlockingIOError(EAGAIN, strerror(EAGAIN)))
    assert told is not None and "ulimit -u" in (told.hint or "")
    assert of_the_world(BlockingIOError(EAGAIN, "write could not complete without blocking")) is None
    assert of_a_limit(RuntimeError("another")) is None
