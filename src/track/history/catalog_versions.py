"""Versions in the catalog: pairs of path and content, as the events of commits say, as old as their runs.

Those that events touched are made again; where everything is new, all of them in one go.
"""

import sqlite3

from track.history import catalog_file
from track.history import catalog_rows as rows
from track.history.catalog_file import POINTER, RECORD


def touch_nothing(database: sqlite3.Connection) -> None:
    """Have an empty `temp.touched`: the versions to be looked at again."""
    database.execute(
        "CREATE TEMP TABLE IF NOT EXISTS touched(path INTEGER, content INTEGER, PRIMARY KEY(path, content))"
    )
    database.execute("DELETE FROM temp.touched")


def refresh(database: sqlite3.Connection) -> None:
    """Have the versions in `temp.touched` be what the events say, and those of runs whose records are among them."""
    database.create_function("version_id", 2, rows.version_id, deterministic=True)
    _count_versions(database, "-")
    database.execute("DELETE FROM version WHERE (path, content) IN (SELECT path, content FROM temp.touched)")
    database.execute(
        """
        INSERT INTO version
        SELECT e.path, e.content, c.what, version_id(p.path, c.sum), m.authored, m.oid, m.author, m.authored, m.author
        FROM temp.touched t CROSS JOIN path p ON p.id = t.path CROSS JOIN content c ON c.id = t.content
        CROSS JOIN event e ON e.path = t.path AND e.content = t.content AND e.commits = (
            SELECT i.commits FROM event i CROSS JOIN commits k ON k.id = i.commits
            WHERE i.path = t.path AND i.content = t.content ORDER BY k.authored, k.oid LIMIT 1)
        CROSS JOIN commits m ON m.id = e.commits
        """
    )
    _count_versions(database, "+")
    _tell_loose(database)
    # A pointer is as old as its run, whose record may have come with another commit. Of several records of one run,
    # which only somebody's edit makes, the one with the least id counts.
    _date_by_runs(database, f"SELECT content FROM temp.touched t CROSS JOIN content c ON c.id = t.content "
                            f"WHERE c.what = {POINTER} AND c.run IS NOT NULL")  # fmt: skip
    _date_by_runs(database, f"SELECT id FROM content WHERE what = {POINTER} AND run IN "
                            f"(SELECT r.id FROM temp.touched t CROSS JOIN run r ON r.content = t.content)")  # fmt: skip
    database.execute(
        "UPDATE version SET (created, user) = (SELECT r.started, r.user FROM run r WHERE r.content = version.content) "
        "WHERE (path, content) IN "
        "(SELECT t.path, t.content FROM temp.touched t CROSS JOIN content c ON c.id = t.content "
        f"WHERE c.what = {RECORD} AND c.state = 0)"
    )


def make_all(database: sqlite3.Connection) -> None:
    """Have all versions be what the events say: as `refresh` would, if each had been touched; and every index."""
    database.create_function("version_id", 2, rows.version_id, deterministic=True)
    catalog_file.drop_indexes(database)
    database.execute("DELETE FROM version")
    database.execute(  # of several commits the earliest is the first that is not ignored
        """
        INSERT OR IGNORE INTO version
        SELECT e.path, e.content, c.what, version_id(p.path, c.sum), m.authored, m.oid, m.author, m.authored, m.author
        FROM event e CROSS JOIN commits m ON m.id = e.commits CROSS JOIN path p ON p.id = e.path
        CROSS JOIN content c ON c.id = e.content
        ORDER BY e.path, e.content, m.authored, m.oid
        """
    )
    catalog_file.make_indexes(database)
    _date_by_runs(database, f"SELECT id FROM content WHERE what = {POINTER} AND run IS NOT NULL")
    database.execute(
        "UPDATE version SET (created, user) = (SELECT r.started, r.user FROM run r WHERE r.content = version.content) "
        f"WHERE what = {RECORD} AND content IN (SELECT content FROM run)"
    )
    bad = "SELECT id FROM content WHERE state > 0"
    database.execute(
        "UPDATE total SET versions = (SELECT COUNT(*) FROM version v WHERE v.what = total.what "
        f"AND v.content NOT IN ({bad}))"
    )
    database.execute(
        "UPDATE total SET saved = (SELECT COALESCE(SUM(r.saved), 0) FROM version v JOIN run r ON r.content = v.content "
        f"WHERE v.what = {RECORD}) WHERE what = {RECORD}"
    )
    database.execute(
        "UPDATE standing SET is_loose = NOT EXISTS "
        "(SELECT 1 FROM version v WHERE v.path = standing.path AND v.content = standing.content)"
    )


def _count_versions(database: sqlite3.Connection, sign: str) -> None:
    """Add the versions in `temp.touched` to the totals, or take them away (`-`)."""
    touched = "temp.touched t CROSS JOIN version v ON v.path = t.path AND v.content = t.content"
    database.execute(
        f"UPDATE total SET versions = versions {sign} (SELECT COUNT(*) FROM {touched} CROSS JOIN content c "
        "ON c.id = t.content WHERE v.what = total.what AND c.state = 0)"
    )
    database.execute(
        f"UPDATE total SET saved = saved {sign} (SELECT COALESCE(SUM(r.saved), 0) FROM {touched} CROSS JOIN run r "
        f"ON r.content = t.content WHERE v.what = {RECORD}) WHERE what = {RECORD}"
    )


def _tell_loose(database: sqlite3.Connection) -> None:
    """Note which of what stands and is in `temp.touched` is no version."""
    for (worktree,) in database.execute("SELECT id FROM worktree").fetchall():
        database.execute(
            "UPDATE standing SET is_loose = NOT EXISTS "
            "(SELECT 1 FROM version v WHERE v.path = standing.path AND v.content = standing.content) "
            "WHERE (worktree, what, content, path) IN (SELECT ?, c.what, t.content, t.path "
            "FROM temp.touched t CROSS JOIN content c ON c.id = t.content)",
            (worktree,),
        )


def _date_by_runs(database: sqlite3.Connection, contents: str) -> None:
    database.execute(
        f"""
        UPDATE version SET (created, user) = (
            SELECT COALESCE(r.ended, r.started), r.user FROM content c CROSS JOIN run r ON r.id = c.run
            CROSS JOIN content k ON k.id = r.content CROSS JOIN version w ON w.what = {RECORD} AND w.content = r.content
            WHERE c.id = version.content ORDER BY k.oid LIMIT 1)
        WHERE what = {POINTER} AND content IN ({contents}) AND EXISTS (
            SELECT 1 FROM content c CROSS JOIN run r ON r.id = c.run
            CROSS JOIN version w ON w.what = {RECORD} AND w.content = r.content
            WHERE c.id = version.content)
        """
    )
