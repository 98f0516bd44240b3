"""How work reports itself: a protocol with a silent default; only the faces draw."""

import threading
from collections.abc import Callable
from typing import Protocol

Moved = Callable[[int], None]
"""Told from any thread that so many more bytes were moved."""


class Progress(Protocol):
    """Told about one piece of work at a time; called from one thread."""

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        """Work named `what` begins; totals are 0 where they are not known."""

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        """So much more of it is done."""

    def end(self) -> None:
        """The work is over, done or not."""


class _Silent:
    """Says nothing."""

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        """Ignored."""

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        """Ignored."""

    def end(self) -> None:
        """Ignored."""


silent: Progress = _Silent()


class Counted:
    """A `Moved` for one thread: tells `progress` at once, and knows how much that was."""

    def __init__(self, progress: Progress) -> None:
        """Nothing told yet."""
        self._progress = progress
        self.told_bytes = 0

    def __call__(self, size_bytes: int) -> None:
        """So many more bytes moved."""
        self.told_bytes += size_bytes
        self._progress.advance(size_bytes=size_bytes)


def unheard(size_bytes: int) -> None:
    """A `Moved` that nobody listens to."""


class Stopped(Exception):
    """Raised in the thread that moves bytes when nobody wants them any more."""


class Share:
    """One of several things that move at the same time: its threads say how far it is, one thread asks and reports."""

    def __init__(self, size_bytes: int) -> None:
        """`size_bytes` is what it counts for as a whole, however many bytes travel for it."""
        self._left = size_bytes
        self._fresh = 0
        self._is_stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Have the next `moved` raise, so that whoever moves a large thing does not go on to its end."""
        self._is_stopped = True

    def moved(self, size_bytes: int) -> None:
        """So many more bytes moved; called from any thread. Raises Stopped when nobody wants them any more."""
        if self._is_stopped:
            raise Stopped
        with self._lock:
            self._fresh += size_bytes

    def take(self) -> int:
        """The bytes that moved since this was last asked, never more than it counts for as a whole."""
        with self._lock:
            fresh, self._fresh = min(self._fresh, self._left), 0
            self._left -= fresh
            return fresh

    def rest(self) -> int:
        """What it still counts for, now that it is done."""
        with self._lock:
            rest, self._left = self._left, 0
            return rest
