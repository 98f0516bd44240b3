"""What a history has named, for a collection that does not keep all of it: tips as they are, and changes by their time.

A policy about the past needs to know when a version was what a commit says, so changes have their contents from before
them too, at a merge those of every parent: what one of them replaced was a version until then.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from track.errors import HistoryIncomplete
from track.history.commit_words import time_of
from track.history.naming import CHANGES, NAMING_PATHS, Named, Repository, asked_at, hidden_tips, read_contents
from track.history.plumbing import Git

_DATED = "--format=%H %gd"


class Change(NamedTuple):
    """What a commit did to a file that may name artifacts: the ids of its contents after it, if any, and before it.

    `committed` is in seconds since 1970; a merge has a change for each parent.
    """

    path: bytes
    after: str | None
    before: str | None
    commit: str
    committed: int
    subject: str


def is_bisecting(repository: Repository) -> bool:
    """Whether `git bisect` is at work in one of the working trees: it may go to any commit in between."""
    return any(os.path.lexists(worktree.git_dir / "BISECT_LOG") for worktree in repository.worktrees)


def standing_tips(repository: Repository, reflog_after_s: float, more: Iterable[str] = ()) -> frozenset[str]:
    """The commits that stand for themselves: of refs, stashes, operations in progress, and young reflog entries.

    Those are entries written after `reflog_after_s` (seconds since 1970), and what they replaced. `more` are others.

    Raises:
        GitFailed: a ref is broken.
    """
    git = repository.git
    found = {*hidden_tips(repository), *more, *young_reflog(repository, reflog_after_s)}
    found.update(git.run("for-each-ref", "--format=%(objectname)").decode("ascii").split())
    found.update(git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False).decode("ascii").split())
    # A stash is a commit whose parents are the index and the untracked files; older ones are in its reflog alone.
    found.update(git.run("log", "-g", "--format=%H %P", "refs/stash", "--", check=False).decode("ascii").split())
    return frozenset(found)


def young_reflog(repository: Repository, after_s: float) -> dict[str, int]:
    """The commits that reflog entries written after `after_s` came from or went to; the last time at which one did.

    Raises:
        GitFailed: a ref is broken.
    """
    found: dict[str, int] = {}
    for worktree in repository.worktrees:
        listed = asked_at(repository.git, worktree).run("log", "-g", "--all", "--date=unix", _DATED)
        for oid, when_s in chain(_young(listed, after_s), _young_lines(worktree.git_dir / "logs", after_s)):
            found[oid] = max(when_s, found.get(oid, 0))
    return found


def _young(listed: bytes, after_s: float) -> Iterator[tuple[str, int]]:
    """The commits of reflog entries that are young enough, and of the one before each such entry of its ref."""
    last, replaced_s = b"", 0
    for line in listed.splitlines():
        oid, _, selector = line.partition(b" ")
        ref, _, when = selector.rpartition(b"@{")
        is_young = when[:-1].isdigit() and int(when[:-1]) > after_s
        if ref == last:
            yield oid.decode("ascii"), replaced_s
        if is_young:
            replaced_s = int(when[:-1])
            yield oid.decode("ascii"), replaced_s
        last = ref if is_young else b""


def _young_lines(folder: Path, after_s: float) -> Iterator[tuple[str, int]]:
    """The same, read from the files where Git keeps reflogs in files: the first line of one has what came before it."""
    for base, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                for line in file:
                    words = line.partition(b"\t")[0].split()
                    if len(words) > 3 and words[-2].isdigit() and int(words[-2]) > after_s:
                        when_s = int(words[-2])
                        yield from ((oid.decode("ascii", "replace"), when_s) for oid in words[:2] if oid.strip(b"0"))


def named_at(repository: Repository, tips: Collection[str]) -> Iterator[Named]:
    """Every pointer and record in the trees of these commits and tags; what is no commit is passed over.

    Raises:
        HistoryIncomplete, GitFailed: a tree or a content is not here, as in a partial clone.
    """
    git = repository.git
    trees = _trees_of(git, sorted(tips))
    empty = git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()
    pairs = (f"{empty} {tree}\n".encode() for tree in trees)
    found: dict[str, tuple[bytes, str]] = {}
    tokens = git.stream(
        "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", *NAMING_PATHS,
        input=pairs, globs=True,
    )  # fmt: skip
    for token in tokens:
        if (head := token.rpartition(b"\n")[2]).startswith(b":"):  # the first stands behind a line with both trees
            path = next(tokens, b"")
            _, mode, _, oid, _ = head[1:].decode("ascii").split(" ")
            if mode.startswith("100"):
                found.setdefault(oid, (path, "the tip of a branch or tag"))
    yield from read_contents(git, found)


def _trees_of(git: Git, tips: list[str]) -> list[str]:
    """The trees of these, sorted. Raises HistoryIncomplete where a commit is here and its tree is not."""
    asked = b"".join(f"{oid}^{{commit}}\n{oid}^{{tree}}\n".encode() for oid in tips)
    answers = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", input=asked).splitlines()
    found = set()
    for oid, commit, tree in zip(tips, answers[::2], answers[1::2], strict=True):
        if tree.endswith(b" tree"):
            found.add(tree.split()[0].decode("ascii"))
        elif commit.endswith(b" commit"):
            raise HistoryIncomplete(
                f"the tree of commit {oid[:10]} is not here, as in a partial clone: it may name data",
                hint="git fetch --refetch --no-filter      brings all of the history",
            )
    return sorted(found)


def changes(repository: Repository, more: Iterable[str] = ()) -> Iterator[Change]:
    """What every commit did that a ref, a reflog or one of `more` reaches: the newest first, children before parents.

    Raises:
        GitFailed: a ref is broken, or a commit or tree is not here.
    """
    given = [oid.encode() + b"\n" for oid in sorted({*hidden_tips(repository), *more})]
    revs = ("-m", "--date-order", "--all", "--reflog", "--stdin")
    commit, committed, subject = "", 0, ""
    tokens = repository.git.stream(*CHANGES, *revs, *NAMING_PATHS, input=given, globs=True)
    for token in tokens:
        token = token.lstrip(b"\n")
        if token.startswith(b"commit "):
            head = token[7:].decode("utf-8", "replace").rstrip("\n")
            commit, when, *rest = head.split(" ", 2)
            committed, subject = time_of(when), "".join(rest)
        elif token.startswith(b":"):
            old_mode, mode, before, after, _ = token[1:].decode("ascii").split(" ")
            yield Change(
                next(tokens, b""),
                after if mode.startswith("100") else None,
                before if old_mode.startswith("100") else None,
                commit, committed, subject,
            )  # fmt: skip
