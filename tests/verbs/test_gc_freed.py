"""Gc says what the disk gets back: what is written anew, and what has other names, is no room."""

import os
import random
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.model.digest import digest_of
from track.project import Project
from track.verbs.gc import gc
from verbs.test_gc import age, forget_history

BIG = random.Random(1).randbytes(3 << 20)
SLACK = 64 << 10
"""The index of the store and folders take some, too."""


@pytest.fixture
def here(repo: Path) -> Path:
    """Of a pack most is not needed any more, and a large object neither."""
    track("init", cwd=repo).ok()
    content = random.Random(2)
    write_tree(repo, {f"d/{number}": content.randbytes(100_000) for number in range(50)} | {"big.bin": BIG})
    track("add", "d", "big.bin", cwd=repo).ok()
    for number in range(35):
        (repo / "d" / str(number)).unlink()
    write_tree(repo, {"big.bin": b"small"})
    track("add", "d", "big.bin", cwd=repo).ok()
    commit_all(repo, "first")
    forget_history(repo)
    age(repo)
    return repo


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def used(repo: Path) -> int:
    """What `du` says of the files in the store."""
    return sum(512 * path.lstat().st_blocks for path in store_of(repo).rglob("*") if path.is_file())


def collected(repo: Path, days: int, *, dry_run: bool = False) -> tuple[int, int, int]:
    """(bytes that the collection says are free, what `du` says, what left the trash)."""
    before = used(repo)
    with Project.open(repo) as project:
        done = gc(project, grace_days=days, dry_run=dry_run)
    return done.freed_bytes, before - used(repo), done.emptied_bytes


def test_what_is_written_anew_is_not_told_as_freed(here: Path) -> None:
    foreseen, _, _ = collected(here, 0, dry_run=True)
    said, true, emptied = collected(here, 0)
    assert abs(said - true) < SLACK and emptied > said + 1_400_000
    assert abs(foreseen - true) < SLACK


def test_the_first_step_takes_more_and_the_second_gives_it_back(here: Path) -> None:
    foreseen, _, _ = collected(here, 14, dry_run=True)
    said, true, _ = collected(here, 14)
    assert said < -1_400_000 and abs(said - true) < SLACK and abs(foreseen - true) < SLACK
    said, true, emptied = collected(here, 0)
    assert abs(said - true) < SLACK and said > emptied - SLACK


def test_a_file_with_another_name_gives_nothing_back(here: Path) -> None:
    text = digest_of(BIG).hex()
    os.link(store_of(here) / "objects" / text[:2] / text[2:], here.parent / "another name")
    done = track("gc", "--grace", "0", cwd=here).ok()
    assert "6.3 MiB, are gone" in done.out
    assert "the store takes 3.3 MiB less on the disk than before" in done.err, done.err
