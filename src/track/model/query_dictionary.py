"""The dictionary of a query, as MongoDB has them: `{"labels.datatype": "annotation_file", "size": {"$gt": 10}}`.

Paths have dots, at any depth. Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $options $all $size
$elemMatch $not` for a field, `$and $or $nor` for whole dictionaries. A time is a `datetime`, in UTC where it has no
zone, or `{"$date": "2026-01-31"}` where only JSON is at hand.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from track.errors import UsageError
from track.model.names import display
from track.model.nearest import like
from track.model.query import And, Element, Exists, In, Match, Not, Or, Order, Path, Query, Size, moment
from track.model.query_pattern import Pattern
from track.model.query_text import Fields, check_text, parse_text

_SIGNS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_FIELD = (
    *("$eq", "$ne", *_SIGNS, "$in", "$nin", "$exists", "$regex", "$options", "$all", "$size", "$elemMatch"),
    "$not",
)
_WHOLE = ("$and", "$or", "$nor")
_DEEPEST = 50
_LETTERS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}


def parse_query(asked: str | Mapping[str, Any], now: datetime, fields: Fields | None = None) -> Query:
    """The query in either spelling; as `parse_text` and `parse_dictionary`."""
    return parse_text(asked, now, fields) if isinstance(asked, str) else parse_dictionary(asked, fields)


def parse_dictionary(asked: Mapping[str, Any], fields: Fields | None = None) -> Query:
    """The query that a dictionary says. Without `fields`, any field is asked.

    Raises:
        UsageError: it is wrong; the place in it and the nearest valid word are named.
    """
    return _whole(asked, "", fields, 0)


def _whole(asked: Any, place: str, fields: Fields | None, depth: int) -> Query:
    if not isinstance(asked, Mapping):
        raise _wrong(place, f"expected a dictionary and not {_kind(asked)}")
    if depth > _DEEPEST:
        raise _wrong(place, f"more than {_DEEPEST} dictionaries in each other")
    parts = [part for name, value in asked.items() for part in _entry(name, value, place, fields, depth)]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _entry(name: Any, value: Any, place: str, fields: Fields | None, depth: int) -> Iterator[Query]:
    here = f"{place}.{name}" if place else str(name)
    if not isinstance(name, str):
        raise _wrong(place, f"expected the name of a field and not {_kind(name)}")
    check_text(name, f"{display(here)} in the query")
    if name in _WHOLE:
        if not isinstance(value, list | tuple) or not value:
            raise _wrong(here, "expected a list of dictionaries")
        parts = tuple(_whole(each, f"{here}[{number}]", fields, depth + 1) for number, each in enumerate(value))
        yield And(parts) if name == "$and" else Or(parts) if name == "$or" else Not(Or(parts))
    elif name.startswith("$"):
        raise _unknown(here, name, (*_WHOLE, *_FIELD) if name in _FIELD else _WHOLE)
    else:
        yield _field(_path(name, here, fields), value, here, depth)


def _path(name: str, place: str, fields: Fields | None) -> Path:
    parts = tuple(name.split("."))
    if "" in parts:
        raise _wrong(place, "a part of the field is empty")
    if fields is None:
        return parts
    first = fields.named(parts[0])
    if first is None:
        nearest = fields.nearest(parts[0])
        hint = f"did you mean {nearest}?" if nearest else f"there are {', '.join(sorted(fields.known))}"
        raise _wrong(place, f"there is no field `{display(parts[0])}`", hint)
    return (*first, *parts[1:])


def _field(path: Path, value: Any, place: str, depth: int) -> Query:
    """What a field must be: a value, a pattern, or operators."""
    if isinstance(value, re.Pattern):
        return Match(path, _compiled(value, place))
    if not _has_operators(value, place):
        return In(path, (_value(value, place),))
    if depth > _DEEPEST:
        raise _wrong(place, f"more than {_DEEPEST} dictionaries in each other")
    if "$options" in value and "$regex" not in value:
        raise _wrong(f"{place}.$options", "there is no $regex that these are options of")
    names = [name for name in value if name != "$options"]
    parts = tuple(_operator(path, name, value, f"{place}.{name}", depth) for name in names)
    return parts[0] if len(parts) == 1 else And(parts)


def _has_operators(value: Any, place: str) -> bool:
    if not isinstance(value, Mapping) or not value or "$date" in value:
        return False
    with_sign = [isinstance(name, str) and name.startswith("$") for name in value]
    if any(with_sign) and not all(with_sign):
        raise _wrong(place, "operators and fields stand in one dictionary")
    return any(with_sign)


def _operator(path: Path, name: str, value: Mapping[str, Any], place: str, depth: int) -> Query:
    asked = value[name]
    match name:
        case "$eq":
            return In(path, (_value(asked, place),))
        case "$ne":
            return Not(In(path, (_value(asked, place),)))
        case "$gt" | "$gte" | "$lt" | "$lte":
            return Order(path, _SIGNS[name], _ordered(asked, place))
        case "$in":
            return In(path, _values(asked, place))
        case "$nin":
            return Not(In(path, _values(asked, place)))
        case "$exists":
            if not isinstance(asked, bool):
                raise _wrong(place, f"expected true or false and not {_kind(asked)}")
            return Exists(path) if asked else Not(Exists(path))
        case "$regex":
            return Match(path, _pattern(asked, value.get("$options", ""), place))
        case "$all":
            return And(tuple(In(path, (each,)) for each in _values(asked, place))) if asked else Or(())
        case "$size":
            if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
                raise _wrong(place, f"expected a whole number from 0 on and not {_kind(asked)}")
            return Size(path, asked)
        case "$elemMatch":
            return Element(path, _element(asked, place, depth))
        case "$not":
            if not isinstance(asked, re.Pattern) and not _has_operators(asked, place):
                raise _wrong(place, f"expected operators or a pattern and not {_kind(asked)}", "$ne says not equal")
            return Not(_field(path, asked, place, depth + 1))
    raise _unknown(place, name, _FIELD)


def _element(asked: Any, place: str, depth: int) -> Query:
    if not isinstance(asked, Mapping) or not asked:
        raise _wrong(place, f"expected a dictionary and not {_kind(asked)}")
    if not any(name in _WHOLE for name in asked) and _has_operators(asked, place):
        return _field((), asked, place, depth + 1)
    return _whole(asked, place, None, depth + 1)


def _pattern(asked: Any, options: Any, place: str) -> Pattern:
    if isinstance(asked, re.Pattern):
        return _compiled(asked, place)
    if not isinstance(asked, str) or not isinstance(options, str):
        raise _wrong(place, "expected a pattern, and options such as i, as text")
    try:
        return Pattern(asked, options)
    except UsageError as error:
        raise _wrong(place, error.message, error.hint) from None


def _compiled(asked: re.Pattern[Any], place: str) -> Pattern:
    if not isinstance(asked.pattern, str):
        raise _wrong(place, "expected a pattern of text and not of bytes")
    return _pattern(asked.pattern, "".join(letter for flag, letter in _LETTERS.items() if asked.flags & flag), place)


def _values(asked: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(asked, list | tuple | set | frozenset):
        raise _wrong(place, f"expected a list and not {_kind(asked)}")
    return tuple(_value(each, f"{place}[{number}]") for number, each in enumerate(asked))


def _ordered(asked: Any, place: str) -> Any:
    value = _value(asked, place)
    if not isinstance(value, str | int | float | datetime):
        raise _wrong(place, f"nothing is before or after {_kind(asked)}")
    return value


def _value(asked: Any, place: str) -> Any:
    """A value to compare with; times get their zone."""
    if isinstance(asked, datetime):
        return asked if asked.utcoffset() is not None else asked.replace(tzinfo=UTC)
    if isinstance(asked, Mapping):
        if set(asked) == {"$date"}:
            if (found := moment(asked["$date"])) is None:
                raise _wrong(f"{place}.$date", "expected a date such as 2026-01-31 or 2026-01-31T12:00Z")
            return found
        wrong = next((name for name in asked if not isinstance(name, str) or name.startswith("$")), None)
        if wrong is not None:
            raise _unknown(f"{place}.{wrong}", str(wrong), _FIELD)
        return {name: _value(each, f"{place}.{name}") for name, each in asked.items()}
    if isinstance(asked, list | tuple):
        return [_value(each, f"{place}[{number}]") for number, each in enumerate(asked)]
    if asked is not None and not isinstance(asked, str | int | float | bool):
        raise _wrong(place, f"{_kind(asked)} cannot be compared", "text, numbers, truth values, times and lists can")
    return check_text(asked, f"{display(place)} in the query") if isinstance(asked, str) else asked


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"a {type(value).__name__}"


def _unknown(place: str, name: str, known: tuple[str, ...]) -> UsageError:
    nearest = like(name, known, 1, 0.4)
    hint = f"did you mean {nearest[0]}?" if nearest else f"one of {' '.join(known)}"
    return _wrong(place, f"`{display(name)}` is no operator here", hint)


def _wrong(place: str, said: str, hint: str | None = None) -> UsageError:
    where = f"{display(place)} in the query" if place else "the query"
    return UsageError(f"{where}: {said}", hint=hint or 'such as {"labels.datatype": {"$in": ["a", "b"]}}')
