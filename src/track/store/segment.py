"""An index segment: which objects a remote has, and where. Immutable, sorted, named by its level and digest.

    head      magic "trackidx" · version u16 · level u8 · flags u8 · packs u32 · replaced u32 · entries u32
              fan-out: 256 × u32, how many entries begin with a byte up to i
              the packs covered, sorted: digest, size u64
              the segments replaced, sorted: level u8, digest
              BLAKE3 of all before it
    entries   sorted: digest · pack u32 · offset u32 · stored length u32 · length u64 · form u16 · flags u16
    footer    BLAKE3 of all before it

Numbers are little-endian. `pack` counts into the packs of the head; 2³²−1 is an object that is a file of its own,
whose offset and stored length are 0. The fan-out lets a reader fetch the few entries it asks for: see `window`.
"""

import heapq
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import le
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.model.digest import Digest
from track.work import hash_threads

VERSION = 1
MERGE = 1
"""Flag: the entries are exactly those of the segments replaced, so whoever has them need not fetch this one."""

MAX_LENGTH = (1 << 63) - 1
"""Bytes; no object or pack is larger."""

_MAGIC = b"trackidx"
_MAX_HEAD = 1 << 30
_HEADER = struct.Struct("<8sHBBIII")
_FAN_OUT = struct.Struct("<256I")
_PACK = struct.Struct("<32sQ")
_REPLACED = struct.Struct("<B32s")
_ENTRY = struct.Struct("<32sIIIQHH")
_WHOLE = 0xFFFFFFFF
_FIXED = _HEADER.size + _FAN_OUT.size


class Held(NamedTuple):
    """Where a remote has one object: in a pack, or (pack None) as a file of its own. Sizes in bytes."""

    digest: bytes
    pack: bytes | None
    form: int
    flags: int
    offset: int
    stored_length: int
    length: int


class PackSize(NamedTuple):
    """A pack and its size in bytes."""

    digest: bytes
    size: int


class Name(NamedTuple):
    """What a segment is called: its level (0 as pushed, higher when merged) and the digest of its bytes."""

    level: int
    digest: bytes

    def __str__(self) -> str:
        """As in the key below `index/`."""
        return f"{self.level}-{self.digest.hex()}"


class Head(NamedTuple):
    """The first part of a segment, enough to know what it covers and where its entries are."""

    level: int
    is_merge: bool
    packs: tuple[PackSize, ...]
    replaced: tuple[Name, ...]
    fan_out: tuple[int, ...]
    size: int

    @property
    def entries_count(self) -> int:
        """How many entries the segment has."""
        return self.fan_out[255]

    @property
    def total_size(self) -> int:
        """Bytes of the whole segment."""
        return self.size + self.entries_count * _ENTRY.size + 32

    def window(self, first_byte: int) -> tuple[int, int]:
        """(offset, length) in the file of the entries whose digest begins with this byte."""
        start = self.fan_out[first_byte - 1] if first_byte else 0
        return self.size + start * _ENTRY.size, (self.fan_out[first_byte] - start) * _ENTRY.size


class Segment(NamedTuple):
    """A whole segment, checked: every entry is inside a pack that it covers, sorted, none twice."""

    name: Name
    head: Head
    body: bytes

    def entries(self) -> Iterator[Held]:
        """Every entry in order."""
        return read_entries(self.head, self.body)


def head_size(data: bytes) -> int:
    """How many bytes the head has, read from its first 24.

    Raises:
        DamagedObject: not the beginning of a segment.
        NewerFormat: a segment of a later version.
    """
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise DamagedObject("an index segment does not begin as one")
    version: int
    packs: int
    replaced: int
    _, version, _, _, packs, replaced, _ = _HEADER.unpack_from(data)
    if version != VERSION:
        raise NewerFormat(
            f"an index segment of format {version}; this track reads format {VERSION}", hint="update track"
        )
    if (size := _FIXED + packs * _PACK.size + replaced * _REPLACED.size + 32) > _MAX_HEAD:
        raise DamagedObject(f"an index segment names {packs:,} packs and {replaced:,} segments, which cannot be")
    return size


def parse_head(data: bytes) -> Head:
    """The head of a segment; `data` may go on behind it.

    Raises:
        DamagedObject: too short, or not what its digest says.
        NewerFormat: a segment of a later version.
    """
    size = head_size(data)
    if len(data) < size or blake3(memoryview(data)[: size - 32]).digest() != data[size - 32 : size]:
        raise DamagedObject("the head of an index segment is damaged")
    _, _, level, flags, packs_count, replaced_count, count = _HEADER.unpack_from(data)
    fan_out = _FAN_OUT.unpack_from(data, _HEADER.size)
    replaced_at = _FIXED + packs_count * _PACK.size
    packs = tuple(map(PackSize._make, _PACK.iter_unpack(data[_FIXED:replaced_at])))
    replaced = tuple(map(Name._make, _REPLACED.iter_unpack(data[replaced_at : replaced_at + replaced_count * 33])))
    sound = (
        fan_out[255] == count
        and all(map(le, fan_out, fan_out[1:]))
        and all(a.digest < b.digest for a, b in pairwise(packs))
        and all(pack.size <= MAX_LENGTH for pack in packs)
        and all(a < b for a, b in pairwise(replaced))
        and flags in (0, MERGE)
    )
    if not sound:
        raise DamagedObject("the head of an index segment contradicts itself")
    return Head(level, flags == MERGE, packs, replaced, fan_out, size)


def read_entries(head: Head, body: bytes | memoryview) -> Iterator[Held]:
    """The entries in a piece of a segment that is whole entries, such as a `window`.

    Raises DamagedObject for one that lies outside the packs covered.
    """
    packs, count = head.packs, len(head.packs)
    for digest, pack, offset, stored, length, form, flags in _ENTRY.iter_unpack(body):
        if length > MAX_LENGTH:
            raise DamagedObject(f"an index segment gives object {digest.hex()[:8]} an impossible length")
        if pack < count:
            if offset + stored > packs[pack].size:
                raise DamagedObject(f"an index segment places object {digest.hex()[:8]} outside its pack")
            yield Held(digest, packs[pack].digest, form, flags, offset, stored, length)
        elif pack == _WHOLE:
            yield Held(digest, None, form, flags, 0, 0, length)
        else:
            raise DamagedObject(f"an index segment places object {digest.hex()[:8]} in a pack that it does not name")


def parse_segment(data: bytes, name: Name) -> Segment:
    """The segment called `name`, verified against that name.

    Raises:
        DamagedObject: it is not what its name says, or breaks the rules of its format.
        NewerFormat: a segment of a later version.
    """
    if blake3(data, max_threads=hash_threads()).digest() != name.digest:
        raise DamagedObject(f"index segment {name} is damaged: its bytes do not match its name")
    head = parse_head(data)
    if head.level != name.level or head.total_size != len(data):
        raise DamagedObject(f"index segment {name} contradicts its name or its size")
    if blake3(memoryview(data)[:-32]).digest() != data[-32:]:
        raise DamagedObject(f"index segment {name} has a damaged footer")
    body = data[head.size : -32]
    _check_order(name, head, body)
    return Segment(name, head, body)


def _check_order(name: Name, head: Head, body: bytes) -> None:
    """Raises DamagedObject unless the entries ascend and the fan-out counts them."""
    size = _ENTRY.size
    keys = [body[at : at + 40] for at in range(0, len(body), size)]
    digests_ascend = all(a[:32] <= b[:32] for a, b in pairwise(keys))
    if not digests_ascend or len(set(keys)) != len(keys) or _fan_out_of(key[0] for key in keys) != head.fan_out:
        raise DamagedObject(f"index segment {name} is not sorted, or its fan-out is wrong")
    for _ in read_entries(head, body):
        pass


def _fan_out_of(first_bytes: Iterable[int]) -> tuple[int, ...]:
    counts = [0] * 256
    for byte in first_bytes:
        counts[byte] += 1
    total = 0
    for byte, count in enumerate(counts):
        total += count
        counts[byte] = total
    return tuple(counts)


def build_segment(
    held: Iterable[Held],
    packs: Iterable[PackSize],
    *,
    level: int = 0,
    replaced: Iterable[Name] = (),
    is_merge: bool = False,
) -> tuple[Name, bytes]:
    """The name and bytes of a segment of these entries, in any order; the same entries always give the same bytes."""
    sizes = dict(packs)
    covered = sorted(sizes)
    number = {digest: at for at, digest in enumerate(covered)}
    rows = sorted(
        {
            (digest, _WHOLE if pack is None else number[pack], offset, stored, length, form, flags)
            for digest, pack, form, flags, offset, stored, length in held
        }
    )
    names = sorted(set(replaced))
    head = b"".join(
        [
            _HEADER.pack(_MAGIC, VERSION, level, MERGE if is_merge else 0, len(covered), len(names), len(rows)),
            _FAN_OUT.pack(*_fan_out_of(row[0][0] for row in rows)),
            *(_PACK.pack(digest, sizes[digest]) for digest in covered),
            *(_REPLACED.pack(name.level, name.digest) for name in names),
        ]
    )
    head += blake3(head).digest()
    data = head + b"".join([_ENTRY.pack(*row) for row in rows])
    data += blake3(data).digest()
    return Name(level, Digest(blake3(data).digest())), data


def merge_segments(segments: Iterable[Segment]) -> tuple[Name, bytes]:
    """One segment, a level above the highest of these, with all their entries; it replaces them."""
    merged = list(segments)
    packs = {pack for segment in merged for pack in segment.head.packs}
    return build_segment(
        heapq.merge(*(segment.entries() for segment in merged), key=lambda one: one.digest),
        packs,
        level=1 + max(segment.name.level for segment in merged),
        replaced=[segment.name for segment in merged],
        is_merge=True,
    )
