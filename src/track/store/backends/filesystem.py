"""Any filesystem that dvc-objects wraps, as a place: each key is written by one request.

`on_error` is never given to dvc-objects: it would keep a partial file as a good one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3
from dvc_objects.fs.base import FileSystem

from track.errors import DamagedObject, RemoteError
from track.model.digest import Digest
from track.model.names import display
from track.progress import Moved, unheard
from track.publish import create, remove, stage, write_all
from track.store.hashing import read_ahead
from track.store.pieces import Pieces
from track.store.place import Listed, NoSuchKey, Staged, Upload
from track.system import naming, start_writeback
from track.work import hash_threads

READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How a file is opened for reading: never through a link, never waiting for a pipe."""

_PIECE = 4 << 20


class Counter:
    """How many requests were made, from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def one(self) -> None:
        """One more."""
        with self._lock:
            self.count += 1


class FilesystemPlace:
    """Keys below a root of any filesystem that dvc-objects wraps: each key is written by one request that replaces."""

    def __init__(self, filesystem: FileSystem, root: str, url: str) -> None:
        """`root` is a path of the filesystem; `url` is for people."""
        self.url = url
        self.identity = ""
        self.filesystem = filesystem
        self._root = root.rstrip("/")
        self.counter = Counter()

    @property
    def requests_count(self) -> int:
        """How many requests were made so far."""
        return self.counter.count

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey."""
        with self.asking(key):
            return bytes(self.filesystem.cat_file(self.path(key)))

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset, fewer where the end comes sooner. Raises NoSuchKey."""
        with self.asking(key):
            return bytes(self.filesystem.cat_file(self.path(key), start=offset, end=offset + length))

    @property
    def comes_in_parts(self) -> bool:
        """Whether a large key is better had in parts."""
        return True

    def tidy(self) -> None:
        """Nothing is left behind: each key is written by one request."""

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key into a new file in `staging`, hashing them. Raises NoSuchKey, DamagedObject."""
        path = stage(staging)
        fd = create(path)
        hasher = blake3(max_threads=hash_threads())
        size = 0
        try:
            for piece in self.pieces(key):
                with naming(path):
                    write_all(fd, piece)
                start_writeback(fd)
                hasher.update(piece)
                size += len(piece)
                moved(len(piece))
                if size > limit:
                    raise too_large(self.url, key, limit)
        except BaseException:
            remove(path)
            raise
        finally:
            os.close(fd)
        return Staged(path, Digest(hasher.digest()), size)

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key, read in pieces. Raises NoSuchKey."""
        hasher = blake3(max_threads=hash_threads())
        for piece in self.pieces(key):
            hasher.update(piece)
        return Digest(hasher.digest())

    def pieces(self, key: str) -> Iterator[bytes | memoryview]:
        """The bytes of a key in order. Raises NoSuchKey."""
        with self.asking(key), self.filesystem.open(self.path(key), "rb") as source:
            while piece := source.read(_PIECE):
                yield piece

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything whose key begins with `prefix`."""
        with self.asking(prefix):
            try:
                paths = list(self.filesystem.find(self.path(prefix)))
            except FileNotFoundError:
                return
        for path in paths:
            key = path[len(self._root) :].lstrip("/")
            if not key.startswith(prefix):
                continue
            try:
                about = self.filesystem.info(path)
            except FileNotFoundError:
                continue
            yield Listed(key, int(about.get("size") or 0), _seconds(about.get("mtime") or about.get("created")))

    def size(self, key: str) -> int | None:
        """Bytes of a key; None when nothing has it."""
        try:
            with self.asking(key):
                return int(self.filesystem.info(self.path(key))["size"])
        except NoSuchKey:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there."""
        with self.asking(key):
            self.filesystem.pipe_file(self.path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has; two at once may both succeed, where the filesystem cannot tell."""
        if self.size(key) is not None:
            return False
        self.put(key, data)
        return True

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        with suppress(NoSuchKey), self.asking(key):
            self.filesystem.rm_file(self.path(key))

    def upload(self) -> Upload:
        """A way to send many files; each is final when it was sent."""
        return _StreamedUpload(self)

    def path(self, key: str) -> str:
        """The path of a key, as the filesystem takes it."""
        return f"{self._root}/{key}"

    @contextmanager
    def asking(self, key: str) -> Iterator[None]:
        """Count a request, and give what goes wrong with it its name. Raises NoSuchKey, RemoteError."""
        self.counter.one()
        try:
            yield
        except FileNotFoundError as error:
            raise NoSuchKey(key) from error
        except OSError as error:
            raise _unreadable(error, key, self.url) from error


class _StreamedUpload:
    """Sends each file in one stream, hashing what is sent; what does not match is removed again."""

    def __init__(self, place: FilesystemPlace) -> None:
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        del replace  # every request replaces
        place = self._place
        fd = os.open(source, READ)
        try:
            hasher = blake3(max_threads=hash_threads())
            sent = 0
            with place.asking(key), place.filesystem.open(place.path(key), "wb") as target:
                for piece in read_ahead(fd, os.fstat(fd).st_size):
                    hasher.update(piece)
                    target.write(piece)
                    sent += len(piece)
                    moved(len(piece))
        finally:
            os.close(fd)
        if hasher.digest() != digest:
            place.delete(key)
            raise changed(source)
        return sent

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        del digest, replace  # every request replaces
        place = self._place
        with place.asking(key), place.filesystem.open(place.path(key), "wb") as target:
            for piece in pieces.parts:
                target.write(piece)
                moved(len(piece))
        return pieces.size

    def commit(self) -> None:
        return


def changed(source: Path) -> DamagedObject:
    """The error for a local file that is not, or no longer, what it was to be."""
    return DamagedObject(
        f"{display(source.name)} in the local store is damaged: its bytes do not match its name",
        hint="track verify",
    )


def _unreadable(error: OSError, key: str, url: str) -> RemoteError:
    return RemoteError(f"{url}: {key} cannot be read: {(error.strerror or str(error)).lower()}")


def _seconds(value: object) -> float:
    """A time in seconds, however the filesystem says it."""
    if isinstance(value, int | float):
        return float(value)
    timestamp = getattr(value, "timestamp", None)
    return float(timestamp()) if timestamp is not None else 0.0


def too_large(url: str, key: str, limit: int) -> DamagedObject:
    """The error for what is larger than what was said of it, or than anything of ours is."""
    return DamagedObject(
        f"{url}: {key} has more than {limit:,} bytes, which it should not",
        hint="whoever looks after it: track repair --remote NAME",
    )
