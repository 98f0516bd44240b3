"""The code that a run sees: the working directory as a Git tree, without anything left behind in the repository.

Pointers, records, ignore and attribute files are no code. The tree is computed with an index and an object folder of
its own, so that two working directories with the same code have the same tree, whatever their commits say: it finds
a commit again after an amend, a squash or a rebase that left the files alone.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from track.history.plumbing import Git
from track.publish import make_directories, make_directory, publish_bytes, remove_tree, stage

LARGEST = 1 << 20
"""Untracked files of more bytes are data, not code."""

_NOT_CODE = ("*.track", ".track/*", ".gitignore", "*/.gitignore", ".gitattributes", "*/.gitattributes")
_MODES = {b"100644": "f", b"100755": "x", b"120000": "l"}


class CodeFile(NamedTuple):
    """A file of a code tree: its mode as in a manifest (f, x or l) and its blob."""

    path: bytes
    mode: str
    blob: str


class Untracked(NamedTuple):
    """A file that Git neither tracks nor ignores, and its size in bytes."""

    path: bytes
    size: int


class CodeTree:
    """One tree and what can be asked of it; made by `code_tree`, gone with its block."""

    def __init__(self, git: Git, tree: str, base: str | None) -> None:
        """For `code_tree`."""
        self._git = git
        self.tree = tree
        self.base = base
        """The tree of the commit that is checked out, in the same sense; None before the first commit."""

    @property
    def is_dirty(self) -> bool:
        """Whether the working directory has other code than the commit that is checked out."""
        return self.tree != self.base

    def files(self) -> list[CodeFile]:
        """Every file of it, sorted by path; submodules are not in it."""
        return self._files(self.tree)

    def committed(self) -> dict[bytes, str]:
        """The blob that each file has in the commit that is checked out."""
        return {file.path: file.blob for file in self._files(self.base)} if self.base is not None else {}

    def _files(self, tree: str) -> list[CodeFile]:
        found = []
        for record in self._git.stream("ls-tree", "-r", "-z", "--full-tree", tree):
            head, _, path = record.partition(b"\t")
            mode, _, blob = head.split(b" ")
            if mode in _MODES:
                found.append(CodeFile(path, _MODES[mode], blob.decode("ascii")))
        return sorted(found)

    def contents(self, files: list[CodeFile]) -> Iterator[tuple[CodeFile, bytes]]:
        """The files with their bytes, in the order asked."""
        for file, (_, content) in zip(files, self._git.blobs(file.blob for file in files), strict=True):
            yield file, content

    def content(self, blob: str) -> bytes:
        """The bytes of one file."""
        return next(content for _, content in self._git.blobs([blob]))

    def patch(self, without: Sequence[bytes] = ()) -> bytes:
        """What the working directory changes in the code of the commit, binary files included, as Git applies it;
        but nothing of the files in `without`.
        """
        before = self.base or self._git.run("mktree", input=b"").strip()
        left_out = [b":(top,exclude,literal)" + path for path in without]
        args = ("-p", "--binary", "--full-index", before, self.tree, "--", *left_out)
        return self._git.run("diff-tree", *args, globs=True)


def untracked(git: Git) -> list[Untracked]:
    """What Git neither tracks nor ignores and might be code, sorted; pointers, records and the like are not."""
    found = []
    for path in git.run("ls-files", "-z", "--others", "--exclude-standard").split(b"\0")[:-1]:
        try:
            size = os.lstat(os.path.join(os.fsencode(git.top), path)).st_size
        except OSError:
            continue  # gone meanwhile
        if not path.endswith(b"/") and not is_no_code(path):  # a folder here is a repository inside
            found.append(Untracked(path, size))
    return sorted(found)


def is_no_code(path: bytes) -> bool:
    """Whether a path is a pointer, a record, or an ignore or attribute file."""
    name = path.rpartition(b"/")[2]
    return path.startswith(b".track/") or path.endswith(b".track") or name in (b".gitignore", b".gitattributes")


@contextmanager
def code_tree(git: Git, room: Path, also: list[bytes]) -> Iterator[CodeTree]:
    """The tree of the working directory as it is now: what Git tracks, and `also` of what it does not.

    `room` is a folder for what is needed meanwhile; nothing stays in it. The index and the objects of the repository
    are read and not changed.

    Raises:
        GitFailed: Git cannot read the working directory, as when a file vanishes meanwhile.
    """
    own = stage(room)
    make_directory(own, mode=0o700)
    try:
        apart = _apart(git, own)
        if git.index_file.exists():
            _copy_index(git.index_file, own / "index")
        apart.run("add", "--update", "--ignore-errors", "--", ".")
        if also:
            apart.run("update-index", "-z", "--add", "--stdin", input=b"".join(path + b"\0" for path in also))
        tree = _tree(apart)
        head = git.head()
        yield CodeTree(apart, tree, None if head is None else _tree_of(apart, head))
    finally:
        remove_tree(own)


def tree_at(git: Git, room: Path, commit: str) -> str:
    """The tree of a commit in the same sense, to compare with that of a run."""
    own = stage(room)
    make_directory(own, mode=0o700)
    try:
        return _tree_of(_apart(git, own), commit)
    finally:
        remove_tree(own)


def _copy_index(index: Path, own: Path) -> None:
    """Copy Git's index with its time, by which Git tells which files changed so soon that their stat says nothing."""
    found = index.stat()
    publish_bytes(own, index.read_bytes(), durable=False)
    os.utime(own, ns=(found.st_atime_ns, found.st_mtime_ns))


def _apart(git: Git, own: Path) -> Git:
    """The same repository with an index and an object folder of its own, which sees the repository's objects."""
    objects = own / "objects"
    make_directories(objects)
    others = git.environment.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    theirs = git.environment.get("GIT_OBJECT_DIRECTORY") or str(git.common_dir / "objects")
    apart = copy.copy(git)
    apart.environment = git.environment | {
        "GIT_INDEX_FILE": str(own / "index"),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(filter(None, (_quoted(theirs), others))),
    }
    return apart


def _quoted(path: str) -> str:
    """A path as Git reads it in a list: in quotes where it begins with one or holds a colon."""
    if not path.startswith('"') and os.pathsep not in path and "\n" not in path:
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _tree_of(apart: Git, commit: str) -> str:
    apart.run("read-tree", "--empty")
    apart.run("read-tree", commit)
    return _tree(apart)


def _tree(apart: Git) -> str:
    """Write the tree of the index without what is no code."""
    apart.run("rm", "--cached", "--quiet", "-r", "--force", "--ignore-unmatch", "--", *_NOT_CODE, globs=True)
    return apart.run("write-tree").strip().decode("ascii")
