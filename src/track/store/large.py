"""Large objects at a remote: a part of one, checked alone by its recipe, and downloads that go on where they were.

A download is kept in `partial/` of the local store, from its beginning to where it came. Whoever goes on reads that
again and hashes it: nothing that lies there is believed.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from track.errors import DamagedObject, Locked, MissingObject, NewerFormat, TrackError
from track.locks import Lock
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import create, make_directories, remove, write_all
from track.store.chunk_reading import load_chunked, read_chunked_part
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.place import NoSuchKey, Place, Staged
from track.store.recipe import PIECE, Recipe, parse_recipe
from track.store.rooms import Rooms
from track.store.segment import Held
from track.store.tables import Tables, tables_beside
from track.system import naming, read_at, start_writeback
from track.work import hash_threads

PART = 8 << 20
"""Larger objects come in parts of so many bytes, each a request."""
KEPT_S = 7 * 86400.0
"""What was begun and not gone on with for so long is dropped."""

_IN_FLIGHT = 4
_READ_WRITE = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class OnlyWhole(Exception):
    """The place gives no parts, or the recipe is not to be had: the object has to come as a whole."""


def read_part(place: Place, known: Known, digest: bytes, offset: int, length: int) -> bytes:
    """So many bytes at an offset of an object, checked against its recipe; fewer where the object ends sooner.

    Raises:
        MissingObject: the remote has no such object, or no recipe of it.
        DamagedObject: what it has there is not what the recipe says.
        RemoteError: it does not answer.
    """
    if (held := known.recipe(digest)) is None:
        return _read_chunked(place, known, digest, offset, length)
    recipe = load_recipe(place, held)
    end = min(offset + length, recipe.length)
    start = offset - offset % PIECE
    if start >= end:
        return b""
    data = read_whole_pieces(place, recipe, start, min(-(-end // PIECE) * PIECE, recipe.length))
    return data[offset - start : end - start]


def _read_chunked(place: Place, known: Known, digest: bytes, offset: int, length: int) -> bytes:
    """The same of an object that is there in chunks; from the next recipe of it where one is missing or damaged."""
    failure: TrackError | None = None
    for held in known.chunked(digest):
        try:
            recipe = load_chunked(place, held)
            with Tables(tables_beside(known.path)) as tables:
                return read_chunked_part(place, recipe, offset, min(offset + length, recipe.length), tables.records)
        except NoSuchKey:
            failure = MissingObject(f"{place.url} has lost the recipe of {Digest(digest)}")
        except (DamagedObject, MissingObject) as error:
            failure = error
    raise failure or MissingObject(
        f"{place.url} has no recipe of {Digest(digest)}", hint="track fetch   brings it whole"
    )


def load_recipe(place: Place, held: Held) -> Recipe:
    """The recipe that lies in a pack. Raises MissingObject, DamagedObject, NewerFormat, RemoteError."""
    assert held.pack is not None
    try:
        return parse_recipe(bytes(place.get_range(pack_key(held.pack), held.offset, held.stored_length)), held.digest)
    except NoSuchKey:
        raise MissingObject(f"{place.url} has lost the recipe of {Digest(held.digest)}") from None


@contextmanager
def partials(rooms: Rooms) -> Iterator[Path | None]:
    """The folder of downloads that go on, for this process alone; None while another one uses it.

    What nobody went on with for `KEPT_S` is removed.
    """
    folder = rooms.partial
    with ExitStack() as stack:
        try:
            make_directories(folder, mode=rooms.directory_mode or 0o777, exact=rooms.directory_mode is not None)
            stack.enter_context(Lock(folder / "lock", is_shared=rooms.directory_mode is not None).exclusive(0.0))
        except (Locked, TrackError, OSError):
            yield None
            return
        for item in os.scandir(folder):
            with suppress(OSError, TrackError):
                if len(item.name) == 64 and item.stat(follow_symlinks=False).st_mtime < time.time() - KEPT_S:
                    remove(Path(item.path))
        yield folder


def fetch_large(place: Place, held: Held, recipe_held: Held, folder: Path, *, moved: Moved = unheard) -> Staged:
    """Fetch an object in parts into `folder`, going on with what came before. The result is its own digest's file.

    Each part is checked when it comes and asked for once more when it is wrong; the whole is hashed in the same pass.
    Interrupted, what came stays.

    Raises:
        OnlyWhole: it has to be had in another way.
        NoSuchKey: the object is gone.
        DamagedObject: it is not what the recipe says.
        RemoteError, DiskFull, StoreUnwritable: it cannot be had, or kept.
    """
    try:
        recipe = load_recipe(place, recipe_held)
    except (MissingObject, DamagedObject, NewerFormat) as error:
        raise OnlyWhole from error
    if recipe.length != held.length:
        raise OnlyWhole
    path = folder / held.digest.hex()
    try:
        fd = os.open(path, _READ_WRITE) if os.path.lexists(path) else create(path, mode=0o600, readable=True)
    except (PermissionError, IsADirectoryError) as error:  # another user of this store began it
        raise OnlyWhole from error
    try:
        with naming(path):
            digest = _Download(place, recipe, fd, moved).run()
    except OnlyWhole:
        remove(path)
        raise
    finally:
        os.close(fd)
    if digest != held.digest:
        remove(path)
        raise DamagedObject(f"the parts of {Digest(held.digest)} at {place.url} are as its recipe says, and are not it")
    return Staged(path, digest, recipe.length)


class _Download:
    """One object on its way: parts come by several requests at a time, and are taken in order."""

    def __init__(self, place: Place, recipe: Recipe, fd: int, moved: Moved) -> None:
        self._place, self._recipe, self._fd, self._moved = place, recipe, fd, moved

    def run(self) -> Digest:
        """The digest of all of it, when it is all there."""
        hasher = blake3(max_threads=hash_threads())
        here = 0
        for part in self._kept():
            hasher.update(part)
            here += len(part)
            self._moved(len(part))
        os.ftruncate(self._fd, here)
        os.lseek(self._fd, here, os.SEEK_SET)
        for part in self._coming(here):
            write_all(self._fd, part)
            start_writeback(self._fd)
            hasher.update(part)
            self._moved(len(part))
        return Digest(hasher.digest())

    def _kept(self) -> Iterator[bytes]:
        """The parts that came before, up to the first that is not whole or not as it should be."""
        recipe = self._recipe
        for start in range(0, recipe.length, PART):
            length = min(PART, recipe.length - start)
            part = read_at(self._fd, length, start)
            if len(part) < length or recipe.first_bad(start, part) is not None:
                return
            yield part

    def _coming(self, here: int) -> Iterator[bytes]:
        length = self._recipe.length
        starts = iter(range(here, length, PART))
        if (first := next(starts, None)) is None:
            return
        yield self._part(first)
        if not self._place.comes_in_parts:
            raise OnlyWhole
        flying: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            try:
                while True:
                    while len(flying) < _IN_FLIGHT and (start := next(starts, None)) is not None:
                        flying.append(threads.submit(self._part, start))
                    if not flying:
                        return
                    yield flying.popleft().result()
            finally:
                for future in flying:
                    future.cancel()

    def _part(self, start: int) -> bytes:
        return read_whole_pieces(self._place, self._recipe, start, min(start + PART, self._recipe.length))


def read_whole_pieces(place: Place, recipe: Recipe, start: int, end: int) -> bytes:
    """Whole pieces, checked; asked for again once when they are wrong. Raises NoSuchKey, DamagedObject."""
    for _ in range(2):
        data = bytes(place.get_range(object_key(recipe.digest), start, end - start))
        if len(data) == end - start and recipe.first_bad(start, data) is None:
            return data
    raise DamagedObject(f"{Digest(recipe.digest)} is damaged at {place.url}, at or after byte {start:,}")
