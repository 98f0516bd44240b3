"""The file of the catalog: its tables, and how it is opened, left aside when it cannot be used, and thrown away.

Everything in it can be made again from Git, so a damaged one, or one of another version, is removed; where it cannot be
written, the catalog is made in memory for the length of the process.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from track.lending import lend

VERSION = 8
"""What these tables are; another number in a file makes it be built anew."""
POINTER, RECORD = 1, 2
"""What a path is of."""
GOOD, FOREIGN, BROKEN, NEWER, ABSENT = range(5)
"""What became of reading a content: it is fine, somebody else's file, breaks its format, is of a later one, or is not
here, as in a partial clone.
"""

BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tip(oid BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE total(what INTEGER PRIMARY KEY, versions INTEGER NOT NULL, saved INTEGER NOT NULL);
INSERT INTO total VALUES (1, 0, 0), (2, 0, 0);
CREATE TABLE worktree(
    id INTEGER PRIMARY KEY, git_dir BLOB NOT NULL UNIQUE, signature TEXT NOT NULL, base TEXT NOT NULL,
    saved INTEGER NOT NULL);
CREATE TABLE aside(worktree INTEGER NOT NULL, path BLOB NOT NULL, oid TEXT, PRIMARY KEY(worktree, path)) WITHOUT ROWID;
CREATE TABLE standing(
    worktree INTEGER NOT NULL, what INTEGER NOT NULL, content INTEGER NOT NULL, path INTEGER NOT NULL,
    is_loose INTEGER NOT NULL, PRIMARY KEY(worktree, what, content, path)) WITHOUT ROWID;
CREATE INDEX standing_path ON standing(worktree, path);
CREATE INDEX standing_loose ON standing(worktree) WHERE is_loose = 1;
CREATE TABLE path(id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, what INTEGER NOT NULL, shown TEXT NOT NULL);
CREATE INDEX path_shown ON path(shown);
CREATE TABLE content(
    id INTEGER PRIMARY KEY, oid BLOB NOT NULL, what INTEGER NOT NULL, state INTEGER NOT NULL, sum BLOB NOT NULL,
    digest BLOB, run TEXT, document TEXT, is_plain INTEGER, is_whole INTEGER, trouble TEXT, UNIQUE(oid, what));
CREATE INDEX content_id ON content(id, oid);
CREATE INDEX content_digest ON content(digest) WHERE digest IS NOT NULL;
CREATE INDEX content_run ON content(run) WHERE run IS NOT NULL;
CREATE INDEX content_odd ON content(is_whole) WHERE is_whole = 0;
CREATE INDEX content_state ON content(state) WHERE state > 0;
CREATE TABLE run(
    content INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, started REAL NOT NULL,
    ended REAL, user TEXT NOT NULL, saved INTEGER NOT NULL);
CREATE INDEX run_id ON run(id);
CREATE INDEX run_name ON run(name);
CREATE INDEX run_end ON run(COALESCE(ended, started));
CREATE TABLE entry(
    content INTEGER NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL, category TEXT NOT NULL, path BLOB,
    name TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT, how TEXT NOT NULL,
    address TEXT, metadata TEXT, PRIMARY KEY(content, number)) WITHOUT ROWID;
CREATE INDEX entry_digest ON entry(digest);
CREATE INDEX entry_id ON entry(id) WHERE path IS NULL;
CREATE INDEX entry_name ON entry(name);
CREATE INDEX entry_labelled ON entry(content) WHERE path IS NULL AND metadata IS NOT NULL;
CREATE TABLE origin(content INTEGER NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL);
CREATE INDEX origin_digest ON origin(digest);
CREATE INDEX origin_name ON origin(name);
CREATE INDEX origin_content ON origin(content);
CREATE TABLE field(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE fact(
    field INTEGER NOT NULL, value NOT NULL, content INTEGER NOT NULL, PRIMARY KEY(field, value, content)
    ) WITHOUT ROWID;
CREATE TABLE commits(
    id INTEGER PRIMARY KEY, oid BLOB NOT NULL UNIQUE, parents BLOB NOT NULL, authored INTEGER NOT NULL,
    committed INTEGER NOT NULL, author TEXT NOT NULL, email TEXT NOT NULL, subject TEXT NOT NULL);
CREATE TABLE event(
    path INTEGER NOT NULL, content INTEGER NOT NULL, commits INTEGER NOT NULL, op TEXT NOT NULL,
    PRIMARY KEY(path, content, commits)) WITHOUT ROWID;
CREATE INDEX event_commit ON event(commits);
CREATE TABLE version(
    path INTEGER NOT NULL, content INTEGER NOT NULL, what INTEGER NOT NULL, id BLOB NOT NULL,
    authored INTEGER NOT NULL, oid BLOB NOT NULL,
    author TEXT NOT NULL, created REAL NOT NULL, user TEXT NOT NULL, PRIMARY KEY(path, content)) WITHOUT ROWID;
CREATE INDEX version_content ON version(what, content);
CREATE INDEX version_id ON version(id);
CREATE INDEX version_created ON version(what, created);
"""


def opened(path: Path) -> tuple[sqlite3.Connection, bool]:
    """(the database at `path`, whether it is there): made when missing, and made anew when it is of no use.

    Where it cannot be read or written at all, it is one in memory.
    """
    for attempt in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _connected(str(path)), True
        except (sqlite3.OperationalError, OSError):
            break  # a read-only place, or one that is locked for long
        except sqlite3.DatabaseError:
            if attempt == 0:
                removed(path)
    return in_memory(), False


def in_memory() -> sqlite3.Connection:
    """An empty catalog that lasts as long as its connection."""
    return _connected(":memory:")


def empty(database: sqlite3.Connection) -> None:
    """Forget all that was read, in a transaction, but for names that have numbers."""
    for table in _tables():
        if table not in ("state", "total", "path", "field"):
            database.execute(f"DELETE FROM {table}")
    database.execute("UPDATE total SET versions = 0, saved = 0")


def drop_indexes(database: sqlite3.Connection) -> None:
    """Have none but those that keep things apart, before much is written; `make_indexes` has to follow."""
    for name, _ in _indexes():
        database.execute(f"DROP INDEX IF EXISTS {name}")


def make_indexes(database: sqlite3.Connection) -> None:
    """Have every index; a table that is read once for it costs less than one that is written with it."""
    for name, said in _indexes():
        database.execute(f"CREATE INDEX IF NOT EXISTS {name} {said}")


def _indexes() -> Iterator[tuple[str, str]]:
    for statement in _SCHEMA.split(";"):
        if statement.strip().startswith("CREATE INDEX "):
            name, _, said = statement.strip().removeprefix("CREATE INDEX ").partition(" ")
            yield name, said


def _tables() -> dict[str, str]:
    """What each table is, as the database keeps it."""
    said = (statement.strip() for statement in _SCHEMA.split(";"))
    return {one[13 : one.index("(")]: one for one in said if one.startswith("CREATE TABLE ")}


def removed(path: Path) -> None:
    """Remove the file, as far as that can be done."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def _connected(path: str) -> sqlite3.Connection:
    """An open database of our version; sqlite3.DatabaseError if it is damaged, somebody else's, or of another one."""
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, cached_statements=64)
    try:
        database.execute("BEGIN")  # another process makes both at once
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        database.execute("COMMIT")
        if version not in (0, VERSION) or tables != (_tables() if version else {}):
            raise sqlite3.DatabaseError("another version, or not its tables")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA cache_size = -32768")
        lend(Path(path))  # before there is a file beside it, which gets its mode
        if version == 0:
            _make(database)
    except BaseException:
        database.close()
        raise
    return database


def _make(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:  # another process may have been faster
        for statement in _SCHEMA.split(";")[:-1]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Write all of it or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
