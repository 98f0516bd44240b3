"""Pieces: a file in memory in as many pieces as it was made of, about to be sent, or as they come and are read."""

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


class PieceReader:
    """Pieces that come one after another, read into buffers of any size as if they were one file."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        """None is asked for yet."""
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer, as far as they go; how many bytes came. Raises what they raise."""
        done = 0
        while done < len(buffer):
            if not self._rest and not (piece := next(self._pieces, b"")):
                break
            self._rest = self._rest or memoryview(piece)
            length = min(len(self._rest), len(buffer) - done)
            buffer[done : done + length] = self._rest[:length]
            self._rest = self._rest[length:]
            done += length
        return done
