"""A working tree of a group: what one member made can be used by the others, whatever the umask was."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def of_group(tmp_path: Path, repo: Path) -> Path:
    """A repository that Git shares with the group, and a remote that is a folder of it."""
    git("init", "--quiet", "--shared=group", cwd=repo)
    for folder in (repo, repo / ".git"):
        folder.chmod(0o2775)
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote").chmod(0o2775)
    return repo


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """What is made in the block is made with this umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def work_a_day(repo: Path) -> None:
    """Add, record a run, push, ask, verify, remove and restore."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"1", "d/b": b"2", "big": os.urandom(2_000_000)})
    track("add", "d", "big", cwd=repo).ok()
    track("run", "-o", "out", "--", "cp", "d/a", "out", cwd=repo).ok()
    commit_all(repo, "data")
    track("remote", "add", "origin", repo.parent / "remote", cwd=repo).ok()
    track("push", cwd=repo).ok()
    track("find", cwd=repo).ok()
    track("verify", cwd=repo).ok()
    write_tree(repo, {"d/a": b"an edit"})
    track("rm", "--force", "d", cwd=repo).ok()
    track("restore", "1", cwd=repo)


def own(repo: Path) -> list[Path]:
    """What track has in the Git directory, but for objects, which nobody changes."""
    state = repo / ".git/track"
    return [path for path in state.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o222 and not path.is_symlink()]


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_in_a_folder_of_a_group_its_members_use_what_one_of_them_made(of_group: Path, mask: int) -> None:
    with umask(mask):
        work_a_day(of_group)
    found = own(of_group)
    assert {"trash", "journal", "stat.db", "catalog.db", "origin.db", "lock"} <= {path.name for path in found}
    modes = {path.relative_to(of_group / ".git/track"): path.stat().st_mode for path in found}
    of_one = {"index.db", "index.db-wal", "index.db-shm"}  # whoever did not make the store has an index of their own
    modes = {path: mode for path, mode in modes.items() if path.name not in of_one and path.parent.name != "names"}
    assert not [path for path, mode in modes.items() if not mode & stat.S_IRGRP]
    assert not [path for path, mode in modes.items() if stat.S_ISDIR(mode) and not mode & stat.S_IWGRP]
    databases = {path: mode for path, mode in modes.items() if path.suffix in (".db", ".tables")}
    assert not [path for path, mode in databases.items() if not mode & stat.S_IWGRP]


def test_elsewhere_the_trash_is_private_as_before(repo: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"a": b"1"})
    track("add", "a", cwd=repo).ok()
    trash = repo / ".git/track/trash"
    assert stat.S_IMODE(trash.stat().st_mode) & 0o777 == 0o700
    assert stat.S_IMODE((trash / "1.json").stat().st_mode) == 0o600
    assert not (repo / ".git/track/stat.db").stat().st_mode & stat.S_IWGRP
