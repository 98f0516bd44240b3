"""What the catalog knows of contents: each pointer and record that Git has an id for is read once, ever."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from blake3 import blake3

from track.errors import GitFailed, MalformedPointer, MalformedRecord, NewerFormat, NotAPointer
from track.history.catalog_file import BROKEN, FOREIGN, GOOD, NEWER, POINTER, RECORD
from track.history.plumbing import Git
from track.model import document
from track.model.names import (
    data_path,
    is_named_pointer,
    is_record_path,
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
        try:
            return parse_artifact_pointer(path).name
        except MalformedPointer:
            return text_of(path)
    return text_of(data_path(path))


def version_id(path: bytes, sum: bytes) -> bytes:
    """The id of a version, 8 bytes, the same in every clone: of the pointer's path and bytes."""
    return blake3(path + b"\0" + sum).digest(8)


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


def read(git: Git, wanted: Sequence[Wanted], *, is_complete: bool = True) -> Iterator[tuple[Wanted, bytes]]:
    """The bytes of contents; those that Git has not, as in a partial clone, are left out."""
    if is_complete:
        given = 0
        try:
            for one, (_, content) in zip(wanted, git.blobs(one.oid for one in wanted), strict=True):
                given += 1
                yield one, content
            return
        except GitFailed:
            wanted = wanted[given:]
    for one in wanted:
        try:
            yield one, next(git.blobs([one.oid]))[1]
        except GitFailed:
            continue


def put(database: sqlite3.Connection, contents: Iterable[tuple[Wanted, bytes]]) -> None:
    """Write down what these contents say; one that cannot be read is remembered with the reason."""
    for wanted, content in contents:
        try:
            said: Pointer | Record
            if wanted.what == POINTER:
                said = parse_pointer(content, "it")
            else:
                said = parse_record(content, "it")
        except NotAPointer:
            _insert(database, wanted, content, FOREIGN)
        except NewerFormat as error:
            _insert(database, wanted, content, NEWER, trouble=error.message)
        except (MalformedPointer, MalformedRecord) as error:
            _insert(database, wanted, content, BROKEN, trouble=error.message)
        else:
            _put_good(database, wanted, content, said)


def _put_good(database: sqlite3.Connection, wanted: Wanted, content: bytes, said: Pointer | Record) -> None:
    whole = document.pointer_document(said) if isinstance(said, Pointer) else document.record_document(said)
    found, is_whole = document.facts(whole)
    text = document.pack({name: fact for name, fact in whole.items() if name not in _SIDES})
    number = _insert(
        database, wanted, content, GOOD,
        digest=bytes(said.digest) if isinstance(said, Pointer) else None,
        run=said.run if isinstance(said, Pointer) else said.id,
        text=text, is_whole=is_whole,
    )  # fmt: skip
    if number is None:
        return
    if isinstance(said, Record):
        _put_run(database, number, said)
    else:
        rows = [(number, text_of(path), bytes(digest)) for path, digest in said.based_on.items()]
        if rows:
            database.executemany("INSERT INTO origin VALUES (?, ?, ?)", rows)
    if found:
        database.executemany(
            "INSERT OR IGNORE INTO fact VALUES (?, ?, ?)",
            [(_field(database, fact.name), fact.value, number) for fact in found],
        )


def _insert(
    database: sqlite3.Connection,
    wanted: Wanted,
    content: bytes,
    state: int,
    *,
    digest: bytes | None = None,
    run: str | None = None,
    text: document.Text = _NO_TEXT,
    is_whole: bool = True,
    trouble: str | None = None,
) -> int | None:
    """The number of a new content; None when another process was faster."""
    row = (
        bytes.fromhex(wanted.oid), wanted.what, state, blake3(content).digest(), digest, run,
        text.text or None, text.is_plain, is_whole, trouble,
    )  # fmt: skip
    done = database.execute(
        "INSERT OR IGNORE INTO content(oid, what, state, sum, digest, run, document, is_plain, is_whole, trouble) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    return done.lastrowid if done.rowcount > 0 else None


def _put_run(database: sqlite3.Connection, number: int, record: Record) -> None:
    ended = None if record.ended is None else record.ended.timestamp()
    row = (number, record.id, record.name, record.status, record.started.timestamp(), ended)
    database.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, document.name_in(record.by)))
    database.executemany(
        "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, place, *_entry(record.id, used)) for place, used in enumerate(record.artifacts)],
    )


def _entry(run: str, used: Used) -> tuple[object, ...]:
    key = "\0".join((run, used.category, used.shown)).encode("utf-8", "surrogateescape")
    return (
        version_id(key, used.digest), used.category, used.path, used.shown, bytes(used.digest), used.size, used.kind,
        used.type, used.how, json.dumps(dict(used.address)) if used.address else None,
        json.dumps(dict(used.metadata)) if used.metadata else None,
    )  # fmt: skip


def _field(database: sqlite3.Connection, name: str) -> int:
    found = database.execute("SELECT id FROM field WHERE name = ?", (name,)).fetchone()
    if found is None:
        done = database.execute("INSERT INTO field(name) VALUES (?)", (name,))
        assert done.lastrowid is not None
        return done.lastrowid
    return int(found[0])
