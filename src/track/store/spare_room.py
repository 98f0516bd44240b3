"""Spare room: whether what is about to come has room on the disk, asked before any of it does."""

import math
import os
from contextlib import suppress
from pathlib import Path

from track.errors import DamagedObject, DiskFull
from track.store.chunk_reading import load_table
from track.store.chunked import NeededPack, parse_needed_table
from track.store.outlook import Outlook
from track.store.place import NoSuchKey, Place
from track.store.windows import Around
from track.system import shown

_BESIDE = 64
"""What is known of chunks takes less than one byte for so many of theirs ..."""
_FEW = 256 << 10
"""... and this at least."""


def taken_bytes(status: os.stat_result) -> int:
    """What a file takes on its disk: holes take nothing."""
    return 512 * status.st_blocks if hasattr(status, "st_blocks") else status.st_size


def free_bytes(folder: Path) -> float:
    """How many bytes the disk of a folder has room for; infinity where its filesystem does not say."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return math.inf
    blocks = found.f_bfree if os.geteuid() == 0 else found.f_bavail  # some are kept for root
    return found.f_frsize * blocks if found.f_blocks else math.inf


def check_room(folder: Path, needed_bytes: int, what: str, *, under_way_bytes: int = 0) -> None:
    """Raise DiskFull unless the disk of a folder has as many bytes for something, with what is under way already."""
    free = free_bytes(folder)
    if needed_bytes > free:
        hint = "free some space and run it again"
        others = f", of which {under_way_bytes:,} are for what is on its way" if under_way_bytes else ""
        raise DiskFull(f"{what} has no room in {shown(folder)}, where {free:,} are free{others}", hint=hint)


def check_room_for_chunks(place: Place, folder: Path, outlook: Outlook, around: Around, *, is_cut_alike: bool) -> None:
    """Raise DiskFull when what a store lacks of some objects has no room, as far as that is known before it comes.

    Before anything is refused, tables that are not here are asked for until it is certain: of packs of which only a
    part is needed, which may be less than its share, and of those whose chunks may be here. Where some are and the
    remote cuts otherwise (not `is_cut_alike`), its tables do not say which, and such packs are not counted.
    """
    if _with_records(sum(outlook.about_bytes(pack) for pack in outlook.packs)) <= (free := free_bytes(folder)):
        return
    lacking = _Lacking(place, outlook, around, free, is_cut_alike=is_cut_alike)
    for pack in outlook.packs:
        lacking.count(pack)
    about = "about" if lacking.is_all else "more than"
    needed = _with_records(lacking.size)
    check_room(folder, needed, f"what is fetched, {about} {needed:,} bytes as it is stored,")


def _with_records(size: int) -> int:
    return size + size // _BESIDE + _FEW


class _Lacking:
    """How many bytes of packs are not here, each chunk once."""

    def __init__(self, place: Place, outlook: Outlook, around: Around, free: float, *, is_cut_alike: bool) -> None:
        """When it has more than is `free`, nothing more is asked for, and it is not all."""
        self._place, self._outlook, self._around, self._free = place, outlook, around, free
        self._is_told = is_cut_alike or not around.is_something_here
        self._seen: set[bytes] = set()
        self.size = 0
        self.is_all = True

    def count(self, pack: NeededPack) -> None:
        """Add what is needed of one pack."""
        around = self._around
        if around.records(pack) is None:
            if not self._is_told:
                return
            if not around.is_something_here and sum(1 for _ in self._outlook.needed(pack)) == pack.entries_count:
                self.size += self._outlook.about_bytes(pack)
                return
            if _with_records(self.size) > self._free:
                self.is_all = False
                return
        with suppress(NoSuchKey, DamagedObject):  # who reads it is told
            entries = parse_needed_table(self._records(pack), pack)
            owned = around.owned(pack.digest)
            wanted = {entries[one].digest: entries[one] for one in self._outlook.needed(pack) if one not in owned}
            for digest in wanted.keys() - self._seen - around.packs_here(wanted).keys():
                self.size += wanted[digest].stored_length
            self._seen |= wanted.keys()

    def _records(self, pack: NeededPack) -> bytes:
        if (records := self._around.records(pack)) is None:
            records = load_table(self._place, pack)
            self._around.found(pack, records)
        return records
