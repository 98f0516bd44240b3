"""Filling: what a stream will read and is not here comes while it goes on, in the order in which remotes have it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress

from track.errors import TrackError
from track.flows.elsewhere import Elsewhere
from track.flows.pinned import Pinned
from track.model.manifest import Entry
from track.project import Project
from track.work import give_back

PORTION = 64 << 20
"""Bytes that are asked for at once: some whole packs, so that each is one request."""
_GAP = 64 << 10
"""Bytes between two files that cost less than a request of its own."""


def what_to_fill(
    everything: Sequence[Entry], mine: Sequence[Entry], part: tuple[int, int]
) -> tuple[Sequence[Entry], int]:
    """The files to bring for a part (which, of how many), sorted, and the number of the one to begin with.

    Of small files those of other parts come as well: their bytes lie between, and would come anyway. Workers that share
    a store each begin elsewhere, and so fetch nothing twice.
    """
    which, count = part
    if sum(entry.size for entry in everything) * (count - 1) > _GAP * len(everything):
        return sorted(mine, key=lambda entry: entry.path), 0
    return everything, len(everything) * which // count


class Filling:
    """Brings files of a directory into the store, sorted as its manifest has them, a portion at a time.

    A stream that is shuffled asks every pack of a remote for a little: by itself, each file costs a request. So while
    it reads what it needs next, the packs come here whole, once each. What fails here is told to nobody: the stream
    asks for it itself, and says what is wrong.
    """

    def __init__(
        self, lend: Callable[[], AbstractContextManager[Project]], pinned: Pinned, entries: Sequence[Entry], first: int
    ) -> None:
        """`lend` gives a project for a thread; of the sorted `entries` those from the number `first` on come first."""
        self._lend, self._pinned = lend, pinned
        self._entries, self._first = entries, first
        self._is_stopped = threading.Event()
        self._came = threading.Event()
        self.is_begun = False
        self.is_over = False
        """Whether nothing more will come."""
        self.is_small = sum(entry.size for entry in entries) <= PORTION

    def run(self, elsewhere: Elsewhere) -> None:
        """Bring them all, or go on until `stop`; `elsewhere` should be used by nobody else meanwhile."""
        self.is_begun = True
        try:
            with suppress(TrackError):
                for digests in self._portions():
                    if self._is_stopped.is_set():
                        return
                    with self._lend() as project:
                        elsewhere.bring(project, self._pinned, digests)
                    give_back()
                    self._came.set()
        finally:
            self.is_over = True
            self._came.set()

    def run_beside(self) -> None:
        """The same, with connections of its own."""
        elsewhere = Elsewhere()
        try:
            self.run(elsewhere)
        finally:
            elsewhere.close()

    def wait(self) -> None:
        """Wait until a further portion came since this was last said, or none will."""
        give_back()
        self._came.wait()
        if not self.is_over:
            self._came.clear()

    def stop(self) -> None:
        """Bring no further portion."""
        self._is_stopped.set()

    def _portions(self) -> Iterator[list[bytes]]:
        """Digests of about `PORTION` bytes each."""
        digests: dict[bytes, None] = {}
        size = 0
        for entry in (*self._entries[self._first :], *self._entries[: self._first]):
            digests[entry.digest] = None
            size += entry.size
            if size >= PORTION:
                yield list(digests)
                digests, size = {}, 0
        if digests:
            yield list(digests)
