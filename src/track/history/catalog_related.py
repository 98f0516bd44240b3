"""Related runs: which records a lineage can lead over, found by the digests of what runs used and made.

It may find too many and never too few, so that a graph made of these records alone is the graph made of all.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from track.history.catalog_file import RECORD

_UPSTREAM = ("output", "output"), ("input", "input")
_DOWNSTREAM = ("input", "code"), ("output", "output")
_REACHED = """
    WITH RECURSIVE reached(digest) AS (
        SELECT digest FROM temp.sought
        UNION SELECT far.digest
        FROM reached t CROSS JOIN entry near ON near.digest = t.digest AND near.category IN (?, ?)
        CROSS JOIN temp.recorded h ON h.content = near.content
        CROSS JOIN entry far ON far.content = near.content AND far.category IN (?, ?)
        UNION SELECT {origin}
    )
    INSERT OR IGNORE INTO temp.met SELECT digest FROM reached"""
_TO_ORIGIN = """o.digest FROM reached t CROSS JOIN content c ON c.digest = t.digest
        CROSS JOIN origin o ON o.content = c.id"""
_FROM_ORIGIN = """c.digest FROM reached t CROSS JOIN origin o ON o.digest = t.digest
        CROSS JOIN content c ON c.id = o.content WHERE c.digest IS NOT NULL"""
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
_OF_RUN = """
    SELECT e.content, e.digest, e.category FROM run r JOIN temp.recorded h ON h.content = r.content
    JOIN entry e ON e.content = r.content WHERE r.id = ?"""


class Related:
    """The records of a scope, by what their runs used and made. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, sources: Iterable[str]) -> None:
        """For `View`: look at the records in these tables of what is in scope."""
        self._database = database
        database.execute("CREATE TEMP TABLE IF NOT EXISTS recorded(content INTEGER PRIMARY KEY, path INTEGER)")
        for table in ("sought", "met"):
            database.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}(digest BLOB PRIMARY KEY) WITHOUT ROWID")
        for table in ("recorded", "sought", "met"):
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
        query = "SELECT DISTINCT e.digest FROM temp.recorded h JOIN entry e ON e.content = h.content WHERE e.name = ?"
        return [digest for (digest,) in self._database.execute(query, (name,))]

    def paths(self, digests: Iterable[bytes], runs: Sequence[str], *, downstream: bool) -> list[bytes]:
        """The paths of the records that the lineage of this content, and of these runs, can lead over, sorted."""
        near, far = _DOWNSTREAM if downstream else _UPSTREAM
        found: set[int] = set()
        sought = set(map(bytes, digests))
        for run in runs:
            for content, digest, category in self._database.execute(_OF_RUN, (run,)):
                found.add(content)
                sought |= {digest} if category in far else set()
        self._database.executemany("INSERT OR IGNORE INTO temp.sought VALUES (?)", [(digest,) for digest in sought])
        origin = _FROM_ORIGIN if downstream else _TO_ORIGIN
        self._database.execute(_REACHED.format(origin=origin), (*near, *far))
        self._database.execute(_CODES)  # what is used and not followed has a name all the same
        found |= {content for (content,) in self._database.execute(_ALL_OF_THEM, (downstream,))}
        found |= {content for content, _ in self._database.execute(_THE_LATEST_USER)}
        return self._paths_of(found)

    def _paths_of(self, contents: Collection[int]) -> list[bytes]:
        query = "SELECT p.path FROM temp.recorded h JOIN path p ON p.id = h.path WHERE h.content = ?"
        return sorted(path for content in contents for (path,) in self._database.execute(query, (content,)))
