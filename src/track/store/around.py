"""Around: a place with another one behind it, to which everything goes as it is; others change a part of that."""

from collections.abc import Iterable
from pathlib import Path

from track.model.digest import Digest
from track.progress import Moved, unheard
from track.store.place import Listed, Place, Staged, Upload


class Around:
    """A place that hands everything on to the one `behind`."""

    def __init__(self, place: Place) -> None:
        """Where everything goes."""
        self.behind = place
        self.url, self.identity = place.url, place.identity

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

    def get_range(self, key: str, offset: int, length: int) -> bytes:
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
