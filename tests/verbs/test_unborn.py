"""What looks at every branch and tag works where nothing is committed yet on the branch that we are on."""

from pathlib import Path

from support.cli import track_here as track
from support.repositories import git, new_repository
from support.sharing import cloned, consented, shared
from support.trees import write_tree


def test_before_the_first_commit(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "repo")
    git("update-ref", "-d", "HEAD", cwd=repo)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    write_tree(repo, {"a.bin": b"staged"})
    track("add", "a.bin", cwd=repo).ok()
    assert "a.bin" in track("push", "--all", cwd=repo).ok().out
    for command in (("fetch", "--all"), ("verify", "--remote", "origin", "--deep"), ("repair", "--remote", "origin")):
        track(*command, cwd=repo).ok()


def test_on_a_new_branch_without_a_past_the_others_are_looked_at(tmp_path: Path) -> None:
    repo = shared(tmp_path)
    clone = consented(cloned(repo))
    for each in (repo, clone):
        git("symbolic-ref", "HEAD", "refs/heads/new", cwd=each)
    assert "model.bin" in track("push", "--all", cwd=repo).ok().out
    track("fetch", "--all", cwd=clone).ok()
    track("checkout", cwd=clone).ok()
    assert (clone / "model.bin").read_bytes() == b"weights" * 300_000
