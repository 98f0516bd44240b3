"""Limit: no more bytes a second than allowed go to or come from remotes, over all streams of this process together.

A token bucket: whoever moves bytes takes tokens, and waits for as long as the bucket owes. What goes in one request is
paid for before, what comes in pieces as they come, so that a slow reader slows the sender down.
"""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from track.model.digest import Digest
from track.progress import Moved, unheard
from track.store.around import Around, AroundUpload
from track.store.pieces import Pieces
from track.store.place import Place, Staged, Upload

_BURST_S = 0.25
_LOOK_S = 0.25
"""So long is slept between two looks whether anybody still wants the bytes."""
_BEFOREHAND = 8 << 20
"""Of a file that is sent, at most so much is paid for before; the rest as it moves."""


class Limiter:
    """A bucket of so many bytes a second; safe to use from many threads."""

    def __init__(
        self,
        rate: int,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`rate` is in bytes a second, at least 1."""
        self._rate, self._now, self._sleep = rate, now, sleep
        self._lock = threading.Lock()
        self._tokens = rate * _BURST_S
        self._at_s = now()

    def take(self, size_bytes: int, moved: Moved = unheard) -> None:
        """Wait until so many bytes may have passed; meanwhile `moved` is asked, which raises to end the waiting."""
        with self._lock:
            at_s = self._now()
            self._tokens = min(self._rate * _BURST_S, self._tokens + (at_s - self._at_s) * self._rate)
            self._at_s = at_s
            self._tokens -= size_bytes
            owed_s = max(0.0, -self._tokens / self._rate)
        while owed_s > 0:
            pause_s = min(owed_s, _LOOK_S)
            self._sleep(pause_s)
            owed_s -= pause_s
            moved(0)


@lru_cache(maxsize=8)
def limiter_of(rate: int) -> Limiter:
    """The one limiter of this process for a rate: several remotes share it."""
    return Limiter(rate)


class LimitedPlace(Around):
    """A place of which every stream goes through a limiter."""

    def __init__(self, place: Place, limiter: Limiter) -> None:
        """Where it really goes, and how fast."""
        super().__init__(place)
        self._limiter = limiter

    def get(self, key: str) -> bytes:
        """The bytes of a key; paid for when they are here."""
        data = self.behind.get(key)
        self._limiter.take(len(data))
        return data

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset; paid for before."""
        self._limiter.take(length)
        return self.behind.get_range(key, offset, length)

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key; paid for piece by piece."""
        told = _Told(self._limiter, moved)
        staged = self.behind.get_file(key, staging, limit=limit, moved=told)
        told.settle(staged.size)
        return staged

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key; paid for when it is known how many they are."""
        size = self.behind.size(key)
        self._limiter.take(size or 0)
        return self.behind.digest(key)

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key; paid for before."""
        self._limiter.take(len(data))
        self.behind.put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has; paid for before."""
        self._limiter.take(len(data))
        return self.behind.create(key, data)

    def upload(self) -> Upload:
        """Many files, each paid for as it goes."""
        return _LimitedUpload(self.behind.upload(), self._limiter)


class _LimitedUpload(AroundUpload):
    """An upload of which every file goes through a limiter."""

    def __init__(self, upload: Upload, limiter: Limiter) -> None:
        super().__init__(upload)
        self._limiter = limiter

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        size = source.stat().st_size
        told = _Told(self._limiter, moved)
        told.pay(min(size, _BEFOREHAND))
        sent = self.behind.put_file(key, source, digest, replace=replace, moved=told)
        told.settle(size)
        return sent

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        told = _Told(self._limiter, moved)
        told.pay(min(pieces.size, _BEFOREHAND))
        sent = self.behind.put_pieces(key, pieces, digest, replace=replace, moved=told)
        told.settle(pieces.size)
        return sent


class _Told:
    """A `Moved` that has bytes paid for, those that were not yet, before it passes the word on."""

    def __init__(self, limiter: Limiter, moved: Moved) -> None:
        self._limiter, self._moved = limiter, moved
        self._lock = threading.Lock()
        self._told = self._paid = 0

    def __call__(self, size_bytes: int) -> None:
        with self._lock:
            self._told += size_bytes
            owed = max(0, self._told - self._paid)
            self._paid += owed
        if owed:
            self._limiter.take(owed, self._moved)
        self._moved(size_bytes)

    def pay(self, size_bytes: int) -> None:
        """Pay for so many bytes before they move."""
        with self._lock:
            self._paid += size_bytes
        self._limiter.take(size_bytes, self._moved)

    def settle(self, size_bytes: int) -> None:
        """Pay for what of so many bytes nobody told about."""
        with self._lock:
            owed = max(0, size_bytes - self._paid)
            self._paid += owed
        if owed:
            self._limiter.take(owed, self._moved)
