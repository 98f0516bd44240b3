"""Tables of facts as frames of pandas."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def frame(rows: Sequence[Mapping[str, Any]], index: str, columns: Sequence[str]) -> pd.DataFrame:
    """A frame with a row for each mapping, its columns in this order, and `index` beside them; empty without rows."""
    table = pd.DataFrame([[row[name] for name in (index, *columns)] for row in rows], columns=[index, *columns])
    if "creation_time" in columns:
        table["creation_time"] = pd.to_datetime(table["creation_time"], utc=True)
    return table.set_index(index)


def table(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A frame with these columns, of which all are equally long."""
    return pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})
