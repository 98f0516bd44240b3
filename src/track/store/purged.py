"""Purged here: objects leave the local store for good, and a record says when, by whom and why."""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from track.errors import DamagedObject, DiskFull, NewerFormat, StoreUnwritable, TrackError
from track.progress import Progress, silent
from track.publish import make_directories, publish_bytes, remove
from track.store.collect import Found, dead_files, rewrite, take
from track.store.layout import TOMBSTONES
from track.store.marks import AllBut
from track.store.objects import Store
from track.store.pack import read_table
from track.store.purge_notes import purged_at
from track.store.rooms import Rooms
from track.store.tombstones import Purge, Tombstone, dump_tombstone, parse_tombstone


def purged_in(rooms: Rooms) -> Mapping[bytes, Purge]:
    """What is known here to have been purged, by digest; a record that cannot be read is left out."""
    return purged_at(rooms.path)


def note_purged(rooms: Rooms, purged: Mapping[bytes, Purge], writer: str) -> None:
    """Remember here what was purged, as far as it is not known yet.

    Raises:
        StoreUnwritable, DiskFull: it could not be written.
    """
    known = purged_in(rooms)
    by_purge: dict[Purge, set[bytes]] = {}
    for digest, purge in purged.items():
        if digest not in known:
            by_purge.setdefault(purge, set()).add(digest)
    folder = rooms.path / TOMBSTONES.rstrip("/")
    for purge, objects in by_purge.items():
        mode = rooms.directory_mode
        make_directories(folder, mode=mode or 0o777, exact=mode is not None)
        name = min(objects).hex()
        publish_bytes(
            folder / name,
            dump_tombstone(Tombstone("purged", writer, objects=frozenset(objects), purge=purge)),
            mode=rooms.file_mode,
        )


def note_held(store: Store, purged: Mapping[bytes, Purge], writer: str) -> None:
    """Remember of what was purged at a remote that which the store still has; nothing of it is removed.

    Where nobody may write, it is not remembered.
    """
    held = purged.keys() - store.absent(purged)
    with suppress(StoreUnwritable, DiskFull):
        note_purged(store.rooms, {digest: purged[digest] for digest in held}, writer)


def take_over(rooms: Rooms, objects: frozenset[bytes], writer: str) -> None:
    """Notes of others' purges that name only these objects, which are gone from here now, are ours from now on.

    Nobody looks for them here any more.
    """
    folder = rooms.path / TOMBSTONES.rstrip("/")
    for path in sorted(folder.glob("[!.]*")):
        with suppress(OSError, DamagedObject, NewerFormat):
            tombstone = parse_tombstone(path.read_bytes(), path.name)
            if tombstone.writer != writer and tombstone.purge is not None and tombstone.objects <= objects:
                publish_bytes(path, dump_tombstone(tombstone._replace(writer=writer)), mode=rooms.file_mode)


def purge_here(store: Store, objects: frozenset[bytes], *, timeout_s: float, progress: Progress = silent) -> int:
    """Remove objects from a store, its trash and its quarantine; how many there were.

    The trash is emptied. Packs with other objects in them are written anew. Interrupted, the same again goes on.

    Raises:
        Locked: other commands hold the store for longer than `timeout_s`.
        DiskFull, StoreUnwritable: a new pack could not be written.
    """
    marks = AllBut(objects)
    packs = store.index.needed(objects)
    going = tuple(dead for dead in dead_files(store, marks, progress, spares=False) if dead is not None)
    found = Found(going, 0, 0, 0, 0, 0, spares=False)
    rewritten = rewrite(store, marks, found, progress)
    with store.lock().exclusive(timeout_s):
        taken = take(store, marks, found, rewritten, time.time())
        store.trash().empty(float("inf"))
        _remove_leftovers(store.rooms, objects | packs)
        _remove_bad_packs(store.rooms, objects)
    return taken.objects_count


def _remove_bad_packs(rooms: Rooms, objects: frozenset[bytes]) -> None:
    """Packs that were found bad, and that say that they have one of the objects."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted(rooms.quarantine.iterdir()):
            found: set[bytes] = set()
            with suppress(TrackError, OSError):
                found = {entry.digest for entry in read_table(path)}
            if not objects.isdisjoint(found):
                remove(path)


def unreadable_packs(rooms: Rooms) -> tuple[Path, ...]:
    """Packs in quarantine of which nobody can say what is in them, sorted."""
    found: list[Path] = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted(rooms.quarantine.iterdir()):
            if ".pack" not in path.name:  # an object of its own, by whose name it is found
                continue
            try:
                read_table(path)
            except (TrackError, OSError):
                found.append(path)
    return tuple(found)


def _remove_leftovers(rooms: Rooms, names: Iterable[bytes]) -> None:
    """Half-fetched and damaged copies of these objects, and damaged packs of their chunks."""
    for digest in names:
        text = digest.hex()
        for folder in (rooms.partial, rooms.quarantine):
            with suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(folder):
                    if name.startswith(text):
                        remove(folder / name)
