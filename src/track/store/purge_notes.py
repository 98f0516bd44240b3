"""Notes of purges: what is known here to have been removed for good, for whoever misses it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, NewerFormat, PurgedObject
from track.model.digest import Digest
from track.model.names import display
from track.store.layout import TOMBSTONES
from track.store.noted import Note, Noted
from track.store.tombstones import Purge
from track.system import shown

GONE = "it is gone for good: choose another version, or let it go: track rm --cached"


def purged_at(store: Path) -> Mapping[bytes, Purge]:
    """What is known in a local store to have been purged, by digest; a record that cannot be read is left out.

    To look some objects up costs next to nothing, however much was purged.
    """
    return _notes(store).every


def heard_at(store: Path, own: str) -> Mapping[bytes, Purge]:
    """Of that, what another clone than the one whose id is `own` wrote down, or said at a remote."""
    return Noted([(note, purge) for note, purge in _notes(store).notes if note.writer != own])


class _Notes(NamedTuple):
    """Each note with its purge, and all of them together."""

    notes: tuple[tuple[Note, Purge], ...]
    every: Noted


def _notes(store: Path) -> _Notes:
    folder = store / TOMBSTONES.rstrip("/")
    with suppress(OSError):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))  # that is half written
        return _read(folder, folder.stat().st_mtime_ns, tuple(names))
    return _Notes((), Noted(()))


@lru_cache(maxsize=1)
def _read(folder: Path, _changed_ns: int, names: tuple[str, ...]) -> _Notes:
    """The records of a folder; read once, however much is missed."""
    found: list[tuple[Note, Purge]] = []
    for name in names:
        with suppress(OSError, DamagedObject, NewerFormat):
            note = Note((folder / name).read_bytes(), name)
            if note.purge is not None:
                found.append((note, note.purge))
    return _Notes(tuple(found), Noted(found))


def told(purge: Purge) -> str:
    """What a purge says of itself, for people."""
    return f"was purged on {purge.on} by {display(purge.by)}, because: {display(purge.reason)}"


def kept_again(digest: bytes, purge: Purge) -> PurgedObject:
    """The error for bytes that were removed for good, and that somebody stores again."""
    return PurgedObject(
        f"object {Digest(digest).short} {told(purge)}",
        hint="what was removed for good is not stored again: keep other bytes, or let the name go: track rm --cached",
    )


def missing(digest: bytes, store: Path) -> MissingObject:
    """The error for an object that is not in a local store; what was removed for good is said to be."""
    if (purge := purged_at(store).get(digest)) is not None:
        return PurgedObject(
            f"object {Digest(digest)} {told(purge)}",
            hint=GONE,
        )
    hint = "`track fetch` brings it from a remote; `track verify` lists everything that is missing"
    return MissingObject(f"object {Digest(digest)} is not in the store at {shown(store)}", hint=hint)
