"""Drain: a file that is written and hashed by a thread of its own, while another goes on to collect what comes next."""

import os
import threading
from pathlib import Path
from queue import SimpleQueue

from blake3 import blake3

from track.model.digest import Digest
from track.publish import write_all
from track.system import naming, start_writeback

_WAITING = 8
_WRITEBACK = 4 << 20


class Drain:
    """Writes pieces to a descriptor in the order they come, a few ahead at most, and hashes them all.

    Close it by `finish` or `stop`, exactly once; both close the descriptor.
    """

    def __init__(self, fd: int, path: Path, *, in_background: bool = True) -> None:
        """`path` is for messages. The thread begins with the first piece that does not come with the end.

        Without `in_background` there is none: where every core is busy already, it would only be in the way.
        """
        self._fd = fd
        self._path = path
        self._in_background = in_background
        self._hasher = blake3()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._room = threading.Semaphore(_WAITING)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._unsent = 0

    def put(self, piece: bytes) -> None:
        """Write this next. Raises what an earlier piece failed of."""
        if not self._in_background:
            self._write(piece)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="track-drain", daemon=True)
            self._thread.start()
        self._room.acquire()
        self._queue.put(piece)
        self._raise()

    def finish(self, piece: bytes) -> Digest:
        """Write the last piece, and return the digest of all of them. Raises DiskFull, StoreUnwritable."""
        try:
            if self._thread is not None:
                self._queue.put(piece)
                self._join()
                self._raise()
            else:
                self._write(piece)
        finally:
            os.close(self._fd)
        return Digest(self._hasher.digest())

    def stop(self) -> None:
        """Write no more; what waits is dropped."""
        self._failure = self._failure or InterruptedError("stopped")
        if self._thread is not None:
            self._join()
        os.close(self._fd)

    def _join(self) -> None:
        assert self._thread is not None
        self._queue.put(None)
        self._thread.join()
        self._thread = None

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (piece := self._queue.get()) is not None:
            try:
                if self._failure is None:
                    self._write(piece)
            except BaseException as error:  # raised by the thread that writes, at its next piece or at the end
                self._failure = error
            self._room.release()

    def _write(self, piece: bytes) -> None:
        with naming(self._path):
            write_all(self._fd, piece)
        self._unsent += len(piece)
        if self._unsent >= _WRITEBACK:
            start_writeback(self._fd)
            self._unsent = 0
        self._hasher.update(piece)
