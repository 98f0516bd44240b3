"""Writer: puts objects into a store, all of them durable and visible at its commit."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from blake3 import blake3

from track.errors import TrackError
from track.model.digest import Digest, digest_of
from track.progress import Moved, unheard
from track.publish import Batch, create_with, remove, stage
from track.store.chunked import ChunkedRecipe, dump_chunked
from track.store.hashing import hash_fd
from track.store.index import Index
from track.store.index_rows import NewPack, needs_of
from track.store.pack import CHUNK, READ_FLAGS, RECIPE, SMALL, PackEntry, PackWriter, SealedPack
from track.store.purge_notes import kept_again, purged_at
from track.store.rooms import Rooms
from track.store.slabs import Source
from track.store.tables import Tables
from track.store.tombstones import Purge
from track.store.whole import set_aside, staged_copy

_ASKED_AT_ONCE = 1024
_PENDING_BYTES = 8 << 20
_PUBLISHED_AT_ONCE = 64
"""Packs: a gigabyte, whose records take about 100 MiB of memory."""

READ_ONCE = 256 << 20
"""Larger files are not read twice to find out whether they were purged: they go into packs of their own instead ..."""
READ_TWICE = 16 << 30
"""... but for those of this size: nothing of them would be published before the end, and the records of the packs take
about 5 MiB of memory for each gigabyte until then."""
_COMING_AT_ONCE = 2
"""Packs of what comes from elsewhere: an interruption costs no more."""


class _Whole(NamedTuple):
    staged: Path
    digest: Digest


Take = Callable[[SealedPack | None, Sequence[ChunkedRecipe]], None]
"""What takes a pack of chunks, and the recipes of which every chunk is in a pack that it took by now."""


class Cutter(Protocol):
    """Cuts large objects into chunks; `track.store.cutting` has it."""

    def may_be_whole(self, size: int) -> bool:
        """Whether an object of so many bytes may be here as a file of its own."""

    def cut(self, fd: int, size: int, digest: bytes, take: Take, moved: Moved = unheard) -> Digest:
        """Cut an open file, the object of a `digest` if that is known; what it is."""

    def cut_coming(self, sources: Iterable[Source], take: Take) -> Iterator[bytes]:
        """Cut objects that come from elsewhere: the digest of each that is whole, b"" meanwhile."""

    def learn(self) -> Tables | None:
        """Know what is in the store now; its record of chunks, None where there is none."""

    def seal(self, take: Take) -> None:
        """Give what is not in a pack yet."""

    def abandon(self) -> None:
        """Drop what is not in a pack yet."""


class Writer:
    """Adds to one store; made by `Store.writer`, used in one thread.

    What is in the store already, or was added before, is not written again; after `refuse_purges`, what is known to
    have been purged is refused. Everything is durable and visible after `commit`, which may be called several times.
    Leaving the writer without it drops what was added since, apart from whole gigabytes, which are published on the
    way: what is interrupted goes on from there when it is done again. Of a file that may turn out to have been purged,
    and is read once, nothing is.
    """

    def __init__(self, rooms: Rooms, index: Index, cutter: Cutter | None = None) -> None:
        """For `Store.writer` alone, which holds the lock."""
        self._rooms = rooms
        self._index = index
        self._cutter = cutter
        self._recipes: list[ChunkedRecipe] = []
        self._unwanted: set[bytes] = set()
        """What was cut, and turned out to be here."""
        self._seen: set[bytes] = set()
        self._purged: Mapping[bytes, Purge] = {}
        self._holds = False
        """Whether nothing is published on the way."""
        self._pending: dict[bytes, bytes] = {}
        self._pending_bytes = 0
        self._pack = PackWriter(rooms.staging)
        self._sealed: list[SealedPack] = []
        self._wholes: list[_Whole] = []
        self.fresh: deque[bytes] = deque()
        """Packs of chunks that were published since `chunks_here`, for who reads in another thread."""
        self.new_count = 0
        """Objects that were added and that the store lacked, up to the last commit."""
        self.new_bytes = 0
        """The sum of their lengths."""

    def add(self, data: bytes) -> Digest:
        """Add a small object (below SMALL bytes), and return its digest. Raises DiskFull, StoreUnwritable."""
        digest = bytes.__new__(Digest, blake3(data).digest())
        if digest not in self._seen:
            self.add_known(digest, data)
        return digest

    def add_known(self, digest: bytes, data: bytes) -> None:
        """Add a small object that the caller has hashed. Raises PurgedObject, DiskFull, StoreUnwritable."""
        if digest in self._seen:
            return
        if self._purged:
            self.refuse_purged((digest,))
        self._seen.add(digest)
        self._pending[digest] = data
        self._pending_bytes += len(data)
        if len(self._pending) >= _ASKED_AT_ONCE or self._pending_bytes >= _PENDING_BYTES:
            self._settle()

    def add_content(self, data: bytes) -> Digest:
        """Add an object of any size that is in memory. Raises DiskFull, StoreUnwritable."""
        if len(data) < SMALL:
            return self.add(data)
        digest = digest_of(data)
        if digest not in self._seen:
            staged = stage(self._rooms.staging)
            create_with(staged, data, mode=0o600)
            self.adopt_whole(staged, digest, len(data))
        return digest

    def add_file(self, fd: int, size: int, moved: Moved = unheard) -> Digest:
        """Add an open file of `size` bytes, SMALL or more; its opener checks afterwards that it did not change.

        `moved` is told how far it is.

        Raises:
            ChangedWhileAdding: it became shorter.
            PurgedObject: these bytes were removed for good.
            DiskFull, StoreUnwritable: it could not be copied into the store.
        """
        if size < SMALL:
            raise ValueError(f"{size} bytes are a small object: use add")
        if self._cutter is not None:
            return self._cut(self._cutter, fd, size, moved)
        staged, digest = staged_copy(fd, size, self._rooms.staging, moved=moved)
        self.adopt_whole(staged, digest, size)
        return digest

    def refuse_purges(self) -> None:
        """Take nothing more that is known to have been removed for good: whoever adds it is told so."""
        self._purged = purged_at(self._rooms.path)

    def refuse_purged(self, digests: Iterable[bytes]) -> None:
        """Raise PurgedObject for the first of these that is known to have been removed for good."""
        for digest in digests if self._purged else ():
            if (purge := self._purged.get(digest)) is not None:
                raise kept_again(digest, purge)

    def _cut(self, cutter: Cutter, fd: int, size: int, moved: Moved) -> Digest:
        is_apart = bool(self._purged) and READ_ONCE <= size < READ_TWICE
        if (self._purged and not is_apart) or cutter.may_be_whole(size):
            digest = hash_fd(fd, size)  # once it is cut, its chunks are in packs with those of others
            self.refuse_purged((digest,))
            if self._is_here(digest, size):
                return digest
            is_apart = False
        if is_apart:
            digest = self._cut_apart(cutter, fd, size, moved)
        else:
            digest = cutter.cut(fd, size, b"", self._take, moved)
        if digest in self._seen:
            return digest
        if self._is_here(digest, size):
            self._unwanted.add(digest)
        else:
            self._count(digest, size)
        return digest

    def _cut_apart(self, cutter: Cutter, fd: int, size: int, moved: Moved) -> Digest:
        """Cut into packs with nothing else in them, none of which is published before it is known what it is.

        Raises:
            PurgedObject: it was removed for good; nothing of it is kept, and all that came before is durable.
        """
        self.commit()
        self._holds = True
        try:
            digest = cutter.cut(fd, size, b"", self._take, moved)
            if digest in self._purged:
                self.abandon()
                self._pack = PackWriter(self._rooms.staging)
                self.refuse_purged((digest,))
        finally:
            self._holds = False
        return digest

    def _take(self, pack: SealedPack | None, recipes: Sequence[ChunkedRecipe]) -> None:
        if pack is not None:
            self._keep(pack)
        self._recipes += recipes

    @property
    def cuts(self) -> bool:
        """Whether large objects are cut."""
        return self._cutter is not None

    def chunks_here(self) -> Tables | None:
        """The record of chunks in the store, of what was added before, too; None where there is none. Close it."""
        assert self._cutter is not None, "nothing cuts here"
        self.commit()
        self.fresh.clear()
        return self._cutter.learn()

    def cut_coming(self, sources: Iterable[Source]) -> Generator[bytes, None, None]:
        """Cut objects that come from elsewhere: the digest of each that is whole, b"" meanwhile.

        What came of one that is interrupted is in the store, a few packs at a time, for when it comes again.

        Raises:
            Broken: one cannot be had, or is another one. What was not told is to be cut again.
            DiskFull, StoreUnwritable: it cannot be written.
        """
        assert self._cutter is not None, "nothing cuts here"
        sizes: dict[bytes, int] = {}

        def noting() -> Iterator[Source]:
            for source in sources:
                sizes[source.digest] = source.size
                yield source

        for digest in self._cutter.cut_coming(noting(), self._take_coming):
            if digest and self._is_here(digest, sizes[digest]):
                self._unwanted.add(digest)
            elif digest:
                self._count(digest, sizes[digest])
            yield digest

    def doubt(self, pack: bytes) -> None:
        """Use a pack of chunks no more: something in it is damaged, or it is gone."""
        self._index.note_damaged(pack)
        self._index.refresh()

    def _take_coming(self, pack: SealedPack | None, recipes: Sequence[ChunkedRecipe]) -> None:
        self._take(pack, recipes)
        if len(self._sealed) >= _COMING_AT_ONCE:
            self._publish()

    def adopt(self, sealed: SealedPack) -> None:
        """Take a complete pack, staged on the store's filesystem, whose entries its maker has hashed."""
        self._seen.update(entry.digest for entry in sealed.entries)
        self.new_count += len(sealed.entries)
        self.new_bytes += sum(entry.length for entry in sealed.entries)
        self._keep(sealed)

    def adopt_chunks(self, sealed: SealedPack) -> None:
        """Take a complete pack of chunks: they are no objects."""
        self._keep(sealed)

    def adopt_whole(self, staged: Path, digest: Digest, size: int) -> None:
        """Take a staged file of SMALL or more bytes that its maker has hashed; it is cut where objects are."""
        if self._is_here(digest, size) or digest in self._purged:
            remove(staged)
            self.refuse_purged((digest,))
            return
        if self._cutter is None:
            self._wholes.append(_Whole(staged, digest))
        else:
            fd = os.open(staged, READ_FLAGS)
            try:
                self._cutter.cut(fd, size, digest, self._take)
            finally:
                os.close(fd)
            remove(staged)
        self._count(digest, size)

    def add_recipe(self, recipe: ChunkedRecipe) -> None:
        """Add a recipe of an object, of packs that are here or were adopted before; it counts from now on."""
        self._recipes.append(recipe)

    def _count(self, digest: bytes, size: int) -> None:
        self._seen.add(digest)
        self.new_count += 1
        self.new_bytes += size

    def _is_here(self, digest: bytes, size: int) -> bool:
        """Whether a large object is there, in whatever way, or was added before."""
        return digest in self._seen or self._has_whole(digest, size) or not self._index.absent([digest])

    def commit(self) -> None:
        """Make everything added so far durable, then visible.

        Raises DiskFull or StoreUnwritable when it cannot be; then nothing of it may be relied on.
        """
        self._settle()
        if (last := self._pack.seal()) is not None:
            self._sealed.append(last)
        self._pack = PackWriter(self._rooms.staging)
        if self._cutter is not None:
            self._cutter.seal(self._take)
        self._publish()

    def _publish(self) -> None:
        """Make what is sealed durable, and then known."""
        self._seal_recipes()
        sealed, self._sealed = self._sealed, []
        wholes, self._wholes = self._wholes, []
        batch = Batch(directory_mode=self._rooms.directory_mode)
        for pack in sealed:
            target = self._rooms.pack(pack.name)
            if self._index.is_damaged(pack.name):
                set_aside(target, self._rooms.quarantine)
            batch.add(pack.path, target, mode=self._rooms.file_mode)
        for whole in wholes:
            batch.add(whole.staged, self._rooms.object(whole.digest), mode=self._rooms.file_mode)
        if len(batch):
            new = [NewPack(pack.name, pack.size, pack.entries, needs_of(pack.path, pack.entries)) for pack in sealed]
            batch.commit()
            self._index.add_packs(new)
            self.fresh.extend(bytes(pack.name) for pack in sealed if pack.entries[0].flags == CHUNK)

    def _seal_recipes(self) -> None:
        """Seal a pack of the recipes of which every chunk is in a pack."""
        wanted = {one.digest: one for one in reversed(self._recipes) if one.digest not in self._unwanted}
        recipes, self._recipes = list(reversed(wanted.values())), []
        writer = PackWriter(self._rooms.staging)
        for recipe in recipes:
            stored = dump_chunked(recipe)
            entry = PackEntry(recipe.digest, RECIPE, 0, 0, len(stored), recipe.length, digest_of(stored))
            writer.add_entry(entry, stored)
        if (pack := writer.seal()) is not None:
            self._sealed.append(pack)

    def abandon(self) -> None:
        """Drop what was added since the last commit."""
        if self._cutter is not None:
            self._cutter.abandon()
        self._pending, self._recipes = {}, []
        self._pack.abandon()
        with suppress(OSError, TrackError):
            for path in (*(pack.path for pack in self._sealed), *(whole.staged for whole in self._wholes)):
                with suppress(FileNotFoundError):
                    remove(path)
        self._sealed, self._wholes = [], []

    def _has_whole(self, digest: bytes, size: int) -> bool:
        """Whether it is there in its length; what else has its name is put aside, or it would count as it."""
        path = self._rooms.whole(digest)
        if path is not None and path.stat().st_size == size:
            return True
        if os.path.lexists(self._rooms.object(digest)):
            set_aside(self._rooms.object(digest), self._rooms.quarantine)
        return False

    def _settle(self) -> None:
        """Write what the store lacks of the objects that wait, asking for all of them at once."""
        pending, self._pending, self._pending_bytes = self._pending, {}, 0
        absent = self._index.absent(pending)
        for digest, data in pending.items():
            if digest not in absent:
                continue
            self._pack.add(digest, data)
            self.new_count += 1
            self.new_bytes += len(data)
            if self._pack.is_full:
                self._seal()

    def _seal(self) -> None:
        sealed = self._pack.seal()
        assert sealed is not None
        self._pack = PackWriter(self._rooms.staging)
        self._keep(sealed)

    def _keep(self, sealed: SealedPack) -> None:
        self._sealed.append(sealed)
        if len(self._sealed) >= _PUBLISHED_AT_ONCE and not self._holds:
            self._publish()
