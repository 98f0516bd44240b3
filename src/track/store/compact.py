"""Compacting: many small packs of a local store become few of the usual size, never while somebody waits for it.

First the new packs are written, durable and known, while everybody goes on; then the store is held alone for the
moment in which the old ones are renamed into its trash. Killed in between, objects are in two packs, and the next
compaction takes the old ones away without writing anything.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, Locked, NewerFormat
from track.progress import Progress, silent
from track.store.chunked import check_entry
from track.store.index import Held
from track.store.objects import Store
from track.store.pack import RAW, READ_FLAGS, RECIPE, ZSTD, PackEntry, PackWriter, read_table
from track.store.writer import Writer
from track.system import read_at, reading

SMALL_PACK = 4 << 20
"""Packs below this size (bytes) are merged."""
WORTH_IT = 8
"""So many small packs make it worth while; each object is written again once for each eightfold of its pack's size."""


class Compacted(NamedTuple):
    """What a compaction did: `merged_count` small packs went, `written_count` were made, of so many bytes."""

    merged_count: int
    written_count: int
    written_bytes: int


class _Small(NamedTuple):
    """A small pack: when it was written, its name, place and records."""

    modified_ns: int
    name: bytes
    path: Path
    entries: Sequence[PackEntry]


def compact(store: Store, *, now_s: float, timeout_s: float = 10.0, progress: Progress = silent) -> Compacted:
    """Merge the small packs of a store, when there are enough of them; the old ones go into the trash of `now_s`.

    Readers go on. A pack of which something is damaged, or that this version cannot read, stays as it is. When
    others hold the store for longer than `timeout_s`, the old packs stay, too, until the next compaction.

    Raises:
        Locked: a collection holds the store.
        DiskFull, StoreUnwritable: a new pack could not be written; nothing is lost.
    """
    small = list(_small_packs(store))
    going = _held_elsewhere(store, small, read=True)
    rest = sorted(pack for pack in small if pack.name not in going)
    written_count = written_bytes = 0
    if len(rest) >= WORTH_IT:
        written_count, written_bytes = _merge(store, rest, progress)
        going = _held_elsewhere(store, small, read=True)
    return Compacted(_take(store, going, now_s, timeout_s) if going else 0, written_count, written_bytes)


def _small_packs(store: Store) -> Iterator[_Small]:
    store.index.refresh()
    for name, path in store.packs():
        with suppress(FileNotFoundError, DamagedObject, NewerFormat):
            found = path.lstat()
            if found.st_size >= SMALL_PACK or store.index.is_damaged(name):
                continue
            entries = read_table(path)
            if all(entry.form in (RAW, ZSTD, RECIPE) and not entry.flags for entry in entries):
                yield _Small(found.st_mtime_ns, name, path, entries)


def _held_elsewhere(store: Store, small: Sequence[_Small], *, read: bool) -> frozenset[bytes]:
    """The packs whose every object is in one that stays, too: written later, or not small. With `read`, it is sound."""
    order = {pack.name: number for number, pack in enumerate(sorted(small))}
    going: set[bytes] = set()
    for pack in sorted(small):
        wanted = {entry.digest for entry in pack.entries}
        for number, places in groupby(sorted(store.index.held(wanted), key=_by_pack), key=_by_pack):
            other = store.index.pack_name(number)
            if order.get(other, len(order)) > order[pack.name] and not store.index.is_damaged(other):
                wanted -= _sound(store.rooms.pack(other), places) if read else {held.digest for held in places}
        if not wanted:
            going.add(pack.name)
    return frozenset(going)


def _by_pack(held: Held) -> int:
    return held.pack


def _sound(path: Path, places: Iterable[Held]) -> set[bytes]:
    """Those of the objects that a pack really has."""
    found: set[bytes] = set()
    with suppress(FileNotFoundError, DamagedObject, NewerFormat), reading(path):
        fd = os.open(path, READ_FLAGS)
        try:
            for held in places:
                check_entry(held.entry, read_at(fd, held.stored_length, held.offset), "its pack")
                found.add(held.digest)
        finally:
            os.close(fd)
    return found


def _merge(store: Store, packs: Sequence[_Small], progress: Progress) -> tuple[int, int]:
    """Write the objects of these packs into new ones, oldest first, durably; how many there are, of how many bytes."""
    done: set[bytes] = set()
    sealed_count = sealed_bytes = 0
    progress.begin("merging small packs", size_bytes=sum(pack.path.stat().st_size for pack in packs), count=len(packs))
    try:
        with store.writer() as writer:
            merged = PackWriter(store.rooms.staging)
            counts = {held.digest: store.index.pack_name(held.pack) for held in store.index.recipes()}
            try:
                for pack in packs:
                    with suppress(DamagedObject, FileNotFoundError):
                        for entry, stored in _verified(pack):
                            if entry.form == RECIPE and pack.name != counts.get(entry.digest):
                                continue  # one that was written later counts
                            if entry.digest not in done:
                                merged.add_entry(entry, stored)
                                done.add(entry.digest)
                    if merged.is_full or pack is packs[-1]:
                        size = _adopted(writer, merged)
                        sealed_count, sealed_bytes = sealed_count + bool(size), sealed_bytes + size
                        merged = PackWriter(store.rooms.staging)
                    progress.advance(count=1)
            finally:
                merged.abandon()
            writer.commit()
    finally:
        progress.end()
    return sealed_count, sealed_bytes


def _verified(pack: _Small) -> list[tuple[PackEntry, bytes]]:
    """The entries of a pack with their stored bytes, all of them sound. Raises DamagedObject."""
    with reading(pack.path):
        fd = os.open(pack.path, READ_FLAGS)
        try:
            found = [(entry, read_at(fd, entry.stored_length, entry.offset)) for entry in pack.entries]
        finally:
            os.close(fd)
    for entry, stored in found:
        check_entry(entry, stored, "its pack")
    return found


def _adopted(writer: Writer, merged: PackWriter) -> int:
    sealed = merged.seal()
    if sealed is None:
        return 0
    writer.adopt(sealed)
    return sealed.size


def _take(store: Store, going: frozenset[bytes], now_s: float, timeout_s: float) -> int:
    """Move these packs into the trash while nobody else writes; how many went."""
    count = 0
    with suppress(Locked), store.lock().exclusive(timeout_s):
        going &= _held_elsewhere(store, list(_small_packs(store)), read=False)
        trash = store.trash()
        batch = trash.begin(int(now_s))
        for name in sorted(going):
            with suppress(FileNotFoundError):
                trash.take_pack(batch, name)
                store.index.forget_pack(name)
                count += 1
        trash.drop_empty(batch)
    return count
