"""Readahead: who reads one file after another from a remote gets those that follow, each time twice as many."""

import threading
from collections.abc import Sequence

from track.model.manifest import Entry
from track.store.pack import SMALL

BATCH = 16 << 20
"""Bytes that come at once, at most, without being asked for."""
_KNOWN = 64
"""Places at which somebody may go on that are remembered."""


class Readahead:
    """How many files follow the one that is asked for. Threads may share it, each going its own way through the files.

    The first file that is not here comes alone: whoever takes one here and one there is not to wait for what lies
    beside it. Where what came before ends, twice as many come. Large files are left out, since each is a request
    of its own in any case.
    """

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._lock = threading.Lock()
        self._ends: dict[int, int] = {}

    def following(self, entries: Sequence[Entry], first: int, count: int) -> list[bytes]:
        """Digests of what follows `count` files from the number `first` on, of which one is not here."""
        with self._lock:
            known = self._ends.pop(first, 0)
            wanted = max(2 * known, count)
            found, end = _within(entries, first + count, first + wanted)
            self._ends[end] = end - first
            while len(self._ends) > _KNOWN:
                del self._ends[next(iter(self._ends))]
        return found


def _within(entries: Sequence[Entry], start: int, stop: int) -> tuple[list[bytes], int]:
    """Digests of the small files between two numbers, of at most BATCH bytes, and the number at which they end."""
    found: list[bytes] = []
    size = 0
    for number in range(start, min(stop, len(entries))):
        entry = entries[number]
        if entry.size < SMALL:
            size += entry.size
            if size > BATCH:
                return found, number
            found.append(entry.digest)
    return found, max(start, min(stop, len(entries)))
