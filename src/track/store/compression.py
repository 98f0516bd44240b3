"""Expanding zstd frames, with a limit; only where a zstd library is installed (from Python 3.14 one always is)."""

from typing import Any

from track.errors import TrackError

try:
    from compression import zstd as _zstd  # type: ignore[import-not-found,unused-ignore]  # from 3.14
except ImportError:
    try:
        from backports import zstd as _zstd  # type: ignore[import-not-found,no-redef,unused-ignore]  # an extra
    except ImportError:
        _zstd = None

zstd: Any = _zstd


class NotExpandable(ValueError):
    """A frame that is damaged, or that is not as long as it should be."""


def expand(stored: bytes, length: int) -> bytes:
    """The content of one zstd frame, which must be exactly `length` bytes; no more than one further is ever made.

    Raises:
        NotExpandable: it is no frame, is damaged, or is shorter or longer than `length`.
        TrackError: no zstd library is installed.
    """
    if zstd is None:
        raise TrackError("an object is compressed with zstd, which is not installed", hint="pip install backports.zstd")
    try:
        expander = zstd.ZstdDecompressor()
        content: bytes = expander.decompress(stored, max_length=length + 1)
    except zstd.ZstdError as error:
        raise NotExpandable(str(error)) from error
    if len(content) != length or not expander.eof or expander.unused_data:
        raise NotExpandable(f"the frame does not hold exactly {length} bytes")
    return content
