"""Tombstones: files of a remote that say what a collection means to take away there, or took, or was purged.

A collection condemns packs and whole objects, and a day of the remote's clock later deletes what is still not needed.
What is condemned counts as absent for a push, and goes on counting so for a while after it was deleted: whoever read
the index before does not rely on it. While something is being deleted, a mark says so. What was purged stays named.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeAlias

from track.errors import DamagedObject, NewerFormat
from track.model import toml
from track.model.digest import digest_of
from track.model.expressions import expression
from track.model.node import encode_leaf
from track.store.layout import TOMBSTONES, is_tombstone
from track.store.place import NoSuchKey, Place

FORMAT = 2
MAX_SIZE = 1 << 28
"""Bytes of a tombstone above which it is refused unread."""

Kind: TypeAlias = Literal["condemned", "deleted", "deleting", "purged"]
_KINDS: Sequence[Kind] = ("condemned", "deleted", "deleting", "purged")
_FIRST = b"track-tombstone 1\n"
_HEX = expression("[0-9a-f]{64}")
_WRITER = expression("[0-9a-f]{32}")
_DAY = expression("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LISTS = ("packs", "wholes", "objects", "paths")
EMPTY = frozenset(map(bytes, (digest_of(b""), digest_of(encode_leaf(())))))
"""Nothing at all is nobody's secret: a purge that names an empty file or an empty directory, as they did once, would
refuse all of them."""


class Purge(NamedTuple):
    """Why something was removed for good: the day by the remote's clock, who did it, their words, and what it was."""

    on: str
    by: str
    reason: str
    paths: tuple[str, ...]


class Tombstone(NamedTuple):
    """What one tombstone says. `packs` and `wholes` are files of the remote, `objects` are digests wherever they lie.

    `writer` is the clone that wrote it, "" in format 1. A mark of the kind `deleting` names nothing.
    """

    kind: Kind
    writer: str
    packs: frozenset[bytes] = frozenset()
    wholes: frozenset[bytes] = frozenset()
    objects: frozenset[bytes] = frozenset()
    purge: Purge | None = None


class Found(NamedTuple):
    """A tombstone at a remote, and when it was written, in seconds since 1970 by the remote's clock."""

    key: str
    modified_s: float
    tombstone: Tombstone


class Condemned(NamedTuple):
    """What all tombstones of a remote say together."""

    packs: frozenset[bytes] = frozenset()
    wholes: frozenset[bytes] = frozenset()
    objects: frozenset[bytes] = frozenset()
    purged: Mapping[bytes, Purge] = {}

    def __bool__(self) -> bool:
        """Whether anything there is condemned, or was deleted not long ago; what was purged does not count."""
        return bool(self.packs or self.wholes or self.objects)


NOTHING = Condemned()
"""Where there are no tombstones."""


def dump_tombstone(tombstone: Tombstone) -> bytes:
    """The canonical text, in the latest format."""
    lines = [f"format = {FORMAT}", f'kind = "{tombstone.kind}"', f'writer = "{tombstone.writer}"']
    if tombstone.purge is not None:
        purge = tombstone.purge
        lines += [f'on = "{purge.on}"', f"by = {toml.text(purge.by)}", f"reason = {toml.text(purge.reason)}"]
        lines += ["paths = [", *(f"  {toml.text(path)}," for path in sorted(set(purge.paths))), "]"]
    for name in ("packs", "wholes", "objects"):
        if digests := sorted(getattr(tombstone, name)):
            lines += [f"{name} = [", *(f'  "{digest.hex()}",' for digest in digests), "]"]
    return ("\n".join(lines) + "\n").encode()


def parse_tombstone(data: bytes, key: str) -> Tombstone:
    """The tombstone in these bytes, of any format; `key` is for the message.

    Raises:
        DamagedObject: it is none, so that nobody knows what is about to go.
        NewerFormat: it was written by a later version.
    """
    try:
        if len(data) > MAX_SIZE:
            raise ValueError("it is too large")
        if data.startswith(_FIRST):
            return Tombstone("condemned", "", objects=_digests(data[len(_FIRST) :].decode("ascii").splitlines()))
        document = toml.parse(data)
        number = document.get("format")
        if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
            raise NewerFormat(f"{key} has format {number}; this track reads format {FORMAT}", hint="update track")
        if number != FORMAT:
            raise ValueError("it states no format")
        return _tombstone(document)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise DamagedObject(
            f"{key} is not a tombstone that this track reads: {toml.fault(error)}",
            hint="update track; if no later one wrote it: remove it while no gc runs, then track verify --remote NAME",
        ) from error


def _tombstone(document: Mapping[str, Any]) -> Tombstone:
    kind, writer = document["kind"], document["writer"]
    if kind not in _KINDS or _WRITER.fullmatch(writer) is None:
        raise ValueError("its kind or its writer is malformed")
    if any(not isinstance(document.get(name, []), list) for name in _LISTS):
        raise ValueError("something in it is not a list")
    packs, wholes, objects = (_digests(document.get(name, ())) for name in ("packs", "wholes", "objects"))
    if kind != "purged":
        return Tombstone(kind, writer, packs, wholes, objects)
    texts = document["by"], document["reason"], *document["paths"]
    if any(not isinstance(text, str) for text in texts) or _DAY.fullmatch(document["on"]) is None:
        raise ValueError("what it says of a purge is malformed")
    purge = Purge(document["on"], document["by"], document["reason"], tuple(document["paths"]))
    return Tombstone(kind, writer, packs, wholes, objects - EMPTY, purge)


def _digests(texts: Iterable[str]) -> frozenset[bytes]:
    found = list(texts)
    if any(_HEX.fullmatch(text) is None for text in found):
        raise ValueError("not every line is a digest")
    return frozenset(map(bytes.fromhex, found))


def read_tombstones(place: Place) -> list[Found]:
    """Every tombstone at a remote, sorted by key: one listing, and a request for each.

    Raises:
        DamagedObject: one cannot be read, so that nobody knows what is about to go.
        NewerFormat: one was written by a later version.
    """
    found = []
    for one in sorted(place.list(TOMBSTONES)):
        if is_tombstone(one.key):
            with suppress(NoSuchKey):  # it went meanwhile, and with it what it said
                found.append(Found(one.key, one.modified_s, parse_tombstone(place.get(one.key), one.key)))
    return found


def together(found: Iterable[Found]) -> Condemned:
    """What these tombstones say in all."""
    packs: set[bytes] = set()
    wholes: set[bytes] = set()
    objects: set[bytes] = set()
    purged: dict[bytes, Purge] = {}
    for _, _, tombstone in found:
        if tombstone.purge is not None:
            purged |= dict.fromkeys(tombstone.objects, tombstone.purge)
            continue
        packs |= tombstone.packs
        wholes |= tombstone.wholes
        objects |= tombstone.objects
    return Condemned(frozenset(packs), frozenset(wholes), frozenset(objects), purged)


def write_tombstone(place: Place, tombstone: Tombstone, found: Iterable[Found] = ()) -> str:
    """Write a tombstone under a new key, after those that were found; the key."""
    number = 1 + max((int(one.key.removeprefix(TOMBSTONES).partition("-")[0]) for one in found), default=0)
    key = f"{TOMBSTONES}{number:08}-{os.urandom(4).hex()}"
    place.put(key, dump_tombstone(tombstone))
    return key
