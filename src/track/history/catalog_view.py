"""A view of the catalog: versions, runs, and what runs used and made, among what was asked for.

What a question can say in SQL narrows what is read; it may leave too much, never too little, so that whoever asks looks
at each answer again.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from track.history import catalog_fill, catalog_rows
from track.history.catalog_file import BROKEN, NEWER, POINTER, RECORD
from track.history.catalog_here import Standing
from track.history.plumbing import Git
from track.model import document
from track.model.digest import Digest


class Version(NamedTuple):
    """A version of an artifact, or a run, in the catalog.

    `id` is 16 hex digits, the same in every clone. `path` is of the pointer or record; None for what was saved to a
    run alone. `created` is in seconds since 1970 and None, as is `user`, for what no commit has yet; `commit` is the
    earliest that has it. `document` is what the pointer or record says, as in `model.document`; for what was saved to
    a run it says `category`, `how`, `run` and the metadata as `labels`.
    """

    id: str
    path: bytes | None
    name: str
    created: float | None
    user: str | None
    commit: str | None
    document: dict[str, Any]


class Narrowing(NamedTuple):
    """A condition in SQL over `v` (version), `c` (content), `p` (path), and its values; where it is empty, all hold."""

    sql: str = ""
    values: tuple[Any, ...] = ()


ALL = Narrowing()


class Made(NamedTuple):
    """A run in short, and one artifact that it used or made. Times are in seconds since 1970."""

    run: str
    run_name: str
    status: str
    started: float
    ended: float | None
    user: str
    category: str
    path: bytes | None
    name: str
    digest: Digest
    size: int
    how: str


class Unreadable(NamedTuple):
    """A pointer or record that was once committed and cannot be read: where, since which commit, and why."""

    path: bytes
    commit: str | None
    is_newer: bool
    why: str


class View:
    """What a scope of the catalog holds. It is of use only inside the question that got it."""

    def __init__(self, database: sqlite3.Connection, git: Git) -> None:
        """For `Catalog`."""
        self._database = database
        self._git = git

    def choose(self, standing: Sequence[Standing], tips: tuple[str, ...] | None) -> None:
        """For `Catalog`: look at what stands, and with `tips` at all that these commits reach."""
        database = self._database
        database.execute(
            "CREATE TEMP TABLE IF NOT EXISTS scope(path INTEGER, content INTEGER, PRIMARY KEY(path, content)) "
            "WITHOUT ROWID"
        )
        database.execute("DELETE FROM temp.scope")
        database.executemany(
            "INSERT OR IGNORE INTO temp.scope SELECT p.id, c.id FROM path p, content c "
            "WHERE p.path = ? AND c.oid = ? AND c.what = ?",
            [(one.path, bytes.fromhex(one.content.oid), one.content.what) for one in standing],
        )
        if tips is not None:
            self._choose_history(tips)

    def pointers(self, narrowing: Narrowing = ALL) -> Iterator[Version]:
        """The versions that have a pointer, newest first; those that no commit has come before all."""
        yield from self._versions(POINTER, narrowing)

    def runs(self, narrowing: Narrowing = ALL) -> Iterator[Version]:
        """The runs that have a record, newest first; `created` is when one began."""
        yield from self._versions(RECORD, narrowing)

    def saved(self, narrowing: Narrowing = ALL) -> Iterator[Version]:
        """What runs saved to themselves alone, newest first; the narrowing also knows `e` (entry), `r` (run)."""
        query = f"""
            SELECT e.id, e.name, COALESCE(r.ended, r.started), r.user, v.oid, e.category, e.digest, e.size, e.kind,
                   e.type, e.how, e.metadata, r.id
            FROM temp.scope s CROSS JOIN path p ON p.id = s.path JOIN content c ON c.id = s.content
            JOIN run r ON r.content = c.id JOIN entry e ON e.content = c.id
            LEFT JOIN version v ON v.path = s.path AND v.content = s.content
            WHERE p.what = {RECORD} AND e.path IS NULL {_and(narrowing)}
            ORDER BY 3 DESC, e.id DESC"""
        for row in self._database.execute(query, narrowing.values):
            id, name, created, user, commit, category, digest, size, kind, type, how, metadata, run = row
            facts = {
                "kind": kind, "digest": str(Digest(digest)), "size": size, "type": type, "run": run, "how": how,
                "category": category, "labels": json.loads(metadata) if metadata else {},
            }  # fmt: skip
            yield Version(id.hex(), None, name, created, user, commit and commit.hex(), facts)

    def run(self, run: str) -> dict[str, Any] | None:
        """The document of the run with this id, wherever in the history; None when no record has it."""
        query = (
            "SELECT c.document, c.is_plain FROM run r JOIN content c ON c.id = r.content WHERE r.id = ? "
            "ORDER BY c.oid LIMIT 1"
        )
        found = self._database.execute(query, (run,)).fetchone()
        return None if found is None else _with_sides(document.unpack(*found))

    def using(self, digest: bytes, category: str = "input") -> list[Made]:
        """The runs of this scope that used content with this digest (or made it: `output`), earliest first."""
        query = """
            SELECT DISTINCT r.id, r.name, r.status, r.started, r.ended, r.user, e.category, e.path, e.name, e.digest,
                   e.size, e.how
            FROM entry e JOIN temp.scope s ON s.content = e.content JOIN run r ON r.content = e.content
            WHERE e.digest = ? AND e.category = ? ORDER BY r.started, r.id, e.number"""
        rows = self._database.execute(query, (bytes(digest), category))
        return [Made._make((*row[:9], Digest(row[9]), *row[10:])) for row in rows]

    def origins_of(self, digest: bytes) -> list[tuple[str, Digest]]:
        """What pointers of this scope with this digest say that it was made from: name and digest."""
        query = """
            SELECT DISTINCT o.name, o.digest FROM content c JOIN temp.scope s ON s.content = c.id
            JOIN origin o ON o.content = c.id WHERE c.digest = ? ORDER BY o.name"""
        return [(name, Digest(found)) for name, found in self._database.execute(query, (bytes(digest),))]

    def derived_from(self, digest: bytes) -> list[Version]:
        """The pointers of this scope that say they were made from content with this digest."""
        condition = "AND c.id IN (SELECT content FROM origin WHERE digest = ?)"
        return list(self._versions(POINTER, Narrowing(condition.removeprefix("AND "), (bytes(digest),))))

    def ids_of(self, digest: bytes) -> list[str]:
        """The ids of all versions in the history whose content has this digest."""
        query = "SELECT v.id FROM content c JOIN version v ON v.content = c.id WHERE c.digest = ? ORDER BY v.id"
        saved = "SELECT id FROM entry WHERE digest = ? AND path IS NULL"
        found = [id.hex() for (id,) in self._database.execute(query, (bytes(digest),))]
        return found + sorted({id.hex() for (id,) in self._database.execute(saved, (bytes(digest),))})

    def unreadable(self) -> list[Unreadable]:
        """The pointers and records of this scope that break their format or are of a later one, sorted by path."""
        query = f"""
            SELECT p.path, v.oid, c.state, c.trouble FROM content c JOIN temp.scope s ON s.content = c.id
            JOIN path p ON p.id = s.path LEFT JOIN version v ON v.path = s.path AND v.content = s.content
            WHERE c.state IN ({BROKEN}, {NEWER}) ORDER BY p.path, c.oid"""
        return [
            Unreadable(path, commit and commit.hex(), state == NEWER, (trouble or "").removeprefix("it"))
            for path, commit, state, trouble in self._database.execute(query)
        ]

    def is_cut(self) -> bool:
        """Whether history before some commits is not here, as in a shallow clone."""
        try:
            return (self._git.common_dir / "shallow").stat().st_size > 0
        except OSError:
            return False

    def names(self) -> set[str]:
        """What artifacts of this scope are called: paths of data, and names."""
        query = f"SELECT DISTINCT p.shown FROM temp.scope s JOIN path p ON p.id = s.path WHERE p.what = {POINTER}"
        return {name for (name,) in self._database.execute(query)}

    def _versions(self, what: int, narrowing: Narrowing) -> Iterator[Version]:
        query = f"""
            SELECT v.id, p.path, p.shown, v.created, v.user, v.oid, c.document, c.is_plain, c.sum
            FROM temp.scope s JOIN path p ON p.id = s.path JOIN content c ON c.id = s.content
            LEFT JOIN version v ON v.path = s.path AND v.content = s.content
            WHERE p.what = {what} AND c.state = 0 {_and(narrowing)}
            ORDER BY v.created IS NULL DESC, v.created DESC, v.id DESC"""
        for id, path, shown, created, user, commit, text, is_plain, sum in self._database.execute(
            query, narrowing.values
        ):
            id = catalog_rows.version_id(path, sum) if id is None else id
            said = document.unpack(text, is_plain)
            said = _with_sides(said) if what == RECORD else said
            yield Version(id.hex(), path, shown, created, user, commit and commit.hex(), said)

    def _choose_history(self, tips: Iterable[str]) -> None:
        database = self._database
        count = database.execute("SELECT COUNT(*) FROM commits").fetchone()[0]
        reached = catalog_fill.reached(database, tips)
        if len(reached) == count:
            database.execute("INSERT OR IGNORE INTO temp.scope SELECT path, content FROM version")
            return
        database.execute("CREATE TEMP TABLE IF NOT EXISTS reached(id INTEGER PRIMARY KEY)")
        database.execute("DELETE FROM temp.reached")
        database.executemany(
            "INSERT INTO temp.reached SELECT id FROM commits WHERE oid = ?", [(oid,) for oid in reached]
        )
        database.execute(
            "INSERT OR IGNORE INTO temp.scope SELECT e.path, e.content FROM event e JOIN temp.reached r "
            "ON r.id = e.commits WHERE e.content > 0"
        )


def _and(narrowing: Narrowing) -> str:
    return f"AND ({narrowing.sql})" if narrowing.sql else ""


def _with_sides(said: Mapping[str, Any]) -> dict[str, Any]:
    artifacts = said["artifacts"]
    sides = {f"{side}s": [each for each in artifacts if each["category"] == side] for side in ("input", "output")}
    return {**said, **sides}
