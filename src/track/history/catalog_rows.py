"""What the catalog knows of contents: each pointer and record that Git has an id for is read once, ever."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from blake3 import blake3

from track.errors import GitFailed
from track.history.catalog_file import ABSENT, POINTER, RECORD
from track.history.plumbing import Git
from track.model.names import (
    is_record_path,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.record import Used

_ASKED_AT_ONCE = 500


class Wanted(NamedTuple):
    """A content by Git's id, and what its path says it is: POINTER or RECORD."""

    oid: str
    what: int


def kind_of(path: bytes) -> int:
    """What the path of a file that may name artifacts says it is."""
    return RECORD if is_record_path(path) else POINTER


def version_id(path: bytes, sum: bytes) -> bytes:
    """The id of a version, 8 bytes, the same in every clone: of the pointer's path and bytes."""
    return blake3(path + b"\0" + sum).digest(8)


def saved_id(run: str, used: "Used") -> bytes:
    """The id of what a run used, made or saved, 8 bytes: of the run, the category, the name and the digest."""
    key = "\0".join((run, used.category, used.shown)).encode("utf-8", "surrogateescape")
    return version_id(key, used.digest)


def known(database: sqlite3.Connection, wanted: Iterable[Wanted]) -> dict[Wanted, int]:
    """The numbers of those contents that have been read."""
    asked = list(wanted)
    found: dict[Wanted, int] = {}
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        few = asked[start : start + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(few))
        query = f"SELECT oid, what, id FROM content WHERE oid IN ({marks})"  # only marks are put in
        for oid, what, number in database.execute(query, [bytes.fromhex(one.oid) for one in few]):
            found[Wanted(oid.hex(), what)] = number
    return found


def read(git: Git, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, bytes | None]]:
    """The bytes of contents; None for those that Git has not, as in a partial clone: nothing is fetched."""
    rest, is_new = list(wanted), True
    while rest:
        given = 0
        try:
            for one, (_, content) in zip(rest, git.blobs(one.oid for one in rest), strict=True):
                given += 1
                yield one, content
            return
        except GitFailed:
            rest = rest[given:]
        here = _here(git) if is_new else {one.oid for one in rest[1:]}  # what is listed and not given is damaged
        yield from ((one, None) for one in rest if one.oid not in here)
        rest, is_new = [one for one in rest if one.oid in here], False


def absent(database: sqlite3.Connection) -> list[Wanted]:
    """The contents that were not here when they were looked for."""
    query = f"SELECT oid, what FROM content WHERE state > 0 AND state = {ABSENT}"
    return [Wanted(oid.hex(), what) for oid, what in database.execute(query)]


def lacks(database: sqlite3.Connection) -> bool:
    """Whether a content was not here when it was looked for."""
    query = f"SELECT 1 FROM content WHERE state > 0 AND state = {ABSENT} LIMIT 1"
    return database.execute(query).fetchone() is not None


def _here(git: Git) -> set[str]:
    """All files that Git has: asking for one that it would have to fetch ends it, so it lists what it has."""
    asked = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)")
    listed = git.run(*asked, check=False).decode("ascii", "replace").splitlines()
    return {line[5:] for line in listed if line.startswith("blob ")}
