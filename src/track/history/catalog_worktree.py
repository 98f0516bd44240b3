"""What stands in a working tree, kept in the catalog: only what changed since the last question is looked at.

For each working tree are kept the commit that was checked out, what Git's index had `aside` from that, and the state of
the folders of records and of the records that Git's index has not. From there two comparisons of trees tell which paths
may have changed.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from track.errors import GitFailed
from track.history import catalog_here as here
from track.history import catalog_rows as rows
from track.history import late
from track.history.catalog_file import RECORD, transaction
from track.history.catalog_here import Standing
from track.history.catalog_rows import Wanted, kind_of
from track.history.left_out import left_out
from track.history.plumbing import Git
from track.model.names import is_record_path

_ASKED_AT_ONCE = 500


class _Kept(NamedTuple):
    """What is known of a working tree. `base` is a commit or tree, `aside` what it has where the index was otherwise.

    `signature` is empty where nothing is known yet.
    """

    signature: str
    base: str
    aside: dict[bytes, str | None]


class _Step(NamedTuple):
    """From what was kept to what is to be: the paths that may have changed, and what stands there now."""

    kept: _Kept
    now: _Kept
    paths: Collection[bytes]
    standing: Sequence[Standing]


def put_standing(database: sqlite3.Connection, git: Git, standing: Collection[Standing]) -> None:
    """Read what stands and was not known yet: it is staged, or in the working tree alone."""
    there = set(rows.known(database, {one.content for one in standing}))
    if there and any(one.data is not None for one in standing):
        there.difference_update(rows.absent(database))
    given = {one.content: one.data for one in standing if one.content not in there}
    paths = _unknown_paths(database, {one.path for one in standing})
    if not given and not paths:
        return
    ours: list[tuple[Wanted, bytes | None]] = [(wanted, data) for wanted, data in given.items() if data is not None]
    contents = late.read_rows([*ours, *rows.read(git, [wanted for wanted, data in given.items() if data is None])])
    with transaction(database):
        late.put_paths(database, paths)
        late.write_contents(database, contents)


def put_worktree(database: sqlite3.Connection, git: Git) -> int:
    """The number of the working tree of which `standing` has what its index and its records are."""
    while True:
        number, kept = _kept(database, git)
        signature = here.signature(git, here.watched_in(kept.signature))
        if number is not None and kept.signature == signature:
            return number
        try:
            step = _step(database, git, number, kept, signature)
        except GitFailed:
            if not kept.signature:
                raise
            step = _step(database, git, number, _nothing(git), signature)  # the commit is gone
        put_standing(database, git, step.standing)
        with transaction(database):
            # Else another process was faster, or emptied the catalog.
            if _kept(database, git)[1].signature == kept.signature and _all_known(database, step.standing):
                return _write(database, git, step)


def _all_known(database: sqlite3.Connection, standing: Sequence[Standing]) -> bool:
    wanted = {one.content for one in standing}
    return len(rows.known(database, wanted)) == len(wanted)


def _kept(database: sqlite3.Connection, git: Git) -> tuple[int | None, _Kept]:
    query = "SELECT id, signature, base FROM worktree WHERE git_dir = ?"
    found = database.execute(query, (bytes(git.git_dir),)).fetchone()
    if found is None:
        return None, _nothing(git)
    number, signature, base = found
    aside = dict(database.execute("SELECT path, oid FROM aside WHERE worktree = ?", (number,)))
    return number, _Kept(signature, base, aside)


def _nothing(git: Git) -> _Kept:
    return _Kept("", late.empty_tree(here.head_of(git)), {})


def _step(database: sqlite3.Connection, git: Git, number: int | None, kept: _Kept, signature: str) -> _Step:
    head = here.head_of(git)
    moved = here.between(git, kept.base, head)
    staged = here.staged_besides(git, head)
    index = {**kept.aside, **{path: new for side in (moved, staged) for path, (_, new) in side.items()}}
    folders = here.changed_folders(kept.signature, signature)
    files = here.records_in(git, folders)
    before = _records_before(database, number, folders) if kept.signature else set()
    lone = sorted(path for path in files - before if path not in index)
    if kept.signature and lone:
        index.update(here.staged_at(git, lone))
    standing: list[Standing] = []
    loose: list[bytes] = []
    changed = {*index, *(files ^ before), *here.written_again(kept.signature, signature)}
    absent = {path for path in changed - files if is_record_path(path) and _is_absent(git, path, folders)}
    apart = left_out(git, absent)
    index.update(apart)
    for path in changed - (absent - apart.keys()):
        if (oid := index.get(path)) is not None:
            standing.append(Standing(path, Wanted(oid, kind_of(path))))
        elif is_record_path(path):
            loose.append(path)
    # Whatever stands in the index is told by the index; of the rest each file has to be looked at, before it is read.
    signature = here.watching(git, signature, (here.watched_in(signature) - changed) | set(loose))
    standing += here.files_at(git, sorted(loose))
    aside = {path: old for path, (old, _) in staged.items()}
    return _Step(kept, _Kept(signature, head, aside), changed, standing)


def _write(database: sqlite3.Connection, git: Git, step: _Step) -> int:
    place = bytes(git.git_dir)
    if _kept(database, git)[0] is None:
        _forget_gone(database)
    database.execute("INSERT OR IGNORE INTO worktree(git_dir, signature, base, saved) VALUES (?, '', '', 0)", (place,))
    number = int(database.execute("SELECT id FROM worktree WHERE git_dir = ?", (place,)).fetchone()[0])
    if not step.kept.signature:
        database.execute("DELETE FROM standing WHERE worktree = ?", (number,))
        database.execute("UPDATE worktree SET saved = 0 WHERE id = ?", (number,))
    database.execute("CREATE TEMP TABLE IF NOT EXISTS moved(path INTEGER PRIMARY KEY)")
    database.execute("DELETE FROM temp.moved")
    database.executemany(
        "INSERT OR IGNORE INTO temp.moved SELECT id FROM path WHERE path = ?", [(path,) for path in step.paths]
    )
    before = _saved(database, number)
    database.execute("DELETE FROM standing WHERE worktree = ? AND path IN (SELECT path FROM temp.moved)", (number,))
    database.executemany(
        "INSERT OR IGNORE INTO standing SELECT ?, c.what, c.id, p.id, "
        "NOT EXISTS (SELECT 1 FROM version v WHERE v.path = p.id AND v.content = c.id) "
        "FROM path p, content c WHERE p.path = ? AND c.oid = ? AND c.what = ?",
        [(number, one.path, bytes.fromhex(one.content.oid), one.content.what) for one in step.standing],
    )
    change = _saved(database, number) - before
    database.execute("DELETE FROM aside WHERE worktree = ?", (number,))
    database.executemany(
        "INSERT INTO aside VALUES (?, ?, ?)", [(number, path, oid) for path, oid in step.now.aside.items()]
    )
    database.execute(
        "UPDATE worktree SET signature = ?, base = ?, saved = saved + ? WHERE id = ?",
        (step.now.signature, step.now.base, change, number),
    )
    return number


def _forget_gone(database: sqlite3.Connection) -> None:
    """Forget what stood in working trees that are no more, or are elsewhere."""
    for number, place in database.execute("SELECT id, git_dir FROM worktree").fetchall():
        if not os.path.lexists(place):
            database.execute("DELETE FROM standing WHERE worktree = ?", (number,))
            database.execute("DELETE FROM aside WHERE worktree = ?", (number,))
            database.execute("DELETE FROM worktree WHERE id = ?", (number,))


def _saved(database: sqlite3.Connection, number: int) -> int:
    """How many artifacts were saved to the runs whose records stand at the paths in `temp.moved`."""
    query = (
        "SELECT COALESCE(SUM(r.saved), 0) FROM temp.moved m CROSS JOIN standing s INDEXED BY standing_path "
        f"ON s.worktree = ? AND s.path = m.path CROSS JOIN run r ON r.content = s.content WHERE s.what = {RECORD}"
    )
    return int(database.execute(query, (number,)).fetchone()[0])


def _records_before(database: sqlite3.Connection, number: int | None, folders: Iterable[bytes]) -> set[bytes]:
    query = (
        "SELECT p.path FROM path p CROSS JOIN standing s INDEXED BY standing_path "
        f"ON s.worktree = ? AND s.path = p.id WHERE p.path > ? AND p.path < ? AND s.what = {RECORD}"
    )
    found: set[bytes] = set()
    for folder in folders:
        found.update(path for (path,) in database.execute(query, (number, folder + b"/", folder + b"0")))
    return found


def _is_absent(git: Git, path: bytes, folders: Collection[bytes]) -> bool:
    """Whether a record is not among the files of the `folders` that were listed, or nowhere on disk."""
    return path.rpartition(b"/")[0] in folders or not here.is_there(git, path)


def _unknown_paths(database: sqlite3.Connection, paths: Collection[bytes]) -> set[bytes]:
    asked = list(paths)
    unknown = set(asked)
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        few = asked[start : start + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(few))  # only marks are put in
        unknown.difference_update(
            path for (path,) in database.execute(f"SELECT path FROM path WHERE path IN ({marks})", few)
        )
    return unknown
