"""Reindexing: the index of a remote is written anew without files that are about to be deleted."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from track.errors import RemoteError
from track.store.inventory import bare_packs, everything
from track.store.known import Known
from track.store.layout import segment_key
from track.store.needing import every_recipe
from track.store.place import Place
from track.store.segment import Held, Name, PackSize, build_segment
from track.store.survey import name_of, survey

PART = 200_000
"""Entries of a segment at most; a larger index is several."""

_ATTEMPTS = 8


Keep = Callable[[], None]
"""Says that one may still write; called right before each segment is written."""


def drop_from_index(
    place: Place, known: Known, packs: frozenset[bytes], wholes: frozenset[bytes], *, keep: Keep = lambda: None
) -> int:
    """Have no segment name these packs and whole objects any more, nor a recipe that needs such a pack.

    How many segments were replaced. A recipe without its packs is no place to have an object from: whoever took it for
    one would not send the object.

    What others merge or push meanwhile is looked at again, until none of it names them. Interrupted, some segments
    do and the same again goes on; objects that another pack has too are found there.

    Raises:
        RemoteError: the remote does not answer, or its index changes faster than it can be read.
    """
    count = 0
    for _ in range(_ATTEMPTS):
        survey(place, known)
        going = _Going(packs, wholes, _recipes_naming(place, known, packs))
        if not going.recipes and not _names_any(known, packs, wholes):
            return count
        count += _write(place, known, going, keep)
    raise RemoteError(
        f"the index of {place.url} changes faster than it can be written", hint="run the same command again"
    )


class _Going(NamedTuple):
    """What the index is to name no more: packs, whole objects, and recipes by object, pack and offset."""

    packs: frozenset[bytes]
    wholes: frozenset[bytes]
    recipes: frozenset[tuple[bytes, bytes | None, int]]

    def includes(self, held: Held) -> bool:
        """Whether an entry of the index goes."""
        if held.pack is None:
            return held.digest in self.wholes
        return held.pack in self.packs or (held.digest, held.pack, held.offset) in self.recipes


def _recipes_naming(place: Place, known: Known, packs: frozenset[bytes]) -> frozenset[tuple[bytes, bytes | None, int]]:
    """The recipes, in packs that stay, of objects that are made of chunks in these packs."""
    return frozenset(
        (held.digest, held.pack, held.offset)
        for held, recipe in (every_recipe(place, known) if packs else ())
        if recipe is not None and held.pack not in packs and any(pack.digest in packs for pack in recipe.packs)
    )


def _names_any(known: Known, packs: frozenset[bytes], wholes: frozenset[bytes]) -> bool:
    if any(pack in packs for pack, _ in known.every_pack()):
        return True
    return bool(wholes) and any(held.digest in wholes for held in known.inside(None))


def _write(place: Place, known: Known, going: _Going, keep: Keep) -> int:
    """Publish everything else that is known, in segments of which the last one says that all before are replaced."""
    replaced = [name_of(text) for text in {*known.segments, *known.replacements}]
    level = max(1, *(name.level for name in replaced))
    sizes = {digest: size for digest, size in known.every_pack() if digest not in going.packs}
    last: list[Held] = []
    for part in _kept(known, going):
        if last:
            _publish(place, build_segment(last, _packs_of(last, sizes), level=level), keep)
        last = part
    bare = [pack for pack in bare_packs(known) if pack.digest not in going.packs]
    _publish(place, build_segment(last, [*_packs_of(last, sizes), *bare], level=level, replaced=replaced), keep)
    return len(replaced)


def _packs_of(part: list[Held], sizes: dict[bytes, int]) -> list[PackSize]:
    return [PackSize(pack, sizes[pack]) for pack in {held.pack for held in part if held.pack is not None}]


def _publish(place: Place, segment: tuple[Name, bytes], keep: Keep) -> None:
    name, data = segment
    keep()
    place.put(segment_key(name), data)


def _kept(known: Known, going: _Going) -> Iterator[list[Held]]:
    part: list[Held] = []
    for held in everything(known):
        if going.includes(held):
            continue
        part.append(held)
        if len(part) >= PART:
            yield part
            part = []
    yield part
