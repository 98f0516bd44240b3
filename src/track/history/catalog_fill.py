"""How the catalog is brought up to date: what new commits did is read from `git log`, what nothing reaches any more
goes.

Each batch is a transaction of its own, and the tips are written last: killed in between, the next one begins where the
tips say, finds contents already read, and writes the same rows again. So it does not matter in which order commits
come, and the result is that of building everything at once.
"""

import sqlite3
from collections.abc import Collection, Iterable

from track.history import catalog_ahead, catalog_file
from track.history import catalog_rows as rows
from track.history import catalog_versions as versions
from track.history.catalog_ahead import Batch
from track.history.catalog_contents import Rows, read_rows
from track.history.catalog_file import POINTER, RECORD, transaction
from track.history.catalog_rows import Wanted
from track.history.catalog_tips import Tips, reached
from track.history.plumbing import Git
from track.model.names import shown_name

_WAITING_PAGES = 8_000
"""So many pages wait in SQLite's log when a catalog is built: of its own 1,000, most would be written again at once."""


def fill(database: sqlite3.Connection, git: Git, tips: Tips) -> None:
    """Bring the catalog up to these tips. One process at a time."""
    was_unfinished = database.execute("SELECT 1 FROM state WHERE name = 'unfinished'").fetchone() is not None
    with transaction(database):
        shape = database.execute("SELECT value FROM state WHERE name = 'shape'").fetchone()
        if shape is not None and shape[0] != tips.shape:
            catalog_file.empty(database)  # Git may show other parents, trees and contents under the same ids
        database.execute("INSERT OR REPLACE INTO state VALUES ('unfinished', '1'), ('shape', ?)", (tips.shape,))
    old = frozenset(oid.hex() for (oid,) in database.execute("SELECT oid FROM tip"))
    passed: set[str] = set()
    new = sorted(tips.commits - old)
    is_first = database.execute("SELECT 1 FROM commits").fetchone() is None
    is_whole = is_first or was_unfinished
    if is_first:
        database.execute(f"PRAGMA wal_autocheckpoint = {_WAITING_PAGES}")
        with transaction(database):
            catalog_file.drop_indexes(database)
    for batch in catalog_ahead.batches(database, git, new, sorted(old)) if new else ():
        _write(database, git, batch, is_whole=is_whole)
        passed.update(parent for commit, _ in batch.commits for parent in commit.parents if parent in old)
    with transaction(database):
        if was_unfinished or old - tips.commits - passed:
            _sweep(database, tips.commits, is_whole=is_whole)
        if is_whole:
            versions.make_all(database)
        database.execute("DELETE FROM tip")
        database.executemany("INSERT INTO tip VALUES (?)", [(bytes.fromhex(oid),) for oid in sorted(tips.commits)])
        database.execute("DELETE FROM state WHERE name = 'unfinished'")


def look_again(database: sqlite3.Connection, git: Git) -> None:
    """Read the contents that were not here when they were looked for, if a pack of Git's came or went since then."""
    try:
        packs = str((git.common_dir / "objects" / "pack").stat().st_mtime_ns)
    except OSError:
        packs = ""
    if database.execute("SELECT 1 FROM state WHERE name = 'packs' AND value = ?", (packs,)).fetchone() is not None:
        return
    contents = read_rows(rows.read(git, rows.absent(database)))
    with transaction(database):
        write_contents(database, contents)
        database.execute("INSERT OR REPLACE INTO state VALUES ('packs', ?)", (packs,))


def write_contents(database: sqlite3.Connection, contents: Rows) -> None:
    """Write what contents say, in a transaction, also in place of having been absent."""
    if contents.write(database).were_absent:
        versions.make_all(database)
        database.execute(
            "UPDATE worktree SET saved = (SELECT COALESCE(SUM(r.saved), 0) FROM standing s JOIN run r "
            f"ON r.content = s.content WHERE s.worktree = worktree.id AND s.what = {RECORD})"
        )


def put_paths(database: sqlite3.Connection, paths: Iterable[bytes]) -> None:
    """Have a number for each of these paths."""
    given = [(path, rows.kind_of(path), shown_name(path)) for path in paths]
    database.executemany("INSERT OR IGNORE INTO path(path, what, shown) VALUES (?, ?, ?)", given)


def _write(database: sqlite3.Connection, git: Git, batch: Batch, *, is_whole: bool) -> None:
    """Write a batch, and the contents that are new in it; with `is_whole`, versions are made when all is written."""
    wanted = batch.wanted()
    before = _changes(database)
    numbers = rows.known(database, wanted)
    had = set(batch.contents.wanted())
    missing = [one for one in wanted if one not in numbers and one not in had]
    contents = read_rows(rows.read(git, missing) if missing else ())
    with transaction(database):
        if _changes(database) != before:
            numbers = rows.known(database, wanted)
        for found in (batch.contents, contents):
            numbers |= found.write(database, numbers).numbers
        put_paths(database, {event.path for _, events in batch.commits for event in events})
        database.executemany(
            "INSERT OR IGNORE INTO commits(oid, parents, authored, committed, author, email, subject) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (bytes.fromhex(one.oid), bytes.fromhex("".join(one.parents)), one.authored, one.committed, one.author,
                 one.email, one.subject) for one, _ in batch.commits
            ],
        )  # fmt: skip
        _write_events(database, batch, numbers, is_whole=is_whole)


def _changes(database: sqlite3.Connection) -> object:
    """Another number when another process wrote something; `PRAGMA data_version` of SQLite."""
    return database.execute("PRAGMA data_version").fetchone()


def _write_events(database: sqlite3.Connection, batch: Batch, numbers: dict[Wanted, int], *, is_whole: bool) -> None:
    events = []
    for commit, done in batch.commits:
        for event in done:
            number = 0 if event.blob is None else numbers.get(Wanted(event.blob, rows.kind_of(event.path)))
            if number is not None:
                events.append((number, event.op, event.path, bytes.fromhex(commit.oid)))
    database.executemany(
        "INSERT OR IGNORE INTO event(content, op, path, commits) "
        "SELECT ?, ?, path.id, commits.id FROM path, commits WHERE path.path = ? AND commits.oid = ?",
        events,
    )
    if is_whole:
        return
    versions.touch_nothing(database)
    database.executemany(
        "INSERT OR IGNORE INTO temp.touched SELECT id, ? FROM path WHERE path = ?",
        [(number, path) for number, _, path, _ in events if number],
    )
    versions.refresh(database)


def _sweep(database: sqlite3.Connection, tips: Collection[str], *, is_whole: bool) -> None:
    """Forget what no tip reaches any more: its commits, what they did, and versions that were only there."""
    alive = reached(database, tips)
    dead = [(oid,) for (oid,) in database.execute("SELECT oid FROM commits") if oid not in alive]
    if not dead:
        return
    database.execute("CREATE TEMP TABLE IF NOT EXISTS dead(id INTEGER PRIMARY KEY)")
    database.execute("DELETE FROM temp.dead")
    database.executemany("INSERT INTO temp.dead SELECT id FROM commits WHERE oid = ?", dead)
    if not is_whole:
        versions.touch_nothing(database)
        database.execute(
            "INSERT OR IGNORE INTO temp.touched SELECT path, content FROM event "
            "WHERE content > 0 AND commits IN (SELECT id FROM temp.dead)"
        )
        # Pointers dated by a run whose record goes are dated anew.
        database.execute(
            "INSERT OR IGNORE INTO temp.touched SELECT v.path, v.content FROM content c "
            "JOIN version v ON v.what = c.what AND v.content = c.id "
            f"WHERE c.what = {POINTER} AND c.run IN "
            "(SELECT r.id FROM temp.touched t CROSS JOIN run r ON r.content = t.content)"
        )
    database.execute("DELETE FROM event WHERE commits IN (SELECT id FROM temp.dead)")
    database.execute("DELETE FROM commits WHERE id IN (SELECT id FROM temp.dead)")
    if not is_whole:
        versions.refresh(database)
