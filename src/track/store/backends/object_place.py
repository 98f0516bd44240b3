"""A place at a store that obstore reaches, by its synchronous interface from threads: what all kinds have in common.

Requests that ask fail within a minute when nothing answers. Every byte is hashed as it passes, whatever the client
or the server believes of it: both have been seen to return flipped and short bodies as success.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import obstore
from blake3 import blake3
from dvc_objects.fs.base import ObjectFileSystem
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import create, remove, stage, write_all
from track.store.backends.failure import Telling, is_unknown_request
from track.store.backends.filesystem import READ, FilesystemPlace, changed, too_large
from track.store.backends.object_store import ObjectStoreFilesystem, ignores_ranges
from track.store.hashing import read_ahead
from track.store.place import Listed, NoSuchKey, Staged, Upload
from track.system import naming, start_writeback

SINGLE_LIMIT = 32 << 20
"""Larger files are sent in parts, and fetched in pieces."""

_PART = 8 << 20
_SMALL = 1 << 20
_MAX_PARTS = 9000
_PARTS_IN_FLIGHT = 4

CONNECT = timedelta(seconds=5)
ANSWER = timedelta(seconds=12)
"""How long a server may take to be reached, and to say something."""
WHOLE = timedelta(hours=6)
SENDING = timedelta(minutes=5)
ASKING_AGAIN: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
"""How often and how long a question is asked again: with the times above, a dead server is given up in a minute."""
SENDING_AGAIN: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=180)}


def for_questions(*, is_plain: bool, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How patient the client is that asks; `is_plain` where the server speaks no TLS, `headers` go with everything."""
    options = {"timeout": WHOLE, "read_timeout": ANSWER, **_options(is_plain, headers)}
    return {"client_options": options, "retry_config": ASKING_AGAIN}


def for_bodies(*, is_plain: bool, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How patient the client is that sends what is large."""
    return {"client_options": {"timeout": SENDING, **_options(is_plain, headers)}, "retry_config": SENDING_AGAIN}


def _options(is_plain: bool, headers: Mapping[str, str] | None) -> dict[str, Any]:
    options: dict[str, Any] = {"allow_http": is_plain, "connect_timeout": CONNECT}
    return {**options, "default_headers": dict(headers)} if headers else options


class ObjectPlace(FilesystemPlace):
    """Keys below a prefix of a store. What was put there is as durable as the service makes it."""

    def __init__(self, prefix: str, store: ObjectStore, bulk: ObjectStore, telling: Telling) -> None:
        """For the kinds of places; `store` is for questions, `bulk` for what is large, both of the whole container."""
        self._objects = ObjectStoreFilesystem(store, bulk)
        super().__init__(ObjectFileSystem(fs=self._objects), prefix, telling.server.url)
        self.store, self.bulk, self.telling = store, bulk, telling
        self.identity = telling.server.identity
        self.creates = True

    def path(self, key: str) -> str:
        """The key in the bucket."""
        return f"{self._root}/{key}" if self._root else key

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything whose key begins with `prefix`, which ends with `/` or is empty."""
        cut = len(self.path(""))
        with self.asking(prefix, operation="list"):
            for number, page in enumerate(self._objects.pages(self.path(prefix))):
                self.counter.count += number > 0
                for each in page:
                    yield Listed(each["name"][cut:], each["size"], each["created"].timestamp())

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there."""
        with self.asking(key, operation="write"):
            self.filesystem.pipe_file(self.path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has; of two at once one is told False, where the server can tell."""
        return self.put_new(key, data) or self.get(key) == data  # ours, when an answer was lost and asked for again

    def put_new(self, key: str, data: bytes) -> bool:
        """Put bytes at a key if nothing has it; False when something has. A server without conditions replaces."""
        if len(data) > _SMALL and (is_new := self.put_watched(key, data, only_new=self.creates)) is not None:
            return is_new
        store = self.store if len(data) <= _SMALL else self.bulk
        with self.asking(key, operation="write"):
            if self.creates:
                try:
                    obstore.put(store, self.path(key), data, mode="create", use_multipart=False)
                    return True
                except AlreadyExistsError:
                    return False
                except BaseError as error:
                    if not is_unknown_request(str(error)):
                        raise
                    self.creates = False
            obstore.put(store, self.path(key), data, use_multipart=False)
            return True

    def put_watched(self, key: str, data: bytes, *, only_new: bool) -> bool | None:
        """Put many bytes by what notices when they stop moving; None where there is no such way, and nothing was sent.

        False when something is at the key already, and `only_new` was asked for.
        """
        return None

    def put_over(self, key: str, data: bytes) -> None:
        """Put many bytes at a key, replacing what is there."""
        if self.put_watched(key, data, only_new=False) is None:
            with self.asking(key, operation="write"):
                obstore.put(self.bulk, self.path(key), data, use_multipart=False)

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        with suppress(NoSuchKey), self.asking(key, operation="delete"):
            self.filesystem.rm_file(self.path(key))

    @property
    def comes_in_parts(self) -> bool:
        """Whether the server gives parts, as far as it was seen."""
        return self._objects.has_ranges

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key into a new file in `staging`, hashing them. Raises NoSuchKey, DamagedObject."""
        path = stage(staging)
        fd = create(path)
        hasher = blake3(max_threads=blake3.AUTO)
        size = 0
        try:
            for piece in self._pieces(key):
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
        hasher = blake3(max_threads=blake3.AUTO)
        for piece in self._pieces(key):
            hasher.update(piece)
        return Digest(hasher.digest())

    def _pieces(self, key: str) -> Iterator[memoryview]:
        """The bytes of a key in order; those of a large object come by several requests at a time."""
        with self.asking(key):
            answer = obstore.get(self.store, self.path(key))
            size = answer.meta["size"]
            if size <= SINGLE_LIMIT:
                yield from _streamed(answer)
                return
        try:
            yield from self._ranges(key, size)
        except _WholeOnly:
            with self.asking(key):
                yield from _streamed(answer)

    def _ranges(self, key: str, size: int) -> Iterator[memoryview]:
        starts = iter(range(0, size, _PART))
        flying: deque[Future[memoryview]] = deque()
        with ThreadPoolExecutor(_PARTS_IN_FLIGHT) as threads:
            try:
                while True:
                    while len(flying) < _PARTS_IN_FLIGHT and (start := next(starts, None)) is not None:
                        flying.append(threads.submit(self._range, key, start, min(start + _PART, size)))
                    if not flying:
                        return
                    yield flying.popleft().result()
            finally:
                for future in flying:
                    future.cancel()

    def _range(self, key: str, start: int, end: int) -> memoryview:
        with self.asking(key):
            try:
                return memoryview(obstore.get_range(self.store, self.path(key), start=start, end=end))
            except BaseError as error:
                if start == 0 and ignores_ranges(error):
                    raise _WholeOnly from error
                raise

    def upload(self) -> Upload:
        """Many files; each is final when it was sent."""
        return ObjectUpload(self)

    @contextmanager
    def asking(self, key: str, *, operation: str = "read") -> Iterator[None]:
        """Count a request, and give what goes wrong with it its name. Raises NoSuchKey, RemoteError."""
        self.counter.one()
        try:
            yield
        except FileNotFoundError as error:
            if self.telling.misses_container(str(error)):
                raise self.telling.explain(error, operation=operation, key=key) from error
            raise NoSuchKey(key) from error
        except (BaseError, ValueError) as error:  # ValueError: no key of ours, but one in a hostile listing may be such
            raise self.telling.explain(error, operation=operation, key=key) from error


def _streamed(answer: "obstore.GetResult") -> Iterator[memoryview]:
    for piece in answer.stream(min_chunk_size=_PART):
        yield memoryview(piece)


class _WholeOnly(Exception):
    """The server sends the whole when it is asked for a piece."""


class ObjectUpload:
    """Sends each file, hashing what is sent; large ones in parts, which become an object only when all match."""

    def __init__(self, place: ObjectPlace) -> None:
        """For `ObjectPlace.upload`."""
        self._place = place

    def __enter__(self) -> Self:
        """The upload."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to drop: each file was final when it was sent."""

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> None:
        """Send a file whose bytes have this digest; see `Upload`."""
        fd = os.open(source, READ)
        try:
            size = os.fstat(fd).st_size
            if size <= SINGLE_LIMIT:
                self._put_whole(key, source, digest, os.pread(fd, size, 0), replace)
            elif replace or self._place.size(key) != size:
                self.send_large(key, source, digest, fd, moved)
        finally:
            os.close(fd)

    def commit(self) -> None:
        """Each file was final when it was sent."""

    def _put_whole(self, key: str, source: Path, digest: bytes, data: bytes, replace: bool) -> None:
        if blake3(data, max_threads=blake3.AUTO).digest() != digest:
            raise changed(source)
        if replace or (not self._place.put_new(key, data) and self._place.size(key) != len(data)):
            self._place.put_over(key, data)

    def send_large(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> None:
        """Send a file over the limit, in parts and from its beginning."""
        self._put_parts(key, source, digest, fd, moved)

    def _put_parts(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> None:
        size = os.fstat(fd).st_size
        part = max(_PART, -(-size // _MAX_PARTS))
        place = self._place
        place.counter.count += 1 + -(-size // part)
        with place.asking(key, operation="write"):
            obstore.put(
                place.bulk,
                place.path(key),
                _checked(fd, digest, source, moved),
                use_multipart=True,
                chunk_size=part,
                max_concurrency=_PARTS_IN_FLIGHT,
            )


def _checked(fd: int, digest: bytes, source: Path, moved: Moved) -> Iterator[bytes]:
    """The bytes of a file; the last of them only when all have the digest, else an error, which ends the upload."""
    hasher = blake3(max_threads=blake3.AUTO)
    held = b""
    for piece in read_ahead(fd, os.fstat(fd).st_size):
        hasher.update(piece)
        moved(len(piece))
        if held:
            yield held
        held = bytes(piece)
    if hasher.digest() != digest:
        raise changed(source)
    yield held
