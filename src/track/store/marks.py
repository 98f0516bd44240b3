"""Marks: which digests are still needed, as a set that may be larger than memory (SQLite, gone when it is closed)."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol, Self

from track.errors import DiskFull, StoreUnwritable

_ASKED_AT_ONCE = 2000
_TABLES = """
CREATE TABLE roots (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, sure INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE kept (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE nodes (digest BLOB PRIMARY KEY, root INTEGER NOT NULL, state INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dead (digest BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX waiting ON nodes (state, digest) WHERE state = 0;
"""
_WAITING, _DONE, _LOST, _ABSENT = 0, 1, 2, 3


class Needed(Protocol):
    """Says which digests are needed."""

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these that are needed."""


class AllBut:
    """As marks: everything but what is purged is needed."""

    def __init__(self, purged: frozenset[bytes]) -> None:
        """`purged` are the digests that nothing may need."""
        self._purged = purged

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these that are not purged."""
        return set(digests) - self._purged


class Root(NamedTuple):
    """A digest that something names, and by what: `name` is for people.

    `is_directory` is None where nobody knows; only a root that is `is_sure` is missed when it is not there.
    """

    digest: bytes
    is_directory: bool | None
    is_sure: bool
    name: str


class Waiting(NamedTuple):
    """A node whose children are not marked yet; `is_sure` as its root's."""

    digest: bytes
    root: int
    is_sure: bool


class Lost(NamedTuple):
    """A node that could not be read, the root it lies below (itself, it may be), and what names that."""

    digest: bytes
    root: bytes
    name: str


class Marks:
    """A growing set of needed digests; made for a `with` block. Raises DiskFull where temporary space runs out."""

    def __init__(self) -> None:
        """Empty. SQLite keeps it in its page cache, and in a nameless temporary file when it grows."""
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget everything."""
        self._db.close()

    def add_roots(self, roots: Iterable[Root]) -> None:
        """Need these, and all that lies below them."""
        with _named(), self._transaction():
            for root in roots:
                self._db.execute(
                    "INSERT INTO roots (digest, sure, name) VALUES (?, ?, ?) ON CONFLICT (digest)"
                    " DO UPDATE SET name = CASE WHEN excluded.sure > sure THEN excluded.name ELSE name END,"
                    " sure = max(sure, excluded.sure)",
                    (root.digest, root.is_sure and root.is_directory is True, root.name),
                )
                self._db.execute("INSERT OR IGNORE INTO kept VALUES (?)", (root.digest,))
                if root.is_directory is not False:
                    self._db.execute(
                        "INSERT OR IGNORE INTO nodes SELECT digest, id, 0 FROM roots WHERE digest = ?", (root.digest,)
                    )

    def keep(self, digests: Iterable[bytes]) -> None:
        """Need these alone, and nothing for what lies below them."""
        with _named(), self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?)", ((digest,) for digest in digests))

    def waiting(self, most: int = 512) -> list[Waiting]:
        """Some nodes whose children are not marked yet; none when everything is."""
        query = "SELECT nodes.digest, root, sure FROM nodes JOIN roots ON roots.id = root WHERE state = 0 LIMIT ?"
        with _named():
            return [Waiting(digest, root, bool(sure)) for digest, root, sure in self._db.execute(query, (most,))]

    def settle(
        self, node: Waiting, nodes: Iterable[bytes], files: Iterable[bytes], *, is_certain: bool = False
    ) -> None:
        """A node was read: these are the nodes below it, and these the files.

        With `is_certain`, its root is a directory beyond doubt now: what is below it is missed when it is not there.
        """
        with _named(), self._transaction():
            if is_certain and not node.is_sure:
                self._db.execute("UPDATE roots SET sure = 1 WHERE id = ?", (node.root,))
            below = [(digest, node.root) for digest in nodes]
            self._db.executemany("INSERT OR IGNORE INTO nodes VALUES (?, ?, 0)", below)
            self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?)", [(digest,) for digest, _ in below])
            self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?)", [(digest,) for digest in files])
            self._db.execute("UPDATE nodes SET state = ? WHERE digest = ?", (_DONE, node.digest))

    def lose(self, node: Waiting, *, is_absent: bool = False) -> None:
        """A node could not be read: what lies below it is not known; one that `is_absent` may come."""
        with _named():
            state = _LOST if node.is_sure else _ABSENT if is_absent else _DONE
            self._db.execute("UPDATE nodes SET state = ? WHERE digest = ?", (state, node.digest))

    def look_again(self) -> None:
        """Nodes that were lost or absent wait again: they may be there by now, or where one looks next."""
        with _named():
            self._db.execute("UPDATE nodes SET state = ? WHERE state IN (?, ?)", (_WAITING, _LOST, _ABSENT))

    def lost(self) -> list[Lost]:
        """Nodes that could not be read, sorted by name."""
        query = (
            "SELECT nodes.digest, roots.digest, name FROM nodes JOIN roots ON roots.id = root"
            " WHERE state = 2 ORDER BY name, nodes.digest"
        )
        with _named():
            return [Lost(*row) for row in self._db.execute(query)]

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these that are needed."""
        found: set[bytes] = set()
        with _named():
            for at in range(0, len(digests), _ASKED_AT_ONCE):
                piece = digests[at : at + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(piece))
                found.update(
                    row[0] for row in self._db.execute(f"SELECT digest FROM kept WHERE digest IN ({marks})", piece)
                )
        return found

    def every(self, most: int = 10_000) -> Iterator[list[bytes]]:
        """Everything that is needed, so many at a time; nothing is added meanwhile."""
        with _named():
            rows = self._db.execute("SELECT digest FROM kept")
            while part := rows.fetchmany(most):
                yield [digest for (digest,) in part]

    def count(self) -> int:
        """How many digests are needed."""
        with _named():
            return int(self._db.execute("SELECT count(*) FROM kept").fetchone()[0])

    def note_dead(self, objects: Iterable[tuple[bytes, int]]) -> None:
        """These (digest, bytes as stored) are not needed; for an explanation."""
        with _named(), self._transaction():
            self._db.executemany(
                "INSERT INTO dead VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET size = size + excluded.size", objects
            )

    def explain(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """Those of these that are noted as dead, with their bytes; from now on they are explained."""
        asked = list(digests)
        found: dict[bytes, int] = {}
        with _named(), self._transaction():
            for at in range(0, len(asked), _ASKED_AT_ONCE):
                piece = asked[at : at + _ASKED_AT_ONCE]
                where = f"WHERE digest IN ({','.join('?' * len(piece))})"
                found.update(self._db.execute(f"SELECT digest, size FROM dead {where}", piece))
                self._db.execute(f"DELETE FROM dead {where}", piece)
        return found

    def unexplained(self) -> tuple[int, int]:
        """How many dead objects are not explained, and their bytes."""
        with _named():
            count, size = self._db.execute("SELECT count(*), total(size) FROM dead").fetchone()
        return int(count), int(size)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        yield
        self._db.execute("COMMIT")


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
            hint = "free some space, or name another folder: SQLITE_TMPDIR=/other/disk track gc"
            raise DiskFull("no temporary space left to note what is still needed", hint=hint) from error
        raise StoreUnwritable(f"what is still needed cannot be noted: {error}") from error
