"""Tags of a file or of a tree, as the history of Linux has, stand in the way of nothing that goes over every ref."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.model.digest import digest_of


@pytest.fixture
def here(repo: Path) -> Path:
    """A project with a version that only another branch has, and such tags."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {"big.bin": b"one" * 1_000_000})
    track("add", "big.bin", cwd=repo).ok()
    commit_all(repo, "one")
    git("branch", "old", cwd=repo)
    write_tree(repo, {"big.bin": b"two" * 1_000_000})
    track("add", "big.bin", cwd=repo).ok()
    commit_all(repo, "two")
    git("tag", "key", git("hash-object", "-w", "big.bin.track", cwd=repo).strip(), cwd=repo)
    git("tag", "-a", "-m", "the first tree", "first-tree", "old^{tree}", cwd=repo)
    git("tag", "-a", "-m", "a tag of a tag", "nested", "first-tree", cwd=repo)
    return repo


def test_whatever_goes_over_every_ref_goes_on(here: Path) -> None:
    track("push", "--all", cwd=here).ok()
    track("fetch", "--all", cwd=here).ok()
    track("verify", "--remote", "origin", "--deep", cwd=here).ok()
    track("repair", "--remote", "origin", "-n", cwd=here).ok()
    assert "refs/heads/old" in track("purge", "-n", "big.bin@old", "--because", "x", cwd=here).ok().err


def test_what_only_another_branch_has_is_verified_all_the_same(here: Path) -> None:
    shutil.rmtree(here / ".git/track/store")
    track("add", "--force", "big.bin", cwd=here).ok()
    done = track("verify", "--deep", cwd=here)
    assert done.code == 4 and digest_of(b"one" * 1_000_000).hex()[:8] in done.out, done.out + done.err
