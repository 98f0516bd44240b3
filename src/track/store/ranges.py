"""Ranges: pieces of one file that are had together, when little lies between them."""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

_T = TypeVar("_T")


class Piece(NamedTuple, Generic[_T]):
    """So many bytes at an offset, and what they are for."""

    offset: int
    length: int
    what: _T


class Range(NamedTuple, Generic[_T]):
    """One request, and the pieces that are in it, by offset."""

    offset: int
    length: int
    pieces: list[Piece[_T]]


def ranges(pieces: Iterable[Piece[_T]], *, gap: int, limit: int) -> Iterator[Range[_T]]:
    """Requests for all pieces: those with at most `gap` bytes between them are one, up to `limit` bytes.

    A piece that is larger is a request of its own.
    """
    run: list[Piece[_T]] = []
    start = end = 0
    for piece in sorted(pieces, key=lambda piece: piece.offset):
        if run and (piece.offset > end + gap or piece.offset + piece.length - start > limit):
            yield Range(start, end - start, run)
            run = []
        if not run:
            start = end = piece.offset
        run.append(piece)
        end = max(end, piece.offset + piece.length)
    if run:
        yield Range(start, end - start, run)
