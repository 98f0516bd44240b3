"""Content: the bytes of one object, a piece at a time, verified before the first piece is given."""

import os
from collections.abc import Iterator

from track.errors import DamagedObject
from track.store.chunks_here import InChunks
from track.store.hashing import hash_fd
from track.store.objects import Store
from track.store.purge_notes import missing
from track.store.whole import open_whole

_PIECE = 1 << 20


def pieces(store: Store, digest: bytes) -> Iterator[bytes]:
    """An object's bytes; a large one is hashed first, then read again from the same open file.

    Raises:
        MissingObject: it is not in the store.
        DamagedObject: what the store had is not it; it is put aside.
    """
    path = store.whole(digest)
    if path is None and store.are_large([digest]):
        store.check(digest)
        return _of_chunks(store, digest)
    if path is None:
        return iter((store.read(digest),))
    try:
        descriptor = open_whole(path)
    except FileNotFoundError:
        raise missing(digest, store.path) from None
    try:
        if hash_fd(descriptor, os.fstat(descriptor).st_size) != digest:
            store.open_verified(digest)  # finds the same damage, puts it aside, and says so
            raise DamagedObject(f"object {digest.hex()[:8]} changed while it was read", hint="run the command again")
    except BaseException:
        os.close(descriptor)
        raise
    return _pieces(descriptor)


def _of_chunks(store: Store, digest: bytes) -> Iterator[bytes]:
    """The chunks again, each of them hashed once more."""
    large = store.large(digest)
    if not isinstance(large, InChunks):
        raise missing(digest, store.path)
    content = large.open()
    try:
        yield from content.pieces()
    finally:
        content.close()


def _pieces(descriptor: int) -> Iterator[bytes]:
    try:
        at = 0
        while piece := os.pread(descriptor, _PIECE, at):
            at += len(piece)
            yield piece
    finally:
        os.close(descriptor)
