"""Rewriting: another history beside the one there is, in which some files are others; nothing there is changes.

Authors, committers, dates, messages and merges stay. A commit in which nothing changes, and before which nothing did,
is the same commit. Signatures are of the old commits, and the new ones have none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from track.errors import Conflict, GitFailed, UnknownRevision
from track.history.plumbing import Git
from track.model.names import display, typed

_REGULAR = (b"100644", b"100755")
_KEPT = (b"author", b"committer", b"encoding")


class File(NamedTuple):
    """A file in a commit's tree: the id of its content, and whether it may be executed."""

    oid: str
    executable: bool


class Commit(NamedTuple):
    """A commit of the old history; `headers` are the lines kept, `message` is as it stands."""

    oid: str
    tree: bytes
    parents: tuple[str, ...]
    headers: tuple[bytes, ...]
    message: bytes


class Rewritten(NamedTuple):
    """The tip of the new history, how many commits it has, and how many of them are new."""

    tip: str
    commits_count: int
    new_count: int


Changes = Mapping[bytes, bytes | None]
"""What becomes of files in a tree: their content, or None where they go."""

_Pair = tuple[bytes, bytes | None]


class Changing:
    """What becomes of the files of each commit of a history; what commits have in common is held once."""

    def __init__(self) -> None:
        """Nothing changes yet."""
        self._pairs: dict[_Pair, _Pair] = {}
        self._wholes: dict[tuple[_Pair, ...], tuple[_Pair, ...]] = {}
        self._of: dict[str, tuple[_Pair, ...]] = {}

    def put(self, commit: str, changes: Changes) -> None:
        """Say what changes in a commit."""
        if changes:
            whole = tuple(self._pairs.setdefault(pair, pair) for pair in sorted(changes.items(), key=_path_of))
            self._of[commit] = self._wholes.setdefault(whole, whole)

    def __contains__(self, commit: str) -> bool:
        """Whether anything changes in it."""
        return commit in self._of

    def of(self, commit: str) -> tuple[tuple[bytes, bytes | None], ...]:
        """Paths and what is in them, or None where they go, sorted by path."""
        return self._of.get(commit, ())


def _path_of(pair: tuple[bytes, bytes | None]) -> bytes:
    return pair[0]


def refuse_branch(git: Git, branch: str) -> None:
    """Refuse the name of a branch that there is, or that Git takes for none.

    Raises:
        UnknownRevision, Conflict: why not.
    """
    name = f"refs/heads/{branch}"
    if branch.startswith("-") or not git.run("check-ref-format", "--branch", branch, check=False):
        raise UnknownRevision(f"`{display(branch)}` is no name for a branch", hint="letters, digits, `-` and `/`")
    if git.run("rev-parse", "--verify", "--quiet", name, check=False):
        raise Conflict(
            f"there is a branch `{display(branch)}` already", hint=f"name another, or: git branch -D {typed(branch)}"
        )


def commits_before(git: Git, tip: str) -> list[Commit]:
    """Every commit that `tip` reaches, parents first."""
    oids = git.run("rev-list", "--topo-order", "--reverse", tip).decode("ascii").split()
    told = git.run("cat-file", "--batch", input=b"".join(oid.encode("ascii") + b"\n" for oid in oids))
    found, at = [], 0
    for oid in oids:
        end = told.index(b"\n", at)
        words = told[at:end].split()
        if len(words) != 3 or words[1] != b"commit":
            raise GitFailed(f"Git has no commit {oid[:12]}, which this history names", hint="git fetch --unshallow")
        size = int(words[2])
        found.append(_commit(oid, told[end + 1 : end + 1 + size]))
        at = end + 2 + size
    return found


def _commit(oid: str, content: bytes) -> Commit:
    head, _, message = content.partition(b"\n\n")
    lines = re.split(rb"\n(?! )", head)
    parents = tuple(line[7:].decode("ascii") for line in lines if line.startswith(b"parent "))
    kept = tuple(line for line in lines if line.split(b" ", 1)[0] in _KEPT)
    return Commit(oid, lines[0].removeprefix(b"tree "), parents, kept, message)


def files_in(git: Git, commit: str) -> dict[bytes, File]:
    """The regular files in a commit's tree, by path."""
    found = {}
    for record in git.stream("ls-tree", "-r", "-z", "--full-tree", commit):
        head, _, path = record.partition(b"\t")
        mode, _, oid = head.split(b" ")
        if mode in _REGULAR:
            found[path] = File(oid.decode("ascii"), mode == b"100755")
    return found


def names_in(git: Git, commit: str) -> list[bytes]:
    """The path of everything in a commit's tree that is no folder, sorted."""
    return sorted(git.stream("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit))


def rewrite(git: Git, branch: str, commits: Sequence[Commit], changes: Changing) -> Rewritten:
    """Make `branch`, whose commits are these with the `changes` of each; it appears when all of it is there.

    Git is told of one commit after the other, so that no more than one is in memory as it will be.

    Raises:
        GitFailed: Git refused; no branch was made.
    """
    same: set[str] = set()
    marks: dict[str, bytes] = {}
    for commit in commits:
        if commit.oid not in changes and all(parent in same for parent in commit.parents):
            same.add(commit.oid)
            marks[commit.oid] = commit.oid.encode("ascii")
        else:
            marks[commit.oid] = b":%d" % (len(marks) + 1)
    tip = commits[-1].oid
    if tip in same:
        git.run("update-ref", f"refs/heads/{branch}", tip, "0" * len(tip))
    else:
        told = _told(branch, [commit for commit in commits if commit.oid not in same], changes, marks)
        for _ in git.stream("fast-import", "--quiet", "--done", "--date-format=raw-permissive", input=told):
            pass  # it says nothing
    made = git.resolve(f"refs/heads/{branch}")
    return Rewritten(made, len(commits), len(commits) - len(same))


def _told(branch: str, commits: Sequence[Commit], changes: Changing, marks: Mapping[str, bytes]) -> Iterator[bytes]:
    for commit in commits:
        yield b"".join(_lines(branch, commit, changes.of(commit.oid), marks))
    yield b"done\n"


def _lines(branch: str, commit: Commit, changes: Sequence[_Pair], marks: Mapping[str, bytes]) -> Iterator[bytes]:
    if not commit.parents:  # else it would go on from the one before it
        yield b"reset refs/heads/%b\n\n" % branch.encode()
    yield b"commit refs/heads/%b\nmark %b\n" % (branch.encode(), marks[commit.oid])
    yield from (line + b"\n" for line in commit.headers)
    yield b"data %d\n%b\n" % (len(commit.message), commit.message)
    words = (b"from", *(b"merge",) * (len(commit.parents) - 1))
    for word, parent in zip(words, commit.parents, strict=False):
        yield b"%b %b\n" % (word, marks[parent])
    yield b'M 040000 %b ""\n' % commit.tree
    for path, content in changes:
        if content is None:
            yield b"D %b\n" % _quoted(path)
    for path, content in changes:
        if content is not None:
            yield b"M 100644 inline %b\ndata %d\n%b\n" % (_quoted(path), len(content), content)
    yield b"\n"


def _quoted(path: bytes) -> bytes:
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
