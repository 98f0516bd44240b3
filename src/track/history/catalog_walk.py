"""Walks through the catalog: everything of a scope one by one, of any number in little memory.

`version` is walked in the order of an index that has it, oldest first, so that nothing has to be sorted; what stands in
a scope beside it comes at the end, and is little.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from track.history.catalog_file import POINTER, RECORD

_VERSIONS = """
    SELECT v.id, p.path, p.shown, v.created, v.user, v.oid, c.document, c.is_plain, c.sum
    FROM {source} CROSS JOIN content c ON c.id = s.content CROSS JOIN path p ON p.id = s.path {version}
    WHERE s.what = ? AND c.state = 0 {once} {order}"""
# One run may have several records, after a rewrite for instance: what it saved is told by the last of them.
_SAVED = """
    SELECT e.id, e.name, COALESCE(r.ended, r.started), r.user, v.oid, e.category, e.digest, e.size, e.kind, e.type,
           e.how, e.metadata, r.id
    FROM {source} CROSS JOIN run r ON r.content = s.content CROSS JOIN entry e ON e.content = s.content {version}
    WHERE s.what = ? AND e.path IS NULL AND NOT EXISTS (
        SELECT 1 FROM entry f CROSS JOIN version w ON w.what = s.what AND w.content = f.content
        WHERE f.id = e.id AND f.path IS NULL AND w.content > s.content) {once} {order}"""
_ENTRIES = """
    SELECT r.id, e.id, e.category, e.name, e.path, e.digest, e.size, e.kind, e.type, e.how, e.address, e.metadata
    FROM {source} CROSS JOIN run r ON r.content = s.content CROSS JOIN entry e ON e.content = s.content
    WHERE s.what = ? {once} {order}"""
_ORIGINS = """
    SELECT v.id, p.path, c.sum, o.name, o.digest, c.digest
    FROM {source} CROSS JOIN origin o ON o.content = s.content CROSS JOIN content c ON c.id = s.content
    CROSS JOIN path p ON p.id = s.path {version} WHERE s.what = ? {once} {order}"""
# A record that was copied lies at several paths, and is one run all the same.
_LESSER = """AND NOT EXISTS (
    SELECT 1 FROM {source} w CROSS JOIN path o ON o.id = w.path CROSS JOIN path i ON i.id = s.path
    WHERE w.what = s.what AND w.content = s.content AND o.path < i.path) """
_BEFORE = "AND NOT EXISTS (SELECT 1 FROM {source} w WHERE w.what = s.what AND w.content = s.content) "
_ITSELF = {
    "source": "version s",
    "version": "CROSS JOIN version v ON v.path = s.path AND v.content = s.content",
    "order": "ORDER BY s.created, s.path, s.content",
}
_BESIDE = "LEFT JOIN version v ON v.path = s.path AND v.content = s.content"


class Walk:
    """The rows of a scope, one by one. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, sources: Sequence[str]) -> None:
        """For `View`: look at what these tables say is in scope."""
        self._database = database
        self._sources = tuple(sources)

    def versions(self, what: int) -> Iterator[tuple[Any, ...]]:
        """Of POINTER or RECORD: id (None where no commit has it), path, what it is called, created, user, commit,
        document, whether that is plain, and the sum of its bytes.
        """
        return self._rows(_VERSIONS, what)

    def saved(self) -> Iterator[tuple[Any, ...]]:
        """What runs saved to themselves alone: id, name, created, user, commit, category, digest, size, kind, type,
        how, metadata, and the run's id.
        """
        return self._rows(_SAVED, RECORD)

    def entries(self) -> Iterator[tuple[Any, ...]]:
        """What runs used and made: the run's id, an id of its own, category, name, path (None for what was saved to the
        run alone), digest, size, kind, type, how, address and metadata.
        """
        return self._rows(_ENTRIES, RECORD)

    def origins(self) -> Iterator[tuple[Any, ...]]:
        """What pointers say they were made from: the id of the version (None where no commit has it), its path and the
        sum of its bytes, the origin's name and digest, and the version's digest.
        """
        return self._rows(_ORIGINS, POINTER)

    def _rows(self, query: str, what: int) -> Iterator[tuple[Any, ...]]:
        before = ""
        for source in self._sources:
            words = _ITSELF if source == "version" else {"source": f"{source} s", "version": _BESIDE, "order": ""}
            once = _LESSER.format(source=source) + before if what == RECORD else ""
            yield from self._database.execute(query.format(**words, once=once), (what,))
            before += _BEFORE.format(source=source)
