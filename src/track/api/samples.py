"""Samples: the files of a directory artifact as a data set, read many at a time and ahead, in an order of one's own."""

import os
import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import overload

from track.api.handles import Handles
from track.errors import UsageError
from track.flows.elsewhere import Elsewhere
from track.flows.pinned import Pinned
from track.flows.run_start import RUN_ID
from track.model.manifest import Entry
from track.verbs.version_batch import version_batch
from track.verbs.version_files import version_files

Sample = tuple[str, bytes]


class Samples(Sequence[Sample]):
    """The files of a directory artifact, each as (path, bytes), by number; made by `Version.samples`.

    It is what `torch.utils.data.DataLoader` takes as a data set, also with several workers, forked or not, and needs
    nothing of PyTorch. Links and empty folders are left out. Nothing is checked out: bytes come from the store, and
    from a remote where they are not here, which keeps them for the next time. Every byte is verified.

    >>> samples = repo.get("images").samples()
    >>> len(samples), samples[0]
    (2, ('cats/1.txt', b'=^.^='))
    >>> sorted(path for path, content in samples.stream(seed=7))
    ['cats/1.txt', 'cats/2.txt']

    What reads raises `MissingObject` or `DamagedObject` when bytes are nowhere whole, `RemoteError` when they are not
    here and no remote can be asked, and `UsageError` when its `Repo` was closed. All errors are `TrackError`.
    """

    __slots__ = ("_elsewhere", "_entries", "_handles", "_pinned")

    def __init__(self, handles: Handles, pinned: Pinned) -> None:
        """For `Version.samples`."""
        self._handles, self._pinned = handles, pinned
        self._elsewhere = Elsewhere()
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
        """The file of a number, or those of a slice, which are read together."""
        if isinstance(number, slice):
            return self.__getitems__(range(len(self))[number])
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Sample]:
        """The files of these numbers, in their order, read together: PyTorch asks for a batch so."""
        return self._read([self._entries[number] for number in numbers])

    def stream(
        self, seed: int | None = None, *, batch: int = 256, prefetch: int = 2, part: tuple[int, int] = (0, 1)
    ) -> Iterator[Sample]:
        """Every file once, in an order that `seed` decides, or sorted; so many batches are read ahead in threads.

        `part` is (which, of how many): each of several workers or machines with the same seed gets its own part.

        Raises:
            UsageError: a number makes no sense.
        """
        which, count = part
        if batch < 1 or prefetch < 1 or not 0 <= which < count:
            raise UsageError(
                f"not a stream: batch={batch}, prefetch={prefetch}, part={part}",
                hint="batch and prefetch are 1 or more, part is (0, 1) or (which, of how many)",
            )
        order = list(range(len(self)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        return self._stream([self._entries[number] for number in order[which::count]], batch, prefetch)

    def _stream(self, entries: list[Entry], batch: int, prefetch: int) -> Iterator[Sample]:
        batches = iter([entries[at : at + batch] for at in range(0, len(entries), batch)])
        flying: deque[Future[list[Sample]]] = deque()
        with ThreadPoolExecutor(prefetch, thread_name_prefix="track-samples") as threads:
            try:
                for one in batches:
                    flying.append(threads.submit(self._read, one))
                    if len(flying) > prefetch:
                        yield from flying.popleft().result()
                while flying:
                    yield from flying.popleft().result()
            finally:
                for future in flying:
                    future.cancel()

    def _read(self, entries: Sequence[Entry]) -> list[Sample]:
        with self._handles.reading() as project:
            contents = version_batch(project, self._pinned, entries, self._elsewhere, reader=os.environ.get(RUN_ID))
        return [(os.fsdecode(entry.path), content) for entry, content in zip(entries, contents, strict=True)]

    def __reduce__(self) -> tuple[type["Samples"], tuple[Handles, Pinned]]:
        """Another process lists the files, and reads, for itself."""
        return Samples, (self._handles, self._pinned)

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Samples: {len(self):,} files>"
