"""Sparing: which of the packs that were condemned at a remote are needed after all.

Whatever is needed has to be whole in what is left: in a pack, or in a file of its own, or by a recipe of which every
pack stays. A recipe in a pack that goes needs nothing any more, once its object can be had in another way.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeAlias

from track.store.inventory import places_like
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.marks import Marks
from track.store.needing import live_recipes
from track.store.place import Listed, Place
from track.store.segment import Held

_Spot: TypeAlias = tuple[bytes, bytes | None, int]
"""An object, and the pack and offset of a recipe of it."""


class _Recipes(NamedTuple):
    """Of the recipes of what is needed: in which pack each lies that names some of the packs, with those that it names;
    and which of them, by object, pack and offset, lack a pack."""

    naming: list[tuple[bytes, frozenset[bytes]]]
    lacking: set[_Spot]


def needed_among(
    place: Place, known: Known, marks: Marks, packs: Collection[bytes], listed: Mapping[str, Listed]
) -> set[bytes]:
    """Those of these packs with something needed that is nowhere besides them, or that a recipe outside of them names.

    `listed` is what is at the remote, by key.

    Raises:
        MissingObject: a recipe that is needed cannot be read, so that nobody knows its packs.
        NewerFormat: such a recipe is of a later version.
        RemoteError: the remote does not answer.
    """
    recipes = _recipes(place, known, marks, frozenset(packs), listed)
    going = set(packs)
    while True:
        needed = {one for pack, named in recipes.naming if pack not in going for one in named} & going
        needed |= {
            pack for pack in going if _has_needed(known, marks, pack, going, lacking=recipes.lacking, listed=listed)
        }
        if not needed:
            return set(packs) - going
        going -= needed  # what only these had a copy of besides, and what their recipes name, is to be looked at again


def _recipes(
    place: Place, known: Known, marks: Marks, packs: frozenset[bytes], listed: Mapping[str, Listed]
) -> _Recipes:
    found = _Recipes([], set())
    for held, recipe in live_recipes(place, known, marks):
        named = frozenset(pack.digest for pack in recipe.packs)
        if held.pack is not None and named & packs:
            found.naming.append((held.pack, named & packs))
        if any(pack_key(pack) not in listed for pack in named):
            found.lacking.add((held.digest, held.pack, held.offset))
    return found


def _has_needed(
    known: Known, marks: Marks, pack: bytes, going: Collection[bytes], *, lacking: Collection[_Spot],
    listed: Mapping[str, Listed],
) -> bool:  # fmt: skip
    """Whether a pack has something that is needed, and that is nowhere else."""

    def stays(held: Held) -> bool:
        if held.pack is None:
            return object_key(held.digest) in listed
        is_there = held.pack not in going and pack_key(held.pack) in listed
        return is_there and (held.digest, held.pack, held.offset) not in lacking

    inside = known.inside(pack)
    live = marks.kept([held.digest for held in inside])
    return not all(any(map(stays, places_like(known, held))) for held in inside if held.digest in live)
