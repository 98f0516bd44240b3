"""What the catalog's file knows of records by their bytes, for who has these at hand: which need not be read again.

The file is read as it is: it is not brought up to date, not made, not waited for, and nothing is known where it is
missing, locked or of no use. What it says of bytes is true whatever commit or file they are in.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from track.history.catalog_file import VERSION

_MAKERS = """
    SELECT c.sum FROM entry e JOIN content c ON c.id = e.content WHERE e.digest = ? AND e.category = 'output'"""


class Settled(NamedTuple):
    """Records that can be read, by the sum of their bytes: the id of the run. `makers` are the sums of those whose run
    made one of the contents asked about.
    """

    runs: dict[bytes, str]
    makers: frozenset[bytes]


def settled_records(file: Path, made: Iterable[bytes]) -> Settled:
    """What the catalog in `file` knows of records, of any commit, and which of their runs made these contents."""
    runs: dict[bytes, str] = {}
    makers: set[bytes] = set()
    try:
        database = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)
        try:
            if database.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                runs.update(database.execute("SELECT c.sum, r.id FROM run r JOIN content c ON c.id = r.content"))
                for digest in made:
                    makers.update(sum for (sum,) in database.execute(_MAKERS, (bytes(digest),)))
        finally:
            database.close()
    except sqlite3.Error:
        return Settled({}, frozenset())
    return Settled(runs, frozenset(makers))
