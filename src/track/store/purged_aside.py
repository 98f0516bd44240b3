"""Purged aside: what a repair of a remote put into its quarantine goes, too, where it has some of what is purged.

A file there has the name of where it lay, and its bytes as the server had them; so it says by its name, by what the
index knew of that name, or by its own table what was in it. What does not say it may have anything.
"""

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.model.expressions import expression
from track.store.around import Around, bare
from track.store.chunk_reading import load_table
from track.store.chunked import parse_needed_table
from track.store.known import Known
from track.store.layout import QUARANTINE, pack_key
from track.store.pack import FOOTER_LENGTH, parse_footer, parse_table
from track.store.place import Listed, NoSuchKey, Place
from track.store.scattered import Used
from track.store.survey import in_threads

_ASIDE = expression(r"quarantine/(?:objects|packs)-([0-9a-f]{2})-([0-9a-f]{62})(\.pack)?(?:\.[0-9]+)?")


class Aside(NamedTuple):
    """Keys in the quarantine of a remote, sorted: what `has` some of what is purged, and what nobody can read.

    The latter `may` have some of it, and nothing could be rescued from it without knowing what it is.
    """

    has: tuple[str, ...]
    may: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.has, *self.may)


def clear_aside(
    place: Place, known: Known, objects: frozenset[bytes], packs: frozenset[bytes], own: Used, *, is_lost: bool,
    keep: Callable[[], None],
) -> Aside:  # fmt: skip
    """Remove from the quarantine of a remote what has, or may have, some of these objects; `keep` is called before.

    Something of them lay, or lies, in the `packs`; their recipes name the chunks that are their `own`, but where one
    `is_lost`, nobody knows all of those. Raises RemoteError: the remote does not answer, or refuses.
    """
    aside = _find(place, known, objects, packs, own, is_lost=is_lost)
    keep()
    in_threads(place.delete, [*aside.keys])
    return aside


def _find(
    place: Place, known: Known, objects: frozenset[bytes], packs: frozenset[bytes], own: Used, *, is_lost: bool
) -> Aside:
    named = {one: match for one in place.list(QUARANTINE) if (match := _ASIDE.fullmatch(one.key)) is not None}
    digests = {one: bytes.fromhex(match[1] + match[2]) for one, match in named.items()}
    has = {one.key for one, digest in digests.items() if digest in objects | packs}
    there = known.has_packs(digests.values())  # which is not among those packs: nothing of them is in it
    asked = [one for one, match in named.items() if match[3] and one.key not in has and digests[one] not in there]
    may: set[str] = set()
    if asked:
        wanted = objects | _chunks(place, own)
        tables = in_threads(lambda one: _inside(place, one, digests[one]), asked)
        for one, inside in zip(asked, tables, strict=True):
            if inside is None or (is_lost and not inside <= known.locate(inside).keys()):
                may.add(one.key)
            elif not wanted.isdisjoint(inside):
                has.add(one.key)
    return Aside(tuple(sorted(has)), tuple(sorted(may - has)))


def _chunks(place: Place, own: Used) -> frozenset[bytes]:
    """The chunks that recipes name, as far as the tables of their packs can be read."""
    found: set[bytes] = set()
    for pack in own.every():
        needed, named = own.of(pack)
        with suppress(NoSuchKey, DamagedObject, NewerFormat):
            entries = parse_needed_table(load_table(place, needed), needed)
            found.update(entry.digest for entry, is_named in zip(entries, named, strict=False) if is_named)
    return frozenset(found)


def _inside(place: Place, aside: Listed, pack: bytes) -> set[bytes] | None:
    """What a pack in quarantine has by its own table; None when nobody can read that."""
    key = pack_key(pack)
    moved = _as_if_moved(place, bare(place, key)[1], bare(place, aside.key)[1])
    try:
        at = max(0, aside.size - FOOTER_LENGTH)
        footer = parse_footer(bytes(moved.get_range(key, at, FOOTER_LENGTH)), aside.size, aside.key)
        table = bytes(moved.get_range(key, footer.table_offset, footer.table_length))
        return {entry.digest for entry in parse_table(table, footer, aside.key)}
    except (NoSuchKey, DamagedObject, NewerFormat):
        return None


def _as_if_moved(place: Place, key: str, aside: str) -> Place:
    """The same place, with what its server has `aside` where it lay: what is sealed opens under its own key only."""
    if not isinstance(place, Around):
        return _Moved(place, {key: aside})
    changed = copy.copy(place)
    changed.behind = _as_if_moved(place.behind, key, aside)
    return changed


class _Moved(Around):
    """A place where something is read at another key."""

    def __init__(self, place: Place, names: Mapping[str, str]) -> None:
        super().__init__(place)
        self._names = names

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        return self.behind.get_range(self._names.get(key, key), offset, length)
