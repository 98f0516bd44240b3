"""Spare room: whether what is about to come has room on the disk, asked before any of it does."""

import os
import shutil
from pathlib import Path

from track.errors import DamagedObject, DiskFull
from track.store.chunked import parse_needed_table
from track.store.outlook import Outlook
from track.store.windows import Around
from track.system import shown

_BESIDE = 64
"""What is known of chunks takes less than one byte for so many of theirs ..."""
_FEW = 256 << 10
"""... and this at least."""


def taken_bytes(status: os.stat_result) -> int:
    """What a file takes on its disk: holes take nothing."""
    return 512 * status.st_blocks if hasattr(status, "st_blocks") else status.st_size


def check_room(folder: Path, needed_bytes: int, what: str, *, under_way_bytes: int = 0) -> None:
    """Raise DiskFull unless the disk of a folder has as many bytes for something, with what is under way already."""
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        hint = "free some space and run it again"
        others = f", of which {under_way_bytes:,} are for what is on its way" if under_way_bytes else ""
        raise DiskFull(f"{what} has no room in {shown(folder)}, where {free:,} are free{others}", hint=hint)


def check_room_for_chunks(folder: Path, outlook: Outlook, around: Around) -> None:
    """Raise DiskFull when what a store lacks of some objects has no room, as far as that is known before it comes.

    Tables that are not here are not asked for: of their packs nothing is counted unless the store has no chunks.
    """
    if _with_records(sum(outlook.about_bytes(pack) for pack in outlook.packs)) <= shutil.disk_usage(folder).free:
        return
    needed = _with_records(_lacking_bytes(outlook, around))
    check_room(folder, needed, f"what is fetched, about {needed:,} bytes as it is stored,")


def _with_records(size: int) -> int:
    return size + size // _BESIDE + _FEW


def _lacking_bytes(outlook: Outlook, around: Around) -> int:
    seen: set[bytes] = set()
    size = 0
    for pack in outlook.packs:
        records = around.records(pack)
        if records is None:
            size += 0 if around.is_something_here else outlook.about_bytes(pack)
            continue
        try:
            entries = parse_needed_table(records, pack)
        except DamagedObject:  # who reads it is told
            continue
        owned = around.owned(pack.digest)
        wanted = {entries[one].digest: entries[one] for one in outlook.needed(pack) if one not in owned}
        for digest in wanted.keys() - seen - around.packs_here(wanted).keys():
            size += wanted[digest].stored_length
        seen |= wanted.keys()
    return size
