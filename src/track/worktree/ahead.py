"""The later half of a large tree, listed by a second process while the first looks at the earlier half.

A scan of an unchanged tree is one `stat` a file and little else, so two processes need little more than half the time
(*measured*: 100,000 files in 0.19 s, one process 0.33 s). The second one knows no rows: for each folder it answers with
a fingerprint of what it saw there, and the first one compares that with its row. Whatever has no fingerprint, or
another one, is looked at as if nobody had been ahead.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from track.model.digest import digest_of
from track.work import can_fork, cores, meanwhile
from track.worktree.listing import listed
from track.worktree.paths import open_beneath
from track.worktree.patterns import NAME
from track.worktree.stat_cache import Row

WORTH_IT = 20_000
"""With fewer files, starting a process takes longer than it saves."""

_SIZE = 32
_NONE = bytes(_SIZE)


class Ahead:
    """What the second process saw; `paths` are the folders that it was sent to, each with a slash at its end."""

    def __init__(self, paths: Sequence[bytes], answer: Callable[[], bytes | None]) -> None:
        """Nothing is waited for before the first question about one of `paths`."""
        self._numbers = {path: number for number, path in enumerate(paths)}
        self._answer = answer

    def saw(self, row: Row) -> bool:
        """Whether the folder of this row was seen, in this scan, exactly as the row says."""
        number = self._numbers.get(row.path)
        if number is None:
            return False
        seen = (self._answer() or b"")[number * _SIZE :][:_SIZE]
        return seen == _fingerprint(row.names, row.folders, row.stats)


@contextmanager
def ahead(top: int, outline: Sequence[tuple[bytes, int]]) -> Iterator[Ahead | None]:
    """Send a process to the later half of the folders below the open folder `top`, when there are files enough.

    `outline` has (path, number of files) of every folder as it was, in the order in which the caller will look.
    """
    later = _later_half(outline) if can_fork() and cores() > 1 else []
    if not later:
        yield None
        return
    with meanwhile(lambda: b"".join(_look(top, path) for path in later)) as answer:
        yield Ahead(later, answer)


def _later_half(outline: Sequence[tuple[bytes, int]]) -> list[bytes]:
    """The folders at the end that hold half of all files; none when that is not worth a process."""
    total = sum(count for _, count in outline)
    if total < WORTH_IT:
        return []
    left, first = total, 0
    while first < len(outline) and left > total // 2:
        left -= outline[first][1]
        first += 1
    return [path for path, _ in outline[first:]]


def _look(top: int, path: bytes) -> bytes:
    """The fingerprint of one folder; none where rules leave names out, or anything is in the way."""
    try:
        fd = open_beneath(top, path[:-1])
        try:
            names, folders, stats = listed(fd)
        finally:
            os.close(fd)
    except OSError:
        return _NONE
    return _NONE if NAME in names else _fingerprint(names, folders, stats)


def _fingerprint(names: bytes, folders: bytes, stats: bytes | bytearray) -> bytes:
    """One digest of three parts, which their lengths keep apart."""
    return digest_of(b"".join((b"%d %d\n" % (len(names), len(folders)), names, folders, stats)))
