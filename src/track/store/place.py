"""A place that holds bytes by key: the little that a remote asks of a folder, a bucket or a server."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable

from track.model.digest import Digest
from track.progress import Moved, unheard
from track.store.pieces import Pieces

GET_LIMIT = 1 << 30
"""Bytes above which nothing is read into memory whole: no file of ours that is read so comes near it."""


class NoSuchKey(LookupError):
    """Nothing has the key."""


class Listed(NamedTuple):
    """One key of a listing, with the size in bytes; `modified_s` is by the place's own clock."""

    key: str
    size: int
    modified_s: float


class Staged(NamedTuple):
    """A file that came, in a staging directory of ours, and the digest and size in bytes of what is in it."""

    path: Path
    digest: Digest
    size: int


class Upload(Protocol):
    """Files that become final together; nothing is promised before `commit` returns. Left without it, none is kept."""

    def __enter__(self) -> Self:
        """The upload."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not committed."""

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        """How many bytes travelled to send a file that has this digest; may be called from several threads.

        What has the key already and is whole is left alone, unless `replace`; where that was seen before anything was
        sent, it is 0. `moved` is told of what was found as of what travels: that much of the work is done.

        Raises:
            DamagedObject: the bytes sent did not have the digest; they were not kept.
            DiskFull, StoreUnwritable, RemoteError: it could not be written.
        """

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        """Send what is in memory and was hashed there; else as `put_file`, and as safe to call from several threads.

        Raises DiskFull, StoreUnwritable, RemoteError: it could not be written.
        """

    def commit(self) -> None:
        """Make what was sent final and durable."""


class Place(Protocol):
    """Bytes by key. Every method is safe to call from several threads.

    Raises, all of them: RemoteUnreachable or another RemoteError when the place does not answer or refuses.
    """

    url: str
    """Where it is, as text for people."""
    identity: str
    """As whom we come, where that was said, and to which server, as text for people; empty where nobody asks."""

    @property
    def comes_in_parts(self) -> bool:
        """Whether a large key is better had in parts, several at a time, than as a whole; may change as it is used."""

    @property
    def requests_count(self) -> int:
        """How many requests were made so far."""

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey; DamagedObject when they are more than `GET_LIMIT`."""

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset, fewer where the end comes sooner; many may come as they lie in a client's memory.

        Raises NoSuchKey.
        """

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key into a new file in `staging`, hashing the copy; at most `limit` bytes.

        Raises NoSuchKey; DamagedObject when there are more.
        """

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key, read in pieces. Raises NoSuchKey."""

    def list(self, prefix: str) -> Iterable[Listed]:
        """Everything whose key begins with `prefix`, which ends with `/`; in no particular order."""

    def size(self, key: str) -> int | None:
        """Bytes of a key; None when nothing has it."""

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there; durable when it returns."""

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has, durably; False, and nothing is changed, when something has it."""

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""

    def upload(self) -> Upload:
        """A way to send many files at once."""

    def tidy(self) -> None:
        """Remove what uploads of ours that were killed left behind; called while none is under way."""


@runtime_checkable
class Summing(Protocol):
    """A place whose server may hold what arrives against a sum that came with it; one of `description.SUMS`."""

    def find_sums(self, key: str) -> str | None:
        """Which sum the server was seen to look at; empty where it was none, None where it could not be found out.

        A small object is written at a key, and deleted again.
        """

    def use_sums(self, name: str) -> None:
        """Send this one alone with what is large; empty for every one that is known."""
