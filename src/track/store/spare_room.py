"""Spare room: whether what is about to come has room on the disk, asked before any of it does."""

import math
import os
from pathlib import Path

from track.errors import DamagedObject, DiskFull
from track.store.chunk_reading import load_table
from track.store.chunked import parse_needed_table
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


def check_room_for_chunks(place: Place, folder: Path, outlook: Outlook, around: Around) -> None:
    """Raise DiskFull when what a store lacks of some objects has no room, as far as that is known before it comes.

    Of packs whose tables are not here nothing is counted unless the store has no chunks. Then the tables of those of
    which only a part is needed are asked for, before anything is refused: a part may be less than its share.
    """
    if _with_records(sum(outlook.about_bytes(pack) for pack in outlook.packs)) <= free_bytes(folder):
        return
    needed = _with_records(_lacking_bytes(place, outlook, around))
    check_room(folder, needed, f"what is fetched, about {needed:,} bytes as it is stored,")


def _with_records(size: int) -> int:
    return size + size // _BESIDE + _FEW


def _lacking_bytes(place: Place, outlook: Outlook, around: Around) -> int:
    seen: set[bytes] = set()
    size = 0
    for pack in outlook.packs:
        if (records := around.records(pack)) is None:
            if around.is_something_here:
                continue
            if sum(1 for _ in outlook.needed(pack)) == pack.entries_count:
                size += outlook.about_bytes(pack)
                continue
        try:
            if records is None:
                records = load_table(place, pack)
                around.found(pack, records)
            entries = parse_needed_table(records, pack)
        except (NoSuchKey, DamagedObject):  # who reads it is told
            continue
        owned = around.owned(pack.digest)
        wanted = {entries[one].digest: entries[one] for one in outlook.needed(pack) if one not in owned}
        for digest in wanted.keys() - seen - around.packs_here(wanted).keys():
            size += wanted[digest].stored_length
        seen |= wanted.keys()
    return size
