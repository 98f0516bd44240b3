"""What Python itself has: text, bytes, and values that JSON can say."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

from track.formats.format import Format, bytes_of

_DEEPEST = 200


def _write_text(obj: object) -> bytes:
    assert isinstance(obj, str)
    try:
        return obj.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of a surrogate pair, which no text in UTF-8 holds") from None


def _read_text(content: bytes | Path) -> object:
    return bytes_of(content).decode("utf-8")


def _write_bytes(obj: object) -> bytes:
    assert isinstance(obj, bytes)
    return obj


def _write_json(obj: object) -> bytes:
    problem = next(_problems(obj, "the value", 0), None)
    if problem is not None:
        raise ValueError(problem)
    return (json.dumps(obj, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def _read_json(content: bytes | Path) -> object:
    try:
        return json.loads(bytes_of(content))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _problems(value: object, place: str, depth: int) -> Iterator[str]:
    """Why a value would not come back from JSON as it is."""
    if depth > _DEEPEST:
        yield f"it is nested more than {_DEEPEST} deep"
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            yield f"{place} has half of a surrogate pair in it"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{place} is {value}, which JSON cannot say"
    elif type(value) is dict:
        for key, each in value.items():
            if type(key) is not str:
                yield f"{place} has the key {key!r}, which JSON would make text"
            yield from _problems(key, f"a key of {place}", depth + 1) if isinstance(key, str) else ()
            yield from _problems(each, f"{place}[{key!r}]", depth + 1)
    elif type(value) is list:
        for number, each in enumerate(value):
            yield from _problems(each, f"{place}[{number}]", depth + 1)
    elif value is not None and not isinstance(value, int):
        yield f"{place} is a {type(value).__name__}, which JSON does not have"


def _is_json(obj: object) -> bool:
    return obj is None or isinstance(obj, bool | int | float | dict | list)


TEXT = Format("text/plain", ".txt", lambda obj: type(obj) is str, _write_text, _read_text)
BYTES = Format("application/octet-stream", ".bin", lambda obj: type(obj) is bytes, _write_bytes, bytes_of)
JSON = Format("application/json", ".json", _is_json, _write_json, _read_json)
FORMATS = (TEXT, BYTES, JSON)
