"""Samples: the files of a directory artifact as a data set, read many at a time and ahead, in an order of one's own."""

import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import overload

from track.api import asking
from track.api.asking import asks, each, maybe
from track.api.handles import Handles
from track.errors import UnknownNumber, UsageError
from track.flows.elsewhere import Elsewhere
from track.flows.filling import Filling, what_to_fill
from track.flows.pinned import Pinned
from track.flows.readahead import Readahead
from track.flows.run_start import RUN_ID
from track.model.manifest import Entry
from track.verbs.version_batch import version_batch
from track.verbs.version_files import version_files

Sample = tuple[str, bytes]
_FEW = 16
"""Files that are asked for first while the packs in which they lie are not here: as many requests go at once."""
_QUICK_S = 0.01
"""Seconds that a file by itself may take to be quick."""


class Samples(Sequence[Sample]):
    """The files of a directory artifact, each as (path, bytes), by number; made by `Version.samples`.

    It is what `torch.utils.data.DataLoader` takes as a data set, also with several workers, forked or not, and needs
    nothing of PyTorch. Links and empty folders are left out. Nothing is checked out: bytes come from the store, and
    from a remote where they are not here, which keeps them for the next time. Every byte is verified. Who reads one
    after another by number gets the small ones that follow with it, each time twice as many, of at most 16 MiB.

    >>> samples = repo.get("images").samples()
    >>> len(samples), samples[0]
    (2, ('cats/1.txt', b'=^.^='))
    >>> sorted(path for path, content in samples.stream(seed=7))
    ['cats/1.txt', 'cats/2.txt']

    What reads raises `MissingObject` or `DamagedObject` when bytes are nowhere whole, `RemoteError` when they are not
    here and no remote can be asked, and `UsageError` when its `Repo` was closed. All errors are `TrackError`.
    """

    __slots__ = ("_ahead", "_elsewhere", "_entries", "_handles", "_pinned")

    def __init__(self, handles: Handles, pinned: Pinned) -> None:
        """For `Version.samples`."""
        self._handles, self._pinned = handles, pinned
        self._elsewhere, self._ahead = Elsewhere(), Readahead()
        with handles.reading() as project:
            self._entries = [entry for entry in version_files(project, pinned) if entry.mode in "fx"]

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._entries)

    @overload
    def __getitem__(self, number: int) -> Sample: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Sample]: ...

    def __getitem__(self, number: int | slice) -> Sample | Sequence[Sample]:
        """The file of a number, or those of a slice, which are read together.

        Raises:
            UnknownNumber: there are not so many; it is an IndexError, too.
            UsageError: it is no whole number.
        """
        if isinstance(number, slice):
            try:
                return self.__getitems__(range(len(self))[number])
            except (TypeError, ValueError) as error:
                raise UsageError(f"not a slice: {number}: {error}", hint="whole numbers, as in [0:100]") from None
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Sample]:
        """The files of these numbers, in their order, read together: PyTorch asks for a batch so. Raises as `[...]`."""
        asked = each(asking.index)("numbers", numbers)
        entries = [self._entry(number) for number in asked]

        def following() -> Sequence[bytes]:
            first = asked[0] % len(self)
            is_in_order = all(number == first + at for at, number in enumerate(asked))
            return self._ahead.following(self._entries, first, len(asked)) if is_in_order else ()

        return self._read(entries, following)

    def _entry(self, number: int) -> Entry:
        try:
            return self._entries[number]
        except IndexError:
            raise UnknownNumber(
                f"there is no file {number}: there are {len(self):,}", hint="their numbers begin with 0"
            ) from None

    @asks(seed=maybe(asking.index), batch=asking.number(1), prefetch=asking.number(1), part=each(asking.number(0)))
    def stream(
        self, seed: int | None = None, *, batch: int = 256, prefetch: int = 2, part: tuple[int, int] = (0, 1)
    ) -> Iterator[Sample]:
        """Every file once, in an order that `seed` decides, or sorted; so many batches are read ahead in threads.

        `part` is (which, of how many): each of several workers or machines with the same seed gets its own part.

        Raises:
            UsageError: a number makes no sense.
        """
        if len(part) != 2 or not part[0] < part[1]:
            raise UsageError(f"not a part: {part}", hint="(0, 1), or (which, of how many)")
        which, count = part
        order = list(range(len(self)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        return self._stream([self._entries[number] for number in order[which::count]], batch, prefetch, (which, count))

    def _stream(self, entries: list[Entry], batch: int, prefetch: int, part: tuple[int, int]) -> Iterator[Sample]:
        with ThreadPoolExecutor(prefetch + 1, thread_name_prefix="track-samples") as threads:
            filling, at = self._filling(entries, batch, part), 0
            flying: deque[Future[list[Sample]]] = deque()
            try:
                if filling is not None:
                    for found in self._beside(filling, threads, entries, batch):
                        at += len(found)
                        yield from found
                for one in range(at, len(entries), batch):
                    flying.append(threads.submit(self._read, entries[one : one + batch]))
                    if len(flying) > prefetch:
                        yield from flying.popleft().result()
                while flying:
                    yield from flying.popleft().result()
            finally:
                if filling is not None:
                    filling.stop()
                for future in flying:
                    future.cancel()

    def _beside(
        self, filling: Filling, threads: ThreadPoolExecutor, entries: Sequence[Entry], batch: int
    ) -> Iterator[list[Sample]]:
        """What is read first, while packs come: one small batch at a time, so that the packs are not held up.

        Where a file by itself is quick to be had, the batches grow; else each waits for some packs to come.
        """
        if filling.is_small:
            filling.run(self._elsewhere)
            return
        at, size = 0, min(_FEW, batch)
        while at < len(entries) and not filling.is_over:
            began = time.monotonic()
            found = self._read(entries[at : at + size])
            is_quick = time.monotonic() - began < _QUICK_S * len(found)
            if at == 0:
                threads.submit(filling.run_beside)
            yield found
            at += len(found)
            if is_quick:
                size = min(2 * size, batch)
            else:
                filling.wait()

    def _filling(self, entries: Sequence[Entry], batch: int, part: tuple[int, int]) -> Filling | None:
        """What brings the files of a part while it is read; None where the first of them are here."""
        with self._handles.reading() as project:
            if not project.store.absent([entry.digest for entry in entries[:batch]]):
                return None
        return Filling(self._handles.reading, self._pinned, *what_to_fill(self._entries, entries, part))

    def _read(self, entries: Sequence[Entry], following: Callable[[], Sequence[bytes]] = tuple) -> list[Sample]:
        reader = os.environ.get(RUN_ID)
        with self._handles.reading() as project:
            contents = version_batch(
                project, self._pinned, entries, self._elsewhere, following=following, reader=reader
            )
        return [(os.fsdecode(entry.path), content) for entry, content in zip(entries, contents, strict=True)]

    def __reduce__(self) -> tuple[type["Samples"], tuple[Handles, Pinned]]:
        """Another process lists the files, and reads, for itself."""
        return Samples, (self._handles, self._pinned)

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Samples: {len(self):,} files>"
