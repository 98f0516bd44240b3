"""Writer: puts objects into a store, all of them durable and visible at its commit."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.errors import TrackError
from track.model.digest import Digest, digest_of
from track.progress import Moved, unheard
from track.publish import Batch, create_with, remove, stage
from track.store.index import Index, NewPack
from track.store.pack import SMALL, PackWriter, SealedPack
from track.store.rooms import Rooms
from track.store.whole import set_aside, staged_copy

_ASKED_AT_ONCE = 1024
_PENDING_BYTES = 8 << 20
_PUBLISHED_AT_ONCE = 64
"""Packs: a gigabyte, whose records take about 100 MiB of memory."""


class _Whole(NamedTuple):
    staged: Path
    digest: Digest


class Writer:
    """Adds to one store; made by `Store.writer`, used in one thread.

    What is in the store already, or was added before, is not written again. Everything is durable and visible after
    `commit`, which may be called several times. Leaving the writer without it drops what was added since, apart from
    whole gigabytes, which are published on the way: what is interrupted goes on from there when it is done again.
    """

    def __init__(self, rooms: Rooms, index: Index) -> None:
        """For `Store.writer` alone, which holds the lock."""
        self._rooms = rooms
        self._index = index
        self._seen: set[bytes] = set()
        self._pending: dict[bytes, bytes] = {}
        self._pending_bytes = 0
        self._pack = PackWriter(rooms.staging)
        self._sealed: list[SealedPack] = []
        self._wholes: list[_Whole] = []
        self.new_count = 0
        """Objects that were added and that the store lacked, up to the last commit."""
        self.new_bytes = 0
        """The sum of their lengths."""

    def add(self, data: bytes) -> Digest:
        """Add a small object (below SMALL bytes), and return its digest. Raises DiskFull, StoreUnwritable."""
        digest = bytes.__new__(Digest, blake3(data).digest())
        if digest not in self._seen:
            self.add_known(digest, data)
        return digest

    def add_known(self, digest: bytes, data: bytes) -> None:
        """Add a small object that the caller has hashed."""
        if digest in self._seen:
            return
        self._seen.add(digest)
        self._pending[digest] = data
        self._pending_bytes += len(data)
        if len(self._pending) >= _ASKED_AT_ONCE or self._pending_bytes >= _PENDING_BYTES:
            self._settle()

    def add_content(self, data: bytes) -> Digest:
        """Add an object of any size that is in memory. Raises DiskFull, StoreUnwritable."""
        if len(data) < SMALL:
            return self.add(data)
        digest = digest_of(data)
        if digest not in self._seen:
            staged = stage(self._rooms.staging)
            create_with(staged, data, mode=0o600)
            self.adopt_whole(staged, digest, len(data))
        return digest

    def add_file(self, fd: int, size: int, moved: Moved = unheard) -> Digest:
        """Add an open file of `size` bytes, SMALL or more; its opener checks afterwards that it did not change.

        `moved` is told how far it is.

        Raises:
            ChangedWhileAdding: it became shorter.
            DiskFull, StoreUnwritable: it could not be copied into the store.
        """
        if size < SMALL:
            raise ValueError(f"{size} bytes are a small object: use add")
        staged, digest = staged_copy(fd, size, self._rooms.staging, moved=moved)
        self.adopt_whole(staged, digest, size)
        return digest

    def adopt(self, sealed: SealedPack) -> None:
        """Take a complete pack, staged on the store's filesystem, whose entries its maker has hashed."""
        self._seen.update(entry.digest for entry in sealed.entries)
        self.new_count += len(sealed.entries)
        self.new_bytes += sum(entry.length for entry in sealed.entries)
        self._keep(sealed)

    def adopt_whole(self, staged: Path, digest: Digest, size: int) -> None:
        """Take a staged file of SMALL or more bytes that its maker has hashed."""
        if digest in self._seen or self._has_whole(digest, size):
            remove(staged)
        else:
            self._wholes.append(_Whole(staged, digest))
            self.new_count += 1
            self.new_bytes += size
        self._seen.add(digest)

    def commit(self) -> None:
        """Make everything added so far durable, then visible.

        Raises DiskFull or StoreUnwritable when it cannot be; then nothing of it may be relied on.
        """
        self._settle()
        if (last := self._pack.seal()) is not None:
            self._sealed.append(last)
        self._pack = PackWriter(self._rooms.staging)
        self._publish()

    def _publish(self) -> None:
        """Make what is sealed durable, and then known."""
        sealed, self._sealed = self._sealed, []
        wholes, self._wholes = self._wholes, []
        batch = Batch(directory_mode=self._rooms.directory_mode)
        for pack in sealed:
            target = self._rooms.pack(pack.name)
            if self._index.is_damaged(pack.name):
                set_aside(target, self._rooms.quarantine)
            batch.add(pack.path, target, mode=self._rooms.file_mode)
        for whole in wholes:
            batch.add(whole.staged, self._rooms.object(whole.digest), mode=self._rooms.file_mode)
        if len(batch):
            batch.commit()
            self._index.add_packs([NewPack(pack.name, pack.size, pack.entries) for pack in sealed])

    def abandon(self) -> None:
        """Drop what was added since the last commit."""
        self._pending = {}
        self._pack.abandon()
        with suppress(OSError, TrackError):
            for path in (*(pack.path for pack in self._sealed), *(whole.staged for whole in self._wholes)):
                with suppress(FileNotFoundError):
                    remove(path)
        self._sealed, self._wholes = [], []

    def _has_whole(self, digest: bytes, size: int) -> bool:
        """Whether it is there in its length; what else has its name is put aside, or it would count as it."""
        path = self._rooms.whole(digest)
        if path is not None and path.stat().st_size == size:
            return True
        if os.path.lexists(self._rooms.object(digest)):
            set_aside(self._rooms.object(digest), self._rooms.quarantine)
        return False

    def _settle(self) -> None:
        """Write what the store lacks of the objects that wait, asking for all of them at once."""
        pending, self._pending, self._pending_bytes = self._pending, {}, 0
        absent = self._index.absent(pending)
        for digest, data in pending.items():
            if digest not in absent:
                continue
            self._pack.add(digest, data)
            self.new_count += 1
            self.new_bytes += len(data)
            if self._pack.is_full:
                self._seal()

    def _seal(self) -> None:
        sealed = self._pack.seal()
        assert sealed is not None
        self._pack = PackWriter(self._rooms.staging)
        self._keep(sealed)

    def _keep(self, sealed: SealedPack) -> None:
        self._sealed.append(sealed)
        if len(self._sealed) >= _PUBLISHED_AT_ONCE:
            self._publish()
