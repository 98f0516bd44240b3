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
from typing import NamedTuple, Protocol

from track.errors import DamagedObject, NewerFormat, Unreadable
from track.progress import Progress, silent
from track.publish import remove
from track.store.objects import Store
from track.store.pack import RAW, READ_FLAGS, RECORD_SIZE, ZSTD, PackEntry, PackWriter, expand_entry, read_table
from track.store.trash import Batch
from track.store.writer import Writer
from track.system import read_at, reading

_WHOLES_AT_ONCE = 2000
MOSTLY = 0.5
"""A pack of which more than this part of the bytes is dead is written anew without them."""


class Needed(Protocol):
    """Says which digests are needed; `Marks` is one."""

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these that are needed."""


class Dead(NamedTuple):
    """A file of the store with dead objects in it; sizes are in bytes, as stored.

    `name` is the pack's, or the object's own digest; a pack with live objects in it `is_mixed`.
    """

    name: bytes
    is_pack: bool
    is_mixed: bool
    size: int
    dead_count: int
    dead_bytes: int


class Found(NamedTuple):
    """What a look at the whole store found. `going` are files to take away; the rest counts dead objects that stay:

    because they are younger than the grace period, because most of their pack is alive, or because this version
    cannot read their pack.
    """

    going: tuple[Dead, ...]
    young_count: int
    young_bytes: int
    among_live_count: int
    among_live_bytes: int
    unreadable_count: int


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
        for dead in dead_files(store, marks, progress):
            if dead is None:
                unreadable += 1
            elif _modified(store, dead) > before_s:
                young = [young[0] + dead.dead_count, young[1] + dead.dead_bytes]
            elif dead.is_mixed and dead.dead_bytes + RECORD_SIZE * dead.dead_count <= MOSTLY * dead.size:
                among_live = [among_live[0] + dead.dead_count, among_live[1] + dead.dead_bytes]
            else:
                going.append(dead)
    finally:
        progress.end()
    return Found(tuple(going), young[0], young[1], among_live[0], among_live[1], unreadable)


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
    """(digest, bytes as stored) of each dead object in a file."""
    if not dead.is_pack:
        return [(dead.name, dead.size)]
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
            try:
                for dead in mixed:
                    with suppress(DamagedObject, NewerFormat, FileNotFoundError):
                        for entry, stored in _live_entries(store, marks, dead):
                            copies.add(entry, stored)
                            progress.advance(size_bytes=len(stored))
                        done.add(dead.name)
                copies.seal()
            finally:
                copies.abandon()
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
    for dead in found.going:
        with suppress(FileNotFoundError):
            if not _is_still_dead(store, marks, dead, going if dead.name in rewritten else frozenset()):
                continue
            batch = batch or trash.begin(int(now_s))
            if dead.is_pack:
                trash.take_pack(batch, dead.name)
                store.index.forget_pack(dead.name)
            else:
                trash.take_whole(batch, dead.name)
            objects, size, files = objects + dead.dead_count, size + dead.dead_bytes, files + dead.size
    if batch is not None:
        trash.drop_empty(batch)
    return Taken(objects, size, files)


def dead_files(store: Store, marks: Needed, progress: Progress) -> Iterator[Dead | None]:
    """Every file of a store with something dead in it; None for a pack that this version cannot read."""
    for name, path in store.packs():
        with suppress(FileNotFoundError):
            try:
                entries = read_table(path)
            except (DamagedObject, NewerFormat):
                yield None
                continue
            progress.advance(count=len(entries))
            if any(entry.form not in (RAW, ZSTD) or entry.flags for entry in entries):
                yield None
                continue
            live = marks.kept([entry.digest for entry in entries])
            dead = [entry for entry in entries if entry.digest not in live]
            if dead:
                dead_bytes = sum(entry.stored_length for entry in dead)
                whole = sum(entry.stored_length + RECORD_SIZE for entry in entries)
                yield Dead(name, True, len(dead) < len(entries), whole, len(dead), dead_bytes)
    for wholes in _grouped(store.wholes()):
        live = marks.kept([digest for digest, _ in wholes])
        progress.advance(count=len(wholes))
        for digest, path in wholes:
            if digest not in live:
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


def _is_still_dead(store: Store, marks: Needed, dead: Dead, going: frozenset[bytes]) -> bool:
    """Whether nothing needs what is in a file, or what is needed is in another one that does not go."""
    if not dead.is_pack:
        return not marks.kept([dead.name])
    live = marks.kept([entry.digest for entry in read_table(store.rooms.pack(dead.name))])
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


def _live_entries(store: Store, marks: Needed, dead: Dead) -> Iterator[tuple[PackEntry, bytes]]:
    """The live entries of a pack with their stored bytes, each verified. Raises DamagedObject."""
    path = store.rooms.pack(dead.name)
    entries = read_table(path)
    live = marks.kept([entry.digest for entry in entries])
    with reading(path):
        fd = os.open(path, READ_FLAGS)
        try:
            for entry in entries:
                if entry.digest in live:
                    stored = read_at(fd, entry.stored_length, entry.offset)
                    expand_entry(entry, stored, "its pack")
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
