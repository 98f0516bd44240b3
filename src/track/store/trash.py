"""Trash: what collections took out of a store, whole packs and objects, until their grace period is over.

One folder a collection, `trash/<seconds since 1970>/`, with the layout of the store inside. Nothing is changed in a
file that goes there, so that what is needed again is renamed back.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject
from track.model.expressions import expression
from track.publish import make_directories, make_directory, publish_new, remove_directory, remove_tree, sync_directory
from track.store.index import Index
from track.store.layout import OBJECTS, object_digest, object_key, pack_key
from track.store.rooms import Rooms

_FOLDER = expression("[0-9]{10}")


class Batch(NamedTuple):
    """What one collection took away, and when (seconds since 1970)."""

    folder: Path
    taken_s: int


class Trash:
    """The trash of one store. Whatever changes it needs the store's lock: to bring back a share of it, else all."""

    def __init__(self, rooms: Rooms, *, keeps_index: bool) -> None:
        """With `keeps_index`, what is in it is noted in files beside it; else it is read again each time."""
        self._rooms = rooms
        self._keeps_index = keeps_index

    def batches(self) -> list[Batch]:
        """What there is, the oldest first; names of other forms are left alone."""
        try:
            names = os.listdir(self._rooms.trash)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [Batch(self._rooms.trash / name, int(name)) for name in sorted(names) if _FOLDER.fullmatch(name)]

    def begin(self, now_s: int) -> Batch:
        """A new, empty batch."""
        mode = self._rooms.directory_mode
        make_directories(self._rooms.trash, mode=mode or 0o777, exact=mode is not None)
        while True:
            with suppress(FileExistsError):
                make_directory(self._rooms.trash / f"{now_s:010}", mode=mode or 0o777)
                return Batch(self._rooms.trash / f"{now_s:010}", now_s)
            now_s += 1

    def take_pack(self, batch: Batch, name: bytes) -> None:
        """Take a pack away. Raises FileNotFoundError."""
        self._take(batch, pack_key(name))

    def take_whole(self, batch: Batch, digest: bytes) -> None:
        """Take a whole object away. Raises FileNotFoundError."""
        self._take(batch, object_key(digest))

    def revive(self, wanted: Callable[[list[bytes]], set[bytes]]) -> int:
        """Bring back every file with an object in it that is `wanted`, which is asked about many at once; how many.

        Packs of chunks come back with the recipes that need them.
        """
        count = 0
        needed: set[bytes] = set()
        for batch in self.batches():
            with self._index(batch) as index:
                for name, _ in sorted(index.listed()):
                    if found := wanted(list(index.inside(name))):
                        needed |= index.needed(found)
                        count += self._bring_back(batch, pack_key(name))
            wholes = list(_wholes(batch))
            count += sum(self._bring_back(batch, object_key(digest)) for digest in wanted(wholes))
        return count + self.revive_packs(needed)

    def revive_these(self, digests: Iterable[bytes], packs: Iterable[bytes] = ()) -> int:
        """As `revive`, of these digests; a question to an index for each batch, when it keeps one.

        `packs` are brought back, too: those of chunks that recipes need which are not in the trash.
        """
        count = 0
        asked = list(digests)
        needed = set(packs)
        for batch in self.batches():
            with self._index(batch) as index:
                names = index.packs_with(asked)
                needed |= index.needed(asked)
            count += sum(self._bring_back(batch, pack_key(name)) for name in sorted(names))
            count += sum(self._bring_back(batch, object_key(digest)) for digest in asked)
        return count + self.revive_packs(needed)

    def revive_packs(self, names: Iterable[bytes]) -> int:
        """Bring back these packs, as far as they are in the trash; how many."""
        wanted = sorted(names)
        return sum(self._bring_back(batch, pack_key(name)) for batch in self.batches() for name in wanted)

    def empty(self, before_s: float) -> int:
        """Delete what was taken away before this time (seconds since 1970); how many bytes."""
        size = 0
        for batch in self.batches():
            if batch.taken_s <= before_s:
                size += size_of(batch)
                remove_tree(batch.folder)
        return size

    def drop_empty(self, batch: Batch) -> None:
        """Remove a batch in which nothing is."""
        with suppress(OSError):
            remove_directory(batch.folder)

    def _take(self, batch: Batch, key: str) -> None:
        target = batch.folder / key
        mode = self._rooms.directory_mode
        make_directories(target.parent, mode=mode or 0o777, exact=mode is not None)
        publish_new(self._rooms.path / key, target)

    def _bring_back(self, batch: Batch, key: str) -> int:
        """Rename a file back into the store; 0 when it is not there. Where its place is taken, it is not needed."""
        source, target = batch.folder / key, self._rooms.path / key
        if not os.path.lexists(source):
            return 0
        mode = self._rooms.directory_mode
        make_directories(target.parent, mode=mode or 0o777, exact=mode is not None)
        with suppress(FileNotFoundError):  # another process has just brought it back
            publish_new(source, target)
            sync_directory(target.parent)
            return 1
        return 0

    def _index(self, batch: Batch) -> closing[Index]:
        path = batch.folder / "index.db" if self._keeps_index else None
        return closing(Index(path, batch.folder / "packs", _ignore))


def size_of(batch: Batch) -> int:
    """The bytes of the files in a batch."""
    size = 0
    for folder, _, files in os.walk(batch.folder):
        for name in files:
            with suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
    return size


def _wholes(batch: Batch) -> Iterator[bytes]:
    for prefix in _names(batch.folder / "objects"):
        for name in _names(batch.folder / "objects" / prefix):
            if (digest := object_digest(f"{OBJECTS}{prefix}/{name}")) is not None:
                yield digest


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _ignore(path: Path, error: DamagedObject) -> None:
    """A broken pack in the trash is nobody's loss: it goes when its time is over."""
