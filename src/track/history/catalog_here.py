"""What stands now: the pointers and records of the working tree and of the trees of commits, as (path, content)."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from track.errors import GitFailed
from track.history import ahead, late
from track.history.catalog_file import RECORD
from track.history.catalog_rows import Wanted, kind_of
from track.history.log import MAX_POINTER, MAX_RECORD, read_start
from track.history.plumbing import Git
from track.model.names import is_pointer_path, is_record_path

_PATHS = ("--", "*.track", ".track/runs/*.toml")
_RAW = ("-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff")
_REGULAR = (b"100644", b"100755")
_DEPTH = 3
"""Slashes in the name of a folder with the records of a month."""
_FEW = 200

Sides: TypeAlias = tuple[str | None, str | None]
"""The contents of a path on either side; None where it is not there, or no file."""


class Standing(NamedTuple):
    """A pointer or record that stands: its path and content. `data` are its bytes where Git may not have them."""

    path: bytes
    content: Wanted
    data: bytes | None = None


def signature(git: Git, watched: Iterable[bytes] = ()) -> str:
    """Text that changes when Git's index does, when a record of a run comes to the working tree or goes from it, or
    when one of the `watched` is written: a line for the index, each folder that may have records, and each of these.
    """
    top = os.fsencode(git.top)
    facts = [_stat(os.fsencode(git.index_file))]
    asked = (*_folders(git), *sorted(watched))
    return "\n".join((*facts, *(_line(top, each) for each in asked)))


def watching(git: Git, signature: str, watched: Iterable[bytes]) -> str:
    """The same signature with these records; of those that it has the state stays, of others it is that of now."""
    top = os.fsencode(git.top)
    said = {path: line for path, line in _lines(signature) if is_record_path(path)}
    rest = [line for line in signature.split("\n") if not is_record_path(line.partition("\t")[2].encode("ascii"))]
    new = (said.get(each) or _line(top, each) for each in sorted(watched))
    return "\n".join((*rest, *new))


def watched_in(signature: str) -> set[bytes]:
    """The records that a signature has the state of: those that Git's index has not."""
    return {path for path, _ in _lines(signature) if is_record_path(path)}


def written_again(before: str, after: str) -> set[bytes]:
    """The watched records that are not the same in two signatures."""
    return {path for path, _ in set(_lines(before)) ^ set(_lines(after)) if is_record_path(path)}


def changed_folders(before: str, after: str) -> list[bytes]:
    """The months of records that are not the same in two signatures, from the top of the working tree."""
    lines = set(before.split("\n")[1:]) ^ set(after.split("\n")[1:])
    folders = {line.partition("\t")[2].encode("ascii") for line in lines}
    return sorted(folder for folder in folders if folder.count(b"/") == _DEPTH)


def records_in(git: Git, folders: Sequence[bytes]) -> set[bytes]:
    """The records in these folders of the working tree, by their names."""
    top = os.fsencode(git.top)
    paths = (folder + b"/" + name for folder in folders for name in _inside(os.path.join(top, folder)))
    return set(filter(is_record_path, paths))


def is_there(git: Git, path: bytes) -> bool:
    """Whether something of this name is in the working tree."""
    return os.path.lexists(os.path.join(os.fsencode(git.top), path))


def head_of(git: Git) -> str:
    """The commit that is checked out, or a tree with nothing in it."""
    return git.head() or late.empty_tree(_format_of(git))


def between(git: Git, old: str, new: str) -> dict[bytes, Sides]:
    """What two commits or trees have at the paths of pointers and records where they are not the same.

    Raises:
        GitFailed: one of them is not here.
    """
    return {} if old == new else _sides(git.stream("diff-tree", "-r", *_RAW, old, new, *_PATHS, globs=True))


def staged_besides(git: Git, commit: str) -> dict[bytes, Sides]:
    """What a commit and Git's index have at the paths where they are not the same; in conflict, the index has none."""
    return _sides(git.stream("diff-index", "--cached", *_RAW, commit, *_PATHS, globs=True))


def staged_at(git: Git, paths: Sequence[bytes]) -> dict[bytes, str]:
    """What Git's index has at these paths; where they are many, at more."""
    asked = paths if len(paths) <= _FEW else (b".track/runs/",)
    found: dict[bytes, str] = {}
    for record in git.run("ls-files", "-z", "-s", "--", *asked).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        if stage == b"0" and mode in _REGULAR:
            found[path] = oid.decode("ascii")
    return found


def files_at(git: Git, paths: Sequence[bytes]) -> Iterator[Standing]:
    """What the files at these paths of the working tree hold; those that are links, or lie below one, are left out."""
    top = os.fsencode(git.top)
    like = _format_of(git) if paths else ""
    for path in paths:
        what = kind_of(path)
        data = read_start(top, path, MAX_RECORD if what == RECORD else MAX_POINTER)
        if data is not None:
            yield Standing(path, Wanted(late.blob_of(data, like), what), data)


def differing(git: Git) -> tuple[set[bytes], list[Standing]]:
    """(paths, what stands there): the pointers that on disk are not as in Git's index, or that are not in it.

    What is a link, or lies below one, is not there.
    """
    told = ahead.answers(git, "changed", "untracked")
    paths = {path for some in told for path in some.split(b"\0")[:-1] if is_pointer_path(path)}
    return paths, list(files_at(git, sorted(paths)))


def records_differing(git: Git) -> set[bytes]:
    """The records whose files are not as in Git's index, or not in it: what the catalog says of them may be old."""
    told = ahead.answers(git, "changed records", "untracked records")
    return {path for some in told for path in some.split(b"\0")[:-1] if is_record_path(path)}


def standing_at(git: Git, commits: Sequence[str]) -> list[Standing]:
    """What the trees of these commits have, each once: their trees are compared in turn, so alike ones cost little."""
    trees = [late.empty_tree(commits[0] if commits else ""), *_trees(git, commits)]
    pairs = (f"{one} {other}\n".encode() for one, other in pairwise(trees))
    found: set[Standing] = set()
    tokens = git.stream(
        "diff-tree", "--stdin", "-r", *_RAW, *_PATHS,
        input=pairs, globs=True,
    )  # fmt: skip
    for token in tokens:
        head = token.rpartition(b"\n")[2]  # the first of a pair stands behind a line with both trees
        if not head.startswith(b":"):
            continue
        path = next(tokens, b"")
        _, mode, _, oid, _ = head.split(b" ")
        if mode in _REGULAR and _is_ours(path):
            found.add(Standing(path, Wanted(oid.decode("ascii"), kind_of(path))))
    return sorted(found)


def _trees(git: Git, commits: Sequence[str]) -> list[str]:
    asked = "".join(f"{oid}^{{tree}}\n" for oid in commits).encode()
    answers = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", input=asked).decode("ascii").splitlines()
    return [answer.split(" ")[0] for answer in answers if answer.endswith(" tree")]


def _sides(tokens: Iterator[bytes]) -> dict[bytes, Sides]:
    found: dict[bytes, Sides] = {}
    for head in tokens:
        path = next(tokens, b"")
        old_mode, new_mode, old, new, _ = head[1:].split(b" ")
        if _is_ours(path):
            before = old.decode("ascii") if old_mode in _REGULAR else None
            found[path] = (before, new.decode("ascii") if new_mode in _REGULAR else None)
    return found


def _folders(git: Git) -> Iterator[bytes]:
    """`.track/runs`, its years and their months, from the top; the months are not looked into."""
    top = os.fsencode(git.top)
    folders = [b".track/runs"]
    for depth in range(3):
        yield from folders
        if depth < 2:
            inner = (each + b"/" + name for each in folders for name in _inside(os.path.join(top, each)))
            folders = sorted(each for each in inner if each.rpartition(b"/")[2].isdigit())


def _inside(folder: bytes) -> list[bytes]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _line(top: bytes, path: bytes) -> str:
    return f"{_stat(os.path.join(top, path))}\t{path.decode('ascii')}"


def _lines(signature: str) -> Iterator[tuple[bytes, str]]:
    """(path, line) of each folder and record in a signature."""
    for line in signature.split("\n")[1:]:
        yield line.partition("\t")[2].encode("ascii"), line


def _stat(path: bytes) -> str:
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size if os.path.isfile(path) else 0} {found.st_ino}"


def _format_of(git: Git) -> str:
    """An id as long as those of this repository."""
    try:
        return git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()
    except GitFailed:
        return "0" * 40


def _is_ours(path: bytes) -> bool:
    return is_record_path(path) or is_pointer_path(path)
