"""Linked working trees of the repository: made at a commit with no files, and taken away again."""

import os
from pathlib import Path

from track.history.plumbing import Git

_NOBODY = ("-c", "user.name=track", "-c", "user.email=track@localhost")


def add_worktree(git: Git, folder: Path, commit: str | None) -> Git:
    """Make a linked working tree at `folder`, which is not there or empty: HEAD is the commit, and no file is in it.

    Where the commit is not here any more, or there was none, HEAD is one without files that nothing else names.

    Raises:
        GitFailed: Git refused.
    """
    if commit is None or not git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", check=False):
        tree = git.run("mktree", input=b"").strip()
        commit = git.run(*_NOBODY, "commit-tree", tree, "-m", "the code of a run").strip().decode("ascii")
    git.run("worktree", "add", "--quiet", "--detach", "--no-checkout", str(folder), commit)
    linked = Git(folder)
    linked.run("read-tree", "HEAD")
    return linked


def forget_worktree(git: Git, folder: Path) -> None:
    """Have Git forget a linked working tree, and remove whatever is still there."""
    git.run("worktree", "remove", "--force", str(folder), check=False)


def forget_gone(git: Git, room: Path) -> None:
    """Have Git forget the linked working trees below `room` that are gone.

    Not `git worktree prune`: one of a person's may be on a disk that is away, and what is staged in it would go.
    """
    top = os.path.join(os.fsencode(os.path.realpath(room)), b"")
    for line in git.run("worktree", "list", "--porcelain").split(b"\n"):
        folder = line.removeprefix(b"worktree ")
        if folder != line and folder.startswith(top) and not os.path.lexists(folder):
            git.run("worktree", "remove", "--force", os.fsdecode(folder), check=False)
