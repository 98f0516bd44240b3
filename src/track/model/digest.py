"""Digest: the BLAKE3-256 name of some bytes."""

from blake3 import blake3

from track.model.expressions import expression

_TEXT = expression("blake3:[0-9a-f]{64}")
_HEX = expression("[0-9a-f]{64}")


class Digest(bytes):
    """32 raw bytes; its text is `blake3:` and 64 hex digits in lower case.

    Equal to, hashed as and sorted like the same plain bytes, so both may key one mapping.
    """

    __slots__ = ()

    def __new__(cls, raw: bytes | memoryview) -> "Digest":
        """The digest of these 32 bytes; any other length is a ValueError."""
        if len(raw) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """The digest written as `blake3:<64 hex digits>`, exactly so; else ValueError."""
        if _TEXT.fullmatch(text) is None:
            raise ValueError("a digest is written blake3: and 64 hex digits in lower case")
        return cls(bytes.fromhex(text[7:]))

    @classmethod
    def from_hex(cls, digits: str) -> "Digest":
        """The digest of these 64 lower-case hex digits; else ValueError."""
        if _HEX.fullmatch(digits) is None:
            raise ValueError("a digest has 64 hex digits in lower case")
        return cls(bytes.fromhex(digits))

    @property
    def short(self) -> str:
        """The first 8 hex digits, for people."""
        return self[:4].hex()

    def __str__(self) -> str:
        """The canonical text; `Digest.parse` reads it back."""
        return "blake3:" + self.hex()

    def __repr__(self) -> str:
        """The canonical text in the form of a call."""
        return f"Digest.parse({str(self)!r})"


def digest_of(data: bytes | memoryview) -> Digest:
    """The digest of bytes that are in memory; a file is hashed by the store."""
    return Digest(blake3(data).digest())
