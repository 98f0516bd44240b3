"""A place at a store that obstore reaches, by its synchronous interface from threads: what all kinds have in common.

Requests that ask fail within a minute when nothing answers. Every byte is hashed as it passes, whatever the client
or the server believes of it: both have been seen to return flipped and short bodies as success.
"""

import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from blake3 import blake3
from dvc_objects.fs.base import ObjectFileSystem

from track.model.expressions import expression
from track.progress import Moved, unheard
from track.store.backends.failure import Refused, Telling, ignores_ranges, is_unknown_request, trouble_of
from track.store.backends.filesystem import READ, FilesystemPlace, changed
from track.store.backends.object_seam import PARTS_IN_FLIGHT, Objects, Pages
from track.store.backends.pace import Pace, Trouble, pause_before
from track.store.hashing import read_ahead
from track.store.pieces import Pieces, joined, size_of
from track.store.place import Listed, NoSuchKey, Upload
from track.work import hash_threads

SINGLE_LIMIT = 32 << 20
"""Larger files are sent in parts, and fetched in pieces."""

_PART = 8 << 20
_SMALL = 1 << 20
_MAX_PARTS = 9000
_Answer = TypeVar("_Answer")

CONNECT = timedelta(seconds=5)
ANSWER = timedelta(seconds=12)
"""How long a server may take to be reached, and to say something."""
WHOLE = timedelta(hours=6)
SENDING = timedelta(minutes=5)
ASKING_AGAIN: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=30)}
"""How often and how long a question is asked again: with the times above, a dead server is given up in a minute."""
SENDING_AGAIN: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=180)}
_ONCE: Any = {"max_retries": 0, "retry_timeout": timedelta(0)}
"""For a client whose failures `Pace` sees, one by one."""
_BELIEVED = 3
_MD5 = expression(r'"?([0-9a-f]{32})"?')


def for_questions(*, is_plain: bool, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How patient the client is that asks; `is_plain` where the server speaks no TLS, `headers` go with everything."""
    options = {"timeout": WHOLE, "read_timeout": ANSWER, **_options(is_plain, headers)}
    return {"client_options": options, "retry_config": _ONCE}


def for_bodies(*, is_plain: bool, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How patient the client is that sends what is large, in one request."""
    return {"client_options": {"timeout": SENDING, **_options(is_plain, headers)}, "retry_config": _ONCE}


def for_parts(*, is_plain: bool, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How patient the client is that sends what is large in many requests: it makes each of them again by itself."""
    return {"client_options": {"timeout": SENDING, **_options(is_plain, headers)}, "retry_config": SENDING_AGAIN}


def _options(is_plain: bool, headers: Mapping[str, str] | None) -> dict[str, Any]:
    options: dict[str, Any] = {"allow_http": is_plain, "connect_timeout": CONNECT}
    return {**options, "default_headers": dict(headers)} if headers else options


class ObjectPlace(FilesystemPlace):
    """Keys below a prefix of a store. What was put there is as durable as the service makes it."""

    def __init__(self, prefix: str, objects: Objects, telling: Telling) -> None:
        """For the kinds of places; `objects` are those of the whole container."""
        super().__init__(ObjectFileSystem(fs=objects), prefix, telling.server.url)
        self.objects, self.telling = objects, telling
        self.identity = telling.server.identity
        self._told: tuple[type[Exception], ...] = (*objects.failures, Refused, ValueError)
        # ValueError: a key of a hostile listing that can be none
        self.creates = True
        self.pace = Pace()

    def path(self, key: str) -> str:
        """The key in the bucket."""
        return f"{self._root}/{key}" if self._root else key

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey, DamagedObject.

        Where the store's tag is the MD5 of the bytes, it has to be that of what came. Encrypted with keys of the
        service's it is something else: what came the same so often is believed.
        """
        seen: Counter[bytes] = Counter()

        def work() -> bytes:
            data, tag = self.objects.tagged(self.path(key))
            match = _MD5.fullmatch(tag)
            seen[data] += 1
            is_other = match is not None and match[1] != hashlib.md5(data, usedforsecurity=False).hexdigest()
            if is_other and seen[data] < _BELIEVED:
                raise Trouble from Refused("kind: Interrupted, what came is not what its tag says")
            return data

        return self.ask(key, "read", work)

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset, fewer where the end comes sooner. Raises NoSuchKey."""
        path, end = self.path(key), offset + length
        if length >= _SMALL and self.objects.has_ranges:  # worth not being copied
            with suppress(_WholeOnly):
                return self._range(key, offset, end)
        return self.ask(key, "read", lambda: self.objects.cat_file(path, start=offset, end=end))

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything whose key begins with `prefix`, which ends with `/` or is empty."""
        pages = Pages(self.objects, self.path(prefix))
        cut = len(self.path(""))
        self.counter.one()
        while (page := self.ask(prefix, "list", pages.next_page)) is not None:
            self.counter.count += pages.count > 1
            for each in page:
                yield Listed(each["name"][cut:], each["size"], each["created"].timestamp())

    def size(self, key: str) -> int | None:
        """Bytes of a key; None when nothing has it."""
        try:
            return int(self.ask(key, "read", lambda: self.objects.info(self.path(key)))["size"])
        except NoSuchKey:
            return None

    watches_all = False
    """Whether few bytes, too, are put by `put_watched`."""

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there."""
        if self.watches_all and self.put_watched(key, data, only_new=False) is not None:
            return
        self.ask(key, "write", lambda: self.objects.pipe_file(self.path(key), data), is_large=len(data) > _SMALL)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has; of two at once one is told False, where the server can tell."""
        return self.put_new(key, data) or self.get(key) == data  # ours, when an answer was lost and asked for again

    def put_new(self, key: str, data: bytes | Pieces, moved: Moved = unheard) -> bool:
        """Put bytes at a key if nothing has it; False when something has. A server without conditions replaces."""
        is_watched = self.watches_all or size_of(data) > _SMALL
        if is_watched and (is_new := self.put_watched(key, data, only_new=self.creates, moved=moved)) is not None:
            return is_new
        content = joined(data)

        def work() -> bool:
            if self.creates:
                try:
                    return self.objects.create_file(self.path(key), content)
                except self.objects.failures as error:
                    if not is_unknown_request(str(error)):
                        raise
                    self.creates = False
            self.objects.pipe_file(self.path(key), content)
            return True

        return self.ask(key, "write", work, is_large=len(content) > _SMALL)

    def put_watched(self, key: str, data: bytes | Pieces, *, only_new: bool, moved: Moved = unheard) -> bool | None:
        """Put many bytes by what notices when they stop moving; None where there is no such way, and nothing was sent.

        False when something is at the key already, and `only_new` was asked for. `moved` is told what leaves.
        """
        return None

    def put_over(self, key: str, data: bytes | Pieces, moved: Moved = unheard) -> None:
        """Put many bytes at a key, replacing what is there."""
        if self.put_watched(key, data, only_new=False, moved=moved) is None:
            content = joined(data)
            self.ask(key, "write", lambda: self.objects.pipe_file(self.path(key), content), is_large=True)

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        with suppress(NoSuchKey):
            self.ask(key, "delete", lambda: self.objects.rm_file(self.path(key)))

    @property
    def comes_in_parts(self) -> bool:
        """Whether the server gives parts, as far as it was seen."""
        return self.objects.has_ranges

    def pieces(self, key: str) -> Iterator[bytes | memoryview]:
        """The bytes of a key in order; those of a large object come by several requests at a time."""
        at = tries = 0
        is_whole = False
        while True:
            size, pieces = self.ask(key, "read", lambda: self.objects.opened(self.path(key), SINGLE_LIMIT))
            if pieces is None or (size > SINGLE_LIMIT and not is_whole):
                try:
                    for piece in self._ranges(key, size):
                        at += len(piece)
                        yield piece
                    return
                except _WholeOnly:
                    is_whole = True
            assert pieces is not None, "what gives no whole gives ranges"
            try:
                for piece in pieces(at):  # what came before it broke off is not given again
                    at += len(piece)
                    yield piece
                return
            except self.objects.failures as error:
                tries += 1
                if trouble_of(str(error)) is None or tries > ASKING_AGAIN["max_retries"]:
                    raise self.telling.explain(error, operation="read", key=key) from error
                time.sleep(pause_before(tries))

    def _ranges(self, key: str, size: int) -> Iterator[memoryview]:
        starts = iter(range(0, size, _PART))
        flying: deque[Future[memoryview]] = deque()
        with ThreadPoolExecutor(PARTS_IN_FLIGHT) as threads:
            try:
                while True:
                    while len(flying) < PARTS_IN_FLIGHT and (start := next(starts, None)) is not None:
                        flying.append(threads.submit(self._range, key, start, min(start + _PART, size)))
                    if not flying:
                        return
                    yield flying.popleft().result()
            finally:
                for future in flying:
                    future.cancel()

    def _range(self, key: str, start: int, end: int) -> memoryview:
        def work() -> memoryview:
            try:
                return self.objects.piece(self.path(key), start, end)
            except self.objects.failures as error:
                if ignores_ranges(str(error)):
                    raise _WholeOnly from error
                raise

        return self.ask(key, "read", work)

    def upload(self) -> Upload:
        """Many files; each is final when it was sent."""
        return ObjectUpload(self)

    def ask(self, key: str, operation: str, work: Callable[[], _Answer], *, is_large: bool = False) -> _Answer:
        """The answer to a request, counted and in its turn; made again while what fails may pass.

        What goes wrong for good has its name. Raises NoSuchKey, RemoteError.
        """
        if operation != "list":  # of which every page counts
            self.counter.one()
        patience = SENDING_AGAIN if is_large else ASKING_AGAIN
        tries, within_s = patience["max_retries"] + 1, patience["retry_timeout"].total_seconds()
        try:
            return self.pace.again(lambda: self._once(work), tries=tries, within_s=within_s)
        except FileNotFoundError as error:
            if self.telling.misses_container(str(error)):
                raise self.telling.explain(error, operation=operation, key=key) from error
            raise NoSuchKey(key) from error
        except self._told as error:
            raise self.telling.explain(error, operation=operation, key=key) from error

    def _once(self, work: Callable[[], _Answer]) -> _Answer:
        """The answer. Raises Trouble for what may pass."""
        try:
            return work()
        except FileNotFoundError:
            raise
        except self.objects.failures as error:
            trouble = trouble_of(str(error))
            if trouble is None:
                raise
            raise trouble from error


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

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        """Send a file whose bytes have this digest; see `Upload`."""
        fd = os.open(source, READ)
        try:
            size = os.fstat(fd).st_size
            if size <= SINGLE_LIMIT:
                data = os.pread(fd, size, 0)
                if blake3(data).digest() != digest:  # in one thread: several files are sent at a time
                    raise changed(source)
                return self._put_whole(key, data, replace, moved)
            if replace or self._place.size(key) != size:
                return self.send_large(key, source, digest, fd, moved)
            return 0
        finally:
            os.close(fd)

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        """Send what is in memory; see `Upload`."""
        del digest  # its maker has hashed it
        return self._put_whole(key, pieces, replace, moved)

    def commit(self) -> None:
        """Each file was final when it was sent."""

    def _put_whole(self, key: str, data: bytes | Pieces, replace: bool, moved: Moved) -> int:
        if replace or (not self._place.put_new(key, data, moved) and self._place.size(key) != size_of(data)):
            self._place.put_over(key, data, moved)
        return size_of(data)  # a server says that a key is taken when it has all of its bytes

    def send_large(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> int:
        """Send a file over the limit, in parts and from its beginning; the bytes that travelled."""
        size = os.fstat(fd).st_size
        part = max(_PART, -(-size // _MAX_PARTS))
        place = self._place
        place.counter.count += -(-size // part)

        def work() -> None:
            place.objects.send(place.path(key), checked(fd, digest, source, moved), size, part)

        place.ask(key, "write", work, is_large=True)
        return size


def checked(fd: int, digest: bytes, source: Path, moved: Moved) -> Iterator[bytes]:
    """The bytes of a file; the last of them only when all have the digest, else an error, which ends the upload."""
    hasher = blake3(max_threads=hash_threads())
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
