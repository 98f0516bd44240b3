"""Buffers: what a program hands over to be read from, or written to, in binary and as far as it goes."""

import io
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn, Protocol, cast

from track.errors import StoreUnwritable, Unreadable, UsageError
from track.model.names import display

_PIECE = 1 << 20


class Readable(Protocol):
    """Something to read bytes from, such as an open file or `io.BytesIO`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""


class Writable(Protocol):
    """Something to write bytes to, such as an open file or `io.BytesIO`."""

    def write(self, content: bytes, /) -> object:
        """Take bytes; how many, or nothing for all."""


class Source:
    """A buffer to read from, of which each piece is checked to be bytes; begins at its start where it can be moved."""

    def __init__(self, buffer: Readable) -> None:
        """Moves the buffer to its start. Raises UsageError for one in text mode, Unreadable for one that is closed."""
        if isinstance(buffer, io.TextIOBase):
            _refuse_text("source", 'open it with "rb", or take io.BytesIO(text.encode())')
        self._buffer = buffer
        try:
            _rewind(buffer)
        except Exception as error:  # it is the caller's own, and may raise anything
            raise _unreadable(error) from error

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end. Raises UsageError, Unreadable."""
        try:
            piece: Any = self._buffer.read(size)
        except Exception as error:  # it is the caller's own, and may raise anything
            raise _unreadable(error) from error
        if isinstance(piece, str):
            _refuse_text("source", 'open it with "rb", or take io.BytesIO(text.encode())')
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise Unreadable(
                f"the source gave no bytes but a {type(piece).__name__}", hint="read() has to wait, and give bytes"
            )
        return bytes(piece)


def as_source(source: object) -> BinaryIO:
    """A buffer as something to read from. Raises UsageError for what cannot be read from, and as `Source`."""
    if not callable(getattr(source, "read", None)):
        hint = "the path of a file, or a buffer open for reading: io.BytesIO(b'...')"
        raise UsageError(f"neither a path nor a buffer to read from: a {type(source).__name__}", hint=hint)
    return cast(BinaryIO, Source(cast(Readable, source)))


def as_target(target: object) -> Writable:
    """A buffer to write to; nothing is written yet.

    Raises:
        UsageError: it cannot be written to, or is in text mode.
    """
    if not callable(getattr(target, "write", None)):
        hint = "the path of a file, or a buffer open for writing: io.BytesIO()"
        raise UsageError(f"neither a path nor a buffer to write to: a {type(target).__name__}", hint=hint)
    if isinstance(target, io.TextIOBase):
        _refuse_text("target", 'open it with "wb", or take io.BytesIO()')
    return cast(Writable, target)


def copy(content: BinaryIO, target: Writable) -> int:
    """Write everything to a buffer, and move it to its start where that can be done; how many bytes were written.

    Raises:
        UsageError: it takes text and no bytes.
        StoreUnwritable: it cannot be written to; what it took before stays in it.
    """
    written = 0
    while piece := content.read(_PIECE):
        rest = memoryview(piece)
        while rest:
            rest = rest[_write(target, bytes(rest)) :]
        written += len(piece)
    try:
        _rewind(target)
    except Exception as error:  # it is the caller's own, and may raise anything
        raise _unwritable(error) from error
    return written


def _write(target: Writable, piece: bytes) -> int:
    """How many bytes it took."""
    try:
        taken = target.write(piece)
    except TypeError as error:
        raise UsageError(
            f"the target takes no bytes: {display(str(error))}", hint='open it with "wb", or take io.BytesIO()'
        ) from error
    except Exception as error:  # it is the caller's own, and may raise anything
        raise _unwritable(error) from error
    if not isinstance(taken, int):
        return len(piece)
    if not 0 < taken <= len(piece):
        raise StoreUnwritable(
            f"the target took {taken} of {len(piece):,} bytes", hint="hand over a buffer that takes what it is given"
        )
    return taken


def _rewind(buffer: object) -> None:
    """Move a buffer to its start, where it can be moved. Raises whatever the buffer does."""
    seek, can_seek = getattr(buffer, "seek", None), getattr(buffer, "seekable", None)
    if callable(seek) and (not callable(can_seek) or can_seek()):
        with suppress(io.UnsupportedOperation):
            seek(0)


def _unreadable(error: Exception) -> Unreadable:
    why = display(str(error) or type(error).__name__)
    return Unreadable(f"the source cannot be read: {why}", hint="hand over a buffer that is open for reading")


def _unwritable(error: Exception) -> StoreUnwritable:
    why = display(str(error) or type(error).__name__)
    return StoreUnwritable(
        f"the target cannot be written to: {why}", hint="hand over a buffer that is open for writing"
    )


def _refuse_text(what: str, hint: str) -> NoReturn:
    raise UsageError(f"the {what} is a buffer in text mode, and the store takes bytes", hint=hint)
