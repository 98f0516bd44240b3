"""Pulling commits, as the demonstration does."""

from pathlib import Path

import pytest

from support.repositories import commit_all, git
from track.errors import GitFailed
from track.history import gitrepo
from track.history.plumbing import Git


def test_pull_brings_what_the_upstream_has_and_refuses_to_merge(repo: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", repo, tmp_path / "clone", cwd=tmp_path)
    (repo / "a.txt").write_text("more")
    newest = commit_all(repo)
    clone = Git(tmp_path / "clone")
    gitrepo.pull(clone)
    assert clone.head() == newest

    (tmp_path / "clone" / "b.txt").write_text("ours")
    commit_all(tmp_path / "clone")
    (repo / "c.txt").write_text("theirs")
    commit_all(repo)
    with pytest.raises(GitFailed, match="pull"):
        gitrepo.pull(clone)


def test_pull_without_an_upstream_says_so(repo: Path) -> None:
    with pytest.raises(GitFailed) as raised:
        gitrepo.pull(Git(repo))
    assert any("tracking information" in line for line in raised.value.details)
