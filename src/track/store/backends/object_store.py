"""Any store that obstore reaches, as a filesystem that dvc-objects wraps. Synchronous: its other face can abort Python.

Paths are keys. Where obstore's own wrapper reads whole objects into memory, lists folder by folder and asks twice,
this one streams, lists flat and asks once.
"""

from collections.abc import Iterator
from io import UnsupportedOperation
from typing import IO, Any

import obstore
from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # fsspec has no types
from obstore.store import ObjectStore

from track.errors import DamagedObject
from track.store.place import GET_LIMIT

_READ_BUFFER = 4 << 20
_SMALL = 1 << 20


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
            answer = obstore.get(self.store, path)
            if answer.meta["size"] > GET_LIMIT:
                raise DamagedObject(f"{path} has more than {GET_LIMIT:,} bytes, which it should not")
            return bytes(answer.bytes())
        return self._range(path, start, end)

    def _range(self, path: str, start: int, end: int) -> bytes:
        try:
            return bytes(obstore.get_range(self.store, path, start=start, end=end))
        except obstore.exceptions.BaseError as error:
            if not ignores_ranges(error):
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

    def pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        """What is known of every key below a prefix, a request's worth at a time."""
        for page in obstore.list(self.store, prefix=prefix.rstrip("/") or None, chunk_size=1000):
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


def ignores_ranges(error: Exception) -> bool:
    """Whether a request for a piece failed because the server sent the whole."""
    text = str(error)
    return "non-partial" in text or "NotPartial" in text or "partial response" in text
