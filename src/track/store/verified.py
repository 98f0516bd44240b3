"""When what was last verified: a record, in SQLite, that is derived and may be deleted at any time.

A verification that has to stop, or is killed, loses nothing by it: the next one begins with what was verified longest
ago, and what was never verified comes first of all.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from track.errors import TrackError
from track.lending import lend
from track.publish import make_directories
from track.store.record import forget_record
from track.system import is_full

_VERSION = 1
_NOTED_EVERY_S = 2.0
"""What is noted waits for so long at most: a killed run loses no more."""
_TABLES = """
CREATE TABLE about (what TEXT NOT NULL);
CREATE TABLE verified (name BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""


class VerifiedRecord:
    """The record in one file. Missing, damaged, of another version or about something else, it begins empty.

    One that cannot be kept is kept in memory: it says what comes first, and never what is whole.
    """

    def __init__(self, path: Path | None, about: str = "") -> None:
        """Open the record at `path` (None: in memory) of what is `about`, such as a store's id."""
        self._about = about
        self._new: dict[bytes, int] = {}
        self._noted_at = time.monotonic()
        self._db = _opened(path, about)

    def __enter__(self) -> Self:
        """The record itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and close."""
        self.flush()
        self._db.close()

    def times(self) -> dict[bytes, int]:
        """When each name was verified, in seconds since 1970."""
        with suppress(sqlite3.Error):
            return {**dict(self._db.execute("SELECT name, at FROM verified")), **self._new}
        return dict(self._new)

    def note(self, name: bytes, at_s: int) -> None:
        """Note that something was read now, and was whole. Written soon."""
        self._new[name] = at_s
        if time.monotonic() - self._noted_at >= _NOTED_EVERY_S:
            self.flush()

    def forget(self, names: Iterable[bytes]) -> None:
        """Drop names that are no more, or that were not whole."""
        gone = list(names)
        for name in gone:
            self._new.pop(name, None)
        with suppress(sqlite3.Error), self._db:
            self._db.executemany("DELETE FROM verified WHERE name = ?", ((name,) for name in gone))

    def flush(self) -> None:
        """Write what waits."""
        self._noted_at = time.monotonic()
        with suppress(sqlite3.Error), self._db:
            self._db.executemany("INSERT OR REPLACE INTO verified VALUES (?, ?)", self._new.items())
            self._new = {}


def _opened(path: Path | None, about: str) -> sqlite3.Connection:
    """The record's own file where it can be had, else one in memory."""
    if path is not None:
        for _ in range(2):
            with suppress(OSError, TrackError):
                make_directories(path.parent)
                try:
                    return _connected(path, about)
                except sqlite3.OperationalError:  # locked, full or not ours
                    break
                except sqlite3.DatabaseError:
                    if is_full(path.parent):
                        break
                    forget_record(path)
    return _connected(None, about)


def _connected(path: Path | None, about: str) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:", timeout=5.0, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        is_ours = version == _VERSION and db.execute("SELECT what FROM about").fetchall() == [(about,)]
        if not is_ours:
            db.executescript(
                "BEGIN IMMEDIATE; DROP TABLE IF EXISTS about; DROP TABLE IF EXISTS verified;"
                f"{_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;"
            )
            with db:
                db.execute("INSERT INTO about VALUES (?)", (about,))
        if path is not None:
            lend(path)
        return db
    except BaseException:
        db.close()
        raise


class Round:
    """One verification on its way: what comes first, when it has to stop, and what it came to.

    The record is brought up to date as it goes. `left_count` and `left_bytes` are what it did not come to.
    """

    def __init__(
        self,
        record: VerifiedRecord,
        *,
        until_s: float | None = None,
        take: Callable[[Sequence[int]], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`until_s` is when, by `clock`, nothing more is begun; None: it goes to the end.

        `take` is given the sizes in bytes of all that there is, in its order, and says of how much it is about: so many
        as come first.
        """
        self._record, self._until_s, self._clock, self._now_s = record, until_s, clock, now_s
        self._take = take or len
        self._times = record.times()
        self._noted: dict[bytes, int] = {}
        self._names: set[bytes] = set()
        self._has_begun = False
        self.left_count = 0
        self.left_bytes = 0
        self.oldest_s: int | None = None
        """When that of what was left which was verified longest ago was; 0 when never; None when nothing was left."""

    def ordered(self, names: Sequence[bytes], sizes: Sequence[int] = ()) -> list[int]:
        """The numbers of the names: what was verified longest ago first, and what never was before that.

        `sizes`, in bytes, are for a round that is about a part.
        """
        self._names.update(names)
        order = sorted(range(len(names)), key=lambda number: self._times.get(names[number], 0))
        return order[: self._take([sizes[number] if sizes else 0 for number in order])]

    def forget_others(self) -> None:
        """Drop from the record what was not among the names of this round: it is no more."""
        self._record.forget(self._times.keys() - self._names)

    def is_over(self) -> bool:
        """Whether it has to stop; never before something was begun, so that every run comes further."""
        if not self._has_begun:
            self._has_begun = True
            return False
        return self._until_s is not None and self._clock() >= self._until_s

    def note(self, name: bytes) -> None:
        """Note what was whole."""
        self._noted[name] = int(self._now_s())
        self._record.note(name, self._noted[name])

    def note_together(self, name: bytes, parts: Sequence[bytes]) -> None:
        """Note something as verified when the part of it was which was so longest ago; not before all of them were."""
        times = [self._noted.get(part, self._times.get(part, 0)) for part in parts]
        if all(times):
            self._record.note(name, min(times, default=int(self._now_s())))

    def note_bad(self, name: bytes) -> None:
        """Note what was not: it comes first the next time."""
        self._record.forget([name])

    def leave(self, name: bytes, size: int) -> None:
        """Note what this round did not come to."""
        at_s = self._times.get(name, 0)
        self.oldest_s = at_s if self.oldest_s is None else min(at_s, self.oldest_s)
        self.left_count += 1
        self.left_bytes += size


def unlimited() -> Round:
    """A round that goes to the end and remembers nothing."""
    return Round(VerifiedRecord(None))
