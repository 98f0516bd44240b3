"""What commits did, in batches as the catalog is written, and of a long history read ahead by a second process.

The second process asks Git and reads most of the contents, the first one writes and reads the rest. If the second one
ends early, the first one begins again by itself: what is written twice is the same.
"""

import marshal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from track.history import catalog_rows as rows
from track.history import log
from track.history.catalog_contents import Rows, read_rows
from track.history.catalog_rows import Wanted
from track.history.log import Commit, Event
from track.history.plumbing import Git
from track.work import can_fork, cores, streamed

_BATCH = 3_000
"""Events of commits that are written in one transaction."""
_FIRST = 500
"""So many are in the first of them, for which the first process waits."""
_LONG = 2_000
"""Commits from which on a second process pays."""
_SHARE = 0.6
"""Of the contents of a batch, so many are read ahead: writing takes the first process as long as reading the others."""
_END = b"end"

Done = list[tuple[Commit, list[Event]]]


class Batch(NamedTuple):
    """Commits with what each did, and the rows of contents that were read ahead, which may be none."""

    commits: Done
    contents: Rows

    def wanted(self) -> list[Wanted]:
        """The contents in it, each once."""
        return _wanted(self.commits)


def batches(database: sqlite3.Connection, git: Git, tips: list[str], known: list[str]) -> Iterator[Batch]:
    """Give what the commits did that `tips` reach and `known` do not, newest first."""
    if not known and _is_long(database, git, tips):
        # It is begun before Git is asked, while there is but one thread.
        with streamed(lambda tell: _read_ahead(git, tips, tell)) as told:
            for message in told:
                if message == _END:
                    return
                yield _unpacked(message)
    for done in _in_batches(log.commits(git, tips, known)):
        yield Batch(done, Rows())


def _is_long(database: sqlite3.Connection, git: Git, tips: Sequence[str]) -> bool:
    """Whether a second process pays: when a long history is read for the first time."""
    if not can_fork() or cores() < 2 or database.execute("SELECT 1 FROM content").fetchone() is not None:
        return False
    asked = "".join(f"{tip}\n" for tip in tips).encode()
    return int(git.run("rev-list", "--count", "--ignore-missing", "--stdin", input=asked)) >= _LONG


def _read_ahead(git: Git, tips: Sequence[str], tell: Callable[[bytes], None]) -> None:
    seen: set[bytes] = set()
    for done in _in_batches(log.commits(git, tips)):
        new = [one for one in _wanted(done) if _key(one) not in seen]
        few = new[: int(len(new) * _SHARE)]
        seen.update(map(_key, few))
        tell(_packed(done, read_rows(rows.read(git, few) if few else ())))
    tell(_END)


def _key(one: Wanted) -> bytes:
    """A content in few bytes: there may be millions."""
    return bytes.fromhex(one.oid) + bytes((one.what,))


def _packed(done: Done, contents: Rows) -> bytes:
    told = [(tuple(commit), [(each.path, each.op, each.blob) for each in events]) for commit, events in done]
    return marshal.dumps((told, contents.packed()))


def _unpacked(message: bytes) -> Batch:
    told, contents = marshal.loads(message)
    done = []
    for said, events in told:
        commit = Commit(*said)
        done.append((commit, [Event(commit, *each) for each in events]))
    return Batch(done, Rows(contents))


def _in_batches(commits: Iterator[tuple[Commit, list[Event]]]) -> Iterator[Done]:
    batch: Done = []
    size, most = 0, _FIRST
    for commit, events in commits:
        batch.append((commit, events))
        size += 1 + len(events)
        if size >= most:
            yield batch
            batch, size, most = [], 0, _BATCH
    if batch:
        yield batch


def _wanted(done: Done) -> list[Wanted]:
    """The contents in a batch, each once, in the order in which Git packed them, nearly."""
    events = (event for _, each in done for event in each)
    return list(
        dict.fromkeys(Wanted(event.blob, rows.kind_of(event.path)) for event in events if event.blob is not None)
    )
