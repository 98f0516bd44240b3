"""Pieces: a file that is in memory and about to be sent, in as many pieces as it was made of."""

from collections.abc import Iterator
from typing import NamedTuple


class Pieces(NamedTuple):
    """The bytes of a file in order. Its maker has hashed them, and nobody changes them while they are sent."""

    parts: tuple[bytes | memoryview, ...]
    size: int

    def joined(self) -> bytes:
        """All of it, copied."""
        return b"".join(self.parts)


def parts_of(data: bytes | Pieces) -> tuple[bytes | memoryview, ...]:
    """The bytes of either in order."""
    return data.parts if isinstance(data, Pieces) else (data,)


def size_of(data: bytes | Pieces) -> int:
    """How many bytes it has."""
    return data.size if isinstance(data, Pieces) else len(data)


def joined(data: bytes | Pieces) -> bytes:
    """All of it in one piece, for what takes no other."""
    return data.joined() if isinstance(data, Pieces) else data


def cut_up(parts: tuple[bytes | memoryview, ...], most: int) -> Iterator[memoryview]:
    """The parts, in pieces of at most so many bytes."""
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), most):
            yield view[at : at + most]
