"""What is known of the files of one working tree: a row for each folder, so that an unchanged one is one comparison.

A SQLite file that may be deleted at any time; a damaged or a newer one is dropped and grows again. It holds, for
each artifact, the root digest that its rows describe, exactly: an artifact of which that cannot be said is not in it.

A row has the sorted names of a folder's files and links, the sorted names of its folders, and for each of the former
its stat (`STAT`, 40 bytes) and digest (32 bytes). When the content may not have reached the disk yet, the row has
the boot in which it was written: after another boot nobody knows what a power cut left, so it is not believed.
"""

import os
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from track import system
from track.errors import NewerFormat, Unreadable
from track.lending import lend
from track.model.names import display

STAT = struct.Struct("<IIQqqQ")
"""How one stat is packed: mode, flags, size, mtime_ns, ctime_ns, inode."""
STAT_SIZE, DIGEST_SIZE = STAT.size, 32
RACY = 1
"""Flag: it changed so shortly before it was looked at that another change could leave the same stat."""
STORE_LINK = 2
"""Flag: a link into the store, put there by checkout; it stands for the file it points at."""

_VERSION = 1
_BUSY_S = 10.0
_SCHEMA = (
    "CREATE TABLE artifact(id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, root BLOB NOT NULL)",
    """CREATE TABLE folder(
        artifact INTEGER NOT NULL, path BLOB NOT NULL, written INTEGER NOT NULL, boot TEXT NOT NULL,
        names BLOB NOT NULL, folders BLOB NOT NULL, stats BLOB NOT NULL,
        sum INTEGER NOT NULL, digests BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX folder_path ON folder(artifact, path)",
)


class Stat(NamedTuple):
    """The stat of a file or link as a row has it; times in nanoseconds."""

    mode: int
    flags: int
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Row(NamedTuple):
    """One folder as it was: `path` is relative to the artifact, empty or with a slash at its end.

    `names` and `folders` are sorted and joined by NUL. `written` is the filesystem's time of the scan that saw it, and
    later for what checkout itself wrote: what changed less than 60 s before is hashed before it is given up.
    `boot` is empty when the content was safely on disk.
    """

    path: bytes
    written: int
    boot: str
    names: bytes
    folders: bytes
    stats: bytes


class Recorded(NamedTuple):
    """What the rows of an artifact describe: a "file" or "directory" of this digest."""

    kind: str
    root: bytes


class CacheLost(Exception):
    """The file was damaged and has been dropped: begin again, there are no rows now."""


class StatCache:
    """The rows of one working tree, in the SQLite file `path`. Where it cannot be written, rows last for the process.

    Reading raises CacheLost when it finds the file damaged or locked for good. Writing is all or nothing, and
    nothing when another process writes for more than 10 s or the disk is full: older rows stay true of their root.
    """

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; its folder is made when missing. With None the rows last for the process."""
        self.path = path
        self.boot = system.boot_id()
        self._database = self._opened()

    def close(self) -> None:
        """Close the file; the cache must not be used again."""
        self._database.close()

    def artifacts(self) -> dict[bytes, Recorded]:
        """Everything that has rows, by path."""
        with self._guarded():
            listed = self._database.execute("SELECT path, kind, root FROM artifact ORDER BY path").fetchall()
        return {path: Recorded(kind, root) for path, kind, root in listed}

    def recorded(self, artifact: bytes) -> Recorded | None:
        """What the rows of an artifact describe; None when it has none."""
        with self._guarded():
            found = self._database.execute("SELECT kind, root FROM artifact WHERE path = ?", (artifact,)).fetchone()
        return Recorded(*found) if found else None

    def rows(self, artifact: bytes) -> Iterator[Row]:
        """The rows of an artifact, ordered by their path."""
        query = """SELECT f.path, written, boot, names, folders, stats
                   FROM artifact a JOIN folder f ON f.artifact = a.id WHERE a.path = ? ORDER BY f.path"""
        with self._guarded():
            for found in self._database.execute(query, (artifact,)):
                row = Row._make(found)
                if len(row.stats) != STAT_SIZE * count_of(row.names):
                    self._drop()
                    raise CacheLost
                yield row

    def outline(self, artifact: bytes) -> list[tuple[bytes, int]]:
        """(path, number of files and links) of every row of an artifact, ordered by their path."""
        query = """SELECT f.path, length(stats) FROM artifact a JOIN folder f ON f.artifact = a.id
                   WHERE a.path = ? ORDER BY f.path"""
        with self._guarded():
            return [(path, size // STAT_SIZE) for path, size in self._database.execute(query, (artifact,))]

    def row(self, artifact: bytes, folder: bytes) -> tuple[Row, bytes] | None:
        """The row of one folder, with its digests; None when there is none."""
        query = """SELECT f.path, written, boot, names, folders, stats
                   FROM artifact a JOIN folder f ON f.artifact = a.id WHERE a.path = ? AND f.path = ?"""
        with self._guarded():
            found = self._database.execute(query, (artifact, folder)).fetchone()
        return (Row._make(found), self.digests(artifact, folder)) if found else None

    def digests(self, artifact: bytes, folder: bytes) -> bytes:
        """The digests of a row, 32 bytes for each name; empty when there is no such row."""
        query = """SELECT sum, digests FROM artifact a JOIN folder f ON f.artifact = a.id
                   WHERE a.path = ? AND f.path = ?"""
        with self._guarded():
            found = self._database.execute(query, (artifact, folder)).fetchone()
            if found and zlib.crc32(found[1]) != found[0]:
                self._drop()
                raise CacheLost
        return found[1] if found else b""

    def replace(self, artifact: bytes, recorded: Recorded, rows: Iterable[tuple[Row, bytes]]) -> None:
        """Make these rows, each with its digests, all that is known of an artifact."""

        def change(database: sqlite3.Connection) -> None:
            _forget(database, artifact)
            insert = "INSERT INTO artifact(path, kind, root) VALUES (?, ?, ?)"
            number = database.execute(insert, (artifact, *recorded)).lastrowid
            _insert(database, number, rows)

        self._write(change)

    def update(
        self,
        artifact: bytes,
        recorded: Recorded,
        rows: Iterable[tuple[Row, bytes]],
        *,
        gone: Iterable[bytes],
        base: bytes,
    ) -> None:
        """Replace and remove single rows, so that all describe `recorded`; if they still describe the root `base`."""

        def change(database: sqlite3.Connection) -> None:
            query = "SELECT id, kind, root FROM artifact WHERE path = ?"
            found = database.execute(query, (artifact,)).fetchone()
            if found is None or found[1:] != (recorded.kind, base):
                return
            database.execute("UPDATE artifact SET root = ? WHERE id = ?", (recorded.root, found[0]))
            remove = "DELETE FROM folder WHERE artifact = ? AND path = ?"
            database.executemany(remove, ((found[0], path) for path in gone))
            _insert(database, found[0], rows)

        self._write(change)

    def carry(self, artifact: bytes, name: bytes) -> None:
        """What is known of an artifact is known of it at another path, in place of what was known there."""

        def change(database: sqlite3.Connection) -> None:
            query = "SELECT id FROM artifact WHERE path = ?"
            if database.execute(query, (artifact,)).fetchone() is not None:
                _forget(database, name)
                database.execute("UPDATE artifact SET path = ? WHERE path = ?", (name, artifact))

        self._write(change)

    def forget(self, artifact: bytes) -> None:
        """Know nothing of an artifact any more."""
        self._write(lambda database: _forget(database, artifact))

    def keep_latest(self, count: int) -> None:
        """Forget all artifacts but so many, those that came last."""

        def change(database: sqlite3.Connection) -> None:
            older = "SELECT id, path FROM artifact ORDER BY id DESC LIMIT -1 OFFSET ?"
            for _, path in database.execute(older, (count,)).fetchall():
                _forget(database, path)

        self._write(change)

    def _opened(self) -> sqlite3.Connection:
        if self.path is None:
            return _connect(":memory:")
        for attempt in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return _connect(str(self.path))
            except (sqlite3.OperationalError, OSError):
                break  # a read-only place, or one that is locked for long
            except sqlite3.DatabaseError:
                if attempt == 0:
                    self._remove()
        return _connect(":memory:")

    def _remove(self) -> None:
        if self.path is None:
            return
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink()

    def _drop(self, *, damaged: bool = True) -> None:
        self._database.close()
        if damaged:
            self._remove()
        self._database = self._opened() if damaged else _connect(":memory:")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            self._drop(damaged=not isinstance(error, sqlite3.OperationalError))
            raise CacheLost from error

    def _write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        """Run a transaction, whole or not at all: a lock, a full disk or a row that is too large undo it."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            change(self._database)
            self._database.execute("COMMIT")
        except (sqlite3.OperationalError, sqlite3.DataError):
            self._undo()
        except sqlite3.DatabaseError:
            self._drop()
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        if self._database.in_transaction:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")


def recorded_in(path: Path) -> list[Recorded]:
    """What somebody's rows at `path` describe, read without changing anything; none of a file that is damaged.

    Raises:
        Unreadable: it is in use for longer than 10 s, or this user may not read it.
        NewerFormat: a later version wrote it.
    """
    if not path.is_file():
        return []
    try:
        with closing(_reader(path)) as database:
            if (version := database.execute("PRAGMA user_version").fetchone()[0]) not in (0, _VERSION):
                raise NewerFormat(f"{display(str(path))} has format {version}; this version reads {_VERSION}")
            listed = database.execute("SELECT kind, root FROM artifact").fetchall() if version else []
            return [Recorded(kind, bytes(root)) for kind, root in listed]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no table of ours is in it
            return []
        raise Unreadable(f"{display(str(path))} cannot be read: {error}", hint="run the same command again") from error
    except sqlite3.DatabaseError:
        return []


def _reader(path: Path) -> sqlite3.Connection:
    """The database, to be read only; where its folder may not be written either, all of it has to be in the file."""
    log = path.with_name(path.name + "-wal")
    is_closed = not log.exists() or log.stat().st_size == 0
    alone = "&immutable=1" if is_closed and not os.access(path.parent, os.W_OK) else ""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=_BUSY_S)


def count_of(names: bytes) -> int:
    """How many names a joined list holds."""
    return names.count(b"\0") + 1 if names else 0


def _forget(database: sqlite3.Connection, artifact: bytes) -> None:
    inner = "DELETE FROM folder WHERE artifact = (SELECT id FROM artifact WHERE path = ?)"
    database.execute(inner, (artifact,))
    database.execute("DELETE FROM artifact WHERE path = ?", (artifact,))


def _insert(database: sqlite3.Connection, number: int | None, rows: Iterable[tuple[Row, bytes]]) -> None:
    insert = "INSERT OR REPLACE INTO folder VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    database.executemany(insert, ((number, *row, zlib.crc32(digests), digests) for row, digests in rows))


def _connect(path: str) -> sqlite3.Connection:
    """An open database of our version; sqlite3.DatabaseError if it is damaged, somebody else's, or newer."""
    database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, cached_statements=16)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("another version")
        database.execute("PRAGMA synchronous = NORMAL")
        lend(Path(path))  # before there is a file beside it, which gets its mode
        if version == 0:
            _make(database)
    except BaseException:
        database.close()
        raise
    return database


def _make(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:  # another process may have been faster
        for statement in _SCHEMA:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")
