"""Tables of facts as frames of pandas."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from track.model.tables import NUMBER, TIME, WHOLE

_KINDS = {WHOLE: "float64", NUMBER: "float64", TIME: "datetime64[us, UTC]"}
_EXACT = 2**53
"""Beyond this a float is not every whole number."""


def frame(rows: Sequence[Mapping[str, Any]], index: str, columns: Sequence[str]) -> pd.DataFrame:
    """A frame with a row for each mapping, its columns in this order, and `index` beside them; empty without rows."""
    table = pd.DataFrame([[row[name] for name in (index, *columns)] for row in rows], columns=[index, *columns])
    if "creation_time" in columns:
        table["creation_time"] = pd.to_datetime(table["creation_time"], utc=True)
    return table.set_index(index)


def table(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A frame with these columns, of which all are equally long.

    `kinds` say of some what is in them, in the words of `model.tables`, where no value does.
    """
    return pd.DataFrame({name: _series(values, kinds.get(name)) for name, values in columns.items()})


def _series(values: Sequence[Any], kind: str | None) -> "pd.Series[Any]":
    there = [value for value in values if value is not None]
    if not there:
        return pd.Series(values, dtype=_KINDS.get(kind or "", "object"))
    if len(there) < len(values) and any(type(value) is int and abs(value) > _EXACT for value in there):
        return pd.Series(values, dtype="Int64" if {*map(type, there)} == {int} else "object")
    return pd.Series(values)
