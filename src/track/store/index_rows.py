"""The rows of the local index: its tables, and how packs become rows of them."""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.store.chunked import RECIPE_LIMIT, needed_packs
from track.store.layout import PACKS, pack_digest
from track.store.pack import CHUNK, RAW, READ_FLAGS, RECIPE, ZSTD, PackEntry
from track.system import read_at, reading

VERSION = 2
PATIENCE_S = 30.0
"""So long another process is waited for."""
WHOLE, DAMAGED = 0, 1
"""The states of a pack."""
_TABLES = """
CREATE TABLE packs (
  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, state INTEGER NOT NULL,
  chunks INTEGER NOT NULL
);
CREATE TABLE objects (
  digest BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, stored_length INTEGER NOT NULL,
  length INTEGER NOT NULL, form INTEGER NOT NULL,
  PRIMARY KEY (digest, pack, offset)
) WITHOUT ROWID;
CREATE TABLE needs (
  object BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, needed BLOB NOT NULL,
  PRIMARY KEY (object, pack, offset, needed)
) WITHOUT ROWID;
CREATE INDEX needed ON needs (needed);
"""


class NewPack(NamedTuple):
    """A pack to be known: its name, size in bytes and records; and which packs the recipes in it need, by object."""

    name: bytes
    size: int
    entries: Sequence[PackEntry]
    needs: Mapping[bytes, Sequence[bytes]] = MappingProxyType({})


def connect(path: Path | None) -> sqlite3.Connection:
    """An open index, in memory where there is no path."""
    db = sqlite3.connect(path or ":memory:", timeout=PATIENCE_S, check_same_thread=False)
    late = time.monotonic() + PATIENCE_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # of two that begin one at once SQLite lets neither wait for this
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > late:
                db.close()
                raise
            time.sleep(0.01)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA cache_size = -16000")
    return db


def version_of(db: sqlite3.Connection) -> int:
    """The version of the tables in it; 0 where there are none."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def create_tables(db: sqlite3.Connection) -> None:
    """Make the tables, unless another process just has; those of another version are dropped."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        if version_of(db) == VERSION:
            return
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            db.execute(f'DROP TABLE "{name}"')
        for statement in _TABLES.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


def insert(db: sqlite3.Connection, packs: list[NewPack]) -> None:
    """Add rows for these packs, in a transaction of their own."""
    db.execute("BEGIN IMMEDIATE")
    rows: list[tuple[bytes, int, int, int, int, int]] = []
    needs: list[tuple[bytes, int, int, bytes]] = []
    for pack in packs:
        db.execute(
            "INSERT INTO packs (name, size, state, chunks) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET size = excluded.size, state = excluded.state",
            (pack.name, pack.size, WHOLE, sum(entry.flags == CHUNK for entry in pack.entries)),
        )
        number = db.execute("SELECT id FROM packs WHERE name = ?", (pack.name,)).fetchone()[0]
        rows += [
            (digest, number, offset, stored_length, length, form)
            for digest, form, flags, offset, stored_length, length, _ in pack.entries
            if not flags and (form in (RAW, ZSTD) or (form == RECIPE and digest in pack.needs))
        ]
        needs += [
            (entry.digest, number, entry.offset, needed)
            for entry in (pack.entries if pack.needs else ())
            if entry.form == RECIPE and not entry.flags
            for needed in pack.needs.get(entry.digest, ())
        ]
    rows.sort(key=itemgetter(0))
    db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT OR REPLACE INTO needs VALUES (?, ?, ?, ?)", needs)


def forget(db: sqlite3.Connection, names: Iterable[bytes]) -> None:
    """Remove the rows of these packs."""
    for name in names:
        for table in ("objects", "needs"):
            db.execute(f"DELETE FROM {table} WHERE pack = (SELECT id FROM packs WHERE name = ?)", (name,))
        db.execute("DELETE FROM packs WHERE name = ?", (name,))


def needs_of(path: Path, entries: Sequence[PackEntry]) -> dict[bytes, tuple[bytes, ...]]:
    """Which packs the recipes in a pack need; those that are damaged, or of a later version, are left out."""
    recipes = [one for one in entries if one.form == RECIPE and not one.flags and one.stored_length <= RECIPE_LIMIT]
    found: dict[bytes, tuple[bytes, ...]] = {}
    if recipes:
        with reading(path):
            fd = os.open(path, READ_FLAGS)
        try:
            for entry in recipes:
                with suppress(DamagedObject, NewerFormat):
                    stored = read_at(fd, entry.stored_length, entry.offset)
                    found[entry.digest] = needed_packs(stored, entry.digest, entry.flags)
        finally:
            os.close(fd)
    return found


def size_of(path: Path) -> int:
    """The bytes of a file; -1 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def listed(packs: Path) -> Iterator[tuple[bytes, Path]]:
    """Every file in the folder whose name is that of a pack, with the digest that it is named by."""
    with suppress(FileNotFoundError):
        for prefix in os.listdir(packs):
            with suppress(NotADirectoryError, FileNotFoundError):
                for name in os.listdir(packs / prefix):
                    if (digest := pack_digest(f"{PACKS}{prefix}/{name}")) is not None:
                        yield digest, packs / prefix / name
