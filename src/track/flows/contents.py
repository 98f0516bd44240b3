"""The store as the place where working files come from."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from track import publish
from track.errors import MissingObject
from track.progress import Moved, unheard
from track.project import Project
from track.store.objects import Store
from track.store.purge_notes import missing
from track.store.whole import open_whole, staged_copy


class StoreContents:
    """Content out of the project's store, every byte verified before it is handed out."""

    def __init__(self, project: Project, store: Store | None = None) -> None:
        """From the project's own handle of the store, or another one."""
        self._project = project
        self._store = store if store is not None else project.store

    def small(self, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """(digest, content) for each, in the order in which the store has them."""
        return self._store.read_many(digests)

    def copy(self, digest: bytes, size: int, staging: Path, moved: Moved = unheard) -> Path:
        """A verified copy in `staging`, which shares its blocks with the store's where the filesystem can.

        Raises MissingObject or DamagedObject.
        """
        path = self._store.whole(digest)
        if path is None and digest in self._store.are_large([digest]):
            return self._store.copy_of_chunks(digest, staging, moved)
        if path is None:
            staged = publish.stage(staging)
            publish.create_with(staged, self._store.read(digest))
            return staged
        try:
            fd = open_whole(path)
        except FileNotFoundError:
            raise missing(digest, self._store.path) from None
        try:
            staged, found = staged_copy(fd, os.fstat(fd).st_size, staging, durable=False, moved=moved)
        finally:
            os.close(fd)
        if found != digest:
            with suppress(OSError):
                publish.remove(staged)
            self._store.open_verified(digest)  # finds the same damage, puts it aside, and says so
            raise MissingObject(f"the copy of {digest.hex()} is not what the store has", hint="run the command again")
        return staged

    def linkable(self, digest: bytes) -> Path | None:
        """The verified object's own path, if it is a whole one that no other user can change."""
        path = self._store.whole(digest)
        return self._store.open_verified(digest) if path is not None and self._store.is_own(path) else None

    def apart(self) -> "StoreContents":
        """Another handle of the same store, for another process."""
        return StoreContents(self._project, self._project.open_store())

    def close(self) -> None:
        """Close the handle."""
        self._store.close()
