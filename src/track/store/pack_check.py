"""Checking packs of a local store entry by entry: each is expanded and hashed, whatever the pack as a whole is."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track import work
from track.errors import DamagedObject, NewerFormat
from track.progress import Moved, unheard
from track.store.hashing import hash_fd, hash_one_of_many
from track.store.pack import (
    FOOTER_LENGTH,
    RAW,
    READ_FLAGS,
    RECIPE,
    RECORD_SIZE,
    ZSTD,
    PackEntry,
    expand_entry,
    parse_footer,
    parse_table,
    read_entry,
    read_table,
)
from track.system import read_at, read_into, reading, shown

_AT_ONCE = 64 << 20
"""Packs up to this size are read in one piece; ours have a quarter of it."""


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
        return b"".join(_packed(check_pack(*pack)) for pack in packs[number::shares])

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
        return _described(pack.name, read_table(path), (), is_named_so=True)
    except (DamagedObject, NewerFormat, FileNotFoundError):
        return pack._replace(objects_count=0)


def check_pack(name: bytes, path: Path) -> CheckedPack:
    """Read a pack whole; every entry, the table, the footer and the name are looked at."""
    try:
        with reading(path):
            fd = os.open(path, READ_FLAGS)
    except FileNotFoundError:  # a collection was faster
        return CheckedPack(name, 0, 0, 0, (), "")
    try:
        size = os.fstat(fd).st_size
        if size > _AT_ONCE:
            return _check_large_pack(name, fd)
        content = memoryview(bytearray(size))
        if read_into(fd, content, 0) != size:
            raise DamagedObject("it is shorter than its filesystem says")
        place = shown(path)
        footer = parse_footer(bytes(content[-FOOTER_LENGTH:]), size, place)
        table = bytes(content[footer.table_offset : footer.table_offset + footer.table_length])
        entries = parse_table(table, footer, place)
        lost = [entry.digest for entry in entries if not _is_sound(entry, content)]
        is_named_so = blake3(content).digest() == name
    except DamagedObject as error:
        return CheckedPack(name, 0, 0, 0, (), error.message)
    except NewerFormat:
        return CheckedPack(name, 0, 0, 0, (), "")
    finally:
        os.close(fd)
    return _described(name, entries, lost, is_named_so)


def _is_sound(entry: PackEntry, content: memoryview) -> bool:
    stored = content[entry.offset : entry.offset + entry.stored_length]
    if entry.form == RAW:
        return bool(blake3(stored).digest() == entry.digest)
    try:
        expand_entry(entry, stored, "")
    except DamagedObject:
        return False
    except NewerFormat:
        return bool(blake3(stored).digest() == entry.stored_digest)
    return True


def _check_large_pack(name: bytes, fd: int) -> CheckedPack:
    entries = read_table(fd)
    lost = []
    for entry in entries:
        try:
            read_entry(fd, entry)
        except DamagedObject:
            lost.append(entry.digest)
    return _described(name, entries, lost, hash_fd(fd, os.fstat(fd).st_size) == name)


def _described(name: bytes, entries: Sequence[PackEntry], lost: Sequence[bytes], is_named_so: bool) -> CheckedPack:
    readable = [entry for entry in entries if entry.form in (RAW, ZSTD, RECIPE) and not entry.flags]
    offsets, lengths = sum(entry.offset for entry in readable), sum(entry.length for entry in readable)
    what = "" if is_named_so else "its name is not its digest"
    if lost:
        what = f"{len(lost)} of its {len(entries)} objects are damaged"
    return CheckedPack(name, len(readable), offsets, lengths, tuple(lost), what)


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
