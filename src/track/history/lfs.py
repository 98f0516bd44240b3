"""What Git knows of Git LFS: small files in the index, which may be its pointers, and where its objects are."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from track.errors import GitFailed
from track.history.git_failure import failed
from track.history.plumbing import Git

_REGULAR = (b"100644", b"100755")
_OPTION_LIMIT = 64 << 10
_LOW = 80
"""No pointer of Git LFS is shorter: it has a SHA-256 in it."""


class InIndex(NamedTuple):
    """A file of the index, with its content there."""

    path: bytes
    content: bytes
    executable: bool


def small_files(git: Git, limit: int) -> Iterator[InIndex]:
    """Give the files in the index that have less than `limit` bytes there, sorted; what is in conflict is left out."""
    files: dict[bytes, tuple[str, bool]] = {}
    for record in git.stream("ls-files", "-z", "--stage"):
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        if stage == b"0" and mode in _REGULAR:
            files[path] = oid.decode("ascii"), mode == b"100755"
    contents = dict(small_contents(git, {oid for oid, _ in files.values()}, limit))  # at most a kilobyte each
    for path, (name, executable) in sorted(files.items()):
        if name in contents:
            yield InIndex(path, contents[name], executable)


def small_contents(git: Git, oids: set[str], limit: int) -> Iterator[tuple[str, bytes]]:
    """Give those of these contents that may be pointers of Git LFS by their length, less than `limit` bytes."""
    yield from git.blobs(sorted(_of_size(git, oids, limit)))


def _of_size(git: Git, oids: set[str], limit: int) -> set[str]:
    asked = b"".join(oid.encode("ascii") + b"\n" for oid in sorted(oids))
    lines = git.run("cat-file", "--batch-check", "--buffer", input=asked).splitlines() if asked else []
    found = set()
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[1] == b"blob" and _LOW <= int(words[2]) < limit:
            found.add(words[0].decode("ascii"))
    return found


def objects_of(git: Git) -> Path:
    """Where Git LFS keeps its objects in this clone."""
    said = git.config("lfs.storage")
    return git.common_dir / os.path.expanduser(said or "lfs") / "objects"


def attribute_files(git: Git) -> dict[bytes, bytes]:
    """The `.gitattributes` files in the index by path, with their content there; what is in conflict is left out."""
    names = (".gitattributes", "*/.gitattributes")
    found: dict[bytes, str] = {}
    for record in git.run("ls-files", "-z", "--stage", "--", *names, globs=True).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        mode, oid, stage = head.split(b" ")
        if stage == b"0" and mode in _REGULAR:
            found[path] = oid.decode("ascii")
    contents = dict(git.blobs(sorted(set(found.values()))))
    return {path: contents[oid] for path, oid in sorted(found.items())}


def given_to_lfs(git: Git, paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those of these paths that attributes give to Git LFS."""
    if not paths:
        return ()
    words = git.run("check-attr", "-z", "--stdin", "filter", input=b"".join(path + b"\0" for path in paths)).split(
        b"\0"
    )
    return tuple(path for path, value in zip(words[::3], words[2::3], strict=False) if value == b"lfs")


def fetch(git: Git, paths: Sequence[bytes]) -> None:
    """Have Git LFS bring the objects of what is checked out, from where its own settings say.

    Raises:
        GitFailed: it is not installed, or could not; `details` hold what it said.
    """
    _fetch(git, _includes(paths))


def fetch_all(git: Git) -> None:
    """Have Git LFS bring the objects of every branch and tag. Raises as `fetch`."""
    _fetch(git, [["--all"]])


def _fetch(git: Git, options: Iterable[list[str]]) -> None:
    try:
        git.run("lfs", "version")
    except GitFailed as error:
        raise GitFailed(
            "Git LFS is not installed, and only it can fetch its objects",
            hint="https://git-lfs.com",
            details=error.details,
        ) from error
    try:
        for words in options:
            git.run("lfs", "fetch", *words)
    except GitFailed as error:
        raise failed(("lfs fetch",), "\n".join(error.details).encode()) from error


def _includes(paths: Sequence[bytes]) -> Iterator[list[str]]:
    """The options that name these paths, as many at once as an argument may be long; none, where one has a comma."""
    if not paths or any(b"," in path for path in paths):
        yield []
        return
    some: list[bytes] = []
    size = 0
    for path in paths:
        if some and size + len(path) > _OPTION_LIMIT:
            yield [f"--include={os.fsdecode(b','.join(some))}"]
            some, size = [], 0
        some.append(path)
        size += len(path) + 1
    yield [f"--include={os.fsdecode(b','.join(some))}"]
