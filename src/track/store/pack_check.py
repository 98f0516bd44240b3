"""Checking packs of a local store entry by entry: each is expanded and hashed, whatever the pack as a whole is."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from track import work
from track.errors import DamagedObject, NewerFormat, Unreadable
from track.progress import Moved, unheard
from track.store.hashing import hash_one_of_many
from track.store.pack import (
    FOOTER_LENGTH,
    RAW,
    READ_FLAGS,
    RECIPE,
    RECORD_SIZE,
    ZSTD,
    PackEntry,
    parse_footer,
    read_table,
)
from track.store.pack_inside import Reused, look_inside
from track.system import read_at, reading, shown


class CheckedPack(NamedTuple):
    """What a pack turned out to be: its objects' count, sums over their records, lost digests, and what is wrong.

    The sums are -1 where nobody looked.
    """

    name: bytes
    objects_count: int
    offsets: int
    lengths: int
    lost: tuple[bytes, ...]
    what: str


def check_packs(packs: Sequence[tuple[bytes, Path]]) -> list[CheckedPack]:
    """What each pack (its name, its path) turned out to be, in as many processes as there are cores; in no order."""

    def one(number: int) -> bytes:
        buffer = Reused()
        return b"".join(_packed(check_pack(*pack, buffer)) for pack in packs[number::shares])

    shares = min(work.cores(), len(packs))
    return [pack for answer in work.spread(one, shares) for pack in _unpacked(answer)]


def pass_over(name: bytes, path: Path, moved: Moved = unheard) -> CheckedPack | None:
    """A pack whose bytes have the digest that names it, with no look at its entries; None when it needs one."""
    try:
        with reading(path):
            fd = os.open(path, READ_FLAGS)
    except FileNotFoundError:  # a collection was faster
        return CheckedPack(name, 0, 0, 0, (), "")
    try:
        size = os.fstat(fd).st_size
        if hash_one_of_many(fd, moved) != name:
            return None
        footer = parse_footer(read_at(fd, FOOTER_LENGTH, max(0, size - FOOTER_LENGTH)), size, "")
    except (DamagedObject, NewerFormat, OSError):
        return None
    finally:
        os.close(fd)
    return CheckedPack(name, footer.table_length // RECORD_SIZE, -1, -1, (), "")


def sums_of(pack: CheckedPack, path: Path) -> CheckedPack:
    """The same, with the sums over the records of the pack's table."""
    if pack.offsets >= 0:
        return pack
    try:
        return _sums(pack.name, read_table(path))
    except (DamagedObject, NewerFormat, FileNotFoundError):
        return pack._replace(objects_count=0)


def check_pack(name: bytes, path: Path, buffer: Reused | None = None) -> CheckedPack:
    """Read a pack whole, once; every entry, the table, the footer and the name are looked at."""
    try:
        with reading(path):
            fd = os.open(path, READ_FLAGS)
    except FileNotFoundError:  # a collection was faster
        return CheckedPack(name, 0, 0, 0, (), "")
    try:
        with reading(path):
            inside = look_inside((buffer or Reused()).reader(fd), os.fstat(fd).st_size, shown(path))
    except Unreadable as error:
        return CheckedPack(name, 0, 0, 0, (), error.message)
    finally:
        os.close(fd)
    if inside.is_newer or inside.what:
        return CheckedPack(name, 0, 0, 0, (), inside.what)
    what = "" if inside.digest == name else "its name is not its digest"
    if inside.lost:
        what = f"{len(inside.lost)} of its {inside.entries_count} objects are damaged"
    return CheckedPack(name, inside.readable_count, inside.offsets, inside.lengths, inside.lost, what)


def _sums(name: bytes, entries: Sequence[PackEntry]) -> CheckedPack:
    readable = [entry for entry in entries if entry.form in (RAW, ZSTD, RECIPE) and not entry.flags]
    offsets, lengths = sum(entry.offset for entry in readable), sum(entry.length for entry in readable)
    return CheckedPack(name, len(readable), offsets, lengths, (), "")


def _packed(pack: CheckedPack) -> bytes:
    """A line for another process."""
    lost = b"".join(pack.lost).hex()
    numbers = f"{pack.name.hex()} {pack.objects_count} {pack.offsets} {pack.lengths} {lost or '-'} "
    return numbers.encode() + pack.what.encode("utf-8", "backslashreplace").replace(b"\n", b" ") + b"\n"


def _unpacked(answer: bytes) -> list[CheckedPack]:
    packs = []
    for line in answer.decode().splitlines():
        name, count, offsets, lengths, lost, what = line.split(" ", 5)
        raw = bytes.fromhex(lost) if lost != "-" else b""
        digests = tuple(raw[at : at + 32] for at in range(0, len(raw), 32))
        packs.append(CheckedPack(bytes.fromhex(name), int(count), int(offsets), int(lengths), digests, what))
    return packs
