"""The code that a run sees: the working directory as a Git tree, without anything left behind in the repository.

Pointers, records, ignore and attribute files are no code. The files are read with an index and an object folder of
their own, and the id of the tree is computed from the list of them as Git would, so that two working directories with
the same code have the same tree, whatever their commits say: it finds a commit again after an amend, a squash or a
rebase that left the files alone.
"""

import copy
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from track.errors import GitFailed
from track.history.plumbing import Git
from track.model.expressions import expression
from track.model.names import display
from track.publish import make_directories, make_directory, publish_bytes, remove_tree, stage

LARGEST = 1 << 20
"""Untracked files of more bytes are data, not code."""

_NOT_CODE = ("*.track", ".track/*", ".gitignore", "*/.gitignore", ".gitattributes", "*/.gitattributes")
_MODES = {b"100644": "f", b"100755": "x", b"120000": "l"}
_FOLDER = b"40000"
_BECOMING = expression(rb"\.(?s:.+)\.track-\d+\.\d+\.[0-9a-f]+\.[0-9a-f]+")
"""What `publish_bytes` calls a file that it writes; somebody's `.env.track-test` is code."""
_TRIES = 5


class CodeFile(NamedTuple):
    """A file of a code tree: its mode as in a manifest (f, x or l) and its blob."""

    path: bytes
    mode: str
    blob: str


class Untracked(NamedTuple):
    """A file that Git neither tracks nor ignores, and its size in bytes."""

    path: bytes
    size: int


class _Entry(NamedTuple):
    """A file or submodule as Git has it: path, mode in octal, and id of its blob or commit."""

    path: bytes
    mode: bytes
    id: bytes


class CodeTree:
    """One tree and what can be asked of it; made by `code_tree`, gone with its block."""

    def __init__(self, git: Git, entries: Sequence[_Entry], head: str | None) -> None:
        """For `code_tree`: what `git` has in its index, and the commit that is checked out, if there is one."""
        self._git, self._head = git, head
        self._entries = entries
        self._before = _entries_at(git, head) if head is not None else None
        self.tree = _tree_id(git, entries)
        self.base = None if self._before is None else _tree_id(git, self._before)
        """The tree of the commit that is checked out, in the same sense; None before the first commit."""

    @property
    def is_dirty(self) -> bool:
        """Whether the working directory has other code than the commit that is checked out."""
        return self.tree != self.base

    def files(self) -> list[CodeFile]:
        """Every file of it, sorted by path; submodules are not in it."""
        return _files(self._entries)

    def committed_files(self) -> list[CodeFile]:
        """Every file that is code in the commit that is checked out, sorted by path; none before the first one."""
        return _files(self._before or ())

    def committed(self) -> dict[bytes, str]:
        """The blob that each file has in the commit that is checked out."""
        return {file.path: file.blob for file in self.committed_files()}

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
        before = self._head or self._git.run("mktree", input=b"").strip()
        left_out = [b":(top,exclude,literal)" + path for path in without]
        no_code = [f":(top,exclude){pattern}" for pattern in _NOT_CODE]
        args = ("--cached", "--no-ext-diff", "-p", "--binary", "--full-index", before, "--", *no_code, *left_out)
        return self._git.run("diff-index", *args, globs=True)


def _files(entries: Iterable[_Entry]) -> list[CodeFile]:
    return sorted(CodeFile(one.path, _MODES[one.mode], one.id.decode("ascii")) for one in entries if one.mode in _MODES)


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
    """Whether a path is a pointer, a record, or an ignore or attribute file, or what is just becoming one of them."""
    name = path.rpartition(b"/")[2]
    if name.startswith(b".") and _BECOMING.fullmatch(name) is not None:
        return True
    return path.startswith(b".track/") or path.endswith(b".track") or name in (b".gitignore", b".gitattributes")


@contextmanager
def code_tree(git: Git, room: Path, also: list[bytes]) -> Iterator[CodeTree]:
    """The tree of the working directory as it is now: what Git tracks, and `also` of what it does not.

    `room` is a folder for what is needed meanwhile; nothing stays in it. The index and the objects of the repository
    are read and not changed.

    Raises:
        GitFailed: Git cannot read the working directory. What vanishes meanwhile is not in it, and no reason to fail.
    """
    own = stage(room)
    make_directory(own, mode=0o700)
    try:
        apart = _apart(git, own)
        if git.index_file.exists():
            _copy_index(git.index_file, own / "index")
        _take(apart, also)
        yield CodeTree(apart, _entries_of(apart), git.head())
    finally:
        remove_tree(own)


def _take(apart: Git, also: list[bytes]) -> None:
    """Put what is in the working directory into the index of `apart`, again where something vanished meanwhile."""
    for tries_left in reversed(range(_TRIES)):
        here = [path for path in also if os.path.lexists(os.path.join(os.fsencode(apart.top), path))]
        try:
            apart.run("add", "--update", "--ignore-errors", "--", ".")
            if here:
                paths = b"".join(path + b"\0" for path in here)
                apart.run("update-index", "-z", "--add", "--remove", "--stdin", input=paths)
            return
        except GitFailed:
            if not tries_left:
                raise


def tree_at(git: Git, commit: str) -> str:
    """The tree of a commit in the same sense, to compare with that of a run. Raises GitFailed when it is not there."""
    return _tree_id(git, _entries_at(git, commit))


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


def _entries_of(apart: Git) -> list[_Entry]:
    """What is code in the index of `apart`."""
    found = []
    for record in apart.stream("ls-files", "-z", "--stage"):
        head, _, path = record.partition(b"\t")
        mode, id, stage = head.split(b" ")
        if is_no_code(path):
            continue
        if stage != b"0":
            raise GitFailed(
                f"{display(path)} is in conflict and cannot be read", hint="see what is wrong with it: git status"
            )
        found.append(_Entry(path, mode, id))
    return found


def _entries_at(git: Git, commit: str) -> list[_Entry]:
    """What is code in a commit."""
    found = []
    for record in git.stream("ls-tree", "-r", "-z", "--full-tree", commit):
        head, _, path = record.partition(b"\t")
        mode, _, id = head.split(b" ")
        if not is_no_code(path):
            found.append(_Entry(path, mode, id))
    return found


def _tree_id(git: Git, entries: Sequence[_Entry]) -> str:
    """The id that `git write-tree` gives these, from the deepest folder up; folders sort as if they ended in `/`."""
    if not entries:
        return git.run("hash-object", "-t", "tree", "--stdin", input=b"").strip().decode("ascii")
    form = hashlib.sha1 if len(entries[0].id) == 40 else hashlib.sha256
    folders: dict[bytes, list[tuple[bytes, bytes]]] = {b"": []}
    for path, mode, id in entries:
        folder, _, name = path.rpartition(b"/")
        rows = folders.get(folder)
        if rows is None:
            rows = folders[folder] = []
            while (folder := folder.rpartition(b"/")[0]) not in folders:
                folders[folder] = []
        rows.append((name, b"%b %b\0%b" % (mode, name, bytes.fromhex(id.decode("ascii")))))
    for folder in sorted(folders, key=_depth, reverse=True):
        content = b"".join(row for _, row in sorted(folders[folder]))
        found = form(b"tree %d\0%b" % (len(content), content), usedforsecurity=False)
        if folder:
            above, _, name = folder.rpartition(b"/")
            folders[above].append((name + b"/", b"%b %b\0%b" % (_FOLDER, name, found.digest())))
    return found.hexdigest()


def _depth(folder: bytes) -> int:
    return folder.count(b"/") + 1 if folder else 0
