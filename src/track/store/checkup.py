"""Checkup: every byte of a local store read and hashed, and its index compared with what the packs say.

What is bad is put aside or forgotten, so that the store no longer says that it has it and a fetch brings it again.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track import work
from track.errors import DamagedObject, NewerFormat, TrackError
from track.model.digest import Digest
from track.progress import Counted, Progress, silent
from track.store.hashing import hash_fd
from track.store.objects import Store
from track.store.pack import (
    FOOTER_LENGTH,
    RAW,
    READ_FLAGS,
    ZSTD,
    PackEntry,
    PackWriter,
    expand_entry,
    parse_footer,
    parse_table,
    read_entry,
    read_table,
)
from track.store.whole import set_aside
from track.system import read_into, reading, shown

_WORTH_SPREADING = 32 << 20
_ROUND = 64
"""Packs between two words of progress."""
_AT_ONCE = 64 << 20
"""Packs up to this size are read in one piece; ours have a quarter of it."""


class Bad(NamedTuple):
    """Something bad in a store: where, what is wrong with it, and the objects that are lost by it."""

    place: str
    what: str
    digests: tuple[bytes, ...] = ()


class CheckedStore(NamedTuple):
    """What was read, and what is bad, sorted. With `has_remade_index`, the index was wrong and is not any more."""

    objects_count: int
    packs_count: int
    read_bytes: int
    bad: tuple[Bad, ...]
    has_remade_index: bool


class _Pack(NamedTuple):
    """What a pack turned out to be: its objects' count, sums over their records, lost digests, and what is wrong."""

    name: bytes
    objects_count: int
    offsets: int
    lengths: int
    lost: tuple[bytes, ...]
    what: str


def check_store(store: Store, *, progress: Progress = silent) -> CheckedStore:
    """Read and hash everything in a store.

    Raises:
        TrackError: what is not damage: a store that cannot be read, a compressed object without a zstd library.
    """
    told = len(store.damage)
    store.index.refresh()
    bad = [Bad(shown(store.rooms.packs), line) for line in store.damage[told:]]
    packs, wholes = list(store.packs()), list(store.wholes())
    sizes = [path.stat().st_size for _, path in packs]
    total = sum(sizes) + sum(path.stat().st_size for _, path in wholes)
    progress.begin("verifying the store", size_bytes=total, count=len(packs) + len(wholes))
    try:
        found = _check_packs(packs, sizes, progress)
        bad += [_settled(store, pack) for pack in found if pack.what]
        for digest, path in wholes:
            heard = Counted(progress)
            size = path.stat().st_size if path.exists() else 0
            bad += _check_whole(store, digest, path, heard)
            progress.advance(size_bytes=size - heard.told_bytes, count=1)
    finally:
        progress.end()
    count = sum(pack.objects_count for pack in found) + len(wholes)
    return CheckedStore(count, len(packs), total, tuple(sorted(bad)), _heal_index(store, found))


def _check_packs(packs: Sequence[tuple[bytes, Path]], sizes: Sequence[int], progress: Progress) -> list[_Pack]:
    """Every pack, in as many processes as there are cores when that is worth it."""
    shares = work.cores() if sum(sizes) >= _WORTH_SPREADING else 1
    found: list[_Pack] = []
    if shares == 1:
        for (name, path), size in zip(packs, sizes, strict=True):
            found.append(_check_pack(name, path))
            progress.advance(size_bytes=size, count=1)
        return found

    for first in range(0, len(packs), _ROUND):
        last = min(first + _ROUND, len(packs))

        def one(number: int, first: int = first, last: int = last) -> bytes:
            return b"".join(_packed(_check_pack(*pack)) for pack in packs[first + number : last : shares])

        found += (pack for answer in work.spread(one, shares) for pack in _unpacked(answer))
        progress.advance(size_bytes=sum(sizes[first:last]), count=last - first)
    return found


def _check_pack(name: bytes, path: Path) -> _Pack:
    """Read a pack whole; every entry, the table, the footer and the name are looked at."""
    try:
        with reading(path):
            fd = os.open(path, READ_FLAGS)
    except FileNotFoundError:  # a collection was faster
        return _Pack(name, 0, 0, 0, (), "")
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
        return _Pack(name, 0, 0, 0, (), error.message)
    except NewerFormat:
        return _Pack(name, 0, 0, 0, (), "")
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


def _check_large_pack(name: bytes, fd: int) -> _Pack:
    entries = read_table(fd)
    lost = []
    for entry in entries:
        try:
            read_entry(fd, entry)
        except DamagedObject:
            lost.append(entry.digest)
    return _described(name, entries, lost, hash_fd(fd, os.fstat(fd).st_size) == name)


def _described(name: bytes, entries: Sequence[PackEntry], lost: Sequence[bytes], is_named_so: bool) -> _Pack:
    readable = [entry for entry in entries if entry.form in (RAW, ZSTD) and not entry.flags]
    offsets, lengths = sum(entry.offset for entry in readable), sum(entry.length for entry in readable)
    what = "" if is_named_so else "its name is not its digest"
    if lost:
        what = f"{len(lost)} of its {len(entries)} objects are damaged"
    return _Pack(name, len(readable), offsets, lengths, tuple(lost), what)


def _packed(pack: _Pack) -> bytes:
    """A line for another process."""
    lost = b"".join(pack.lost).hex()
    numbers = f"{pack.name.hex()} {pack.objects_count} {pack.offsets} {pack.lengths} {lost or '-'} "
    return numbers.encode() + pack.what.encode("utf-8", "backslashreplace").replace(b"\n", b" ") + b"\n"


def _unpacked(answer: bytes) -> list[_Pack]:
    packs = []
    for line in answer.decode().splitlines():
        name, count, offsets, lengths, lost, what = line.split(" ", 5)
        raw = bytes.fromhex(lost) if lost != "-" else b""
        digests = tuple(raw[at : at + 32] for at in range(0, len(raw), 32))
        packs.append(_Pack(bytes.fromhex(name), int(count), int(offsets), int(lengths), digests, what))
    return packs


def _settled(store: Store, pack: _Pack) -> Bad:
    """Have the store no longer offer what is bad in a pack: what is sound goes into a new one, the old one aside.

    Where the store cannot be written, the bad objects are only forgotten.
    """
    path = store.rooms.pack(pack.name)
    lost = pack.lost if pack.objects_count else tuple(store.index.inside(pack.name))
    if pack.objects_count and not _rescued(store, path, frozenset(pack.lost)):
        for held in list(store.index.held(pack.lost)):
            if store.index.pack_name(held.pack) == pack.name:
                store.index.forget(held)
        return Bad(shown(path), pack.what, lost)
    aside = set_aside(path, store.rooms.quarantine)
    if aside is not None:
        store.index.forget_pack(pack.name)
    return Bad(shown(aside or path), pack.what, lost)


def _rescued(store: Store, path: Path, lost: frozenset[bytes]) -> bool:
    """Write the sound objects of a damaged pack into a new one, durably; False where that cannot be done."""
    try:
        with store.writer() as writer:
            rescue = PackWriter(store.rooms.staging)
            fd = os.open(path, READ_FLAGS)
            try:
                for entry in read_table(fd):
                    if entry.digest not in lost:
                        rescue.add_entry(entry, os.pread(fd, entry.stored_length, entry.offset))
                if (sealed := rescue.seal()) is not None:
                    writer.adopt(sealed)
                    writer.commit()
            finally:
                os.close(fd)
                rescue.abandon()
    except (OSError, TrackError):
        return False
    return True


def _check_whole(store: Store, digest: bytes, path: Path, told: Counted) -> list[Bad]:
    try:
        store.open_verified(digest, told)
    except DamagedObject as error:
        return [Bad(shown(path), error.message, (digest,))]
    except TrackError as error:
        return [Bad(shown(path), error.message, (digest,))] if path.is_symlink() or path.exists() else []
    except OSError as error:
        return [Bad(shown(path), f"object {Digest(digest)} cannot be read: {error.strerror}", (digest,))]
    return []


def _heal_index(store: Store, found: Sequence[_Pack]) -> bool:
    """Compare the index with the tables of sound packs, and make it anew where it differs; whether it did."""
    sums = store.index.sums()
    sound = [pack for pack in found if not pack.what and pack.objects_count]
    if all(sums.get(pack.name) == (pack.objects_count, pack.offsets, pack.lengths) for pack in sound):
        return False
    store.index.rebuild()
    return True
