"""Shared runs: records of one clone in one file at a remote, so that others see runs that no commit has.

    track-runs 1 blake3:HEX                  the digest of all that follows
    zlib of, for each run:
        run ID SEEN LENGTH                   when it was so, in µs since 1970, and the bytes of its record
        the record, as in its file

Such a file never changes. A run may be in several: what has ended stands before what lives, and the later one counts.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.model.expressions import expression
from track.model.names import display
from track.model.record import Record
from track.model.record_file import RECORD_LIMIT, parse_record
from track.model.run_words import is_run_id

EXPANDED_LIMIT = 64 << 20
"""Bytes of the records in one file at most; a writer begins another one long before."""

WITHDRAWN = b"track-runs-withdrawn 1\n"
"""What stands in the mark of a run that was taken back; its key says which."""

_MAGIC = b"track-runs "
_HEAD = expression(rb"track-runs 1 (blake3:[0-9a-f]{64})\n")
_LATER = expression(rb"track-runs (?:[2-9]|[1-9][0-9]+) ")
_RUN = expression(rb"run ([0-9a-f-]{36}) ([1-9][0-9]{0,16}) ([1-9][0-9]{0,8})\n")
_LEVEL = 6


class SharedRun(NamedTuple):
    """A run as its clone last knew it, at `seen` (µs since 1970): the bytes of its record, which may be a draft."""

    id: str
    seen: int
    content: bytes

    def record(self, name: str) -> Record:
        """What it says; `name` is for messages.

        Raises:
            MalformedRecord, NewerFormat: it cannot be read, or is the record of another run.
        """
        found = parse_record(self.content, f"run {self.id} in {name}")
        if found.id != self.id:
            raise DamagedObject(f"run {self.id} in {display(name)} calls itself {found.id}", hint="track fetch --runs")
        return found


def dump_runs(runs: Iterable[SharedRun]) -> bytes:
    """The text of these runs, not compressed."""
    return b"".join(b"run %b %d %d\n%b" % (one.id.encode(), one.seen, len(one.content), one.content) for one in runs)


def parse_runs(text: bytes, name: str) -> tuple[SharedRun, ...]:
    """The runs in such a text; `name` is for messages. Raises DamagedObject when it is none."""
    return tuple(_parsed(text, name))


def _parsed(text: bytes, name: str) -> Iterator[SharedRun]:
    start = 0
    while start < len(text):
        head = _RUN.match(text, start)
        end = head.end() + int(head[3]) if head is not None else 0
        if head is None or not is_run_id(id := head[1].decode()) or end > len(text) or int(head[3]) > RECORD_LIMIT:
            raise DamagedObject(f"{display(name)} does not hold runs at byte {start:,}", hint="track fetch --runs")
        yield SharedRun(id, int(head[2]), text[head.end() : end])
        start = end


def seal(text: bytes) -> bytes:
    """The file for a remote with this text in it."""
    packed = zlib.compress(text, _LEVEL)
    return _MAGIC + b"1 " + str(digest_of(packed)).encode() + b"\n" + packed


def unseal(data: bytes, name: str) -> bytes:
    """The text in a file of a remote, whole as it was written; `name` is for messages.

    Raises:
        DamagedObject: it is no such file, is not whole, or is larger than any of ours.
        NewerFormat: a later version of track wrote it.
    """
    head = _HEAD.match(data)
    if head is None:
        if _LATER.match(data):
            raise NewerFormat(
                f"{display(name)} was written by a later version of track", hint="pip install --upgrade track-data"
            )
        raise _damaged(name)
    packed = data[head.end() :]
    if str(digest_of(packed)).encode() != head[1]:
        raise _damaged(name)
    expander = zlib.decompressobj()
    try:
        text = expander.decompress(packed, EXPANDED_LIMIT)
    except zlib.error:
        raise _damaged(name) from None
    if not expander.eof:
        raise _damaged(name)
    return text


def _damaged(name: str) -> DamagedObject:
    return DamagedObject(
        f"{display(name)} does not hold the runs that were shared",
        hint="track repair --remote NAME, where they were fetched or shared; track push --runs, where they were shared",
    )
