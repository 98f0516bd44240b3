"""The file of a record of what is known of a remote: opening it, its version, and what goes wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from track.errors import DiskFull, Locked, RemoteError, StoreUnwritable
from track.lending import lend
from track.publish import make_directories, remove
from track.store.recipe import OF_WHOLE, RECIPE
from track.system import shown

_VERSION = 1
_TABLES = """
CREATE TABLE about (store TEXT NOT NULL);
CREATE TABLE segments (name TEXT PRIMARY KEY, replaced_by TEXT) WITHOUT ROWID;
CREATE TABLE packs (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL);
CREATE TABLE objects (
  digest BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
  length INTEGER NOT NULL, form INTEGER NOT NULL, flags INTEGER NOT NULL,
  PRIMARY KEY (digest, pack, offset)
) WITHOUT ROWID;
CREATE TABLE roots (digest BLOB NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (digest, entry)) WITHOUT ROWID;
CREATE TABLE entries (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE latest (path BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE bad (digest BLOB NOT NULL, pack BLOB NOT NULL, PRIMARY KEY (digest, pack)) WITHOUT ROWID;
"""


_PLACES = f"CREATE TEMP VIEW places AS SELECT * FROM objects WHERE NOT (form = {RECIPE} AND flags = {OF_WHOLE})"
"""Where objects are: everything but recipes of objects that are files of their own."""
_CONDEMNED = """
CREATE TEMP TABLE shunned (digest BLOB NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (digest, kind)) WITHOUT ROWID;
CREATE TEMP VIEW standing AS SELECT * FROM places o WHERE NOT EXISTS
  (SELECT 1 FROM shunned s WHERE s.kind = 0 AND s.digest = (SELECT p.digest FROM packs p WHERE p.id = o.pack))
  AND NOT (o.pack = 0 AND EXISTS (SELECT 1 FROM shunned s WHERE s.kind = 1 AND s.digest = o.digest))
  AND NOT EXISTS (SELECT 1 FROM shunned s WHERE s.kind = 2 AND s.digest = o.digest);
"""
"""What counts as absent for a push, by pack (0), by whole object (1) and by digest (2); of this connection."""


class Stale(Exception):
    """The file is not a record of this version."""


def opened_record(path: Path) -> sqlite3.Connection:
    """A connection to a record of this version, which is made anew when it is missing, damaged or of another one."""
    make_directories(path.parent)
    try:
        return _opened(path)
    except (sqlite3.DatabaseError, Stale) as error:
        if isinstance(error, sqlite3.OperationalError):  # full, locked, not ours: the file itself may be fine
            raise
        forget_record(path)
        return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    db = connected_record(path, read_only=False)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        _furnish(db)
        lend(path)
    except BaseException:
        db.close()
        raise
    return db


def record_in_memory(path: Path) -> sqlite3.Connection:
    """A copy of a record that nobody else sees, empty where there is none of this version; the file is only read."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as source:
            check_version(source)
            source.backup(db)
    except (sqlite3.Error, Stale):
        db.close()
        db = sqlite3.connect(":memory:", check_same_thread=False)
    _furnish(db)
    db.execute(_PLACES)
    db.executescript(_CONDEMNED)
    return db


def _furnish(db: sqlite3.Connection) -> None:
    """Make the tables of a new record. Raises Stale for one of another version."""
    if db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0:
        db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
    check_version(db)
    for table in ("confirmed (at REAL NOT NULL)", "reached (place TEXT NOT NULL)"):
        db.execute(f"CREATE TABLE IF NOT EXISTS {table}")  # a record without it is read as before


def connected_record(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection to a record as it is."""
    mode = "?mode=ro" if read_only else ""
    db = sqlite3.connect(f"{path.absolute().as_uri()}{mode}", uri=True, timeout=20, check_same_thread=False)
    try:
        db.execute(_PLACES)
        db.executescript(_CONDEMNED)
    except sqlite3.Error:
        db.close()
        raise
    return db


def check_version(db: sqlite3.Connection) -> None:
    """Raise Stale unless the record is of this version."""
    if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
        raise Stale


def forget_record(path: Path) -> None:
    """Remove the record, and what SQLite keeps beside it."""
    for name in (path.name, path.name + "-journal", path.name + "-wal", path.name + "-shm"):
        with suppress(FileNotFoundError):
            remove(path.with_name(name))


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Give what goes wrong with the record at `path` inside the block its name; a broken one is dropped.

    Raises:
        DiskFull, StoreUnwritable: it cannot be written.
        Locked: another process holds it for too long.
        RemoteError: it was damaged; it is gone now, and the next command makes it anew.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "")
        if code.startswith("SQLITE_FULL"):
            raise DiskFull(f"no space left for {shown(path)}", hint="free some space and run it again") from error
        if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
            raise StoreUnwritable(
                f"{shown(path)} cannot be written: {error}", hint="check its owner and mode"
            ) from error
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Locked(f"{shown(path)} is in use by another process", hint="run the same command again") from error
        forget_record(path)
        raise RemoteError(
            f"the record of what is at the remote was damaged ({error}); it is dropped, and nothing is lost with it",
            hint="run the same command again",
        ) from error
