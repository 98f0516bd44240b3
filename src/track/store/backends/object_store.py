"""Any store that obstore reaches, as a filesystem that dvc-objects wraps. Synchronous: its other face can abort Python.

Paths are keys. Where obstore's own wrapper reads whole objects into memory, lists folder by folder and asks twice,
this one streams, lists flat and asks once.
"""

from collections.abc import Iterator
from io import UnsupportedOperation
from typing import IO, Any

import obstore
from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # fsspec has no types
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from track.errors import DamagedObject
from track.store.backends.failure import ignores_ranges
from track.store.place import GET_LIMIT

_READ_BUFFER = 4 << 20
_SMALL = 1 << 20
_PIECE = 8 << 20


class ObjectStoreFilesystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Objects by key. `store` answers questions, `bulk` takes what is large."""

    protocol = "object-store"
    cachable = False

    def __init__(self, store: ObjectStore, bulk: ObjectStore) -> None:
        """Both are of the same place; they differ in how long a request may take."""
        super().__init__()
        self.store = store
        self.bulk = bulk
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
            return bytes(obstore.get_range(self.store, path, start=start, end=end))
        except obstore.exceptions.BaseError as error:
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
        store = self.store if len(value) <= _SMALL else self.bulk
        obstore.put(store, path, value, use_multipart=False)

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


class Pages:
    """A listing under way, that goes on behind its last key where it broke off."""

    def __init__(self, objects: ObjectStoreFilesystem, prefix: str) -> None:
        """Of every key below the prefix; nothing is asked yet."""
        self._objects, self._prefix = objects, prefix
        self._is_sorted = isinstance(objects.store, S3Store | AzureStore | GCSStore)
        self._pages: Iterator[list[dict[str, Any]]] | None = None
        self._last: str | None = None
        self.count = 0
        """Pages that came."""

    def next_page(self) -> list[dict[str, Any]] | None:
        """The next page, None after the last."""
        if self._pages is None:
            self._pages = self._objects.pages(self._prefix, self._last)
        try:
            page = next(self._pages, None)
        except obstore.exceptions.BaseError:
            if self._is_sorted or self._last is None:
                self._pages = None
            raise
        if page:
            self._last = page[-1]["name"]
            self.count += 1
        return page


def streamed(answer: "obstore.GetResult", skipped: int) -> Iterator[memoryview]:
    """The bytes of an answer in pieces, without so many at their beginning."""
    for piece in answer.stream(min_chunk_size=_PIECE):
        cut = min(skipped, len(piece))
        skipped -= cut
        if cut < len(piece):
            yield memoryview(piece)[cut:]
