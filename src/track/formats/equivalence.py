"""Equivalence: whether two contents of a format mean the same although their bytes differ."""

import csv
import io
import json
from decimal import Decimal, InvalidOperation

from track.errors import TrackError
from track.formats.known import decode
from track.model.canonical import canonical_json

_DELIMITERS = {"text/csv": ",", "text/tab-separated-values": "\t"}
_ARRAYS = ("application/x-npy", "application/x-npz")
_TABLE = "application/vnd.apache.parquet"


def meaning(first: bytes, second: bytes, type: str | None) -> str | None:
    """In what the two are the same, such as "the same table"; None when they differ, or nobody here can tell.

    A table has the same cells in the same order, where numbers are compared as numbers; a JSON value is compared as
    RFC 8785 writes it; arrays have the same type, shape and elements; of text, ends of lines and blanks before them
    mean nothing. Nothing is executed.
    """
    try:
        if type in _DELIMITERS:
            return _if(_rows(first, _DELIMITERS[type]) == _rows(second, _DELIMITERS[type]), "the same table")
        if type == "application/json":
            return _if(_value(first) == _value(second), "the same JSON value")
        if type == "application/jsonl":
            return _if(_values(first) == _values(second), "the same JSON values")
        if type in _ARRAYS:
            return _if(_are_same(decode(first, type), decode(second, type)), "the same array")
        if type == _TABLE:
            return _if(_are_same(decode(first, type), decode(second, type)), "the same table")
        if type is not None and type.startswith("text/"):
            return _if(_lines(first) == _lines(second), "the same text")
    except (TrackError, ValueError, csv.Error, RecursionError, ImportError):
        return None
    return None


def _if(is_so: bool, what: str) -> str | None:
    return what if is_so else None


def _rows(content: bytes, delimiter: str) -> list[list[str | Decimal]]:
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return [[_cell(cell) for cell in row] for row in csv.reader(text, delimiter=delimiter, strict=True) if row]


def _cell(cell: str) -> str | Decimal:
    """A number where the cell is one, to its last digit, as two long ids may differ there; `007` and what is longer
    stay text.
    """
    text = cell.strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    is_plain = not text.lstrip("+-").startswith("0") or text.lstrip("+-")[:2] in ("0", "0.")
    return number if is_plain and len(text) < 25 and number.is_finite() and "_" not in text else text


def _value(content: bytes) -> bytes:
    return canonical_json(json.loads(content.decode("utf-8-sig")))


def _values(content: bytes) -> list[bytes]:
    return [_value(line) for line in content.splitlines() if line.strip()]


def _lines(content: bytes) -> list[str]:
    lines = [line.rstrip() for line in content.decode("utf-8-sig").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _are_same(first: object, second: object) -> bool:
    """Whether two arrays, archives of them by name, or tables are the same."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_are_same(first[name], second[name]) for name in first)
    if hasattr(first, "equals") and type(first) is type(second):
        return bool(first.equals(second)) and _titles(first) == _titles(second)
    shape, kind = getattr(first, "shape", None), getattr(first, "dtype", None)
    if shape is None or kind is None:  # NumPy calls its usual type equal to None
        return False
    if shape != getattr(second, "shape", None) or kind != getattr(second, "dtype", ...):
        return False
    return bool(first.tobytes() == second.tobytes())  # type: ignore[attr-defined]  # both are arrays


def _titles(table: object) -> object:
    return [str(name) for name in getattr(table, "columns", ())], [str(each) for each in getattr(table, "dtypes", ())]
