"""Runs in the catalog in short: enough to choose and order them, so that only the records of the chosen are read."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

from track.history.catalog_file import RECORD
from track.history.catalog_query import ALL, Narrowing
from track.model import document

_COLUMNS = {
    "created": "started", "started": "started", "ended": "ended", "name": "name", "status": "status", "user": "user",
    "id": "id",
}  # fmt: skip
_ASKED_AT_ONCE = 500
_SHORT = 8
"""So many digits of an id are shown."""


Head: TypeAlias = tuple[float, str, int, int]
"""A run in short: when it began in seconds since 1970, its id, and the numbers of its path and content."""


class Heads:
    """The records of a scope, each with its path. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, sources: Iterable[str]) -> None:
        """For `View`: look at the records in these tables of what is in scope."""
        self._database = database
        self._sources = tuple(sources)

    def all(self) -> list[Head]:
        """Every record that can be read; one that lies at two paths is there twice."""
        found: list[Head] = []
        for source in self._sources:
            found += self._database.execute(
                f"SELECT r.started, r.id, s.path, s.content FROM {source} s JOIN run r ON r.content = s.content "
                f"WHERE s.what = {RECORD}"
            ).fetchall()
        return found if len(self._sources) == 1 else list(set(found))

    def names(self) -> dict[int, str]:
        """What runs are called, by the number of the content of the record; of the whole history."""
        return dict(self._database.execute("SELECT content, name FROM run"))

    def called(self, word: str) -> list[str]:
        """The ids of the runs of this name or short id; of the whole history, also where only pointers know the run."""
        query = "SELECT DISTINCT id FROM run WHERE name = ?"
        values = [word]
        if len(word) == _SHORT and set(word) <= set("0123456789abcdef"):
            query += (
                f" UNION SELECT id FROM run WHERE substr(id, -{_SHORT}) = ?"
                f" UNION SELECT run FROM content WHERE run IS NOT NULL AND substr(run, -{_SHORT}) = ?"
            )
            values += [word, word]
        return [id for (id,) in self._database.execute(query, values)]

    def makers_of(self, digest: bytes) -> set[int]:
        """The numbers of the contents of records that say their run made this content; of the whole history."""
        query = "SELECT content FROM entry WHERE digest = ? AND category = 'output'"
        return {number for (number,) in self._database.execute(query, (bytes(digest),))}

    def documents(self, narrowing: Narrowing = ALL) -> Iterator[tuple[int, dict[str, Any]]]:
        """(the number of the content, what it says) of each record of which `narrowing` is true."""
        for source in self._sources:
            condition, values = narrowing.over(source)
            query = (
                f"SELECT c.id, c.document, c.is_plain FROM {source} s JOIN content c ON c.id = s.content "
                f"JOIN run r ON r.content = c.id WHERE s.what = {RECORD} {condition}"
            )
            for content, text, is_plain in self._database.execute(query, values):
                yield content, document.with_sides(document.unpack(text, is_plain))

    def values(self, path: tuple[str, ...]) -> dict[int, Any] | None:
        """The value of a field by the number of the content, a time in seconds; None where documents have to be asked.

        A record without the field is not among them.
        """
        if len(path) == 1 and (column := _COLUMNS.get(path[0])) is not None:
            query = f"SELECT content, {column} FROM run WHERE {column} IS NOT NULL"
            return dict(self._database.execute(query))
        name = ".".join(path)
        is_other = path[0] == "metrics" and name.endswith(document.OF_METRICS)
        if len(path) == 1 or path[0] not in ("metrics", "params", "metadata") or is_other:
            return None
        query = "SELECT f.content, f.value FROM field d JOIN fact f ON f.field = d.id WHERE d.name = ?"
        found = dict(self._database.execute(query, (name,)))
        odd = [number for (number,) in self._database.execute("SELECT id FROM content WHERE is_whole = 0")]
        return None if odd else found

    def numbers_of(self, paths: Collection[bytes]) -> set[int]:
        """The numbers of these paths, as far as the catalog knows them."""
        rows = (self._database.execute("SELECT id FROM path WHERE path = ?", (path,)).fetchone() for path in paths)
        return {number for found in rows if found is not None for number in found}

    def paths_of(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """The paths with these numbers."""
        asked = list(numbers)
        found: dict[int, bytes] = {}
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            few = asked[start : start + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(few))  # only marks are put in
            found.update(self._database.execute(f"SELECT id, path FROM path WHERE id IN ({marks})", few))
        return found
