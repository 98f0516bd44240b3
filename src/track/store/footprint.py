"""Footprint: how much of the disk a local store takes, and each object in it; nothing comes back from the trash."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from track.errors import DamagedObject, NewerFormat
from track.store.index import Held
from track.store.objects import Store
from track.store.pack import RECIPE, read_table


def footprint(store: Store) -> int:
    """The bytes of all packs and whole objects; what is in the trash or being written does not count."""
    size = 0
    for _, path in (*store.packs(), *store.wholes()):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def on_disk(store: Store) -> int:
    """What packs, whole objects, the trash and what was half fetched take on the disk, holes apart.

    What has a name elsewhere, too, as a working copy that is the same file, gives nothing back and does not count.
    """
    rooms = store.rooms
    return sum(map(taken_below, (rooms.packs, rooms.objects, rooms.trash, rooms.partial)))


def taken_below(folder: Path) -> int:
    """The bytes that the disk gets back when all files in a folder go."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += given_back(os.lstat(os.path.join(place, name)))
    return size


def given_back(status: os.stat_result) -> int:
    """The bytes that the disk gets back when a file of this status goes: none while it has another name."""
    if status.st_nlink > 1:
        return 0
    return 512 * status.st_blocks if hasattr(status, "st_blocks") else status.st_size


def stored_sizes(store: Store, digests: Collection[bytes]) -> dict[bytes, int]:
    """The bytes that each of these takes as it is stored; those that are not here are left out.

    Of what is in chunks, all of them: what it shares with others counts for each.
    """
    return Weights(store).sizes(digests, shared=True)


class Weights:
    """The same, one after another; what is in chunks counts but once."""

    def __init__(self, store: Store) -> None:
        """Nothing has counted yet."""
        self._store = store
        self._counted: dict[bytes, bytearray] = {}

    def sizes(self, digests: Collection[bytes], *, shared: bool = False) -> dict[bytes, int]:
        """The bytes that each of these takes, of chunks only those that did not count before, unless `shared`."""
        sizes: dict[bytes, int] = {}
        for held in self._store.index.held(digests):
            size = held.stored_length
            if held.form == RECIPE:
                size += self._chunks(held)
                if shared:
                    self._counted.clear()
            sizes[held.digest] = sizes.get(held.digest, 0) + size
        for digest in set(digests) - sizes.keys():
            with suppress(FileNotFoundError):
                if (path := self._store.whole(digest)) is not None:
                    sizes[digest] = path.lstat().st_size
        return sizes

    def _chunks(self, held: Held) -> int:
        size = 0
        with suppress(DamagedObject, NewerFormat, FileNotFoundError):
            recipe = self._store.recipes.read(held)
            for number, first, count, _, _ in recipe.stretches:
                pack = recipe.packs[number].digest
                entries = read_table(self._store.rooms.pack(pack))
                counted = self._counted.setdefault(pack, bytearray(len(entries)))
                for at in range(first, first + count):
                    size += 0 if counted[at] else entries[at].stored_length
                    counted[at] = 1
        return size
