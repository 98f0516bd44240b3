"""Parts of a large object at a remote, one after the other: its recipe and the tables of packs are asked for once."""

import threading
from collections import OrderedDict

from track.errors import DamagedObject, MissingObject, TrackError
from track.model.digest import Digest
from track.store.chunk_reading import load_chunked, load_table, read_chunked_part
from track.store.chunked import ChunkedRecipe, NeededPack
from track.store.known import Known
from track.store.large import load_recipe, read_whole_pieces
from track.store.place import NoSuchKey, Place
from track.store.recipe import PIECE, Recipe

_TABLES_KEPT = 256
_PIECES_KEPT = 4


class Parts:
    """A large object at a remote, of `length` bytes. Every byte is checked before it is given; threads may share it.

    What comes in chunks is checked a chunk at a time; of an object that is a file of its own there, whole pieces of
    1 MiB come, of which the last few are kept.
    """

    def __init__(self, place: Place, known: Known, digest: bytes) -> None:
        """Ask for its recipe.

        Raises:
            MissingObject: the remote has no such object, or no recipe of it.
            DamagedObject, NewerFormat: no recipe that it has can be read.
            RemoteError: it does not answer.
        """
        self._place = place
        self._recipe = _recipe_of(place, known, digest)
        self.length = self._recipe.length
        self._tables: OrderedDict[bytes, bytes] = OrderedDict()
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`; fewer where the object ends sooner.

        Raises:
            MissingObject: a part of it is gone.
            DamagedObject: what is there is not what the recipe says.
            RemoteError: the remote does not answer.
        """
        end = min(end, self.length)
        if start >= end:
            return b""
        with self._lock:
            if isinstance(self._recipe, ChunkedRecipe):
                return read_chunked_part(self._place, self._recipe, start, end, self._table)
            return self._of_pieces(self._recipe, start, end)

    def _table(self, pack: NeededPack) -> bytes:
        records = self._tables.pop(pack.digest, None) or load_table(self._place, pack)
        self._tables[pack.digest] = records
        while len(self._tables) > _TABLES_KEPT:
            self._tables.popitem(last=False)
        return records

    def _of_pieces(self, recipe: Recipe, start: int, end: int) -> bytes:
        """What is lacking of the pieces comes with one request."""
        first, last = start // PIECE, -(-end // PIECE)
        found = {number: self._pieces[number] for number in range(first, last) if number in self._pieces}
        lacking = [number for number in range(first, last) if number not in found]
        if lacking:
            begin, after = lacking[0] * PIECE, min((lacking[-1] + 1) * PIECE, recipe.length)
            try:
                data = read_whole_pieces(self._place, recipe, begin, after)
            except NoSuchKey:
                raise MissingObject(f"{self._place.url} has lost {Digest(recipe.digest)}") from None
            for number in range(lacking[0], lacking[-1] + 1):
                found[number] = data[number * PIECE - begin : (number + 1) * PIECE - begin]
        for number in range(max(first, last - _PIECES_KEPT), last):
            self._pieces.pop(number, None)
            self._pieces[number] = found[number]
        while len(self._pieces) > _PIECES_KEPT:
            self._pieces.popitem(last=False)
        whole = b"".join(found[number] for number in range(first, last))
        return whole[start - first * PIECE : end - first * PIECE]


def _recipe_of(place: Place, known: Known, digest: bytes) -> Recipe | ChunkedRecipe:
    if (held := known.recipe(digest)) is not None:
        return load_recipe(place, held)
    failure: TrackError | None = None
    for held in known.chunked(digest):
        try:
            return load_chunked(place, held)
        except NoSuchKey:
            failure = MissingObject(f"{place.url} has lost the recipe of {Digest(digest)}")
        except (DamagedObject, MissingObject) as error:
            failure = error
    raise failure or MissingObject(
        f"{place.url} has no recipe of {Digest(digest)}", hint="track fetch   brings it whole"
    )
