"""Reading chunks out of a remote's packs: recipes, the tables they vouch for, and chunks, none believed unhashed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from track.errors import DamagedObject, MissingObject
from track.model.digest import Digest
from track.store.chunked import (
    RECIPE_LIMIT,
    ChunkedRecipe,
    NeededPack,
    Stretch,
    chunks_of,
    parse_chunked,
    parse_needed_table,
)
from track.store.layout import pack_key
from track.store.pack import FOOTER_LENGTH, PackEntry, view_entry
from track.store.place import NoSuchKey, Place
from track.store.ranges import Piece, Range, ranges
from track.store.segment import Held

GAP = 256 << 10
"""Bytes between two chunks that cost less than a request of its own."""
RANGE_LIMIT = 8 << 20
CHUNKS_LIMIT = 20 << 20
"""Bytes of chunks that are one request at most: packs have 16 MiB and as much of a chunk as comes last."""
_RECIPE_GAP = 64 << 10

Chunk = bytes | memoryview
"""A chunk, which may be a piece of what was read."""

TableOf = Callable[[NeededPack], bytes | None]
"""The records of a pack's table that are here already."""


def load_chunked(place: Place, held: Held) -> ChunkedRecipe:
    """The recipe that lies in a pack. Raises NoSuchKey, DamagedObject, NewerFormat, RemoteError."""
    assert held.pack is not None
    if held.stored_length > RECIPE_LIMIT:
        raise DamagedObject(f"the recipe of {Digest(held.digest)} has {held.stored_length:,} bytes")
    return checked_recipe(bytes(place.get_range(pack_key(held.pack), held.offset, held.stored_length)), held)


def recipes_there(
    place: Place, groups: Iterable[list[Held]], lost: Callable[[Held, bool], object]
) -> Iterator[tuple[Held, ChunkedRecipe]]:
    """The recipes that can be had, of groups of one pack each; of the others `lost` is told, and whether by damage.

    Raises NewerFormat, RemoteError.
    """
    for group in groups:
        for held in group:
            if held.stored_length > RECIPE_LIMIT:
                lost(held, True)
        good = [Piece(held.offset, held.stored_length, held) for held in group if held.stored_length <= RECIPE_LIMIT]
        for request in ranges(good, gap=_RECIPE_GAP, limit=RANGE_LIMIT):
            first = request.pieces[0].what
            assert first.pack is not None
            try:
                content = bytes(place.get_range(pack_key(first.pack), request.offset, request.length))
            except NoSuchKey:
                for piece in request.pieces:
                    lost(piece.what, False)
                continue
            for offset, length, held in request.pieces:
                at = offset - request.offset
                if (recipe := _recipe_there(place, held, content[at : at + length])) is not None:
                    yield held, recipe
                else:
                    lost(held, True)


def _recipe_there(place: Place, held: Held, stored: bytes) -> ChunkedRecipe | None:
    """A recipe, asked for once more when it is wrong."""
    with suppress(DamagedObject):
        return checked_recipe(stored, held)
    with suppress(DamagedObject, NoSuchKey):
        return load_chunked(place, held)
    return None


def checked_recipe(stored: bytes, held: Held) -> ChunkedRecipe:
    """A recipe, which has to be as long as the index says of the object. Raises DamagedObject, NewerFormat."""
    recipe = parse_chunked(stored, held.digest)
    if recipe.length != held.length:
        raise DamagedObject(f"the recipe of {Digest(held.digest)} is of {recipe.length:,} bytes, not {held.length:,}")
    return recipe


def load_table(place: Place, pack: NeededPack) -> bytes:
    """The table of a pack, asked for once more when it is wrong. Raises NoSuchKey, DamagedObject, RemoteError."""
    for is_last in (False, True):
        records = bytes(place.get_range(pack_key(pack.digest), pack.table_offset, pack.table_length))
        try:
            parse_needed_table(records, pack)
        except DamagedObject:
            if is_last:
                raise
            continue
        break
    return records


def load_whole(place: Place, pack: NeededPack) -> tuple[memoryview, bytes]:
    """(all bytes, the table among them) of a pack. Raises NoSuchKey, DamagedObject, RemoteError."""
    end = pack.table_offset + pack.table_length
    content = memoryview(place.get_range(pack_key(pack.digest), 0, end + FOOTER_LENGTH))
    records = bytes(content[pack.table_offset : end])
    parse_needed_table(records, pack)
    return content, records


def requests_for(chunks: Iterable[tuple[int, PackEntry]], pack: NeededPack) -> Iterator[Range[int]]:
    """What to ask for, to have these chunks (number, entry); of a pack of which most is needed, all in one."""
    pieces = [Piece(entry.offset, entry.stored_length, number) for number, entry in chunks]
    is_most = 2 * sum(piece.length for piece in pieces) >= pack.table_offset
    yield from ranges(pieces, gap=pack.table_offset if is_most else GAP, limit=CHUNKS_LIMIT)


def load_chunks(
    place: Place, pack: NeededPack, entries: Sequence[PackEntry], request: Range[int]
) -> Iterator[tuple[int, Chunk | None]]:
    """(number, chunk) of one request, each hashed; one that is wrong is asked for once more, then it is None.

    They may lie in what was asked for, all of which stays as long as one of them does.

    Raises NoSuchKey, NewerFormat, RemoteError.
    """
    content = place.get_range(pack_key(pack.digest), request.offset, request.length)
    view = memoryview(content)
    for offset, length, number in request.pieces:
        at = offset - request.offset
        chunk = verified(entries[number], view[at : at + length])
        if chunk is None:
            chunk = verified(entries[number], place.get_range(pack_key(pack.digest), offset, length))
        yield number, chunk


def verified(entry: PackEntry, stored: bytes | memoryview) -> Chunk | None:
    """The chunk, or None when it is not what the table says. Raises NewerFormat."""
    try:
        return view_entry(entry, stored, "the remote")
    except DamagedObject:
        return None


def read_chunked_part(place: Place, recipe: ChunkedRecipe, start: int, end: int, table_of: TableOf) -> bytes:
    """The bytes of an object from `start` to `end`, each chunk checked.

    Raises:
        MissingObject: a pack of it is gone.
        DamagedObject: what is there is not what the recipe says.
        RemoteError: the remote does not answer.
    """
    parts: list[Chunk] = []
    try:
        for at, stretch in recipe.between(start, end):
            pack = recipe.packs[stretch.pack]
            entries = parse_needed_table(table_of(pack) or load_table(place, pack), pack)
            wanted = _wanted(stretch, chunks_of(stretch, entries), start - at, end - at)
            found = _loaded(place, pack, entries, {number for number, _ in wanted})
            for number, offset in wanted:
                data = found[number]
                if data is None:
                    raise DamagedObject(f"{Digest(recipe.digest)} is damaged at {place.url}, after byte {at:,}")
                parts.append(data[max(start - at - offset, 0) : end - at - offset])
    except NoSuchKey:
        raise MissingObject(f"{place.url} has lost a pack of {Digest(recipe.digest)}") from None
    return b"".join(parts)


def _wanted(stretch: Stretch, chunks: Sequence[PackEntry], start: int, end: int) -> list[tuple[int, int]]:
    """(number, offset in the stretch) of the chunks that have some of the bytes from `start` to `end` of it."""
    once = stretch.length // stretch.times
    turns = range(max(start, 0) // once, min(-(-end // once), stretch.times))
    wanted = []
    for turn in turns:
        offset = turn * once
        for number, chunk in enumerate(chunks, stretch.first):
            if offset < end and offset + chunk.length > start:
                wanted.append((number, offset))
            offset += chunk.length
    return wanted


def _loaded(place: Place, pack: NeededPack, entries: Sequence[PackEntry], numbers: set[int]) -> dict[int, Chunk | None]:
    found: dict[int, Chunk | None] = {}
    for request in requests_for(((number, entries[number]) for number in sorted(numbers)), pack):
        found.update(load_chunks(place, pack, entries, request))
    return found
