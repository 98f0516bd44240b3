"""Checkout beside other people's repositories: what lies in a nested `.git` is never ours to remove."""

from pathlib import Path

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import read_tree, write_tree


def test_force_leaves_a_repository_inside_an_artifact_alone(repo: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"one", "d/b": b"two"})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "data")
    new_repository(repo / "d/nested")
    before = read_tree(repo / "d/nested/.git", leave_out=())
    (repo / "d/stranger").write_bytes(b"nobody's")
    (repo / "d/a").unlink()

    track("checkout", "--force", cwd=repo).ok()

    assert (repo / "d/a").read_bytes() == b"one"
    assert not (repo / "d/stranger").exists()
    assert read_tree(repo / "d/nested/.git", leave_out=()) == before
    assert "fatal" not in git("fsck", cwd=repo / "d/nested")
