"""TOML as track reads and writes it: one spelling for every value, a fact a line, nothing invisible in it."""

import datetime
import math
from collections.abc import Mapping
from typing import Any

import tomli

from track.model.expressions import expression

KEY_PARTS_LIMIT = 64
"""A key of more parts is refused unread: the time of a reader grows with the square of them."""

_BARE = expression("[A-Za-z0-9_-]+")
# Escaped wherever they stand: control characters, and those that reorder or hide text before a reviewer.
_ESCAPED = expression('[\x00-\x1f"\\\\\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = expression(rf"(?<![A-Za-z0-9_.\\-]){_PART}(?:\.[ \t]*+{_PART}){{{KEY_PARTS_LIMIT}}}")


class LongKey(ValueError):
    """A key with more parts than `KEY_PARTS_LIMIT`."""


def read(content: str) -> dict[str, Any]:
    """The tables of a text that may be a stranger's, in a time that grows with its length.

    Raises:
        LongKey: a key has too many parts.
        ValueError, RecursionError: it is not TOML, is nested too deeply, or holds an impossible number.
    """
    # Looking for one costs more than reading most files; a key of so many parts has as many dots.
    if content.count(".") >= KEY_PARTS_LIMIT and _LONG_KEY.search(content) is not None:
        raise LongKey(f"a key of more than {KEY_PARTS_LIMIT} parts")
    return tomli.loads(content)


def parse(data: bytes) -> dict[str, Any]:
    """The tables in the bytes of a file. Raises as `read`; ValueError, too, where they are no text."""
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    return read(content)


def fault(error: Exception) -> str:
    """What is wrong with a file, for people: Python's own words only where they are about what stands in it."""
    if isinstance(error, KeyError):
        return f"it says no `{error.args[0]}`"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, TypeError | AttributeError | OverflowError | UnicodeError):
        return "something in it is of another kind than it should be"
    return str(error)


class Written(str):
    """A value that is TOML already."""

    __slots__ = ()


def text(value: str) -> str:
    """A basic string; ValueError for a lone surrogate, which TOML cannot say."""
    value.encode("utf-8")
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04x}"), value) + '"'


def key(name: str) -> str:
    """A key: bare where that is possible, else quoted."""
    return name if _BARE.fullmatch(name) else text(name)


def value(item: object, *, ordered: bool = False) -> str:
    """A value on one line; mappings are inline tables, sorted unless `ordered`; ValueError for what TOML lacks."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, Written):
        return str(item)
    if isinstance(item, str):
        return text(item)
    if isinstance(item, int):
        if not -(2**63) <= item < 2**63:
            raise ValueError(f"{item} has more than 64 bits")
        return str(item)
    if isinstance(item, float):
        return repr(item) if math.isfinite(item) else ("nan" if math.isnan(item) else f"{'-' if item < 0 else ''}inf")
    if isinstance(item, datetime.datetime | datetime.date | datetime.time):
        return item.isoformat()
    if isinstance(item, list | tuple):
        return "[" + ", ".join(value(each, ordered=ordered) for each in item) + "]"
    if isinstance(item, Mapping):
        names = list(item) if ordered else sorted(item)
        pairs = [f"{key(name)} = {value(item[name], ordered=ordered)}" for name in names]
        return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
    raise ValueError(f"TOML cannot say a {type(item).__name__}")


def table(name: str, rows: Mapping[str, object], *, ordered: bool = False, array: bool = False) -> str:
    """A table with its header, a fact a line, and an empty line before it; `array` for one element of an array."""
    names = list(rows) if ordered else sorted(rows)
    lines = [f"{key(each)} = {value(rows[each], ordered=ordered)}" for each in names]
    header = f"[[{key(name)}]]" if array else f"[{key(name)}]"
    return "\n" + "\n".join([header, *lines]) + "\n"
