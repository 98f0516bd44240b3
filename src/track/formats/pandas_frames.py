"""Frames and series of pandas, as Parquet: any tool reads the table, and here it comes back as it was.

Types that Parquet or its readers do not keep (categories that are not text, text in columns of objects, other byte
orders, whole seconds) are noted beside the table. What would still come back different is refused.
"""

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from track.errors import NewerFormat
from track.formats.format import Format, bytes_of
from track.model.names import display

OBJECT, NOTES = b"track.object", b"track.notes"
_KNOWN = {"unnamed", "columns", "numbered", "rows"}
"""What is noted; anything else was written by a later version, and is refused."""
_FRAME, _SERIES = b"pandas.DataFrame", b"pandas.Series"


def _takes(obj: object) -> bool:
    return type(obj) in (pd.DataFrame, pd.Series)


def _write(obj: object) -> bytes:
    assert isinstance(obj, pd.DataFrame | pd.Series)
    is_series = isinstance(obj, pd.Series)
    frame = obj.to_frame() if is_series else obj
    notes: dict[str, Any] = {"unnamed": True} if is_series and obj.name is None else {}
    kind = _SERIES if is_series else _FRAME
    content = _bytes(frame, kind, notes)
    first = _frame_of(content)
    if columns := _columns(frame, first):
        notes["columns"] = columns
    if isinstance(frame.columns, pd.RangeIndex) and not frame.columns.identical(first.columns):
        notes["numbered"] = [frame.columns.start, frame.columns.stop, frame.columns.step]
    if isinstance(frame.index, pd.RangeIndex) and not frame.shape[1]:  # no column says how many rows there are
        notes["rows"] = [frame.index.start, frame.index.stop, frame.index.step]
    if notes:
        content = _bytes(frame, kind, notes)
    back = _frame_of(content)
    if not _same(frame, back):
        raise ValueError(f"Parquet would change {_different(frame, back)}")
    return content


def _bytes(frame: pd.DataFrame, kind: bytes, notes: Mapping[str, Any]) -> bytes:
    try:
        table = pa.Table.from_pandas(_native(frame), preserve_index=None)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise ValueError(" ".join(str(each) for each in reversed(error.args))) from None
    said = {OBJECT: kind} | ({NOTES: json.dumps(notes).encode("ascii")} if notes else {})
    stream = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **said}), stream)
    return stream.getvalue()


def _native(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with numbers in this machine's byte order."""
    swapped = [place for place, dtype in enumerate(frame.dtypes) if getattr(dtype, "byteorder", "=") not in "=|"]
    if not swapped:
        return frame
    columns = [
        frame.iloc[:, place].astype(frame.dtypes.iloc[place].newbyteorder("="))
        if place in swapped
        else frame.iloc[:, place]
        for place in range(frame.shape[1])
    ]
    return pd.concat(columns, axis=1).set_axis(frame.columns, axis=1)


def _columns(frame: pd.DataFrame, back: pd.DataFrame) -> dict[str, Any]:
    """What to note of each column, by its place, whose type did not come back."""
    if frame.shape != back.shape:
        return {}
    return {
        str(place): _note(dtype)
        for place, (dtype, other) in enumerate(zip(frame.dtypes, back.dtypes, strict=True))
        if dtype != other
    }


def _note(dtype: Any) -> dict[str, Any]:
    if not isinstance(dtype, pd.CategoricalDtype):
        return {"type": dtype.str if hasattr(dtype, "str") and dtype.kind in "iuf" else str(dtype)}
    categories = base64.b64encode(_write(pd.Series(dtype.categories))).decode("ascii")
    return {"categories": categories, "ordered": bool(dtype.ordered)}


def _read(content: bytes | Path) -> object:
    data = bytes_of(content)
    frame = _frame_of(data)
    said = parquet.read_schema(io.BytesIO(data)).metadata or {}
    if said.get(OBJECT) != _SERIES:
        return frame
    if frame.shape[1] != 1:
        raise ValueError("a series has one column")
    series = frame.iloc[:, 0]
    if _notes(said).get("unnamed"):
        series.name = None
    return series


def _frame_of(data: bytes) -> pd.DataFrame:
    try:
        table = parquet.read_table(io.BytesIO(data))
        frame = table.to_pandas()
        notes = _notes(table.schema.metadata or {})
        for place, note in notes.get("columns", {}).items():
            frame.isetitem(int(place), _as_noted(frame.iloc[:, int(place)], note))
        if "rows" in notes:
            frame = pd.DataFrame(index=pd.RangeIndex(*notes["rows"], name=frame.index.name), columns=frame.columns)
        if "numbered" in notes:
            frame.columns = pd.RangeIndex(*notes["numbered"], name=frame.columns.name)
    except (pa.ArrowException, OSError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    return frame


def _as_noted(series: pd.Series, note: Mapping[str, Any]) -> pd.Series:
    if "categories" not in note:
        as_type = series.astype(note["type"])
        return as_type.where(as_type.notna(), None) if note["type"] == "object" else as_type
    categories = _read(base64.b64decode(note["categories"]))
    assert isinstance(categories, pd.Series)
    index = pd.Index(categories.array, dtype=categories.dtype)
    return series.astype(pd.CategoricalDtype(index, ordered=note["ordered"]))


def _notes(said: Mapping[bytes, bytes]) -> dict[str, Any]:
    notes = json.loads(said.get(NOTES, b"{}"))
    if not isinstance(notes, dict):
        raise ValueError("its notes are no table")
    if unknown := sorted(set(notes) - _KNOWN):
        raise NewerFormat(
            f"this frame has notes on {', '.join(map(display, unknown))}, which this version of track does not know",
            hint="upgrade track: pip install --upgrade track-data",
        )
    return notes


def _same(frame: pd.DataFrame, back: pd.DataFrame) -> bool:
    return (
        frame.index.identical(back.index)
        and frame.columns.identical(back.columns)
        and list(frame.dtypes) == list(back.dtypes)
        and bool(frame.equals(back))
    )


def _different(frame: pd.DataFrame, back: pd.DataFrame) -> str:
    if not frame.columns.identical(back.columns):
        return "the names of its columns"
    if not frame.index.identical(back.index):
        return "its index"
    wrong = [
        str(name)
        for place, name in enumerate(frame.columns)
        if frame.dtypes.iloc[place] != back.dtypes.iloc[place] or not frame.iloc[:, place].equals(back.iloc[:, place])
    ]
    return f"the column {wrong[0]}" if wrong else "it"


FORMATS = (Format("application/vnd.apache.parquet", ".parquet", _takes, _write, _read),)
