"""Collecting: what nothing needs any more leaves a local store, in two steps: into its trash, and later for good.

Nothing is decided by a lock that somebody waits for: what would go is found first, live objects in packs that are
mostly dead get a new pack, and only then the store is held alone, the marks are brought up to date by the caller, and
whatever is still dead is renamed away.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat, Unreadable
from track.progress import Progress, silent
from track.publish import remove
from track.store.chunk_collecting import Uses, is_of_chunks, move_chunks, uses_of
from track.store.chunked import check_entry
from track.store.cutting import forget_gone
from track.store.marks import Needed
from track.store.objects import Store
from track.store.pack import RAW, READ_FLAGS, RECIPE, RECORD_SIZE, ZSTD, PackEntry, PackWriter, read_table
from track.store.trash import Batch
from track.store.writer import Writer
from track.system import read_at, reading

_WHOLES_AT_ONCE = 2000
_FORMS = (RAW, ZSTD, RECIPE)
MOSTLY = 0.5
"""A pack of which more than this part of the bytes is dead is written anew without them."""


class Dead(NamedTuple):
    """A file of the store with dead objects in it; sizes are in bytes, as stored.

    `name` is the pack's, or the object's own digest; a pack with live objects in it `is_mixed`. One that is `of_chunks`
    has entries that are no objects.
    """

    name: bytes
    is_pack: bool
    is_mixed: bool
    size: int
    dead_count: int
    dead_bytes: int
    of_chunks: bool = False

    @property
    def objects_count(self) -> int:
        """How many dead objects are in it."""
        return 0 if self.of_chunks else self.dead_count


class Found(NamedTuple):
    """What a look at the whole store found. `going` are files to take away; the rest counts dead objects that stay:

    because they are younger than the grace period, because most of their pack is alive, or because this version
    cannot read their pack. What changed after `before_s` was young. What is left of large objects that are needed and
    cannot be had stays when it `spares` it.
    """

    going: tuple[Dead, ...]
    young_count: int
    young_bytes: int
    among_live_count: int
    among_live_bytes: int
    unreadable_count: int
    before_s: float = float("inf")
    spares: bool = True


class Taken(NamedTuple):
    """What went into the trash."""

    objects_count: int
    object_bytes: int
    file_bytes: int


def look(store: Store, marks: Needed, before_s: float, progress: Progress = silent) -> Found:
    """Find what nothing needs, in files not changed since `before_s` (seconds since 1970). Nothing is changed.

    Raises:
        Unreadable: the disk or the rights are in the way.
    """
    going: list[Dead] = []
    young = [0, 0]
    among_live = [0, 0]
    unreadable = 0
    progress.begin("looking through the store")
    try:
        for dead in dead_files(store, marks, progress, before_s):
            if dead is None:
                unreadable += 1
            elif _modified(store, dead) > before_s:
                young = [young[0] + dead.objects_count, young[1] + dead.dead_bytes]
            elif dead.is_mixed and dead.dead_bytes + RECORD_SIZE * dead.dead_count <= MOSTLY * dead.size:
                among_live = [among_live[0] + dead.objects_count, among_live[1] + dead.dead_bytes]
            else:
                going.append(dead)
    finally:
        progress.end()
    return Found(tuple(going), young[0], young[1], among_live[0], among_live[1], unreadable, before_s)


def drop_partial(store: Store, before_s: float) -> int:
    """Delete large objects that were being fetched, and that nobody went on with since then; how many bytes.

    The store's lock is held alone, so that no fetch is at work.
    """
    size = 0
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(store.rooms.partial):
            path = store.rooms.partial / name
            with suppress(FileNotFoundError):
                found = path.lstat()
                if found.st_mtime <= before_s and stat.S_ISREG(found.st_mode):
                    remove(path)
                    size += found.st_size
    return size


def dead_objects(store: Store, marks: Needed, dead: Dead) -> list[tuple[bytes, int]]:
    """(digest, bytes as stored) of each dead object in a file; what chunks of it take is told of their packs."""
    if not dead.is_pack:
        return [(dead.name, dead.size)]
    if dead.of_chunks:
        return []
    entries = read_table(store.rooms.pack(dead.name))
    live = marks.kept([entry.digest for entry in entries])
    return [(entry.digest, entry.stored_length) for entry in entries if entry.digest not in live]


def rewrite(store: Store, marks: Needed, found: Found, progress: Progress = silent) -> frozenset[bytes]:
    """Give live objects of packs that are mostly dead a new, durable pack; the old ones stay. The packs done.

    Interrupted, there are objects in two packs. A pack of which something live is damaged stays as it is.

    Raises:
        Locked, DiskFull, StoreUnwritable: a new pack could not be written.
    """
    mixed = [dead for dead in found.going if dead.is_mixed]
    done: set[bytes] = set()
    if not mixed:
        return frozenset()
    progress.begin("keeping what is needed", size_bytes=sum(dead.size - dead.dead_bytes for dead in mixed))
    try:
        with store.writer() as writer:
            copies = _Copies(store, writer)
            uses = uses_of(store, marks, found.before_s, spares=found.spares)
            try:
                for dead in mixed:
                    if dead.of_chunks:
                        continue
                    with suppress(DamagedObject, NewerFormat, FileNotFoundError):
                        for entry, stored in _live_entries(store, marks, dead, uses):
                            copies.add(entry, stored)
                            progress.advance(size_bytes=len(stored))
                        done.add(dead.name)
                copies.seal()
            finally:
                copies.abandon()
            done |= move_chunks(store, writer, [dead.name for dead in mixed if dead.of_chunks], uses, progress)
            writer.commit()
    finally:
        progress.end()
    return frozenset(done)


def take(store: Store, marks: Needed, found: Found, rewritten: frozenset[bytes], now_s: float) -> Taken:
    """Move what is still dead into the trash; the store's lock is held alone, and the marks are up to date.

    Interrupted, some has gone and the rest goes with the next collection.

    Raises:
        DiskFull, StoreUnwritable: something could not be moved.
    """
    trash = store.trash()
    batch: Batch | None = None
    objects = size = files = 0
    going = frozenset(dead.name for dead in found.going if dead.is_pack)
    uses = uses_of(store, marks, found.before_s, spares=found.spares)
    for dead in sorted(found.going, key=lambda dead: dead.of_chunks):  # recipes first: none is without its chunks
        with suppress(FileNotFoundError):
            if not _is_still_dead(store, marks, dead, going if dead.name in rewritten else frozenset(), uses):
                continue
            batch = batch or trash.begin(int(now_s))
            if dead.is_pack:
                trash.take_pack(batch, dead.name)
                store.index.forget_pack(dead.name)
            else:
                trash.take_whole(batch, dead.name)
            objects, size, files = objects + dead.objects_count, size + dead.dead_bytes, files + dead.size
    if batch is not None:
        trash.drop_empty(batch)
    forget_gone(store)
    return Taken(objects, size, files)


def dead_files(
    store: Store, marks: Needed, progress: Progress, before_s: float = float("inf"), *, spares: bool = True
) -> Iterator[Dead | None]:
    """Every file of a store with something dead in it; None for a pack that this version cannot read.

    Chunks of what changed after `before_s` (seconds since 1970) are not dead, nor, when it `spares` it, what is left of
    large objects that are needed and cannot be had.
    """
    uses = uses_of(store, marks, before_s, spares=spares)
    for name, path in store.packs():
        with suppress(FileNotFoundError):
            try:
                entries = read_table(path)
            except (DamagedObject, NewerFormat):
                yield None
                continue
            progress.advance(count=len(entries))
            of_chunks = is_of_chunks(entries)
            if not of_chunks and any(entry.form not in _FORMS or entry.flags for entry in entries):
                yield None
                continue
            if of_chunks:
                used = uses.of(name, len(entries))
                dead = [entry for entry, is_used in zip(entries, used, strict=True) if not is_used]
            else:
                live = _live(marks, name, entries, uses)
                dead = [entry for entry, is_live in zip(entries, live, strict=True) if not is_live]
            if dead:
                dead_bytes = sum(entry.stored_length for entry in dead)
                whole = sum(entry.stored_length + RECORD_SIZE for entry in entries)
                yield Dead(name, True, len(dead) < len(entries), whole, len(dead), dead_bytes, of_chunks)
    for wholes in _grouped(store.wholes()):
        kept = marks.kept([digest for digest, _ in wholes])
        progress.advance(count=len(wholes))
        for digest, path in wholes:
            if digest not in kept:
                with suppress(FileNotFoundError):
                    size = path.lstat().st_size
                    yield Dead(digest, False, False, size, 1, size)


class _Copies:
    """New packs with what is needed of others."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._staging, self._writer = store.rooms.staging, writer
        self._pack = PackWriter(self._staging)

    def add(self, entry: PackEntry, stored: bytes) -> None:
        self._pack.add_entry(entry, stored)
        if self._pack.is_full:
            self.seal()

    def seal(self) -> None:
        sealed, self._pack = self._pack.seal(), PackWriter(self._staging)
        if sealed is not None:
            self._writer.adopt(sealed)

    def abandon(self) -> None:
        self._pack.abandon()


def _live(marks: Needed, name: bytes, entries: Sequence[PackEntry], uses: Uses) -> list[bool]:
    """Which entries of a pack of objects are needed; of several recipes of an object, only the one that counts is.

    A pack with a recipe of what is broken stays as it is.
    """
    kept = marks.kept([entry.digest for entry in entries])
    if any(entry.form == RECIPE and entry.digest in uses.broken for entry in entries):
        return [True] * len(entries)
    return [
        entry.digest in kept and (entry.form != RECIPE or uses.is_recipe(entry.digest, name, entry.offset))
        for entry in entries
    ]


def _is_still_dead(store: Store, marks: Needed, dead: Dead, going: frozenset[bytes], uses: Uses) -> bool:
    """Whether nothing needs what is in a file, or what is needed is in another one that does not go."""
    if not dead.is_pack:
        return not marks.kept([dead.name])
    if dead.of_chunks:
        return not uses.uses(dead.name)
    entries = read_table(store.rooms.pack(dead.name))
    live = {one.digest for one, is_live in zip(entries, _live(marks, dead.name, entries, uses), strict=True) if is_live}
    if not live:
        return True
    elsewhere = {held.digest for held in store.index.held(live) if store.index.pack_name(held.pack) not in going}
    return bool(going) and live <= elsewhere


def _grouped(wholes: Iterator[tuple[bytes, Path]]) -> Iterator[list[tuple[bytes, Path]]]:
    group: list[tuple[bytes, Path]] = []
    for one in wholes:
        group.append(one)
        if len(group) >= _WHOLES_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _live_entries(store: Store, marks: Needed, dead: Dead, uses: Uses) -> Iterator[tuple[PackEntry, bytes]]:
    """The live entries of a pack with their stored bytes, each verified. Raises DamagedObject."""
    path = store.rooms.pack(dead.name)
    entries = read_table(path)
    live = _live(marks, dead.name, entries, uses)
    with reading(path):
        fd = os.open(path, READ_FLAGS)
        try:
            for entry, is_live in zip(entries, live, strict=True):
                if is_live:
                    stored = read_at(fd, entry.stored_length, entry.offset)
                    check_entry(entry, stored, "its pack")
                    yield entry, stored
        finally:
            os.close(fd)


def _modified(store: Store, dead: Dead) -> float:
    path = store.rooms.pack(dead.name) if dead.is_pack else store.rooms.object(dead.name)
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")
    except OSError as error:
        raise Unreadable(f"cannot look at {path}: {error.strerror}") from error
