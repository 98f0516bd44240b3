"""Chunks here: large objects that a local store has in chunks, read through their recipes as if they were files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, TrackError
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import create, remove, stage
from track.store.chunked import ChunkedRecipe, NeededPack, chunks_of, parse_needed_table
from track.store.pack import READ_FLAGS, PackEntry, expand_entry
from track.store.pieces import PieceReader
from track.store.ranges import Piece, ranges
from track.store.rooms import Rooms
from track.system import naming, read_at, reading, shown, write_at
from track.work import hash_threads

_SPAN = 4 << 20
"""Bytes of a pack that are read at a time."""
_KEPT_OPEN = 8


class OpenPacksOfChunks:
    """Packs of chunks of a local store, a few open at a time, each chunk hashed before it is given. In one thread.

    `bad` is the pack in which something turned out to be damaged, or that is gone.
    """

    def __init__(self, rooms: Rooms) -> None:
        """Nothing is open at first."""
        self._rooms = rooms
        self.bad: bytes | None = None
        self._descriptors: dict[bytes, int] = {}
        self._tables: dict[bytes, list[PackEntry]] = {}

    def close(self) -> None:
        """Let go of them."""
        for fd in self._descriptors.values():
            os.close(fd)
        self._descriptors = {}

    def table(self, pack: NeededPack) -> list[PackEntry]:
        """The entries of a pack, whose table has to be as it says. Raises DamagedObject, FileNotFoundError."""
        if (found := self._tables.get(pack.digest)) is None:
            fd = self._descriptor(pack.digest)
            with reading(self._rooms.pack(pack.digest)):
                records = read_at(fd, pack.table_length, pack.table_offset)
            with self.blaming(pack.digest):
                found = parse_needed_table(records, pack)
            if len(self._tables) >= 4 * _KEPT_OPEN:
                self._tables.pop(next(iter(self._tables)))
            self._tables[pack.digest] = found
        return found

    def chunks(self, pack: bytes, entries: Iterable[PackEntry]) -> Iterator[bytes]:
        """Chunks of a pack by their offsets, with one read for many. Raises DamagedObject, FileNotFoundError."""
        path = self._rooms.pack(pack)
        for request in ranges((Piece(one.offset, one.stored_length, one) for one in entries), gap=0, limit=_SPAN):
            with reading(path):
                stored = memoryview(read_at(self._descriptor(pack), request.length, request.offset))
            for offset, length, entry in request.pieces:
                at = offset - request.offset
                with self.blaming(pack):
                    chunk = expand_entry(entry, stored[at : at + length], shown(path))
                yield chunk

    @contextmanager
    def blaming(self, pack: bytes) -> Iterator[None]:
        """For a block in which damage is that of this pack."""
        try:
            yield
        except DamagedObject:
            self.bad = pack
            raise

    def _descriptor(self, pack: bytes) -> int:
        fd = self._descriptors.pop(pack, -1)
        if fd < 0:
            path = self._rooms.pack(pack)
            try:
                with reading(path):
                    fd = os.open(path, READ_FLAGS)
            except FileNotFoundError:
                self.bad = pack
                raise
            if len(self._descriptors) >= _KEPT_OPEN:
                os.close(self._descriptors.pop(next(iter(self._descriptors))))
        self._descriptors[pack] = fd
        return fd


class OpenChunks:
    """An object, open for reading, each chunk hashed before it is given. Used in one thread at a time."""

    def __init__(self, rooms: Rooms, recipe: ChunkedRecipe) -> None:
        """Nothing is open at first."""
        self._packs, self._recipe = OpenPacksOfChunks(rooms), recipe
        self.size = recipe.length
        self._reader = PieceReader(iter(()))
        self._at = -1

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from there on, as far as the object goes; how many bytes came.

        Raises:
            DamagedObject: what is there is not what the recipe says.
            FileNotFoundError: a pack is gone.
        """
        if offset != self._at:
            self._reader, self._at = PieceReader(self.pieces(offset)), offset
        done = self._reader.read_into(buffer)
        self._at += done
        return done

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` on, a chunk or the rest of one at a time. Raises as `read_into`."""
        for at, stretch in self._recipe.between(start, self.size):
            pack = self._recipe.packs[stretch.pack]
            with self._packs.blaming(pack.digest):
                chunks = chunks_of(stretch, self._packs.table(pack))
            once = stretch.length // stretch.times
            for turn in range(max(start - at, 0) // once, stretch.times):
                offset = at + turn * once
                for chunk in self._packs.chunks(pack.digest, chunks):
                    if offset + len(chunk) > start:
                        yield chunk[max(start - offset, 0) :]
                    offset += len(chunk)

    @property
    def bad_pack(self) -> bytes | None:
        """The pack in which something turned out to be damaged."""
        return self._packs.bad

    def close(self) -> None:
        """Let go of the packs."""
        self._packs.close()


class InChunks(NamedTuple):
    """A large object that a store has in chunks; may be opened in any thread."""

    rooms: Rooms
    recipe: ChunkedRecipe

    def open(self) -> OpenChunks:
        """It, open for reading."""
        return OpenChunks(self.rooms, self.recipe)


def hash_chunks(content: OpenChunks, moved: Moved = unheard) -> Digest:
    """The digest of what the chunks make; `moved` is told how far it is. Raises as `OpenChunks.read_into`."""
    hasher = blake3(max_threads=hash_threads())
    for piece in content.pieces():
        hasher.update(piece)
        moved(len(piece))
    return Digest(hasher.digest())


def joined(content: OpenChunks) -> tuple[bytes, bytes]:
    """All that the chunks make, in memory, and its digest. Raises as `OpenChunks.read_into`."""
    data = b"".join(content.pieces())
    return data, blake3(data, max_threads=hash_threads()).digest()


def put_together(content: OpenChunks, staging: Path, moved: Moved = unheard) -> tuple[Path, Digest]:
    """A new file in `staging` with what the chunks make, holes where it is full of zeros; and its digest.

    Raises:
        DamagedObject, FileNotFoundError: something of it is not what it was, or not there any more.
        DiskFull, StoreUnwritable: it could not be written.
    """
    staged = stage(staging)
    fd = create(staged, mode=0o600)
    try:
        digest = _written(content, fd, staged, moved)
    except BaseException:
        with suppress(OSError, TrackError):
            remove(staged)
        raise
    finally:
        os.close(fd)
    return staged, digest


def _written(content: OpenChunks, fd: int, staged: Path, moved: Moved) -> Digest:
    hasher = blake3()
    at = 0
    with naming(staged):
        os.ftruncate(fd, content.size)
    for piece in content.pieces():
        hasher.update(piece)
        if piece[0] or piece.lstrip(b"\0"):  # what is not written is full of zeros already
            with naming(staged):
                write_at(fd, piece, at)
        at += len(piece)
        moved(len(piece))
    return Digest(hasher.digest())
