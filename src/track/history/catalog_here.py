"""What stands now: the pointers and records of the working tree and of the trees of commits, as (path, content)."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from track.errors import GitFailed
from track.history.catalog_file import RECORD
from track.history.catalog_rows import Wanted, kind_of
from track.history.identity import blob_of
from track.history.log import MAX_POINTER, MAX_RECORD, read_start
from track.history.plumbing import Git
from track.model.names import is_pointer_path, is_record_path

_PATHS = ("--", "*.track", ".track/runs/*.toml")
_REGULAR = (b"100644", b"100755")


class Standing(NamedTuple):
    """A pointer or record that stands: its path and content. `data` are its bytes where Git may not have them."""

    path: bytes
    content: Wanted
    data: bytes | None = None


def standing_here(git: Git) -> list[Standing]:
    """What the working tree has, as Git's index knows it; files that differ from it, or are new, are read.

    A file in conflict is as it is on disk; what is a link, or lies below one, is not there. Records are never edited
    (their format says so), but one that was is read as it is.
    """
    staged: dict[bytes, str] = {}
    differing: set[bytes] = set()
    like = ""
    listed = git.run("ls-files", "-z", "-t", "-s", "-m", "-d", "-o", "--exclude-standard", *_PATHS, globs=True)
    for record in listed.split(b"\0")[:-1]:
        tag, rest = record[:1], record[2:]
        if tag == b"?":
            differing.add(rest)
            continue
        head, _, path = rest.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        like = like or oid.decode("ascii")
        if tag in (b"C", b"R", b"K") or stage != b"0":
            differing.add(path)
        elif mode in _REGULAR:
            staged[path] = oid.decode("ascii")
    found = [
        Standing(path, Wanted(oid, kind_of(path)))
        for path, oid in staged.items()
        if path not in differing and _is_ours(path)
    ]
    return sorted([*found, *_read_files(git, sorted(filter(_is_ours, differing)), like)])


def standing_at(git: Git, commits: Sequence[str]) -> list[Standing]:
    """What the trees of these commits have, each once: their trees are compared in turn, so alike ones cost little."""
    empty = git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()
    trees = [empty, *_trees(git, commits)]
    pairs = (f"{one} {other}\n".encode() for one, other in pairwise(trees))
    found: set[Standing] = set()
    tokens = git.stream(
        "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", *_PATHS,
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


def _read_files(git: Git, paths: Sequence[bytes], like: str) -> Iterator[Standing]:
    top = os.fsencode(git.top)
    like = like or (_format_of(git) if paths else "")
    for path in paths:
        what = kind_of(path)
        data = read_start(top, path, MAX_RECORD if what == RECORD else MAX_POINTER)
        if data is not None:
            yield Standing(path, Wanted(blob_of(data, like), what), data)


def _format_of(git: Git) -> str:
    """An id as long as those of this repository."""
    try:
        return git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()
    except GitFailed:
        return "0" * 40


def _is_ours(path: bytes) -> bool:
    return is_record_path(path) or is_pointer_path(path)
