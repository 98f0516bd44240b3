"""Adopting: bytes that another tool keeps go into the store, once they are shown to be what that tool calls them."""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from track.errors import TrackError
from track.model import manifest
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, Root
from track.progress import Progress, silent
from track.project import Project
from track.publish import remove
from track.store.cutting import writing
from track.store.pack import READ_FLAGS, SMALL
from track.store.whole import staged_copy
from track.store.writer import Writer

PIECE = 1 << 20
"""How many bytes a proof is given at a time; the last time fewer."""


class Proof(Protocol):
    """Says whether bytes are those that somebody means, when it was given all of them."""

    def update(self, piece: bytes) -> None:
        """Take the next piece of them."""

    def holds(self) -> bool:
        """Whether these are the bytes."""


class Adopted(NamedTuple):
    """What was taken in: its digest, and its size in bytes."""

    digest: Digest
    size: int


class Adopter:
    """Takes bytes into the store with one commit; made for a `with` block, inside which pointers are written.

    With `dry_run` everything is read and proven, and nothing written. Left without `commit`, nothing is kept.
    """

    def __init__(self, project: Project, *, dry_run: bool = False, progress: Progress = silent) -> None:
        """For the store of `project`."""
        self._project = project
        self._dry_run = dry_run
        self._progress = progress
        self._exits = ExitStack()
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        """Take the store's lock, so that what is found there stays there."""
        if not self._dry_run:
            self._writer = self._exits.enter_context(writing(self._project.store))
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the store."""
        self._exits.close()

    @property
    def staging(self) -> Path:
        """Where files may be staged for `adopt_staged`."""
        return self._project.store.rooms.staging

    def adopt(self, fd: int, proof: Callable[[], Proof]) -> Adopted | None:
        """Take what an open file holds; None when it is not what the proof asks for.

        What is proven is what is kept, whatever happens to the file meanwhile: of a large one, the copy.

        Raises:
            ChangedWhileAdding: it became shorter.
            DiskFull, StoreUnwritable: it could not be copied into the store.
        """
        size = os.fstat(fd).st_size
        if size < SMALL or self._writer is None:
            return self._adopt_in_memory(fd, size, proof())
        staged, digest = staged_copy(fd, size, self.staging)
        return self._settle(staged, Adopted(digest, size), proof())

    def adopt_staged(self, staged: Path, found: Adopted, proof: Callable[[], Proof]) -> Adopted | None:
        """Take a file of ours in `staging` of which the digest is known, as `adopt` does; it is gone afterwards."""
        if found.size >= SMALL and self._writer is not None:
            return self._settle(staged, found, proof())
        fd = os.open(staged, READ_FLAGS)
        try:
            return self._adopt_in_memory(fd, found.size, proof())
        finally:
            os.close(fd)
            remove(staged)

    def adopt_tree(self, entries: list[Entry]) -> Root:
        """The manifest of these entries, kept with its nodes; of a dry run the same, kept nowhere."""
        return manifest.build(iter(sorted(entries)), self._keep_node)

    def commit(self) -> int:
        """Make everything adopted durable; returns how many bytes were new to the store."""
        if self._writer is None:
            return 0
        self._writer.commit()
        return self._writer.new_bytes

    def _adopt_in_memory(self, fd: int, size: int, proof: Proof) -> Adopted | None:
        """Small content, or of a dry run any: then nothing is kept, and of what is large only a piece at a time."""
        is_kept = size < SMALL
        pieces: list[bytes] = []
        count = 0
        while piece := _read(fd, PIECE):
            proof.update(piece)
            count += len(piece)
            if is_kept:
                pieces.append(piece)
        self._progress.advance(size_bytes=count, count=1)
        if not proof.holds():
            return None
        data = b"".join(pieces)
        if self._writer is None:
            return Adopted(digest_of(data), count)
        return Adopted(self._writer.add_content(data), count)

    def _settle(self, staged: Path, found: Adopted, proof: Proof) -> Adopted | None:
        assert self._writer is not None
        try:
            fd = os.open(staged, READ_FLAGS)
            try:
                while piece := _read(fd, PIECE):
                    proof.update(piece)
            finally:
                os.close(fd)
        except BaseException:
            with suppress(OSError, TrackError):
                remove(staged)
            raise
        self._progress.advance(size_bytes=found.size, count=1)
        if not proof.holds():
            remove(staged)
            return None
        self._writer.adopt_whole(staged, found.digest, found.size)
        return found

    def _keep_node(self, digest: Digest, node: bytes) -> None:
        if self._writer is not None:
            self._writer.add_known(digest, node)


def _read(fd: int, size: int) -> bytes:
    """So many bytes, or all that is left: a proof's pieces are of one length."""
    data = os.read(fd, size)
    while len(data) < size and (more := os.read(fd, size - len(data))):
        data += more
    return data
