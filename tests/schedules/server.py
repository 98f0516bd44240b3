"""A remote in memory with a clock of its own, where each request is a step that somebody else may come before.

A request may be lost before it was done, its answer may be lost after, and whoever asks may be killed at either side.
"""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from track.errors import RemoteUnreachable
from track.model.digest import Digest, digest_of
from track.progress import Moved, unheard
from track.publish import create, stage, write_all
from track.store.pieces import Pieces
from track.store.place import Listed, NoSuchKey, Staged, Upload

Fate: TypeAlias = Literal["done", "lost", "lost answer", "killed", "killed after"]
Turn: TypeAlias = Callable[[], Fate]
"""Waits until it is this client's turn, and says what becomes of its next request."""


class Killed(BaseException):
    """The process of a client ends here: whatever it does on its way out reaches nobody."""


class Server:
    """What is at the remote: bytes and the time they were written, by key. `now` is its clock, in seconds."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0
        self.held: dict[str, tuple[bytes, float]] = {}


class SteppedPlace:
    """The server as one client sees it. Listings and times are right; answers may be lost."""

    comes_in_parts = False
    identity = ""

    def __init__(self, server: Server, turn: Turn) -> None:
        self.url = "memory://remote"
        self.server = server
        self.requests_count = 0
        self._turn = turn

    def _ask(self, work: Callable[[], object]) -> object:
        self.requests_count += 1
        fate = self._turn()
        if fate == "killed":
            raise Killed
        if fate == "lost":
            raise RemoteUnreachable("the request was lost", hint="again")
        self.server.now += 0.01
        done = work()
        if fate == "killed after":
            raise Killed
        if fate == "lost answer":
            raise RemoteUnreachable("the answer was lost", hint="again")
        return done

    def _content(self, key: str) -> bytes:
        if key not in self.server.held:
            raise NoSuchKey(key)
        return self.server.held[key][0]

    def get(self, key: str) -> bytes:
        """The bytes of a key."""
        found = self._ask(lambda: self._content(key))
        assert isinstance(found, bytes)
        return found

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """A piece of them."""
        return self.get(key)[offset : offset + length]

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """A copy of them."""
        del limit, moved
        data = self.get(key)
        path = stage(staging)
        write_all(create(path), data)
        return Staged(path, digest_of(data), len(data))

    def digest(self, key: str) -> Digest:
        """Their digest."""
        return digest_of(self.get(key))

    def list(self, prefix: str) -> Iterable[Listed]:
        """Every key below a prefix, at one moment."""
        held = self.server.held

        def listed() -> list[Listed]:
            return [Listed(key, len(held[key][0]), held[key][1]) for key in sorted(held) if key.startswith(prefix)]

        found = self._ask(listed)
        assert isinstance(found, list)
        return found

    def size(self, key: str) -> int | None:
        """How many there are."""
        held = self.server.held
        found = self._ask(lambda: len(held[key][0]) if key in held else None)
        assert found is None or isinstance(found, int)
        return found

    def put(self, key: str, data: bytes) -> None:
        """Put bytes; the server notes when."""
        self._ask(lambda: self.server.held.__setitem__(key, (data, self.server.now)))

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes where nothing is."""
        is_new = self.size(key) is None
        if is_new:
            self.put(key, data)
        return is_new

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._ask(lambda: self.server.held.pop(key, None))

    def upload(self) -> Upload:
        """Files, each final when it was sent."""
        return _Upload(self)

    def tidy(self) -> None:
        """Nothing is left behind."""


class _Upload:
    def __init__(self, place: SteppedPlace) -> None:
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        """As a bucket does it: what is there in its size is left alone."""
        del moved
        data = source.read_bytes()
        assert digest_of(data) == digest
        if replace or self._place.size(key) != len(data):
            self._place.put(key, data)
            return len(data)
        return 0

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        """The same of what is in memory."""
        del moved
        data = pieces.joined()
        assert digest_of(data) == digest
        if replace or self._place.size(key) != len(data):
            self._place.put(key, data)
            return len(data)
        return 0

    def commit(self) -> None:
        return


def fates(source: random.Random, trouble: float) -> Fate:
    """What becomes of a request: in so many of them something goes wrong."""
    if source.random() >= trouble:
        return "done"
    chosen: Fate = source.choice(("lost", "lost answer", "lost answer", "killed", "killed after"))
    return chosen
