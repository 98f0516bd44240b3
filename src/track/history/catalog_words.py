"""Words that the catalog knows: what artifacts, runs, labels and tags are called, for who completes them while typing.

The file is read as it is: it is not brought up to date, not made, not waited for, and nothing is said when it is
missing, locked or of no use. Each question is cut off at a deadline.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from track.history.catalog_file import VERSION
from track.model.names import ARTIFACTS

MOST = 200
"""So many words are offered at most."""
_LIMIT_S = 0.05
_STEPS = 2_000
_LAST = "\U0010ffff"


def names(file: Path, start: str) -> list[str]:
    """The named artifacts, and their aliases behind `@`, that begin so; of the whole history."""
    query = "SELECT DISTINCT shown FROM path WHERE shown >= ? AND shown < ? AND path >= ? AND path < ? LIMIT ?"
    given = _asked(file, query, start, start + _LAST, ARTIFACTS, ARTIFACTS + b"\xff", MOST)
    return [text for (text,) in given]


def runs(file: Path, start: str) -> list[str]:
    """The names, ids and short ids of runs that begin so, the newest of each first; ids from four digits on."""
    named = (
        "SELECT name FROM run WHERE name >= ? AND name < ? ORDER BY COALESCE(ended, started) DESC LIMIT ?",
        (start, start + _LAST, MOST),
    )
    newest = ("SELECT name FROM run ORDER BY COALESCE(ended, started) DESC LIMIT ?", (MOST,))
    queries: list[tuple[str, tuple[Any, ...]]] = [named if start else newest]
    # A shell completes what all have in common, so the first and the last in the order of names are among them.
    for end in ("MIN", "MAX"):
        queries.append((f"SELECT {end}(name) FROM run WHERE name >= ? AND name < ?", (start, start + _LAST)))
    if len(start) >= 4 and set(start) <= set("0123456789abcdef-"):
        queries.append(("SELECT id FROM run WHERE id >= ? AND id < ? LIMIT ?", (start, start + "g", MOST)))
        queries.append(("SELECT substr(id, -8) FROM run WHERE substr(id, -8) >= ? AND substr(id, -8) < ? LIMIT ?",
                        (start, start + "g", MOST)))  # fmt: skip
    found = [text for query, values in queries for (text,) in _asked(file, query, *values) if text is not None]
    return list(dict.fromkeys(found))


def people(file: Path, start: str) -> list[str]:
    """Who ran or committed something, as far as that begins so, sorted."""
    found: set[str] = set()
    for query in ("SELECT DISTINCT author FROM commits", "SELECT DISTINCT user FROM run"):
        found.update(text for (text,) in _asked(file, query) if text.startswith(start))
    return sorted(found)[:MOST]


def every_person(file: Path) -> dict[str, str]:
    """Who ran or committed something, by name and by address."""
    found = {name: name for (name,) in _asked(file, "SELECT DISTINCT user FROM run")}
    for name, address in _asked(file, "SELECT DISTINCT author, email FROM commits"):
        found |= {address: name, name: name}
    return found


def latest_runs(file: Path, most: int) -> list[str]:
    """The names of so many runs that ended last."""
    query = "SELECT name FROM run ORDER BY COALESCE(ended, started) DESC LIMIT ?"
    return list(dict.fromkeys(name for (name,) in _asked(file, query, most)))


def keys(file: Path, field: str, start: str) -> list[str]:
    """The keys of `field` (labels, partitions, params) that begin so, sorted."""
    query = "SELECT name FROM field WHERE name >= ? AND name < ? ORDER BY name LIMIT ?"
    first = f"{field}.{start}"
    return [text[len(field) + 1 :] for (text,) in _asked(file, query, first, first + _LAST, MOST)]


def values(file: Path, name: str, start: str) -> list[str]:
    """The texts of one field, such as `labels.stage` or `tags`, that begin so, sorted."""
    fields = [number for (number,) in _asked(file, "SELECT id FROM field WHERE name = ?", name)]
    query = "SELECT value FROM fact WHERE field = ? AND value {sign} ? AND value < ? ORDER BY value LIMIT 1"
    found: list[str] = []
    for field in fields:
        last, sign = start, ">="
        while len(found) < MOST and (next := _asked(file, query.format(sign=sign), field, last, start + _LAST)):
            last, sign = next[0][0], ">"
            found.append(last)
    return found


def _asked(file: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows; none where the file is of no use, and those until then at the deadline."""
    found: list[tuple[Any, ...]] = []
    try:
        with _opened(file) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                found.extend(database.execute(query, values))
    except sqlite3.Error:
        pass
    return found


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)
    deadline = time.monotonic() + _LIMIT_S
    database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        yield database
    finally:
        database.close()
