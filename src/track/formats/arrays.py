"""NumPy arrays: one in the format of `.npy`, several by name in that of `.npz`; never one of Python objects.

The same arrays make the same bytes. What would be read by unpickling is refused, also inside an archive.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from track.formats.format import Format, bytes_of

_HEADER_LIMIT = 100_000
"""Characters of a header: it is parsed as Python's literals, for which others have no limit as large."""
_DATE = (1980, 1, 1, 0, 0, 0)


def _is_array(obj: object) -> bool:
    return type(obj) in (np.ndarray, np.memmap) or isinstance(obj, np.generic)


def _are_arrays(obj: object) -> bool:
    return type(obj) is dict and bool(obj) and all(isinstance(key, str) and _is_array(obj[key]) for key in obj)


def _write_array(obj: object) -> bytes:
    """A scalar is written as an array without dimensions."""
    array = np.asarray(obj)
    if array.dtype.hasobject:
        raise ValueError("an array of Python objects can only be pickled")
    for version in ((1, 0), (3, 0)):
        stream = io.BytesIO()
        try:
            npy.write_array(stream, array, version=version, allow_pickle=False)
            break
        except (ValueError, UnicodeEncodeError):  # a header too long for version 1, or names outside Latin-1
            if version == (3, 0):
                raise
    content = stream.getvalue()
    if _header_of(content) != (array.shape, array.dtype):
        raise ValueError(f"its type {array.dtype} would not come back")
    return content


def _header_of(content: bytes) -> tuple[object, object]:
    empty = npy.read_array(io.BytesIO(content), allow_pickle=False, max_header_size=_HEADER_LIMIT)
    return empty.shape, empty.dtype


def _read_array(content: bytes | Path) -> object:
    if isinstance(content, Path):
        return npy.open_memmap(content, mode="r", max_header_size=_HEADER_LIMIT)
    stream = io.BytesIO(content)
    array = npy.read_array(stream, allow_pickle=False, max_header_size=_HEADER_LIMIT)
    if stream.read(1):
        raise ValueError("something stands behind the array")
    return array


def _write_archive(obj: object) -> bytes:
    assert isinstance(obj, Mapping)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, array in obj.items():
            info = zipfile.ZipInfo(f"{key}.npy", _DATE)
            if info.filename != f"{key}.npy":
                raise ValueError(f"the name {key!r} would not come back")
            try:
                content = _write_array(array)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
            with archive.open(info, "w", force_zip64=len(content) >= 1 << 31) as member:
                member.write(content)
    return stream.getvalue()


def _read_archive(content: bytes | Path) -> object:
    found: dict[str, object] = {}
    with zipfile.ZipFile(io.BytesIO(bytes_of(content))) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in found:
                raise ValueError(f"{info.filename!r} is no array, or there twice")
            with archive.open(info) as member:
                found[name] = npy.read_array(member, allow_pickle=False, max_header_size=_HEADER_LIMIT)
    return found


FORMATS = (
    Format("application/x-npy", ".npy", _is_array, _write_array, _read_array, maps=True),
    Format("application/x-npz", ".npz", _are_arrays, _write_archive, _read_archive),
)
