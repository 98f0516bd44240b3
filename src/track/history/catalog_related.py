"""Related runs: which records a lineage can lead over, found by the digests of what runs used and made.

It may find too many and never too few, so that a graph made of these records alone is the graph made of all.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from track.history.catalog_file import RECORD

_UPSTREAM = ("output", "output"), ("input", "input")
_DOWNSTREAM = ("input", "code"), ("output", "output")
_NEXT = """
    INSERT OR IGNORE INTO temp.next
    SELECT far.digest
    FROM temp.front t CROSS JOIN entry near ON near.digest = t.digest AND near.category IN (?, ?)
    CROSS JOIN temp.recorded h ON h.content = near.content
    CROSS JOIN entry far ON far.content = near.content AND far.category IN (?, ?)
    UNION SELECT s.target FROM temp.front t CROSS JOIN temp.said s ON s.source = t.digest"""
_NEW = "DELETE FROM temp.next WHERE digest IN (SELECT digest FROM temp.met)"
_TAKEN = (
    "INSERT INTO temp.met SELECT digest FROM temp.next",
    "DELETE FROM temp.front",
    "INSERT INTO temp.front SELECT digest FROM temp.next",
    "DELETE FROM temp.next",
)
_CODES = """
    INSERT OR IGNORE INTO temp.met SELECT code.digest
    FROM temp.met t CROSS JOIN entry e ON e.digest = t.digest CROSS JOIN temp.recorded h ON h.content = e.content
    CROSS JOIN entry code ON code.content = e.content AND code.category = 'code'"""
_ALL_OF_THEM = """
    SELECT DISTINCT e.content FROM temp.met t CROSS JOIN entry e ON e.digest = t.digest
    CROSS JOIN temp.recorded h ON h.content = e.content WHERE e.category = 'output' OR ?"""
_THE_LATEST_USER = """
    SELECT e.content, MAX(r.started) FROM temp.met t CROSS JOIN entry e ON e.digest = t.digest
    CROSS JOIN temp.recorded h ON h.content = e.content CROSS JOIN run r ON r.content = e.content
    WHERE e.category IN ('input', 'code') GROUP BY t.digest"""
_THE_LATEST_CALLING = """
    SELECT e.content, MAX(r.started) FROM entry e CROSS JOIN temp.recorded h ON h.content = e.content
    CROSS JOIN run r ON r.content = e.content WHERE e.name = ? GROUP BY e.digest"""
_OF_RUN = """
    SELECT e.content, e.digest, e.category FROM run r JOIN temp.recorded h ON h.content = r.content
    LEFT JOIN entry e ON e.content = r.content WHERE r.id = ?"""
_SAME_RUN = """
    SELECT o.content FROM run r JOIN run o ON o.id = r.id JOIN temp.recorded h ON h.content = o.content
    WHERE r.content = ?"""


class Way(NamedTuple):
    """Where a lineage leads: against time or, `downstream`, with it; over at most `depth` edges; and over what pointers
    say that content was made from: (its digest, the origin's) of each.
    """

    downstream: bool
    depth: int | None = None
    said: Collection[tuple[bytes, bytes]] = ()


class Related:
    """The records of a scope, by what their runs used and made. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, sources: Iterable[str]) -> None:
        """For `View`: look at the records in these tables of what is in scope."""
        self._database = database
        database.execute(
            "CREATE TEMP TABLE IF NOT EXISTS recorded(content INTEGER, path INTEGER, PRIMARY KEY(content, path)) "
            "WITHOUT ROWID"  # a record that was moved lies at several paths of a history, and only one is here
        )
        database.execute("CREATE TEMP TABLE IF NOT EXISTS said(source BLOB, target BLOB, UNIQUE(source, target))")
        for table in ("front", "next", "met"):
            database.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}(digest BLOB PRIMARY KEY) WITHOUT ROWID")
        for table in ("recorded", "said", "front", "next", "met"):
            database.execute(f"DELETE FROM temp.{table}")
        for source in sources:
            database.execute(
                f"INSERT OR IGNORE INTO temp.recorded SELECT s.content, s.path FROM {source} s WHERE s.what = {RECORD}"
            )

    def run_names(self) -> list[tuple[str, str]]:
        """The id and name of every run."""
        query = "SELECT r.id, r.name FROM temp.recorded h JOIN run r ON r.content = h.content"
        return list(self._database.execute(query))

    def digests_called(self, name: str) -> list[bytes]:
        """The digests of everything that runs call so."""
        query = (
            "SELECT DISTINCT e.digest FROM entry e CROSS JOIN temp.recorded h ON h.content = e.content WHERE e.name = ?"
        )
        return [digest for (digest,) in self._database.execute(query, (name,))]

    def known_names(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these names that a run calls anything by."""
        query = "SELECT 1 FROM entry e CROSS JOIN temp.recorded h ON h.content = e.content WHERE e.name = ? LIMIT 1"
        return frozenset(name for name in names if self._database.execute(query, (name,)).fetchone() is not None)

    def paths(self, digests: Iterable[bytes], runs: Sequence[str], way: Way, names: Iterable[str] = ()) -> list[bytes]:
        """The paths of the records that the lineage of this content, and of these runs, can lead over, sorted.

        Of each content that runs call by one of the `names`, a record that does is among them.
        """
        near, far = _DOWNSTREAM if way.downstream else _UPSTREAM
        found: set[int] = set()
        sought = set(map(bytes, digests))
        for run in runs:
            for content, digest, category in self._database.execute(_OF_RUN, (run,)):
                found.add(content)
                sought |= {digest} if category in far else set()
        pairs = [(origin, content) if way.downstream else (content, origin) for content, origin in way.said]
        self._database.executemany("INSERT OR IGNORE INTO temp.said VALUES (?, ?)", pairs)
        self._meet(sought, (*near, *far), way.depth)
        self._database.execute(_CODES)  # what is used and not followed has a name all the same
        found |= {content for (content,) in self._database.execute(_ALL_OF_THEM, (way.downstream,))}
        found |= {content for content, _ in self._database.execute(_THE_LATEST_USER)}
        for name in names:
            found |= {content for content, _ in self._database.execute(_THE_LATEST_CALLING, (name,))}
        for content in tuple(found):  # a record that tells of the same run otherwise may be the one that counts
            found.update(other for (other,) in self._database.execute(_SAME_RUN, (content,)))
        return self._paths_of(found)

    def committed(self) -> frozenset[str]:
        """All records that any ref has, or had, and that can be read, as Git's ids."""
        query = (
            "SELECT DISTINCT c.oid FROM version v CROSS JOIN content c ON c.id = v.content "
            f"WHERE v.what = {RECORD} AND c.state = 0"
        )
        return frozenset(oid.hex() for (oid,) in self._database.execute(query))

    def committed_at(self, paths: Iterable[bytes]) -> dict[bytes, list[str]]:
        """What any ref has, or had, at these paths of records, and can be read, as Git's ids; at some nothing."""
        query = """
            SELECT c.oid FROM path p CROSS JOIN version v ON v.path = p.id CROSS JOIN content c ON c.id = v.content
            WHERE p.path = ? AND c.state = 0 ORDER BY c.oid"""
        return {path: [oid.hex() for (oid,) in self._database.execute(query, (path,))] for path in paths}

    def _meet(self, sought: Iterable[bytes], sides: tuple[str, ...], depth: int | None) -> None:
        """Put into `met` the digests that are reached from those `sought`; none of these steps is less than an edge."""
        for table in ("front", "met"):
            self._database.executemany(f"INSERT INTO temp.{table} VALUES (?)", [(digest,) for digest in sought])
        taken = 0
        while depth is None or taken < depth:
            self._database.execute(_NEXT, sides)
            self._database.execute(_NEW)
            if self._database.execute("SELECT 1 FROM temp.next LIMIT 1").fetchone() is None:
                return
            for statement in _TAKEN:
                self._database.execute(statement)
            taken += 1

    def _paths_of(self, contents: Collection[int]) -> list[bytes]:
        query = "SELECT p.path FROM temp.recorded h JOIN path p ON p.id = h.path WHERE h.content = ?"
        return sorted(path for content in contents for (path,) in self._database.execute(query, (content,)))
