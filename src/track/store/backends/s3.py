"""A bucket of S3, or of what speaks its language, as a place: obstore's synchronous interface, from threads.

Requests that ask fail within a minute when nothing answers. Every byte is hashed as it passes, whatever the client
or the server believes of it: both have been seen to return flipped and short bodies as success.
"""

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import obstore
from blake3 import blake3
from dvc_objects.fs.base import ObjectFileSystem
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from track.errors import RemoteError
from track.model.digest import Digest
from track.model.names import display
from track.progress import Moved, unheard
from track.publish import create, remove, stage, write_all
from track.store.address import Access, Bucket
from track.store.backends.credentials import Credentials, find_credentials
from track.store.backends.filesystem import READ, FilesystemPlace, changed, too_large
from track.store.backends.object_store import ObjectStoreFilesystem, ignores_ranges
from track.store.backends.s3_failure import Bound, Refused, Unusable, explain, no_such_bucket, not_implemented
from track.store.hashing import read_ahead
from track.store.place import Listed, NoSuchKey, Staged, Upload
from track.system import naming, start_writeback

if TYPE_CHECKING:
    from track.store.backends.s3_multipart import PartsUpload

SINGLE_LIMIT = 32 << 20
"""Larger files are sent in parts, and fetched in pieces."""

_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PART = 8 << 20
_SMALL = 1 << 20
_MAX_PARTS = 9000
_PARTS_IN_FLIGHT = 4
_PAGE = 1000

_CONNECT = timedelta(seconds=5)
_ANSWER = timedelta(seconds=12)
_WHOLE = timedelta(hours=6)
_SENDING = timedelta(minutes=5)
_ASKING_AGAIN: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_SENDING_AGAIN: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=180)}


class BucketPlace(FilesystemPlace):
    """Keys below a prefix of a bucket. What was put there is as durable as the service makes it."""

    def __init__(self, address: Bucket, store: S3Store, bulk: S3Store, bound: Bound) -> None:
        """For `open_bucket` and tests; both stores are of the whole bucket."""
        self._objects = ObjectStoreFilesystem(store, bulk)
        super().__init__(ObjectFileSystem(fs=self._objects), address.prefix, str(address))
        self.store, self.bulk, self.bound = store, bulk, bound
        self.identity = f"{bound.who}, from {bound.source}; {bound.endpoint}, region {bound.region}"
        self.creates = True
        self._sender: Callable[[], PartsUpload] | None = None
        self._memory: Path | None = None

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
        store = self.store if len(data) <= _SMALL else self.bulk
        with self.asking(key, operation="write"):
            if self.creates:
                try:
                    obstore.put(store, self.path(key), data, mode="create", use_multipart=False)
                    return True
                except AlreadyExistsError:
                    return False
                except BaseError as error:
                    if not not_implemented(str(error)):
                        raise
                    self.creates = False
            obstore.put(store, self.path(key), data, use_multipart=False)
            return True

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

    def tidy(self) -> None:
        """Have the server forget uploads of ours that were broken off a day ago, and not gone on with."""
        if self._memory is not None and self._memory.is_file() and (parts := self.parts()) is not None:
            parts.tidy()

    def parts(self) -> "PartsUpload | None":
        """What sends large files so that they can go on; None where they are sent from their beginning."""
        return self._sender() if self._sender is not None else None

    def send_parts_by(self, sender: "Callable[[], PartsUpload] | None", memory: Path | None) -> None:
        """Have large files sent by what `sender` gives; `memory` is where uploads under way are remembered."""
        self._sender, self._memory = sender, memory

    def upload(self) -> Upload:
        """Many files; each is final when it was sent."""
        return _BucketUpload(self)

    @contextmanager
    def asking(self, key: str, *, operation: str = "read") -> Iterator[None]:
        """Count a request, and give what goes wrong with it its name. Raises NoSuchKey, RemoteError."""
        self.counter.one()
        try:
            yield
        except FileNotFoundError as error:
            if no_such_bucket(str(error)):
                raise explain(error, self.bound, operation=operation, key=key) from error
            raise NoSuchKey(key) from error
        except (BaseError, ValueError) as error:  # ValueError: no key of ours, but one in a hostile listing may be such
            raise explain(error, self.bound, operation=operation, key=key) from error


def _streamed(answer: "obstore.GetResult") -> Iterator[memoryview]:
    for piece in answer.stream(min_chunk_size=_PART):
        yield memoryview(piece)


class _WholeOnly(Exception):
    """The server sends the whole when it is asked for a piece."""


class _BucketUpload:
    """Sends each file, hashing what is sent; large ones in parts, which become an object only when all match."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> None:
        fd = os.open(source, READ)
        try:
            size = os.fstat(fd).st_size
            if size <= SINGLE_LIMIT:
                self._put_whole(key, source, digest, os.pread(fd, size, 0), replace)
            elif (replace or self._place.size(key) != size) and not self._put_resuming(key, source, digest, fd, moved):
                self._put_parts(key, source, digest, fd, moved)
        finally:
            os.close(fd)

    def commit(self) -> None:
        return

    def _put_whole(self, key: str, source: Path, digest: bytes, data: bytes, replace: bool) -> None:
        if blake3(data, max_threads=blake3.AUTO).digest() != digest:
            raise changed(source)
        if replace or (not self._place.put_new(key, data) and self._place.size(key) != len(data)):
            self._put_over(key, data)

    def _put_over(self, key: str, data: bytes) -> None:
        with self._place.asking(key, operation="write"):
            obstore.put(self._place.bulk, self._place.path(key), data, use_multipart=False)

    def _put_resuming(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> bool:
        """Send a large file so that it can go on; False when that cannot be done here, and nothing was sent."""
        place = self._place
        parts = place.parts()
        if parts is None:
            return False
        try:
            parts.send(place.path(key), source, digest, fd=fd, moved=moved)
        except Unusable:
            place.send_parts_by(None, None)
            return False
        except Refused as error:
            raise explain(error, place.bound, operation="write", key=key) from error
        return True

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


def open_bucket(address: Bucket, access: Access) -> BucketPlace:
    """The place at a bucket; nothing is asked of it yet.

    Raises:
        RemoteError: nothing says who we are, or the address of the server is none.
    """
    found = find_credentials(access, str(address))
    if found.endpoint is not None and urlsplit(found.endpoint).scheme not in ("http", "https"):
        raise RemoteError(
            f"the endpoint `{display(found.endpoint)}` is no address of a server",
            hint="https://HOST or http://HOST:PORT",
        )
    if _REGION.fullmatch(found.region) is None:  # it becomes part of a host name, and may come from a stranger
        raise RemoteError(f"`{display(found.region)}` is no region", hint="track config remote.NAME.region eu-west-1")
    endpoint = found.endpoint or f"https://s3.{found.region}.amazonaws.com"
    bound = Bound(str(address), address.name, display(endpoint), found.region, found.who, found.source)
    asking = _store(address.name, found, _ASKING_AGAIN, timeout=_WHOLE, read_timeout=_ANSWER)
    sending = _store(address.name, found, _SENDING_AGAIN, timeout=_SENDING)
    place = BucketPlace(address, asking, sending, bound)
    if not found.is_machine:  # whose keys only the client library asks for
        place.send_parts_by(_sender(address.name, found, access.uploads, place.counter.one), access.uploads)
    return place


def _sender(
    bucket: str, found: Credentials, memory: Path | None, asked: Callable[[], None]
) -> "Callable[[], PartsUpload]":
    """Gives the one that sends in parts. It is loaded and made when it is asked for first: few pushes need it."""
    made: list[PartsUpload] = []
    lock = threading.Lock()

    def give() -> "PartsUpload":
        with lock:
            if not made:
                made.append(import_module("track.store.backends.s3_multipart").open_parts(bucket, found, memory, asked))
            return made[0]

    return give


def _store(bucket: str, found: Credentials, again: Any, **times: timedelta) -> S3Store:
    """A client of a bucket. Whatever it would take from the environment by itself is said here instead."""
    config: dict[str, Any] = {"region": found.region, "disable_bulk_delete": True}
    is_plain = False
    if found.endpoint is None:
        config["virtual_hosted_style_request"] = "." not in bucket
    else:
        endpoint = urlsplit(found.endpoint)
        is_plain = endpoint.scheme == "http"
        config["endpoint"] = config["aws_endpoint_url_s3"] = found.endpoint.rstrip("/")
        config["virtual_hosted_style_request"] = (endpoint.hostname or "").startswith(f"{bucket}.")
    provider = found.provider
    if found.key is not None:
        provider = _Fixed(*found.key)
    config["skip_signature"] = provider is None and not found.is_machine
    options: Any = {"allow_http": is_plain, "connect_timeout": _CONNECT, **times}
    settings: Any = config
    try:
        return S3Store(
            bucket, config=settings, client_options=options, retry_config=again, credential_provider=provider
        )
    except (BaseError, ValueError) as error:
        details = (display(str(error)[:300]),)
        raise RemoteError(f"s3://{bucket} cannot be reached with these settings", details=details) from error


class _Fixed:
    """Gives the client one key, always, so that it never mixes it with what it finds in the environment."""

    def __init__(self, id_: str, secret: str, token: str | None) -> None:
        self._key = {"access_key_id": id_, "secret_access_key": secret, "token": token, "expires_at": None}

    def __call__(self) -> Any:
        return self._key
