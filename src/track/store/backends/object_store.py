"""Any store that obstore reaches, as a filesystem that dvc-objects wraps. Synchronous: its other face can abort Python.

Paths are keys. Where obstore's own wrapper reads whole objects into memory, lists folder by folder and asks twice,
this one streams, lists flat and asks once.
"""

from collections.abc import Iterator
from functools import partial
from io import UnsupportedOperation
from typing import IO, Any

import obstore
from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # fsspec has no types
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, ObjectStore, S3Store

from track.errors import DamagedObject
from track.store.backends.failure import ignores_ranges
from track.store.backends.object_seam import PARTS_IN_FLIGHT, Opened
from track.store.place import GET_LIMIT

_READ_BUFFER = 4 << 20
_SMALL = 1 << 20
_PIECE = 2 << 20


class ObjectStoreFilesystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Objects by key, as `object_seam.Objects` says it.

    `store` answers questions, `bulk` takes what is large, `parts` what is so large that it goes in parts.
    """

    protocol = "object-store"
    cachable = False
    failures = (BaseError,)

    def __init__(self, store: ObjectStore, bulk: ObjectStore, parts: ObjectStore | None = None) -> None:
        """All are of the same place; they differ in how long a request may take."""
        super().__init__()
        self.store = store
        self.bulk = bulk
        self.parts = parts or bulk
        self.is_sorted = isinstance(store, S3Store | AzureStore)
        self.has_ranges = True
        """False when the server was seen to send the whole where a piece was asked for."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The bytes of a key, or from `start` up to `end`. Raises FileNotFoundError."""
        if start is None or end is None:
            return self.tagged(path)[0]
        return self._range(path, start, end)

    def tagged(self, path: str) -> tuple[bytes, str]:
        """The bytes of a key, and the tag that the store gives them. Raises FileNotFoundError."""
        answer = obstore.get(self.store, path)
        if answer.meta["size"] > GET_LIMIT:
            raise DamagedObject(f"{path} has more than {GET_LIMIT:,} bytes, which it should not")
        return bytes(answer.bytes()), answer.meta["e_tag"] or ""

    def _range(self, path: str, start: int, end: int) -> bytes:
        try:
            if self.has_ranges:
                return bytes(self.piece(path, start, end))
        except BaseError as error:
            if not ignores_ranges(str(error)):
                raise
        self.has_ranges = False
        at, found = 0, bytearray()
        for piece in obstore.get(self.store, path).stream(min_chunk_size=_READ_BUFFER):
            found += bytes(piece)[max(0, start - at) : max(0, end - at)]
            at += len(piece)
            if at >= end:
                break
        return bytes(found)

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        """Put bytes at a key, replacing what is there."""
        obstore.put(self._for(value), path, value, use_multipart=False)

    def create_file(self, path: str, value: bytes) -> bool:
        """Put bytes at a key that nothing has; False when something has it."""
        try:
            obstore.put(self._for(value), path, value, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def _for(self, value: bytes) -> ObjectStore:
        return self.store if len(value) <= _SMALL else self.bulk

    def send(self, path: str, pieces: Iterator[bytes], size: int, part: int) -> None:
        """Put a body of any size at a key, so many bytes in a request."""
        obstore.put(self.parts, path, pieces, use_multipart=True, chunk_size=part, max_concurrency=PARTS_IN_FLIGHT)

    def opened(self, path: str, most: int) -> Opened:
        """A key that is about to be read from its beginning. Raises FileNotFoundError."""
        answer = obstore.get(self.store, path)
        return Opened(answer.meta["size"], partial(_streamed, answer))

    def piece(self, path: str, start: int, end: int) -> memoryview:
        """The bytes of a key from `start` up to `end`. Raises FileNotFoundError."""
        return memoryview(obstore.get_range(self.store, path, start=start, end=end))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is known of a key without reading it. Raises FileNotFoundError."""
        meta = obstore.head(self.store, path)
        return {"name": path, "size": meta["size"], "type": "file", "created": meta["last_modified"]}

    def find(self, path: str, *_: Any, **__: Any) -> list[str]:
        """Every key below a prefix."""
        return [each["name"] for page in self.pages(path) for each in page]

    def pages(self, prefix: str, after: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """What is known of every key below a prefix, a request's worth at a time; `after` a key, in their order."""
        for page in obstore.list(self.store, prefix=prefix.rstrip("/") or None, offset=after, chunk_size=1000):
            yield [
                {"name": each["path"], "size": each["size"], "type": "file", "created": each["last_modified"]}
                for each in page
            ]

    def rm_file(self, path: str) -> None:
        """Remove a key; absence is fine."""
        obstore.delete(self.store, path)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> IO[bytes]:
        if mode != "rb":
            raise UnsupportedOperation(f"{mode}: files are sent, not opened for writing")
        return obstore.open_reader(self.store, path, buffer_size=_READ_BUFFER)  # type: ignore[return-value]  # it has read


def _streamed(answer: "obstore.GetResult", skipped: int) -> Iterator[memoryview]:
    """The bytes of an answer in pieces, without so many at their beginning."""
    for piece in answer.stream(min_chunk_size=_PIECE):
        cut = min(skipped, len(piece))
        skipped -= cut
        if cut < len(piece):
            yield memoryview(piece)[cut:]
