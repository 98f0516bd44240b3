"""Recipes here: the recipes by which a local store has large objects, and what is done when one leads to damage."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from track.errors import DamagedObject
from track.publish import remove
from track.store.chunked import ChunkedRecipe, parse_chunked
from track.store.chunks_here import InChunks, OpenChunks
from track.store.index import Held, Index
from track.store.pack import RECIPE
from track.store.purge_notes import missing
from track.store.reading import OpenPacks
from track.store.rooms import Rooms
from track.system import read_at, reading, shown

_Made = TypeVar("_Made")
OnDamage = Callable[[Held, DamagedObject], DamagedObject]


class RecipesHere:
    """The recipes of one store; used in its thread."""

    def __init__(self, rooms: Rooms, index: Index, packs: OpenPacks, on_damage: OnDamage) -> None:
        """`on_damage` is told of an entry that is damaged, and gives the error to raise for it."""
        self._rooms, self._index, self._packs, self._on_damage = rooms, index, packs, on_damage

    def of(self, digest: bytes, damaged: list[DamagedObject] | None = None) -> Iterator[tuple[Held, InChunks]]:
        """The recipes of an object, the one that was written last first; `damaged` ones are told, and put aside."""
        recipes = [held for held in self._index.held([digest]) if held.form == RECIPE]
        for held in sorted(recipes, key=lambda held: held.pack, reverse=True):
            try:
                yield held, InChunks(self._rooms, self.read(held))
            except FileNotFoundError:
                self._index.forget_pack(self._index.pack_name(held.pack))
            except DamagedObject as error:
                told = self._on_damage(held, error)
                if damaged is not None:
                    damaged.append(told)

    def read(self, held: Held) -> ChunkedRecipe:
        """The recipe at a place. Raises DamagedObject, NewerFormat, FileNotFoundError."""
        name = self._index.pack_name(held.pack)
        with reading(self._rooms.pack(name)):
            return parse_chunked(read_at(self._packs.descriptor(name), held.stored_length, held.offset), held.digest)

    def through(self, digest: bytes, work: Callable[[OpenChunks], tuple[_Made, bytes]]) -> _Made:
        """What `work` makes of an object's chunks, when the digest that it gives with it is right.

        Raises:
            MissingObject: the object is not here in chunks.
            DamagedObject: a chunk or a recipe is not what it should be; it is not offered again.
        """
        damaged: list[DamagedObject] = []
        for held, large in list(self.of(digest, damaged)):
            content = large.open()
            try:
                made, found = work(content)
            except FileNotFoundError:
                self._index.refresh()
                continue
            except DamagedObject as error:
                damaged.append(self._chunks_are_damaged(held, content.bad_pack, error))
                continue
            finally:
                content.close()
            if found == digest:
                return made
            if isinstance(made, Path):
                with suppress(FileNotFoundError):
                    remove(made)
            damaged.append(self._on_damage(held, DamagedObject("its chunks make another object")))
        raise damaged[-1] if damaged else missing(digest, self._rooms.path)

    def _chunks_are_damaged(self, held: Held, pack: bytes | None, error: DamagedObject) -> DamagedObject:
        told = self._on_damage(held, error)
        if pack is None:
            return told
        self._index.note_damaged(pack)
        self._index.forget_recipes(held.digest, pack)
        where = shown(self._rooms.pack(pack))
        return DamagedObject(f"{told.message}: a chunk of it in the pack {where}", hint=told.hint, details=told.details)
