"""The rows that pointers and records make in the catalog: each content that Git has an id for is read once, ever."""

import json
import marshal
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from blake3 import blake3

from track.errors import MalformedPointer, MalformedRecord, NewerFormat, NotAPointer
from track.history.catalog_file import ABSENT, BROKEN, FOREIGN, GOOD, NEWER, POINTER
from track.history.catalog_rows import Wanted, absent, known, saved_id
from track.model import document, documenting
from track.model.names import text_of
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Record, Used
from track.model.record_file import parse_record

_SIDES = ("inputs", "outputs")
_NO_TEXT = document.Text("", True)


class Written(NamedTuple):
    """The numbers of the contents that were written, and whether some of them had been absent."""

    numbers: dict[Wanted, int]
    were_absent: bool


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

    def write(self, database: sqlite3.Connection, numbered: Mapping[Wanted, int] | None = None) -> Written:
        """Write them, in a transaction; contents that another process was faster with are left as they are.

        Those that were absent take the place of that: versions have to be made again then. `numbered` are the contents
        that are there, if that is known.
        """
        all_of_them = self.wanted()
        if numbered is None:
            numbered = known(database, all_of_them)
        there = {one: numbered[one] for one in all_of_them if one in numbered}
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
        new = {one: numbers.get(place, place + first) for place, one in enumerate(all_of_them) if place not in dropped}
        return Written(new, bool(numbers))

    def _take_pointer(self, wanted: Wanted, content: bytes, pointer: Pointer) -> None:
        said = document.shortened(documenting.pointer_document(pointer))
        number = self._good(wanted, content, said, digest=bytes(pointer.digest), run=pointer.run)
        self._origins += [(number, text_of(path), bytes(digest)) for path, digest in pointer.based_on.items()]

    def _take_record(self, wanted: Wanted, content: bytes, record: Record) -> None:
        said = documenting.record_document(record)
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
