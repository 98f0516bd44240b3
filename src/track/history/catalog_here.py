"""What stands now: the pointers and records of the working tree and of the trees of commits, as (path, content)."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from threading import Thread
from typing import NamedTuple

from track.errors import GitFailed
from track.history.catalog_file import POINTER, RECORD
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


def signature(git: Git) -> str:
    """Text that changes when Git's index does, or when a record of a run comes to the working tree or goes from it."""
    facts = [_stat(os.fsencode(git.index_file))]
    facts += [f"{os.fsdecode(folder)} {_stat(folder)}" for folder in _record_folders(git)]
    return "\n".join(facts)


def standing_in_index(git: Git) -> list[Standing]:
    """The pointers in Git's index, those in conflict apart, and the records of the working tree.

    Records are never edited (their format says so): one that is staged is as it is there.
    """
    here = set(_records_here(git))
    found: list[Standing] = []
    for record in git.run("ls-files", "-z", "-s", *_PATHS, globs=True).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        if stage != b"0" or mode not in _REGULAR:
            continue
        if path in here:
            here.remove(path)
            found.append(Standing(path, Wanted(oid.decode("ascii"), RECORD)))
        elif is_pointer_path(path) and not is_record_path(path):
            found.append(Standing(path, Wanted(oid.decode("ascii"), POINTER)))
    return [*found, *_read_files(git, sorted(here))]


def differing(git: Git) -> tuple[set[bytes], list[Standing]]:
    """(paths, what stands there): the pointers that on disk are not as in Git's index, or that are not in it.

    What is a link, or lies below one, is not there.
    """
    untracked: list[bytes] = []
    asked = ("ls-files", "-z", "-o", "--exclude-standard", "--", "*.track")
    meanwhile = Thread(target=lambda: untracked.extend(git.run(*asked, globs=True, check=False).split(b"\0")[:-1]))
    meanwhile.start()
    changed = git.run("diff-files", "-z", "--name-only", "--no-ext-diff", "--", "*.track", globs=True)
    meanwhile.join()
    paths = {path for path in (*changed.split(b"\0")[:-1], *untracked) if is_pointer_path(path)}
    return paths, list(_read_files(git, sorted(paths)))


def records_differing(git: Git) -> set[bytes]:
    """The records whose files are not as in Git's index, or not in it: what the catalog says of them may be old."""
    untracked: list[bytes] = []
    asked = ("ls-files", "-z", "-o", "--", ".track/runs/")
    meanwhile = Thread(target=lambda: untracked.extend(git.run(*asked, check=False).split(b"\0")[:-1]))
    meanwhile.start()
    changed = git.run("diff-files", "-z", "--name-only", "--no-ext-diff", "--", ".track/runs/").split(b"\0")[:-1]
    meanwhile.join()
    return {path for path in (*changed, *untracked) if is_record_path(path)}


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


def _read_files(git: Git, paths: Sequence[bytes]) -> Iterator[Standing]:
    top = os.fsencode(git.top)
    like = _format_of(git) if paths else ""
    for path in paths:
        what = kind_of(path)
        data = read_start(top, path, MAX_RECORD if what == RECORD else MAX_POINTER)
        if data is not None:
            yield Standing(path, Wanted(blob_of(data, like), what), data)


def _record_folders(git: Git) -> Iterator[bytes]:
    """`.track/runs`, its years and their months; the months are not looked into."""
    top = os.path.join(os.fsencode(git.top), b".track", b"runs")
    folders = [top]
    for depth in range(3):
        yield from folders
        if depth < 2:
            folders = sorted(os.path.join(each, name) for each in folders for name in _inside(each) if name.isdigit())


def _records_here(git: Git) -> Iterator[bytes]:
    start = len(os.path.join(os.fsencode(git.top), b""))
    for folder in _record_folders(git):
        for name in _inside(folder):
            if is_record_path(path := os.path.join(folder, name)[start:]):
                yield path


def _inside(folder: bytes) -> list[bytes]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


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
