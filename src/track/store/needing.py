"""Needing: which objects of a remote need which of its packs of chunks, read from all its recipes.

Recipes are kilobytes for a gigabyte, and lie together, so this is a few requests; it is asked only when packs are
condemned, missing or damaged.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject
from track.store.chunk_reading import checked_recipe
from track.store.chunked import RECIPE_LIMIT, ChunkedRecipe, parse_chunked
from track.store.inventory import recipes_of_chunks
from track.store.known import Known
from track.store.layout import pack_key
from track.store.marks import Marks
from track.store.place import NoSuchKey, Place
from track.store.ranges import Piece, ranges
from track.store.segment import Held
from track.store.survey import in_threads

_AT_ONCE = 512
_GAP = 64 << 10
_LIMIT = 8 << 20


class Read(NamedTuple):
    """A recipe of chunks at a remote, and where it is; None for one that is missing or damaged."""

    held: Held
    recipe: ChunkedRecipe | None


def every_recipe(place: Place, known: Known) -> Iterator[Read]:
    """Every recipe of chunks that the index names, those next to each other in one request.

    Raises:
        NewerFormat: one is of a later version.
        RemoteError: the remote does not answer.
    """
    for pack, group in known.every_chunked():
        good = [held for held in group if held.stored_length <= RECIPE_LIMIT]
        yield from (Read(held, None) for held in group if held.stored_length > RECIPE_LIMIT)
        for request in ranges((Piece(held.offset, held.stored_length, held) for held in good), gap=_GAP, limit=_LIMIT):
            try:
                content = bytes(place.get_range(pack_key(pack), request.offset, request.length))
            except NoSuchKey:
                content = b""
            for offset, length, held in request.pieces:
                at = offset - request.offset
                yield Read(held, _read(content[at : at + length], held))


def _read(stored: bytes, held: Held) -> ChunkedRecipe | None:
    try:
        return checked_recipe(stored, held)
    except DamagedObject:
        return None


class Needed(NamedTuple):
    """The recipe of chunks of an object that is needed, and where it is."""

    held: Held
    recipe: ChunkedRecipe


def live_recipes(place: Place, known: Known, marks: Marks) -> Iterator[Needed]:
    """Every recipe of chunks of what is needed, of whatever recipes an object has.

    Raises:
        MissingObject: one cannot be read, so that nobody knows its packs.
        NewerFormat: one is of a later version.
        RemoteError: the remote does not answer.
    """
    for part in _parts(recipes_of_chunks(known)):
        live = marks.kept([held.digest for held in part])
        yield from in_threads(lambda held: _needed(place, held), [held for held in part if held.digest in live])


def _needed(place: Place, held: Held) -> Needed:
    assert held.pack is not None
    try:
        stored = bytes(place.get_range(pack_key(held.pack), held.offset, held.stored_length))
        return Needed(held, parse_chunked(stored, held.digest))
    except (LookupError, DamagedObject) as error:
        raise MissingObject(
            f"the recipe of blake3:{held.digest.hex()} cannot be read at {place.url}, so nobody knows its packs",
            hint="where the data is: track repair --remote NAME      sends it again",
        ) from error


def _parts(held: Iterable[Held]) -> Iterator[list[Held]]:
    part: list[Held] = []
    for one in held:
        part.append(one)
        if len(part) >= _AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def objects_needing(place: Place, known: Known, packs: Collection[bytes]) -> dict[bytes, list[Held]]:
    """Which objects need some of these packs, whichever recipe outside of them one takes, with the recipes that do.

    One whose recipe is damaged may need them. Raises as `every_recipe` does.
    """
    wanted = frozenset(packs)
    found: dict[bytes, list[Held]] = {}
    free: set[bytes] = set()
    if wanted:
        for held, recipe in every_recipe(place, known):
            if recipe is None or any(pack.digest in wanted for pack in recipe.packs):
                found.setdefault(held.digest, []).append(held)
            elif held.pack not in wanted:
                free.add(held.digest)
    return {digest: recipes for digest, recipes in found.items() if digest not in free}


def unnamed_packs(place: Place, known: Known) -> set[bytes]:
    """The packs of chunks that a recipe needs and that no index names: they are gone, or about to go.

    Raises as `every_recipe` does.
    """
    packs = {pack.digest for read in every_recipe(place, known) if read.recipe for pack in read.recipe.packs}
    return packs - known.has_packs(packs)


def note_bad_chunks(place: Place, known: Known, packs: Collection[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """Note that packs of chunks are missing or damaged; which objects are bad by each of them, sorted.

    Raises as `every_recipe` does.
    """
    lost: dict[bytes, set[bytes]] = {pack: set() for pack in packs}
    if lost:
        for held, recipe in every_recipe(place, known):
            for pack in recipe.packs if recipe is not None else ():
                if pack.digest in lost:
                    lost[pack.digest].add(held.digest)
                    known.note_bad([(held.digest, held.pack), (held.digest, pack.digest)])
    return {pack: tuple(sorted(digests)) for pack, digests in lost.items()}
