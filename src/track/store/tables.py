"""The tables of a remote's packs of chunks, kept here: where each chunk is there, and which object here has it, too.

An accelerator in SQLite beside the record of the remote, which may be deleted at any time: what is not in it is asked
of the remote again, or sent again. Nothing in it is believed: a table has to be the one that a recipe vouches for, a
chunk is hashed wherever it comes from. At 60 bytes a chunk it is a thousandth of the data.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from track.lending import lend
from track.publish import make_directories, remove
from track.store.chunked import ChunkedRecipe, NeededPack
from track.store.pack import RECORD_SIZE

_VERSION = 1
_TABLES = """
CREATE TABLE packs (
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, table_digest BLOB NOT NULL, table_offset INTEGER NOT NULL,
  records BLOB NOT NULL
);
CREATE TABLE chunks (key INTEGER NOT NULL, pack INTEGER NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (key, pack, number)) WITHOUT ROWID;
CREATE TABLE stretches (
  pack BLOB NOT NULL, object BLOB NOT NULL, at INTEGER NOT NULL, first INTEGER NOT NULL, chunks INTEGER NOT NULL,
  PRIMARY KEY (pack, object, at)
) WITHOUT ROWID;
CREATE TABLE objects (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_ENDINGS = ("", "-journal", "-wal", "-shm")
_ASKED_AT_ONCE = 500
_KEPT_OPEN = 64


def tables_beside(record: Path) -> Path:
    """Where the tables of a remote are kept, given the record of what is known of it."""
    return record.with_suffix(".tables")


class Spot(NamedTuple):
    """Where a chunk is: the entry `number` in the table of a pack."""

    pack: bytes
    number: int


class Owned(NamedTuple):
    """A stretch of a pack that an object here has at an offset: so many chunks from `first` on."""

    object: bytes
    at: int
    first: int
    chunks_count: int


class TablesUnusable(Exception):
    """Raised while objects are read by the tables of a remote, which cannot be used; `error` is what SQLite says."""

    def __init__(self, error: sqlite3.Error) -> None:
        """For whoever reads them."""
        super().__init__(str(error))
        self.error = error


class Tables:
    """The tables of one remote. Missing, damaged or of another version, it begins empty. Used in one thread at
    a time."""

    def __init__(self, path: Path | None) -> None:
        """Open the file at `path`, making it and its folder when missing; None: in memory."""
        self.path = path
        if path is not None:
            make_directories(path.parent)
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as error:
            if path is None or isinstance(error, sqlite3.OperationalError):  # full, locked: the file may be fine
                raise
            forget_tables(path)
            self._db = _opened(path)
        self._records: OrderedDict[bytes, bytes] = OrderedDict()
        self._usable: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        """The tables themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file; drop it when it turned out to be damaged."""
        self._db.close()
        is_broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if is_broken and self.path is not None:
            forget_tables(self.path)

    def begin_anew(self) -> None:
        """Keep nothing any more: the file turned out to be damaged."""
        self._db.close()
        if self.path is not None:
            forget_tables(self.path)
        self._records.clear()
        self._usable = {}
        self._db = _opened(self.path)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is noted inside the block at once."""
        with self._db:
            yield

    # Packs and their chunks.

    def note_table(self, pack: NeededPack, records: bytes) -> None:
        """Keep the table of a pack; the caller has seen that it is the one that the recipe, or its writer, says."""
        row = (pack.digest, pack.table_digest, pack.table_offset, records)
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO packs (digest, table_digest, table_offset, records) VALUES (?,?,?,?)", row
        )
        if not cursor.rowcount:
            return
        number = cursor.lastrowid
        keys = (_key(records, at) for at in range(0, len(records), RECORD_SIZE))
        self._db.executemany(
            "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?)", ((key, number, at) for at, key in enumerate(keys))
        )

    def records(self, pack: NeededPack) -> bytes | None:
        """The table of a pack, when it is kept and is the one that the recipe vouches for."""
        found = self._cached(pack.digest)
        if found is None or len(found) != pack.table_length:
            return None
        row = self._db.execute("SELECT table_digest FROM packs WHERE digest = ?", (pack.digest,)).fetchone()
        return found if row is not None and row[0] == pack.table_digest else None

    def needed(self, pack: bytes) -> NeededPack:
        """What a recipe says of a pack whose table is kept. Raises KeyError for any other."""
        query = "SELECT table_digest, table_offset, length(records) FROM packs WHERE digest = ?"
        row = self._db.execute(query, (pack,)).fetchone()
        if row is None:
            raise KeyError(pack)
        return NeededPack(pack, row[0], row[1], row[2] // RECORD_SIZE)

    def lacking(self, packs: Iterable[bytes]) -> list[bytes]:
        """Those of which no table is kept, sorted."""
        return sorted(set(packs) - {row[0] for row in self._db.execute("SELECT digest FROM packs")})

    def use(self, is_there: Callable[[Sequence[bytes]], Iterable[bytes]], *, forget: bool = True) -> None:
        """Say, asked in parts, which packs are at the remote: `spots` gives others no more, and they are forgotten
        unless another connection may know better (not `forget`)."""
        self._usable = {}
        gone: list[tuple[int]] = []
        rows = self._db.execute("SELECT id, digest FROM packs").fetchall()
        for at in range(0, len(rows), _ASKED_AT_ONCE):
            part = rows[at : at + _ASKED_AT_ONCE]
            there = set(is_there([digest for _, digest in part]))
            self._usable |= {number: digest for number, digest in part if digest in there}
            gone += [(number,) for number, digest in part if digest not in there]
        if not forget:
            return
        with self._db:
            for (number,) in gone:
                self._db.executemany("DELETE FROM chunks WHERE key = ? AND pack = ?", self._rows_of(number))
            self._db.executemany("DELETE FROM packs WHERE id = ?", gone)

    def _rows_of(self, number: int) -> list[tuple[int, int]]:
        (records,) = self._db.execute("SELECT records FROM packs WHERE id = ?", (number,)).fetchone()
        return [(_key(records, at), number) for at in range(0, len(records), RECORD_SIZE)]

    @property
    def is_used(self) -> bool:
        """Whether `spots` may give anything."""
        return bool(self._usable)

    def may_use(self, pack: bytes) -> None:
        """Have `spots` give chunks of this pack, too: this push brings it."""
        row = self._db.execute("SELECT id FROM packs WHERE digest = ?", (pack,)).fetchone()
        if row is not None:  # else somebody deleted the file meanwhile: what is not in it is not used
            self._usable[row[0]] = pack

    def spots(self, digests: Sequence[bytes]) -> dict[bytes, list[Spot]]:
        """Every place of each chunk in packs that `use` and `may_use` named; those without any are left out."""
        found: dict[bytes, list[Spot]] = {}
        by_key = {_key(digest, 0): digest for digest in digests}
        keys = list(by_key)
        for at in range(0, len(keys), _ASKED_AT_ONCE):
            part = keys[at : at + _ASKED_AT_ONCE]
            query = f"SELECT key, pack, number FROM chunks WHERE key IN ({','.join('?' * len(part))})"
            for key, pack, number in self._db.execute(query, part).fetchall():
                digest, name = by_key[key], self._usable.get(pack)
                records = None if name is None else self._cached(name)
                if name is not None and records is not None and records.startswith(digest, number * RECORD_SIZE):
                    found.setdefault(digest, []).append(Spot(name, number))
        return found

    def _cached(self, pack: bytes) -> bytes | None:
        if (found := self._records.pop(pack, None)) is None:
            row = self._db.execute("SELECT records FROM packs WHERE digest = ?", (pack,)).fetchone()
            if row is None:
                return None
            found = bytes(row[0])
            if len(self._records) >= _KEPT_OPEN:
                self._records.popitem(last=False)
        self._records[pack] = found
        return found

    # Which objects here are made of them.

    def note_object(self, recipe: ChunkedRecipe) -> None:
        """Note of what an object that is here is made at the remote."""
        with self._db:
            if self._db.execute("INSERT OR IGNORE INTO objects VALUES (?)", (recipe.digest,)).rowcount == 0:
                return
            at = 0
            for number, first, count, _, length in recipe.stretches:  # the first time is enough
                row = (recipe.packs[number].digest, recipe.digest, at, first, count)
                self._db.execute("INSERT OR IGNORE INTO stretches VALUES (?, ?, ?, ?, ?)", row)
                at += length

    def owned(self, pack: bytes) -> list[Owned]:
        """The stretches of a pack that objects here were noted to have; whether they still are here is to be seen."""
        query = "SELECT object, at, first, chunks FROM stretches WHERE pack = ?"
        return [Owned._make(row) for row in self._db.execute(query, (pack,))]

    def forget_object(self, digest: bytes) -> None:
        """Forget an object that is no longer here."""
        with self._db:
            self._db.execute("DELETE FROM stretches WHERE object = ?", (digest,))
            self._db.execute("DELETE FROM objects WHERE digest = ?", (digest,))


def _opened(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:", timeout=20, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = OFF")  # it can be made again
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            if db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.DatabaseError("of another version")
            db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
        if path is not None:
            lend(path)
    except BaseException:
        db.close()
        raise
    return db


def forget_tables(path: Path) -> None:
    """Remove the file, and what SQLite keeps beside it."""
    for ending in _ENDINGS:
        with suppress(FileNotFoundError):
            remove(path.with_name(path.name + ending))


def _key(digest: bytes, at: int) -> int:
    """What a chunk is looked for by: the first 63 bits of its digest. The rest is compared with the table."""
    return int.from_bytes(digest[at : at + 8], "big") >> 1
