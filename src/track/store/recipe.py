"""A recipe: the pieces of a large object, so that a part of it can be had, and checked, alone.

    head      magic "trackrcp" · version u16 · flags u16 · packs u32 · pieces u32 · length u64 · digest of the object
    packs     sorted: digest
    pieces    in order: digest · length u32 · pack u32
    footer    BLAKE3 of all before it

Numbers are little-endian. `pack` counts into the packs; 2³²−1 is the object's own file, in which pieces follow each
other. A recipe is as trustworthy as who wrote it: whoever reads the whole object hashes the whole, too.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.store.hashing import read_ahead
from track.work import hash_threads

RECIPE = 2
"""The form of a recipe in a pack's table and in an index segment."""
OF_WHOLE = 1
"""Flag of such an entry: the pieces lie in the object's own file, so the recipe itself is no place to have it from."""
PIECE = 1 << 20
"""Bytes of each piece of an object that is a file of its own; the last may be shorter."""

_MAGIC = b"trackrcp"
_VERSION = 1
_HEADER = struct.Struct("<8sHHIIQ32s")
_PIECE = struct.Struct("<32sII")
_OWN_FILE = 0xFFFFFFFF
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Recipe(NamedTuple):
    """An object of `length` bytes as a file of its own, and the digests of its pieces of PIECE bytes, in order."""

    digest: bytes
    length: int
    pieces: tuple[bytes, ...]

    def first_bad(self, start: int, data: bytes | memoryview) -> int | None:
        """The offset in the object of the first piece of `data` that is not as it should be; None when all are.

        `data` begins with the piece at `start` and holds whole pieces, apart from the object's last one.
        """
        view = memoryview(data)
        for at in range(0, len(view), PIECE):
            number = (start + at) // PIECE
            if number >= len(self.pieces) or blake3(view[at : at + PIECE]).digest() != self.pieces[number]:
                return start + at
        return None


def make_recipe(path: Path) -> Recipe:
    """The recipe of a file, read once; its digest is that of the bytes that were read."""
    fd = os.open(path, _READ)
    try:
        size = os.fstat(fd).st_size
        whole = blake3(max_threads=hash_threads())
        pieces = []
        length = 0
        for piece in _pieces(fd, size):
            whole.update(piece)
            pieces.append(blake3(piece).digest())
            length += len(piece)
        return Recipe(whole.digest(), length, tuple(pieces))
    finally:
        os.close(fd)


def _pieces(fd: int, size: int) -> Iterator[memoryview]:
    """The file in pieces of PIECE bytes, whatever the lengths in which it is read."""
    held = bytearray()
    for part in read_ahead(fd, size):
        at = 0
        if held:
            at = PIECE - len(held)
            held += part[:at]
            if len(held) == PIECE:
                yield memoryview(bytes(held))
                held = bytearray()
        while at + PIECE <= len(part):
            yield part[at : at + PIECE]
            at += PIECE
        held += part[at:]
    if held:
        yield memoryview(bytes(held))


def dump_recipe(recipe: Recipe) -> bytes:
    """The bytes of a recipe; the same recipe always gives the same."""
    head = _HEADER.pack(_MAGIC, _VERSION, 0, 0, len(recipe.pieces), recipe.length, recipe.digest)
    lengths = [min(PIECE, recipe.length - at) for at in range(0, recipe.length, PIECE)]
    body = [_PIECE.pack(digest, length, _OWN_FILE) for digest, length in zip(recipe.pieces, lengths, strict=True)]
    data = b"".join([head, *body])
    return data + blake3(data).digest()


def parse_recipe(data: bytes, digest: bytes) -> Recipe:
    """The recipe of the object with this digest.

    Raises:
        DamagedObject: no recipe, another object's, or one that contradicts itself.
        NewerFormat: of a later version, or with pieces that lie in packs, which this version does not put together.
    """
    shown = f"the recipe of blake3:{digest.hex()}"
    if len(data) < _HEADER.size + 32 or not data.startswith(_MAGIC):
        raise DamagedObject(f"{shown} does not begin as one")
    _, version, flags, packs, count, length, named = _HEADER.unpack_from(data)
    if version != _VERSION or flags:
        raise NewerFormat(f"{shown} is of a newer format ({version}, flags {flags:#x})", hint="update track")
    if len(data) != _HEADER.size + 32 * packs + _PIECE.size * count + 32:
        raise DamagedObject(f"{shown} has another size than it says")
    if blake3(memoryview(data)[:-32]).digest() != data[-32:] or named != digest:
        raise DamagedObject(f"{shown} is damaged, or another object's")
    records = list(_PIECE.iter_unpack(memoryview(data)[_HEADER.size + 32 * packs : -32]))
    if packs or any(pack != _OWN_FILE for _, _, pack in records):
        raise NewerFormat(f"{shown} has pieces in packs, which this version does not put together", hint="update track")
    if [size for _, size, _ in records] != [min(PIECE, length - at) for at in range(0, length, PIECE)]:
        raise DamagedObject(f"{shown} has pieces that do not make the object")
    return Recipe(digest, length, tuple(piece for piece, _, _ in records))
