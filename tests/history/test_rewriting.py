"""Rewriting: Git is told of a history one commit after the other, and what it refuses is told."""

import tracemalloc
from pathlib import Path

import pytest

from support.repositories import commit_all, git
from track.errors import GitFailed
from track.history.plumbing import Git
from track.history.rewriting import Changing, Commit, commits_before, rewrite

COUNT, FILES = 1_000, 40


def long_history(commits: list[Commit]) -> tuple[list[Commit], Changing]:
    """With many more commits like the last one, in each of which one of many files is another."""
    changes, last = Changing(), commits[-1]
    files: dict[bytes, bytes | None] = {b"%03d.track" % number: b"0" * 1_000 for number in range(FILES)}
    for number in range(COUNT):
        oid = f"{number:040x}"
        commits.append(last._replace(oid=oid, parents=(commits[-1].oid,)))
        files[b"%03d.track" % (number % FILES)] = b"%d" % number * 300
        changes.put(oid, files)
    return commits, changes


def test_a_long_history_is_told_in_little_memory(repo: Path) -> None:
    (repo / "a.txt").write_text("a")
    commit_all(repo, "first")
    here = Git(repo)
    commits, changes = long_history(commits_before(here, here.resolve("HEAD")))
    before = len(commits) - COUNT
    tracemalloc.start()
    done = rewrite(here, "new", commits, changes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.new_count == COUNT == done.commits_count - before
    assert git("rev-list", "--count", "new", cwd=repo).strip() == str(COUNT + before)
    assert git("show", f"new:{(COUNT - 1) % FILES:03}.track", cwd=repo).startswith(f"{COUNT - 1}" * 3)
    assert git("ls-tree", "--name-only", "new", cwd=repo).splitlines() == [
        *(f"{number:03}.track" for number in range(FILES)),
        "a.txt",
    ]
    assert peak < 4 << 20  # of some 40 MB that are told


def test_what_git_refuses_of_a_long_history_is_told_and_no_branch_is_made(repo: Path) -> None:
    (repo / "a.txt").write_text("a")
    commit_all(repo, "first")
    here = Git(repo)
    commits, changes = long_history(commits_before(here, here.resolve("HEAD")))
    commits[-COUNT] = commits[-COUNT]._replace(headers=())
    with pytest.raises(GitFailed, match="fast-import") as caught:
        rewrite(here, "new", commits, changes)
    assert any("committer" in line for line in caught.value.details)
    assert git("branch", "--list", "new", cwd=repo) == ""


def test_what_commits_have_in_common_is_held_once() -> None:
    changes = Changing()
    changes.put("1", {b"b": b"content", b"a": None})
    changes.put("2", {b"a": None, b"b": b"con" + b"tent"})
    changes.put("3", {})
    assert changes.of("1") is changes.of("2") and changes.of("1") == ((b"a", None), (b"b", b"content"))
    assert "3" not in changes and changes.of("3") == ()
