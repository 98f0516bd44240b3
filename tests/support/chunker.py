"""The chunker, as slow and plain as it can be: it pins where large objects are cut.

FastCDC of 2020 as docs/reference/formats.md has it, written a byte at a time. The table of gears is the first eight
bytes of the MD5 of 64 times each byte, which is how the one that is in print came to be.
"""

from hashlib import md5

from track.store.description import Chunking

GEARS = [int.from_bytes(md5(bytes([byte]) * 64, usedforsecurity=False).digest()[:8], "big") for byte in range(256)]
MASKS = {
    9: 0x0000019000353000, 10: 0x0000590003530000,
    11: 0x0000D90003530000, 12: 0x0000D90103530000, 13: 0x0000D90303530000,
    14: 0x0000D90313530000, 15: 0x0000D90F03530000, 16: 0x0000D90303537000, 17: 0x0000D90703537000,
    18: 0x0000D90707537000, 19: 0x0000D91707537000,
}  # fmt: skip
"""By the number of bits that are set."""


def cut(data: bytes, chunking: Chunking) -> int:
    """Where the first chunk of `data` ends."""
    if len(data) <= chunking.minimum_bytes:
        return len(data)
    bits = chunking.average_bytes.bit_length() - 1
    before, after = MASKS[bits + chunking.normalisation], MASKS[bits - chunking.normalisation]
    end = min(len(data), chunking.maximum_bytes)
    gear = 0
    for at in range(chunking.minimum_bytes, end - end % 2):  # pairs of bytes: one that is left over is no place to cut
        gear = ((gear << 1) + GEARS[data[at]]) % (1 << 64)
        if not gear & (before if at < chunking.average_bytes else after):
            return at
    return end


def lengths(data: bytes, chunking: Chunking) -> list[int]:
    """The lengths of all chunks."""
    found = []
    at = 0
    while at < len(data):
        found.append(cut(data[at : at + chunking.maximum_bytes], chunking))
        at += found[-1]
    return found
