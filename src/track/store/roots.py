"""A roots entry: which artifacts one clone pushed, by ref; a claim while the push goes on, complete at its end.

It says besides which versions of the history the clone keeps (`keep`, a policy; all of them where it is absent), and
which ones nobody kept when it collected (`dropped`). A complete entry answers for everything below its digests. A claim
names what a push is about to send, so that a collection that runs meanwhile keeps it.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, cast

from track.errors import DamagedObject, NewerFormat, UsageError
from track.model import toml
from track.model.digest import Digest
from track.model.expressions import expression
from track.model.policy import ALL, Policy, parse_policy

FORMAT = 1
MAX_SIZE = 64 << 20
"""Bytes of a roots entry above which it is refused unread."""

_WRITER = expression("[0-9a-f]{32}")


class RootsEntry(NamedTuple):
    """What one push said. `refs` maps a full ref name (or `HEAD`, `index`, a commit id) to digests, sorted."""

    writer: str
    is_complete: bool
    refs: Mapping[str, tuple[Digest, ...]]
    keep: Policy = ALL
    dropped: frozenset[Digest] = frozenset()

    @property
    def digests(self) -> frozenset[Digest]:
        """Every digest of every ref."""
        return frozenset(digest for digests in self.refs.values() for digest in digests)


def dump_roots(entry: RootsEntry) -> bytes:
    """The canonical text."""
    lines = [
        f"format = {FORMAT}",
        f'writer = "{entry.writer}"',
        f"complete = {'true' if entry.is_complete else 'false'}",
    ]
    if not entry.keep.is_all:
        lines.append(f'keep = "{entry.keep}"')
    if entry.dropped:
        lines += ["dropped = [", *(f'  "{digest}",' for digest in sorted(entry.dropped)), "]"]
    lines += ["", "[refs]"]
    for ref in sorted(entry.refs):
        lines.append(f"{_quoted(ref)} = [")
        lines.extend(f'  "{digest}",' for digest in sorted(set(entry.refs[ref])))
        lines.append("]")
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    """A basic TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub("[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'


def parse_roots(data: bytes, key: str) -> RootsEntry:
    """The entry in these bytes; `key` is for the message.

    Raises:
        DamagedObject: it is not a roots entry.
        NewerFormat: it was written by a later version.
    """
    try:
        if len(data) > MAX_SIZE:
            raise ValueError("it is too large")
        document = toml.parse(data)
        if document.get("format") != FORMAT:
            return _refuse_format(document.get("format"), key)
        return _entry(document)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise DamagedObject(f"{key} is not a roots entry: {toml.fault(error)}") from error


def _refuse_format(found: object, key: str) -> RootsEntry:
    if isinstance(found, int) and found > FORMAT:
        raise NewerFormat(f"{key} has format {found}; this track reads format {FORMAT}", hint="update track")
    raise ValueError("it states no format")


def _entry(document: Mapping[str, object]) -> RootsEntry:
    writer, complete = document["writer"], document["complete"]
    if not isinstance(writer, str) or _WRITER.fullmatch(writer) is None or not isinstance(complete, bool):
        raise ValueError("writer or complete is malformed")
    refs = cast(Mapping[str, list[str]], document["refs"])
    dropped = cast(list[str], document.get("dropped", []))
    return RootsEntry(
        writer,
        complete,
        {ref: tuple(sorted({Digest.parse(text) for text in texts})) for ref, texts in refs.items()},
        _policy(document.get("keep")),
        frozenset(map(Digest.parse, dropped)),
    )


def _policy(said: object) -> Policy:
    """What is kept; all of it where nothing is said, or what only a later version understands."""
    with suppress(UsageError):
        return parse_policy(said) if isinstance(said, str) else ALL
    return ALL


def union(entries: list[RootsEntry]) -> RootsEntry:
    """One complete entry that says what all of these say; they are of one writer, and the first is the latest."""
    refs: dict[str, set[Digest]] = {}
    for entry in entries:
        for ref, digests in entry.refs.items():
            refs.setdefault(ref, set()).update(digests)
    together = {ref: tuple(sorted(digests)) for ref, digests in refs.items()}
    dropped = frozenset[Digest]().union(*(entry.dropped for entry in entries))
    return RootsEntry(entries[0].writer, True, together, entries[0].keep, dropped)
