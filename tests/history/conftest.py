"""Repositories with pointers in them, as Git sees them."""

from pathlib import Path

import pytest

from support.repositories import git


@pytest.fixture
def linked(repo: Path, tmp_path: Path) -> Path:
    """A linked worktree of `repo`, on branch `side`."""
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=repo)
    return tmp_path / "linked"
