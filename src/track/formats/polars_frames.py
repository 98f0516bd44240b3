"""Frames and series of polars, as Parquet, and Parquet from elsewhere for who has polars alone."""

import io
from pathlib import Path

import polars as pl

from track.formats.format import Format, bytes_of

OBJECT = "track.object"
_FRAME, _SERIES = "polars.DataFrame", "polars.Series"


def _takes(obj: object) -> bool:
    return type(obj) in (pl.DataFrame, pl.Series)


def _write(obj: object) -> bytes:
    assert isinstance(obj, pl.DataFrame | pl.Series)
    frame = obj.to_frame() if isinstance(obj, pl.Series) else obj
    kind = _SERIES if isinstance(obj, pl.Series) else _FRAME
    stream = io.BytesIO()
    try:
        frame.write_parquet(stream, metadata={OBJECT: kind})
        back = pl.read_parquet(io.BytesIO(stream.getvalue()))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError) as error:
        raise ValueError(str(error)) from None
    if back.schema != frame.schema or not back.equals(frame):
        changed = [name for name in frame.columns if name not in back.columns or not back[name].equals(frame[name])]
        raise ValueError(f"Parquet would change {changed[0] if changed else 'its types'}")
    return stream.getvalue()


def _read(content: bytes | Path) -> object:
    data = bytes_of(content)
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        kind = pl.read_parquet_metadata(io.BytesIO(data)).get(OBJECT)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:  # a panic is no Exception
        raise ValueError(str(error)) from None
    return frame.to_series() if kind == _SERIES and frame.width == 1 else frame


FORMATS = (Format("application/vnd.apache.parquet", ".parquet", _takes, _write, _read),)
