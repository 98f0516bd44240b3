"""How the catalog is brought up to date: what new commits did is read from `git log`, what nothing reaches any more
goes.

Each batch is a transaction of its own, and the tips are written last: killed in between, the next one begins where the
tips say, finds contents already read, and writes the same rows again. So it does not matter in which order commits
come, and the result is that of building everything at once.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from track.errors import GitFailed
from track.history import catalog_rows as rows
from track.history import log
from track.history.catalog_file import POINTER, RECORD
from track.history.catalog_rows import Wanted
from track.history.log import Commit, Event
from track.history.plumbing import Git
from track.work import can_fork, cores, streamed

_BATCH = 4_000
"""Events of commits that are written in one transaction."""
_LONG = 2_000
"""Commits from which on a second process pays."""
_OWN_SHARE = 3
"""Of so many batches this process reads the contents of one itself: it has all of them to write."""


class Tips(NamedTuple):
    """What a repository's history is reached from: commits, and `shape`, which changes when Git shows commits with
    other parents than before (shallow clones, grafts, replacements).
    """

    commits: frozenset[str]
    shape: str


def tips_of(git: Git) -> Tips:
    """The tips of every ref and of HEAD in every working tree."""
    shape = hashlib.sha256()
    tips: set[str] = set()
    loose: list[str] = []
    for line in _refs(git).decode("utf-8", "replace").splitlines():
        name, oid, kind, inner, inner_kind = (line.split(" ") + [""] * 3)[:5]
        if name.startswith("refs/replace/"):
            shape.update(line.encode())
        if "commit" in (kind, inner_kind):
            tips.add(oid if kind == "commit" else inner)
        elif inner_kind == "tag" or not kind:
            loose.append(oid)
    tips.update(_peeled(git, loose))
    heads = [git.head(), *(_detached(path) for path in git.common_dir.glob("worktrees/*/HEAD"))]
    tips.update(head for head in heads if head)
    for name in ("shallow", "info/grafts"):
        try:
            shape.update((git.common_dir / name).read_bytes())
        except OSError:
            continue
    return Tips(frozenset(tips), shape.hexdigest())


def written_tips(database: sqlite3.Connection) -> Tips | None:
    """What the catalog was brought up to; None where that was not finished, or never done."""
    shape = database.execute("SELECT value FROM state WHERE name = 'shape'").fetchone()
    is_unfinished = database.execute("SELECT 1 FROM state WHERE name = 'unfinished'").fetchone()
    if shape is None or is_unfinished is not None:
        return None
    return Tips(frozenset(oid.hex() for (oid,) in database.execute("SELECT oid FROM tip")), shape[0])


def fill(database: sqlite3.Connection, git: Git, tips: Tips) -> None:
    """Bring the catalog up to these tips. One process at a time."""
    was_unfinished = database.execute("SELECT 1 FROM state WHERE name = 'unfinished'").fetchone() is not None
    with transaction(database):
        shape = database.execute("SELECT value FROM state WHERE name = 'shape'").fetchone()
        if shape is not None and shape[0] != tips.shape:
            for table in ("event", "version", "commits", "tip"):
                database.execute(f"DELETE FROM {table}")
            database.execute("UPDATE total SET versions = 0, saved = 0")
            database.execute("UPDATE standing SET is_loose = 1")
        database.execute("INSERT OR REPLACE INTO state VALUES ('unfinished', '1'), ('shape', ?)", (tips.shape,))
    old = frozenset(oid.hex() for (oid,) in database.execute("SELECT oid FROM tip"))
    passed: set[str] = set()
    new = sorted(tips.commits - old)
    with _ahead(database, git, new) as ahead:
        for number, batch in enumerate(_batches(log.commits(git, new, sorted(old))) if new else ()):
            _write(database, git, batch, next(ahead, None) if number % _OWN_SHARE else None)
            passed.update(parent for commit, _ in batch for parent in commit.parents if parent in old)
    with transaction(database):
        if was_unfinished or old - tips.commits - passed:
            _sweep(database, tips.commits)
        database.execute("DELETE FROM tip")
        database.executemany("INSERT INTO tip VALUES (?)", [(bytes.fromhex(oid),) for oid in sorted(tips.commits)])
        database.execute("DELETE FROM state WHERE name = 'unfinished'")


def put_paths(database: sqlite3.Connection, paths: Iterable[bytes]) -> None:
    """Have a number for each of these paths."""
    given = [(path, rows.kind_of(path), rows.shown(path)) for path in paths]
    database.executemany("INSERT OR IGNORE INTO path(path, what, shown) VALUES (?, ?, ?)", given)


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


def reached(database: sqlite3.Connection, tips: Iterable[str]) -> set[bytes]:
    """The ids of all commits that these reach, as far as they are in the catalog."""
    parents = dict(database.execute("SELECT oid, parents FROM commits"))
    waiting = [oid for tip in tips if (oid := bytes.fromhex(tip)) in parents]
    found = set(waiting)
    while waiting:
        oid = waiting.pop()
        above, size = parents[oid], len(oid)
        for start in range(0, len(above), size):
            parent = above[start : start + size]
            if parent not in found and parent in parents:
                found.add(parent)
                waiting.append(parent)
    return found


def _refs(git: Git) -> bytes:
    """A line for each ref; where one is broken, the ids alone."""
    try:
        return git.run("for-each-ref", "--format=%(refname) %(objectname) %(objecttype) %(*objectname) %(*objecttype)")
    except GitFailed:
        return git.run("for-each-ref", "--format=%(refname) %(objectname)", check=False)


def _peeled(git: Git, oids: list[str]) -> Iterator[str]:
    """The commits that these stand for, however many tags lie between."""
    if oids:
        asked = "".join(f"{oid}^{{commit}}\n" for oid in oids).encode()
        for line in git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", input=asked).splitlines():
            oid, _, kind = line.decode("ascii", "replace").partition(" ")
            if kind == "commit":
                yield oid


def _detached(head: Path) -> str | None:
    try:
        with open(head, encoding="ascii", errors="replace") as file:
            found = file.readline(128).strip()
    except OSError:
        return None
    return found if len(found) in (40, 64) and set(found) <= set("0123456789abcdef") else None


def _batches(commits: Iterator[tuple[Commit, list[Event]]]) -> Iterator[list[tuple[Commit, list[Event]]]]:
    batch: list[tuple[Commit, list[Event]]] = []
    size = 0
    for commit, events in commits:
        batch.append((commit, events))
        size += 1 + len(events)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _ahead(database: sqlite3.Connection, git: Git, tips: list[str]) -> AbstractContextManager[Iterator[bytes]]:
    """The rows of the contents of two batches of three, made by another process; none where that does not pay.

    It pays when a long history is read for the first time: reading contents is most of the work. The process is begun
    before Git is asked, while there is but one thread.
    """
    if tips and can_fork() and cores() > 1 and database.execute("SELECT 1 FROM content").fetchone() is None:
        asked = "".join(f"{tip}\n" for tip in tips).encode()
        if int(git.run("rev-list", "--count", "--ignore-missing", "--stdin", input=asked)) >= _LONG:
            return streamed(lambda tell: _read_ahead(git, tips, tell))
    return nullcontext(iter(()))


def _read_ahead(git: Git, tips: list[str], tell: Callable[[bytes], None]) -> None:
    seen: set[Wanted] = set()
    for number, batch in enumerate(_batches(log.commits(git, tips))):
        missing = [one for one in _wanted(batch) if one not in seen]
        seen.update(missing)
        if number % _OWN_SHARE:
            tell(rows.read_rows(rows.read(git, missing)).packed())


def _wanted(batch: list[tuple[Commit, list[Event]]]) -> list[Wanted]:
    """The contents in a batch, each once, in the order in which Git packed them, nearly."""
    done = (event for _, events in batch for event in events)
    return list(dict.fromkeys(Wanted(event.blob, rows.kind_of(event.path)) for event in done if event.blob is not None))


def _write(
    database: sqlite3.Connection, git: Git, batch: list[tuple[Commit, list[Event]]], ahead: bytes | None = None
) -> None:
    """Write a batch; `ahead` are the rows of the contents that are new in it, if another process read them."""
    done = [event for _, events in batch for event in events]
    wanted = _wanted(batch)
    if ahead is None:
        there = rows.known(database, wanted)
        missing = [one for one in wanted if one not in there]
        contents = rows.read_rows(rows.read(git, missing) if missing else ())
    else:
        contents = rows.Rows(ahead)
    with transaction(database):
        contents.write(database)
        put_paths(database, {event.path for event in done})
        database.executemany(
            "INSERT OR IGNORE INTO commits(oid, parents, authored, committed, author, email, subject) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (bytes.fromhex(one.oid), bytes.fromhex("".join(one.parents)), one.authored, one.committed, one.author,
                 one.email, one.subject) for one, _ in batch
            ],
        )  # fmt: skip
        _write_events(database, batch, rows.known(database, wanted))


def _write_events(
    database: sqlite3.Connection, batch: list[tuple[Commit, list[Event]]], numbers: dict[Wanted, int]
) -> None:
    events = []
    for commit, done in batch:
        for event in done:
            number = 0 if event.blob is None else numbers.get(Wanted(event.blob, rows.kind_of(event.path)))
            if number is not None:  # Git has it not
                events.append((number, event.op, event.path, bytes.fromhex(commit.oid)))
    database.executemany(
        "INSERT OR IGNORE INTO event(content, op, path, commits) "
        "SELECT ?, ?, path.id, commits.id FROM path, commits WHERE path.path = ? AND commits.oid = ?",
        events,
    )
    _touch_nothing(database)
    database.executemany(
        "INSERT OR IGNORE INTO temp.touched SELECT id, ? FROM path WHERE path = ?",
        [(number, path) for number, _, path, _ in events if number],
    )
    _refresh_versions(database)


def _touch_nothing(database: sqlite3.Connection) -> None:
    """Have an empty `temp.touched`: the versions to be looked at again."""
    database.execute(
        "CREATE TEMP TABLE IF NOT EXISTS touched(path INTEGER, content INTEGER, PRIMARY KEY(path, content))"
    )
    database.execute("DELETE FROM temp.touched")


def _refresh_versions(database: sqlite3.Connection) -> None:
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


def _sweep(database: sqlite3.Connection, tips: Collection[str]) -> None:
    """Forget what no tip reaches any more: its commits, what they did, and versions that were only there."""
    alive = reached(database, tips)
    dead = [(oid,) for (oid,) in database.execute("SELECT oid FROM commits") if oid not in alive]
    if not dead:
        return
    database.execute("CREATE TEMP TABLE IF NOT EXISTS dead(id INTEGER PRIMARY KEY)")
    database.execute("DELETE FROM temp.dead")
    database.executemany("INSERT INTO temp.dead SELECT id FROM commits WHERE oid = ?", dead)
    _touch_nothing(database)
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
    _refresh_versions(database)
