"""Tables of facts as frames of polars."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from track.model.document import told
from track.model.tables import NUMBER, TEXT, TEXTS, TIME, TRUTH, WHOLE

_NUMBERS = {int, float}
_KINDS: Mapping[str, Any] = {
    TEXT: pl.String, WHOLE: pl.Int64, NUMBER: pl.Float64, TRUTH: pl.Boolean, TIME: pl.Datetime("us", "UTC"),
    TEXTS: pl.List(pl.String),
}  # fmt: skip


def table(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> pl.DataFrame:
    """A frame with these columns, of which all are equally long; what differs in kind within one is text.

    `kinds` say of some what is in them, in the words of `model.tables`, where no value does.
    """
    return pl.DataFrame({name: _series(name, values, kinds.get(name)) for name, values in columns.items()})


def _series(name: str, values: Sequence[Any], kind: str | None) -> pl.Series:
    found = {type(value) for value in values if value is not None}
    if len(found) > 1 and not found <= _NUMBERS:
        return pl.Series(name, [None if value is None else told(value) for value in values], dtype=pl.String)
    if kind is not None and kind in _KINDS and found <= {list, int}:  # a list may be empty, and a number whole
        return pl.Series(name, values, dtype=_KINDS[kind])
    return pl.Series(name, values, strict=False) if values else pl.Series(name, [])
