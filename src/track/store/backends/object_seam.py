"""What a place of objects asks of a client library, and a listing that goes on where it broke off."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

PARTS_IN_FLIGHT = 4
"""Parts of one large object that are under way at once."""


class Opened(NamedTuple):
    """A key that is about to be read: its size in bytes, and what gives its bytes but for so many at their beginning.

    `pieces` None: it is larger than what was asked for, and none of it came.
    """

    size: int
    pieces: Callable[[int], Iterator[memoryview]] | None


class Objects(Protocol):
    """Objects by key, through one client library. Its failures are of `failures`, worded as `failure` reads them.

    Each call is one request, or one for each page or part. What is not there is a FileNotFoundError.
    """

    failures: tuple[type[Exception], ...]
    is_sorted: bool
    """Whether a listing comes in the order of the keys, so that it can go on behind one."""
    has_ranges: bool
    """False when the server was seen to send the whole where a piece was asked for."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """The bytes of a key, or from `start` up to `end`."""

    def tagged(self, path: str) -> tuple[bytes, str]:
        """The bytes of a key, and the tag that the store gives them: where it is their MD5, that in hex digits."""

    def opened(self, path: str, most: int) -> Opened:
        """A key that is about to be read from its beginning; more than `most` bytes need not come."""

    def piece(self, path: str, start: int, end: int) -> memoryview:
        """The bytes of a key from `start` up to `end`."""

    def info(self, path: str) -> dict[str, Any]:
        """What is known of a key: `size` in bytes."""

    def pages(self, prefix: str, after: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """What is known of every key below a prefix: `name`, `size` and `created`; `after` a key, in their order."""

    def pipe_file(self, path: str, value: bytes) -> None:
        """Put bytes at a key, replacing what is there."""

    def create_file(self, path: str, value: bytes) -> bool:
        """Put bytes at a key that nothing has; False when something has it."""

    def send(self, path: str, pieces: Iterator[bytes], size: int, part: int) -> None:
        """Put a body of so many bytes at a key, `part` bytes in a request; nothing is there when `pieces` raises."""

    def rm_file(self, path: str) -> None:
        """Remove a key; absence is fine, or a FileNotFoundError."""


class Pages:
    """A listing under way, that goes on behind its last key where it broke off."""

    def __init__(self, objects: Objects, prefix: str) -> None:
        """Of every key below the prefix; nothing is asked yet."""
        self._objects, self._prefix = objects, prefix
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
        except self._objects.failures:
            if self._objects.is_sorted or self._last is None:
                self._pages = None
            raise
        if page:
            self._last = page[-1]["name"]
            self.count += 1
        return page
