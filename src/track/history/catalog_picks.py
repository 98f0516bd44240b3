"""Picks: the rows of a scope one by one in no order, and some of them again by where they lie.

So who wants many of them in an order holds no more of each than what it is ordered by.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from track.history.catalog_file import RECORD
from track.history.catalog_query import ALL, Narrowing

Place: TypeAlias = tuple[int, int] | tuple[int, int, int]
"""Where a row lies: its path and content, and of what a run saved to itself alone its number in the record."""

_VERSION = "v.id, p.path, p.shown, v.created, v.user, v.oid, {document}, c.is_plain, c.sum"
_SAVED = (
    "e.id, e.name, COALESCE(r.ended, r.started), r.user, v.oid, e.category, e.digest, e.size, e.kind, e.type, e.how, "
    "e.metadata, r.id"
)
# Without `likely`, the versions of one path are looked for among all of their kind.
_VERSIONS_IN = """
    SELECT {row}, s.path, s.content FROM {source} s JOIN content c ON c.id = s.content JOIN path p ON p.id = s.path
    {run} LEFT JOIN version v ON v.path = s.path AND v.content = s.content
    WHERE likely(s.what = {what}) AND c.state = 0 {condition}"""
_VERSION_AT = """
    SELECT {row} FROM path p CROSS JOIN content c LEFT JOIN version v ON v.path = p.id AND v.content = c.id
    WHERE p.id = ? AND c.id = ?"""
_LOOSE = """
    SELECT s.path, s.content FROM standing s
    WHERE s.worktree = :worktree AND s.is_loose = 1 AND s.what = :what
    AND s.path NOT IN (SELECT path FROM temp.replaced)
    AND s.content NOT IN (SELECT id FROM content WHERE state > 0)
    AND NOT EXISTS (SELECT 1 FROM version v WHERE v.path = s.path AND v.content = s.content)"""
_STANDING = """
    SELECT s.path, s.content FROM version v CROSS JOIN standing s
    ON s.path = v.path AND s.what = v.what AND s.content = v.content {run}
    WHERE v.what = :what AND v.created >= :since AND s.worktree = :worktree
    AND s.path NOT IN (SELECT path FROM temp.replaced) AND s.content NOT IN (SELECT id FROM content WHERE state > 0)
    ORDER BY v.created DESC, {id} DESC LIMIT :limit"""
_UNCOMMITTED_FIRST = "v.created IS NULL DESC, v.created DESC, v.id DESC"
_LATEST_BEGUN_FIRST = "r.started DESC, r.id DESC"
"""A run began when its record says, whether a commit has that or not."""
_SINCE = "SELECT created FROM version WHERE what = ? ORDER BY created DESC LIMIT 1 OFFSET ?"
_PATH, _CREATED, _COMMIT, _SUM = 1, 3, 5, 8
_AMONG = 2_000
"""So many of the newest versions are looked at before all that stands is put in order."""
_SAVED_IN = """
    SELECT {row}, s.path, s.content, e.number FROM run r JOIN {source} s ON s.content = r.content
    JOIN entry e ON e.content = s.content LEFT JOIN version v ON v.path = s.path AND v.content = s.content
    WHERE s.what = {what} AND e.path IS NULL {condition}"""
_SAVED_AT = """
    SELECT {row} FROM run r CROSS JOIN entry e ON e.content = r.content
    LEFT JOIN version v ON v.path = ? AND v.content = r.content WHERE r.content = ? AND e.number = ?"""


class Picks:
    """The rows of a scope. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, sources: Sequence[str], worktree: int | None) -> None:
        """For `View`: look at what these tables say is in scope; a subquery among them is of this working tree."""
        self._database = database
        self._sources = tuple(sources)
        self._worktree = worktree

    def newest(self, what: int, narrowing: Narrowing, limit: int | None) -> list[tuple[Any, ...]]:
        """The rows of POINTER or RECORD, of each source the newest at most.

        A pointer that no commit has comes before all; of records those whose runs began last are the newest.
        """
        found: list[tuple[Any, ...]] = []
        for source in self._sources:
            is_quick = limit is not None and not narrowing.sql and source.startswith("(")
            rows = self._newest_standing(what, limit or 0) if is_quick else None
            found += self._newest_of(source, what, narrowing, limit) if rows is None else rows
        return found

    def newest_records(self, narrowing: Narrowing, limit: int | None) -> list[tuple[Any, ...]]:
        """The same rows of RECORD, of each content one: that of a commit rather than none, then of the least path."""
        asked = limit
        while True:
            rows = self.newest(RECORD, narrowing, asked)
            rows.sort(key=lambda row: (row[_COMMIT] is None, row[_PATH]), reverse=True)
            once = {row[_SUM]: row for row in rows}
            if limit is None or len(once) >= limit or len(rows) < (asked or 0):
                return list(once.values())
            asked = 2 * (asked or 1)  # some of the newest were copies

    def _newest_of(self, source: str, what: int, narrowing: Narrowing, limit: int | None) -> list[tuple[Any, ...]]:
        condition, values = narrowing.over(source)
        query = _VERSIONS_IN.format(
            row=_VERSION.format(document="c.document"), source=source, what=what, condition=condition,
            run="JOIN run r ON r.content = s.content" if what == RECORD else "",
        )  # fmt: skip
        most = "" if limit is None else f"LIMIT {limit:d}"
        ordered = f"{query} ORDER BY {_LATEST_BEGUN_FIRST if what == RECORD else _UNCOMMITTED_FIRST} {most}"
        rows = [row[:-2] for row in self._database.execute(ordered, values)]
        if (
            what != RECORD and len(rows) == limit and rows[-1][_CREATED] is None
        ):  # the database does not know which of these come first
            return self._newest_of(source, what, narrowing, None)
        return rows

    def _newest_standing(self, what: int, limit: int) -> list[tuple[Any, ...]] | None:
        """The newest that stand, looked for among the newest of all; None where these are too few."""
        since = self._database.execute(_SINCE, (what, _AMONG)).fetchone() or (float("-inf"),)
        values = {"what": what, "worktree": self._worktree, "limit": limit, "since": since[0]}
        loose = self._database.execute(_LOOSE, values).fetchall()
        if what != RECORD and len(loose) >= limit:
            return [self.version(place) for place in loose]
        run, id = ("CROSS JOIN run r ON r.content = v.content", "r.id") if what == RECORD else ("", "v.id")
        standing = self._database.execute(_STANDING.format(run=run, id=id), values).fetchall()
        are_enough = len(standing) + (0 if what == RECORD else len(loose)) >= limit  # loose runs may be older than all
        return [self.version(place) for place in (*loose, *standing)] if are_enough else None

    def versions(
        self, what: int, narrowing: Narrowing = ALL, *, bare: bool = False
    ) -> Iterator[tuple[Place, tuple[Any, ...]]]:
        """(place, row) of each POINTER or RECORD; `bare` ones have no document."""
        row = _VERSION.format(document="NULL" if bare else "c.document")
        run = "JOIN run r ON r.content = s.content" if what == RECORD else ""
        for source in self._sources:
            condition, values = narrowing.over(source)
            query = _VERSIONS_IN.format(row=row, source=source, run=run, what=what, condition=condition)
            for found in self._database.execute(query, values):
                yield found[-2:], found[:-2]

    def version(self, place: Place) -> tuple[Any, ...]:
        """The row of a POINTER or RECORD."""
        query = _VERSION_AT.format(row=_VERSION.format(document="c.document"))
        return tuple(self._database.execute(query, place).fetchone())

    def saved(self, narrowing: Narrowing = ALL) -> Iterator[tuple[Place, tuple[Any, ...]]]:
        """(place, row) of all that runs saved to themselves alone; of a record that was written again, once more."""
        for source in self._sources:
            condition, values = narrowing.over(source)
            query = _SAVED_IN.format(row=_SAVED, source=source, what=RECORD, condition=condition)
            for found in self._database.execute(query, values):
                yield found[-3:], found[:-3]

    def saved_at(self, place: Place) -> tuple[Any, ...]:
        """The row of what a run saved to itself alone."""
        return tuple(self._database.execute(_SAVED_AT.format(row=_SAVED), place).fetchone())
