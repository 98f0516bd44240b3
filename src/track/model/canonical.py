"""Canonical: one spelling for every JSON value, by RFC 8785, so that a value has one digest."""

import json
import math

from track.model.expressions import expression

_SAYABLE = "a value is made of text, numbers, true, false, null, lists and mappings with text keys"

_EXACT = 2**53 - 1
_ESCAPED = expression('[\x00-\x1f"\\\\]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def canonical_json(value: object) -> bytes:
    """The RFC 8785 JSON of `value`: str, int, float, bool, None, list, tuple, and mappings with str keys.

    Raises:
        ValueError: something JSON cannot say, or a number that would lose digits (2**53 + 1, inf, nan).
    """
    try:
        return _json(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("text with a lone surrogate has no UTF-8") from None
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None


def parse_json(text: str) -> object:
    """The value that canonical JSON says; whole numbers beyond 2**53 are floats, as they are for JSON.

    Raises:
        ValueError: the text is not what `canonical_json` writes.
    """
    try:
        value: object = json.loads(text, parse_int=lambda digits: _whole(int(digits)))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if canonical_json(value) != text.encode("utf-8"):
        raise ValueError("not RFC 8785 JSON")
    return value


def _whole(number: int) -> int | float:
    return number if abs(number) <= _EXACT else float(number)


def _as_float(number: int) -> float:
    try:
        near = float(number)
    except OverflowError:
        near = math.inf
    if near != number:
        raise ValueError(f"{number} would lose digits in JSON; write it as text")
    return near


def _json(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) <= _EXACT else _number(_as_float(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(key)}:{_json(value[key])}" for key in _sorted_keys(value)) + "}"
    raise ValueError(f"JSON cannot say a {type(value).__name__}: {_SAYABLE}")


def _sorted_keys(value: dict[object, object]) -> list[str]:
    keys: list[str] = []
    for key in value:
        if not isinstance(key, str):
            raise ValueError(f"a key is text, not {type(key).__name__}")
        keys.append(key)
    return sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _text(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04x}"), text) + '"'


def _number(number: float) -> str:
    """A number as ECMAScript writes it: the shortest digits that read back the same."""
    if not math.isfinite(number):
        raise ValueError(f"JSON cannot say {number}")
    if number == 0:
        return "0"
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= len(fraction) - len(fraction.lstrip("0")) + 1
    digits = digits.rstrip("0")
    return ("-" if number < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """`digits` with the decimal point after the first `point` of them."""
    if 0 < point <= 21:
        if len(digits) <= point:
            return digits + "0" * (point - len(digits))
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    sign = "+" if point > 0 else "-"
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{sign}{abs(point - 1)}"
