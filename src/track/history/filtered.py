"""Filtered: pointers and records that a filter of Git's would change on their way into a commit.

There they have to be as they are. `.gitattributes` names filters by patterns, as `data/** filter=lfs` of Git LFS, and
such a pattern takes the pointers beside the data as well: Git keeps what the filter makes of them, and nobody who
clones it knows of the data.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from track.errors import Conflict, GitFailed
from track.history.left_out import is_sparse
from track.history.plumbing import Git
from track.model.names import display, is_pointer_path, is_record_path, typed

_ATTRIBUTES = b".gitattributes"
_NO_FILTER = (b"unspecified", b"unset", b"set")


def trouble(git: Git, paths: Sequence[bytes], *, again: str = "") -> Conflict | None:
    """Return the error for those of `paths` that are pointers or records and that Git would change; None else.

    A filter that nobody configured here, or that leaves them as they are, is none; one that is required and fails, as
    where Git LFS was uninstalled, is one. `again` is the command that stages them when that is mended.
    """
    ours = [path for path in paths if is_pointer_path(path) or is_record_path(path)]
    if not ours or not (is_sparse(git) or any(_naming(git, ours))):
        return None
    for path, name in _one_of_each(git, ours):
        does, said = _done_to(git, path)
        if does is not None:
            place = next(_naming(git, [path]), _ATTRIBUTES)
            what, line, then = ("pointers", "*.track", "add them again")
            if is_record_path(path):
                what, line, then = ("records", ".track/**", "git add .track")
            return Conflict(
                f"the filter `{display(name)}` that Git's attributes name {does} {display(path)}: "
                f"Git has to keep {what} as they are",
                hint=f"echo '{line} -filter' >> {typed(place)}   takes them out of it; then {again or then}",
                details=said,
            )
    return None


def look_again(git: Git, paths: Sequence[bytes]) -> None:
    """Have Git read those of `paths` that are pointers or records anew, where attributes speak of a filter.

    What it staged while they said otherwise is as it was for it, as long as the times of the files are the same.
    """
    ours = [path for path in paths if is_pointer_path(path) or is_record_path(path)]
    if ours and any(_naming(git, ours)):
        for whole in (os.path.join(os.fsencode(git.top), path) for path in ours):
            with suppress(OSError):  # it is gone, or somebody else's
                if not os.path.islink(whole):
                    os.utime(whole)


def _done_to(git: Git, path: bytes) -> tuple[str | None, tuple[str, ...]]:
    """What its filter does to one of them, None when nothing, and what Git said; one that is required may fail."""
    there = _id(git, path, "--no-filters")
    try:
        return (None if _id(git, path) == there else "would change"), ()
    except GitFailed as error:
        return "fails for", tuple(error.details)


def _naming(git: Git, paths: Sequence[bytes]) -> Iterator[bytes]:
    """The files of attributes above `paths` that speak of a filter, the one that says it last first."""
    folders = {b""}
    for path in paths:
        folder = path
        while (folder := folder.rpartition(b"/")[0]) not in folders:
            folders.add(folder)
    top = os.fsencode(git.top)
    places = [os.path.join(folder, _ATTRIBUTES) for folder in sorted(folders, key=len, reverse=True)]
    for place in (*places, os.path.join(os.fsencode(git.common_dir), b"info/attributes")):
        whole = os.path.join(top, place)
        with suppress(OSError):
            if os.path.isfile(whole) and b"filter" in Path(os.fsdecode(whole)).read_bytes():
                yield place


def _one_of_each(git: Git, paths: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """For each filter that those on disk go through, one of them, and its name."""
    top = os.fsencode(git.top)
    asked = b"".join(path + b"\0" for path in paths if os.path.isfile(os.path.join(top, path)))
    said = git.run("check-attr", "-z", "--stdin", "filter", input=asked).split(b"\0")
    found = {name: path for path, name in zip(said[0::3], said[2::3], strict=False) if name not in _NO_FILTER}
    return [(path, name) for name, path in sorted(found.items())]


def _id(git: Git, path: bytes, *options: str) -> bytes:
    return git.run("hash-object", *options, "--", path)
