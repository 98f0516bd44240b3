"""What the catalog knows of contents: each pointer and record that Git has an id for is read once, ever."""

import json
import marshal
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from track.errors import GitFailed, MalformedPointer, MalformedRecord, NewerFormat, NotAPointer
from track.history.catalog_file import ABSENT, BROKEN, FOREIGN, GOOD, NEWER, POINTER, RECORD
from track.history.plumbing import Git
from track.model import document
from track.model.names import (
    data_path,
    is_named_pointer,
    is_record_path,
    parse_alias_pointer,
    parse_artifact_pointer,
    text_of,
)
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Record, Used
from track.model.record_file import parse_record

_ASKED_AT_ONCE = 500
_SIDES = ("inputs", "outputs")
_NO_TEXT = document.Text("", True)


class Wanted(NamedTuple):
    """A content by Git's id, and what its path says it is: POINTER or RECORD."""

    oid: str
    what: int


def kind_of(path: bytes) -> int:
    """What the path of a file that may name artifacts says it is."""
    return RECORD if is_record_path(path) else POINTER


def shown(path: bytes) -> str:
    """What a person calls what this file stands for: the data's path, or the name of a named artifact."""
    if is_record_path(path):
        return text_of(path)
    if is_named_pointer(path):
        if (alias := parse_alias_pointer(path)) is not None:
            return "@".join(alias)
        try:
            return parse_artifact_pointer(path).name
        except MalformedPointer:
            return text_of(path)
    return text_of(data_path(path))


def version_id(path: bytes, sum: bytes) -> bytes:
    """The id of a version, 8 bytes, the same in every clone: of the pointer's path and bytes."""
    return blake3(path + b"\0" + sum).digest(8)


def saved_id(run: str, used: Used) -> bytes:
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


def _here(git: Git) -> set[str]:
    """All files that Git has: asking for one that it would have to fetch ends it, so it lists what it has."""
    asked = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)")
    listed = git.run(*asked, check=False).decode("ascii", "replace").splitlines()
    return {line[5:] for line in listed if line.startswith("blob ")}


class Rows:
    """The rows that contents make, to be written in one go; each begins with the place of its content among them."""

    def __init__(self, packed: bytes | None = None) -> None:
        """None yet, or those that `packed` gave in a process of ours."""
        self._contents: list[tuple[Any, ...]]
        self._runs: list[tuple[Any, ...]]
        self._entries: list[tuple[Any, ...]]
        self._origins: list[tuple[Any, ...]]
        self._facts: list[tuple[Any, ...]]
        found = ([], [], [], [], []) if packed is None else marshal.loads(packed)
        self._contents, self._runs, self._entries, self._origins, self._facts = found

    def packed(self) -> bytes:
        """All of them, for another process of this version of Python."""
        return marshal.dumps((self._contents, self._runs, self._entries, self._origins, self._facts))

    def wanted(self) -> list[Wanted]:
        """The contents that they are of."""
        return [Wanted(row[1].hex(), row[2]) for row in self._contents]

    def take(self, wanted: Wanted, content: bytes | None) -> None:
        """Read a content; one that cannot be read is remembered with the reason, and one that is not here (None)."""
        if content is None:
            self._content(wanted, b"", ABSENT)
            return
        try:
            if wanted.what == POINTER:
                self._take_pointer(wanted, content, parse_pointer(content, "it"))
            else:
                self._take_record(wanted, content, parse_record(content, "it"))
        except NotAPointer:
            self._content(wanted, content, FOREIGN)
        except NewerFormat as error:
            self._content(wanted, content, NEWER, trouble=error.message)
        except (MalformedPointer, MalformedRecord) as error:
            self._content(wanted, content, BROKEN, trouble=error.message)

    def write(self, database: sqlite3.Connection) -> bool:
        """Write them, in a transaction; contents that another process was faster with are left as they are.

        Those that were absent take the place of that. Whether there were such: versions have to be made again then.
        """
        all_of_them = self.wanted()
        there = known(database, all_of_them)
        late = {one: there.pop(one) for one in absent(database) if one in there} if there else {}
        states = [row[3] for row in self._contents]
        numbers = {place: late[one] for place, one in enumerate(all_of_them) if one in late and states[place] != ABSENT}
        dropped = {
            place for place, one in enumerate(all_of_them) if one in there or (one in late and place not in numbers)
        }
        database.executemany("DELETE FROM content WHERE id = ?", [(number,) for number in numbers.values()])
        first = database.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM content").fetchone()[0]
        if late:  # they had numbers, and the greatest may just have gone
            first = max(first, *(number + 1 for number in late.values()))
        for table, width, found in (
            ("content", 11, self._contents),
            ("run", 8, self._runs),
            ("entry", 13, self._entries),
            ("origin", 3, self._origins),
        ):
            rows = [(numbers.get(row[0], row[0] + first), *row[1:]) for row in found if row[0] not in dropped]
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)
        fields = _fields(database, {name for _, name, _ in self._facts})
        facts: list[tuple[int, Any, int]] = [
            (fields[name], value, numbers.get(place, place + first))
            for place, name, value in self._facts
            if place not in dropped
        ]
        facts.sort(key=_order)
        database.executemany("INSERT OR IGNORE INTO fact VALUES (?, ?, ?)", facts)
        return bool(numbers)

    def _take_pointer(self, wanted: Wanted, content: bytes, pointer: Pointer) -> None:
        said = document.shortened(document.pointer_document(pointer))
        number = self._good(wanted, content, said, digest=bytes(pointer.digest), run=pointer.run)
        self._origins += [(number, text_of(path), bytes(digest)) for path, digest in pointer.based_on.items()]

    def _take_record(self, wanted: Wanted, content: bytes, record: Record) -> None:
        said = document.record_document(record)
        for side in _SIDES:
            del said[side]
        number = self._good(wanted, content, said, digest=None, run=record.id)
        ended = None if record.ended is None else record.ended.timestamp()
        row = (number, record.id, record.name, record.status, record.started.timestamp(), ended)
        saved_count = sum(used.path is None for used in record.artifacts)
        self._runs.append((*row, document.name_in(record.by), saved_count))
        self._entries += [(number, place, *_entry(record.id, used)) for place, used in enumerate(record.artifacts)]

    def _good(
        self, wanted: Wanted, content: bytes, said: dict[str, Any], *, digest: bytes | None, run: str | None
    ) -> int:
        found, is_whole = document.facts(said)
        text = document.pack(said)
        number = self._content(wanted, content, GOOD, digest=digest, run=run, text=text, is_whole=is_whole)
        self._facts += [(number, fact.name, fact.value) for fact in found]
        return number

    def _content(
        self,
        wanted: Wanted,
        content: bytes,
        state: int,
        *,
        digest: bytes | None = None,
        run: str | None = None,
        text: document.Text = _NO_TEXT,
        is_whole: bool = True,
        trouble: str | None = None,
    ) -> int:
        number = len(self._contents)
        self._contents.append(
            (
                number, bytes.fromhex(wanted.oid), wanted.what, state, blake3(content).digest(), digest, run,
                text.text or None, text.is_plain, is_whole, trouble,
            )
        )  # fmt: skip
        return number


def read_rows(contents: Iterable[tuple[Wanted, bytes | None]]) -> Rows:
    """The rows of these contents."""
    rows = Rows()
    for wanted, content in contents:
        rows.take(wanted, content)
    return rows


def _order(row: tuple[int, Any, int]) -> tuple[int, bool, str]:
    """As the table has them, nearly: neighbours are written one after the other."""
    return row[0], isinstance(row[1], str), str(row[1])


def _entry(run: str, used: Used) -> tuple[object, ...]:
    return (
        saved_id(run, used), used.category, used.path, used.shown, bytes(used.digest), used.size, used.kind,
        used.type, used.how, json.dumps(dict(used.address)) if used.address else None,
        json.dumps(dict(used.metadata)) if used.metadata else None,
    )  # fmt: skip


def _fields(database: sqlite3.Connection, names: Collection[str]) -> dict[str, int]:
    """The numbers of fields by their names."""
    database.executemany("INSERT OR IGNORE INTO field(name) VALUES (?)", [(name,) for name in sorted(names)])
    return dict(database.execute("SELECT name, id FROM field"))
