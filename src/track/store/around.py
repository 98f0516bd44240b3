"""Around: a place with another one behind it, to which everything goes as it is; others change a part of that."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from track.model.digest import Digest
from track.progress import Moved, unheard
from track.store.pieces import Pieces
from track.store.place import Listed, Place, Staged, Upload


class Around:
    """A place that hands everything on to the one `behind`."""

    def __init__(self, place: Place) -> None:
        """Where everything goes."""
        self.behind = place
        self.url, self.identity = place.url, place.identity

    def key_behind(self, key: str) -> str:
        """Where the place behind has what is at a key here."""
        return key

    @property
    def comes_in_parts(self) -> bool:
        """As the place behind it."""
        return self.behind.comes_in_parts

    @property
    def requests_count(self) -> int:
        """As the place behind it."""
        return self.behind.requests_count

    def get(self, key: str) -> bytes:
        """As the place behind it."""
        return self.behind.get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """As the place behind it."""
        return self.behind.get_range(key, offset, length)

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """As the place behind it."""
        return self.behind.get_file(key, staging, limit=limit, moved=moved)

    def digest(self, key: str) -> Digest:
        """As the place behind it."""
        return self.behind.digest(key)

    def list(self, prefix: str) -> Iterable[Listed]:
        """As the place behind it."""
        return self.behind.list(prefix)

    def size(self, key: str) -> int | None:
        """As the place behind it."""
        return self.behind.size(key)

    def put(self, key: str, data: bytes) -> None:
        """As the place behind it."""
        self.behind.put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        """As the place behind it."""
        return self.behind.create(key, data)

    def delete(self, key: str) -> None:
        """As the place behind it."""
        self.behind.delete(key)

    def upload(self) -> Upload:
        """As the place behind it."""
        return self.behind.upload()

    def tidy(self) -> None:
        """As the place behind it."""
        self.behind.tidy()


class AroundUpload:
    """An upload that hands everything on to the one `behind`."""

    def __init__(self, upload: Upload) -> None:
        """Where everything goes."""
        self.behind = upload

    def __enter__(self) -> Self:
        """As the upload behind it."""
        self.behind.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As the upload behind it."""
        self.behind.__exit__(kind, error, trace)

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        """As the upload behind it."""
        return self.behind.put_file(key, source, digest, replace=replace, moved=moved)

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        """As the upload behind it."""
        return self.behind.put_pieces(key, pieces, digest, replace=replace, moved=moved)

    def commit(self) -> None:
        """As the upload behind it."""
        self.behind.commit()


def bare(place: Place, key: str = "") -> tuple[Place, str]:
    """The place behind all others, where bytes lie as the server has them, and where it has what is at a key here."""
    while isinstance(place, Around):
        key = place.key_behind(key) if key else key
        place = place.behind
    return place, key
