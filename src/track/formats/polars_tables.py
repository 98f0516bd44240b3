"""Tables of facts as frames of polars."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

_NUMBERS = {int, float}


def table(columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """A frame with these columns, of which all are equally long; what differs in kind within one is text."""
    return pl.DataFrame({name: _series(name, values) for name, values in columns.items()})


def _series(name: str, values: Sequence[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 and not kinds <= _NUMBERS:
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    return pl.Series(name, values, strict=False) if values else pl.Series(name, [])
