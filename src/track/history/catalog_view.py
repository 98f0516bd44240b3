"""A view of the catalog: versions, runs, and what runs used and made, among what was asked for.

What a question can say in SQL narrows what is read; it may leave too much, never too little, so that whoever asks looks
at each answer again.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from track.history import catalog_rows, catalog_tips
from track.history.catalog_file import ABSENT, BROKEN, NEWER, POINTER, RECORD
from track.history.catalog_here import Standing
from track.history.catalog_picks import Picks, Place
from track.history.catalog_query import ALL, Narrowing
from track.history.catalog_related import Related
from track.history.catalog_runs import Heads
from track.history.catalog_walk import Walk
from track.history.plumbing import Git
from track.model import document, reading
from track.model.digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.record import Record, Used


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
        self._sources: tuple[str, ...] = ("temp.scope",)
        self._worktree: int | None = None
        self._condition = ""

    def choose_standing(
        self, standing: Sequence[Standing], here: Sequence[Standing], worktree: int | None, replaced: Iterable[bytes]
    ) -> None:
        """For `Catalog`: look at what is `standing` in commits, and in this working tree: there the paths that are
        `replaced` are as `here`.
        """
        self._worktree = worktree
        database = self._database
        columns = "(what INTEGER, content INTEGER, path INTEGER, PRIMARY KEY(what, content, path)) WITHOUT ROWID"
        database.execute(f"CREATE TEMP TABLE IF NOT EXISTS scope{columns}")
        database.execute("CREATE TEMP TABLE IF NOT EXISTS replaced(path INTEGER PRIMARY KEY)")
        database.execute("DELETE FROM temp.scope")
        database.execute("DELETE FROM temp.replaced")
        database.executemany(
            "INSERT OR IGNORE INTO temp.scope SELECT p.what, c.id, p.id FROM path p, content c "
            "WHERE p.path = ? AND c.oid = ? AND c.what = ?",
            [(one.path, bytes.fromhex(one.content.oid), one.content.what) for one in (*standing, *here)],
        )
        if worktree is None:
            return
        database.executemany(
            "INSERT OR IGNORE INTO temp.replaced SELECT id FROM path WHERE path = ?", [(path,) for path in replaced]
        )
        self._condition = f"worktree = {worktree:d} AND path NOT IN (SELECT path FROM temp.replaced)"
        others = f"SELECT what, content, path FROM standing WHERE {self._condition}"
        if standing:
            database.execute(f"INSERT OR IGNORE INTO temp.scope {others}")
        else:
            self._sources = (f"({others})", *(("temp.scope",) if here else ()))

    def lineage(self) -> Related:
        """What lineage asks of the records of this scope."""
        return Related(self._database, self._sources)

    def heads(self) -> Heads:
        """The records of this scope in short."""
        return Heads(self._database, self._sources)

    def pointers(self, narrowing: Narrowing = ALL, limit: int | None = None) -> list[Version]:
        """The versions that have a pointer, newest first; those that no commit has yet come before all."""
        return self._versions(POINTER, narrowing, limit)

    def runs(self, narrowing: Narrowing = ALL, limit: int | None = None) -> list[Version]:
        """The runs that have a record, the one that began last first, whether a commit has it or not; each record
        once, however many paths it is at.
        """
        found = [_version(row, RECORD) for row in self._picks().newest_records(narrowing, limit)]
        found.sort(key=lambda one: (one.document["started"], one.document["id"], one.id), reverse=True)
        return found[:limit]

    def saved(self, narrowing: Narrowing = ALL, limit: int | None = None) -> list[Version]:
        """What runs saved to themselves alone, newest first; `created` is when its run ended."""
        found = []
        are_few = limit is not None and not narrowing.sql
        for source in self._sources:
            # The newest few are found by walking the runs from the end. Beside `version`, there is little in a scope.
            join = "CROSS JOIN" if are_few and source == self._sources[0] else "JOIN"
            condition, values = narrowing.over(source)
            query = f"""
                SELECT e.id, e.name, COALESCE(r.ended, r.started), r.user, v.oid, e.category, e.digest, e.size, e.kind,
                       e.type, e.how, e.metadata, r.id
                FROM run r {join} {source} s ON s.content = r.content {join} entry e ON e.content = s.content
                LEFT JOIN version v ON v.path = s.path AND v.content = s.content
                WHERE s.what = {RECORD} AND e.path IS NULL {condition}
                ORDER BY 3 DESC, e.id DESC {_at_most(limit)}"""
            found += [_saved(row) for row in self._database.execute(query, values)]
        return _newest({one.id: one for one in found}.values(), limit)

    def pick(self, what: int, narrowing: Narrowing = ALL, *, bare: bool = False) -> Iterator[tuple[Place, Version]]:
        """(place, version) of each POINTER or RECORD in no order; `bare` ones have no document."""
        for place, row in self._picks().versions(what, narrowing, bare=bare):
            yield place, _version(row, what)

    def pick_saved(self, narrowing: Narrowing = ALL) -> Iterator[tuple[Place, Version]]:
        """The same of what runs saved to themselves alone; of a record that was written again, it may come again."""
        return ((place, _saved(row)) for place, row in self._picks().saved(narrowing))

    def picked(self, what: int, place: Place) -> Version:
        """What `pick`, or for a place of three numbers `pick_saved`, found there."""
        picks = self._picks()
        return _version(picks.version(place), what) if len(place) == 2 else _saved(picks.saved_at(place))

    def _picks(self) -> Picks:
        return Picks(self._database, self._sources, self._worktree)

    def walk(self, what: int) -> Iterator[Version]:
        """The same of POINTER or RECORD one by one, in little memory: oldest first, what no commit has at the end."""
        return (_version(row, what) for row in Walk(self._database, self._sources).versions(what))

    def walk_saved(self) -> Iterator[Version]:
        """The same as `saved`, in little memory, oldest run first."""
        return map(_saved, Walk(self._database, self._sources).saved())

    def walk_used(self) -> Iterator[tuple[str, bytes, "Used"]]:
        """What runs used and made one by one: the run's id, an id of its own, and what it says."""
        for run, id, category, name, path, digest, size, kind, type, how, address, metadata in Walk(
            self._database, self._sources
        ).entries():
            saved = None if path is not None else name
            said = tuple(json.loads(each).items() if each else () for each in (address, metadata))
            yield run, id, reading.Used(category, Digest(digest), size, path, saved, kind, type, how, *map(tuple, said))

    def walk_origins(self) -> Iterator[tuple[str, str, Digest, Digest]]:
        """What pointers say they were made from one by one: the version's id, the origin's name and digest, and the
        version's digest.
        """
        for id, path, sum, name, origin, digest in Walk(self._database, self._sources).origins():
            own = catalog_rows.version_id(path, sum) if id is None else id
            yield own.hex(), name, Digest(origin), Digest(digest)

    def record(self, run: str) -> "Record | None":
        """The record of the run with this id, read from Git once more; None when none has it."""
        query = "SELECT c.oid FROM run r JOIN content c ON c.id = r.content WHERE r.id = ? ORDER BY c.oid LIMIT 1"
        found = self._database.execute(query, (run,)).fetchone()
        return None if found is None else reading.parse_record(next(self._git.blobs([found[0].hex()]))[1], "it")

    def runs_count(self) -> int:
        """How many records there are, each once, however many paths it is at; those that cannot be read apart."""
        few = f"s.what = {RECORD} AND s.content NOT IN (SELECT id FROM content WHERE state > 0)"
        count, elsewhere = 0, ""
        for source in self._sources:
            query = f"SELECT COUNT(*) FROM (SELECT DISTINCT s.content FROM {source} s WHERE {few} {elsewhere})"
            count += self._database.execute(query).fetchone()[0]
            elsewhere += f"AND NOT EXISTS (SELECT 1 FROM {source} o WHERE o.what = s.what AND o.content = s.content) "
        return count

    def count(self, what: int) -> int:
        """How many there are of POINTER or RECORD, those that cannot be read apart; a content at two paths twice."""
        return sum(
            self._total("versions", what)
            if source == "version"
            else self._database.execute(
                f"SELECT COUNT(*) FROM {source} s WHERE s.what = ? "
                "AND s.content NOT IN (SELECT id FROM content WHERE state > 0)",  # few, and an index has them
                (what,),
            ).fetchone()[0]
            for source in self._sources
        )

    def saved_count(self) -> int:
        """How many artifacts runs saved to themselves alone."""
        return sum(map(self._saved_in, self._sources))

    def _saved_in(self, source: str) -> int:
        if source == "version":
            return self._total("saved", RECORD)
        if source != "temp.scope":  # no record in a working tree is replaced
            query = "SELECT saved FROM worktree WHERE id = ?"
            return int(self._database.execute(query, (self._worktree,)).fetchone()[0])
        query = (
            "SELECT COALESCE(SUM(r.saved), 0) FROM temp.scope s JOIN run r ON r.content = s.content "
            f"WHERE s.what = {RECORD}"
        )
        return int(self._database.execute(query).fetchone()[0])

    def _total(self, column: str, what: int) -> int:
        return int(self._database.execute(f"SELECT {column} FROM total WHERE what = ?", (what,)).fetchone()[0])

    def has_run(self, run: str) -> bool:
        """Whether this scope has the record of the run with this id."""
        return any(
            self._database.execute(
                f"SELECT 1 FROM run r JOIN {source} s ON s.what = {RECORD} AND s.content = r.content WHERE r.id = ?",
                (run,),
            ).fetchone()
            is not None
            for source in self._sources
        )

    def run(self, run: str) -> dict[str, Any] | None:
        """The document of the run with this id, wherever in the history; None when no record has it."""
        query = (
            "SELECT c.document, c.is_plain FROM run r JOIN content c ON c.id = r.content WHERE r.id = ? "
            "ORDER BY c.oid LIMIT 1"
        )
        found = self._database.execute(query, (run,)).fetchone()
        return None if found is None else document.with_sides(document.unpack(*found))

    def using(self, digest: bytes, category: str = "input") -> list[Made]:
        """The runs of this scope that used content with this digest (or made it: `output`), earliest first."""
        found = set()
        for source in self._sources:
            query = f"""
                SELECT r.id, r.name, r.status, r.started, r.ended, r.user, e.category, e.path, e.name, e.digest,
                       e.size, e.how
                FROM entry e JOIN {source} s ON s.what = {RECORD} AND s.content = e.content
                JOIN run r ON r.content = e.content WHERE e.digest = ? AND e.category = ?"""
            rows = self._database.execute(query, (bytes(digest), category))
            found |= {Made._make((*row[:9], Digest(row[9]), *row[10:])) for row in rows}
        return sorted(found, key=lambda made: (made.started, made.run, made.name))

    def origins_of(self, digest: bytes) -> list[tuple[str, Digest]]:
        """What pointers of this scope with this digest say that it was made from: name and digest."""
        found = set()
        for source in self._sources:
            query = f"""
                SELECT o.name, o.digest FROM content c JOIN {source} s ON s.what = {POINTER} AND s.content = c.id
                JOIN origin o ON o.content = c.id WHERE c.digest = ?"""
            found |= {(name, Digest(raw)) for name, raw in self._database.execute(query, (bytes(digest),))}
        return sorted(found)

    def derived_from(self, digest: bytes) -> list[Version]:
        """The pointers of this scope that say they were made from content with this digest."""
        return self.pointers(Narrowing("c.id IN (SELECT content FROM origin WHERE digest = ?)", (bytes(digest),)))

    def ids_of(self, digest: bytes) -> list[str]:
        """The ids of all versions in the history whose content has this digest."""
        query = (
            "SELECT v.id FROM content c JOIN version v ON v.what = c.what AND v.content = c.id "
            "WHERE c.digest = ? ORDER BY v.id"
        )
        saved = "SELECT id FROM entry WHERE digest = ? AND path IS NULL ORDER BY id"
        rows = [*self._database.execute(query, (bytes(digest),)), *self._database.execute(saved, (bytes(digest),))]
        return list(dict.fromkeys(id.hex() for (id,) in rows))

    def unreadable(self) -> list[Unreadable]:
        """The pointers and records of this scope that break their format or are of a later one, sorted by path."""
        found = []
        bad = f"state > 0 AND state IN ({BROKEN}, {NEWER})"
        if self._database.execute(f"SELECT 1 FROM content WHERE {bad} LIMIT 1").fetchone() is None:
            return []
        for source in self._sources:
            query = f"""
                SELECT p.path, v.oid, c.state, c.trouble FROM content c
                JOIN {source} s ON s.what = c.what AND s.content = c.id JOIN path p ON p.id = s.path
                LEFT JOIN version v ON v.path = s.path AND v.content = s.content
                WHERE c.state > 0 AND c.state IN ({BROKEN}, {NEWER}) ORDER BY p.path, c.oid"""
            for path, commit, state, why in self._database.execute(query):
                found.append(Unreadable(path, commit and commit.hex(), state == NEWER, (why or "").removeprefix("it")))
        return sorted(found, key=lambda one: (one.path, one.commit or ""))

    def absent_count(self) -> int:
        """How many pointers and records of this scope are not here, as in a partial clone, so that none is known."""
        few = f"SELECT id FROM content WHERE state > 0 AND state = {ABSENT}"
        if self._database.execute(f"{few} LIMIT 1").fetchone() is None:
            return 0
        found: set[int] = set()
        for source in self._sources:
            query = f"SELECT DISTINCT s.content FROM {source} s WHERE s.content IN ({few})"
            found.update(number for (number,) in self._database.execute(query))
        return len(found)

    def is_cut(self) -> bool:
        """Whether history before some commits is not here, as in a shallow clone."""
        try:
            return (self._git.common_dir / "shallow").stat().st_size > 0
        except OSError:
            return False

    def names(self) -> set[str]:
        """What artifacts of this scope are called: paths of data, and names."""
        return {
            name
            for source in self._sources
            for (name,) in self._database.execute(
                f"SELECT DISTINCT p.shown FROM {source} s JOIN path p ON p.id = s.path WHERE s.what = {POINTER}"
            )
        }

    def _versions(self, what: int, narrowing: Narrowing, limit: int | None) -> list[Version]:
        return _newest([_version(row, what) for row in self._picks().newest(what, narrowing, limit)], limit)

    def choose_history(self, tips: Iterable[str]) -> None:
        """For `Catalog`: look at all that these commits reach, too; where that is everything, at `version` itself."""
        database = self._database
        asked = list(tips)
        every = {oid.hex() for (oid,) in database.execute("SELECT oid FROM tip")}
        reached = set() if set(asked) == every else catalog_tips.reached(database, asked)
        count = database.execute("SELECT COUNT(*) FROM commits").fetchone()[0]
        is_whole = set(asked) == every or len(reached) == count
        missing = "WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.path = s.path AND v.content = s.content)"
        if self._sources[0] != "temp.scope":
            condition = ("is_loose = 1 AND " if is_whole else "") + self._condition
            database.execute(
                f"INSERT OR IGNORE INTO temp.scope SELECT what, content, path FROM standing WHERE {condition}"
            )
        if is_whole:
            database.execute(f"DELETE FROM temp.scope AS s {missing.replace('NOT EXISTS', 'EXISTS')}")
            self._sources = ("version", "temp.scope")
            return
        self._sources = ("temp.scope",)
        database.execute("CREATE TEMP TABLE IF NOT EXISTS reached(id INTEGER PRIMARY KEY)")
        database.execute("DELETE FROM temp.reached")
        database.executemany(
            "INSERT INTO temp.reached SELECT id FROM commits WHERE oid = ?", [(oid,) for oid in reached]
        )
        database.execute(
            "INSERT OR IGNORE INTO temp.scope SELECT c.what, e.content, e.path FROM event e "
            "JOIN temp.reached r ON r.id = e.commits JOIN content c ON c.id = e.content WHERE e.content > 0"
        )


def _version(row: tuple[Any, ...], what: int) -> Version:
    id, path, shown, created, user, commit, text, is_plain, sum = row
    id = catalog_rows.version_id(path, sum) if id is None else id
    said = {} if text is None else document.unpack(text, is_plain)
    if said:
        said = document.with_sides(said) if what == RECORD else document.lengthened(said)
    return Version(id.hex(), path, shown, created, user, commit and commit.hex(), said)


def _saved(row: tuple[Any, ...]) -> Version:
    id, name, created, user, commit, category, digest, size, kind, type, how, metadata, run = row
    facts = {
        "kind": kind, "digest": str(Digest(digest)), "size": size, "type": type, "run": run, "how": how,
        "category": category, "labels": json.loads(metadata) if metadata else {},
    }  # fmt: skip
    return Version(id.hex(), None, name, created, user, commit and commit.hex(), facts)


def _newest(found: Iterable[Version], limit: int | None) -> list[Version]:
    return sorted(found, key=lambda one: (one.created is None, one.created or 0, one.id), reverse=True)[:limit]


def _at_most(limit: int | None) -> str:
    return "" if limit is None else f"LIMIT {limit:d}"
