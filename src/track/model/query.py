"""Query: what a version or a run has to be like, as one small tree, and whether a document is like that.

Text (`query_text`) and dictionaries (`query_dictionary`) make the same tree. Its kinds are few, so that a catalog can
say the same in SQL. A document is a mapping, nested at will; its times are aware.

The meaning is that of MongoDB's queries, where dictionaries of this kind come from: a test of a field that is a list
holds when it holds for one of the elements, a path goes through lists, values of different kinds are neither equal
nor before each other, and what is not there equals null. A key with dots in it is found by a path that spells it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from track.model.query_pattern import Pattern

Path: TypeAlias = tuple[str, ...]


class In(NamedTuple):
    """The field equals one of these values; None among them stands also for a field that is not there."""

    path: Path
    values: tuple[Any, ...]


class Order(NamedTuple):
    """The field is before or after a value of its kind: number, text, time or truth value. `sign` is `<`, `<=`, `>` or
    `>=`.
    """

    path: Path
    sign: str
    value: Any


class Match(NamedTuple):
    """A pattern is found somewhere in the field's text."""

    path: Path
    pattern: Pattern


class Exists(NamedTuple):
    """The field is there, whatever it holds."""

    path: Path


class Size(NamedTuple):
    """The field is a list of so many elements."""

    path: Path
    elements: int


class Element(NamedTuple):
    """The field is a list with an element that is like `inner`; a path without parts is the element itself."""

    path: Path
    inner: "Query"


class And(NamedTuple):
    """All of these hold; of none, that is so."""

    parts: tuple["Query", ...]


class Or(NamedTuple):
    """One of these holds; of none, that is not so."""

    parts: tuple["Query", ...]


class Not(NamedTuple):
    """This does not hold."""

    inner: "Query"


Query: TypeAlias = In | Order | Match | Exists | Size | Element | And | Or | Not


def holds(query: Query, document: Any) -> bool:
    """Whether a document is like the query says."""
    match query:
        case And(parts):
            return all(holds(part, document) for part in parts)
        case Or(parts):
            return any(holds(part, document) for part in parts)
        case Not(inner):
            return not holds(inner, document)
        case Exists(path):
            return any(True for _ in found(document, path))
        case In(path, values):
            return _is_among(document, path, values)
        case Size(path, elements):
            return any(isinstance(each, list | tuple) and len(each) == elements for each in found(document, path))
        case Element(path, inner):
            lists = (each for each in found(document, path) if isinstance(each, list | tuple))
            return any(holds(inner, element) for each in lists for element in each)
        case Order(path, sign, value):
            return any(_is_ordered(each, sign, value) for each in _candidates(document, path))
        case Match(path, pattern):
            return any(isinstance(each, str) and pattern.is_in(each) for each in _candidates(document, path))


def found(document: Any, path: Path) -> Iterator[Any]:
    """Every value that a path leads to in a document."""
    if not path:
        yield document
    elif isinstance(document, Mapping):
        for length in range(1, len(path) + 1):
            key = ".".join(path[:length])
            if key in document:
                yield from found(document[key], path[length:])
    elif isinstance(document, list | tuple):
        if path[0].isdecimal() and path[0].isascii() and len(path[0]) < 10 and int(path[0]) < len(document):
            yield from found(document[int(path[0])], path[1:])
        for element in document:
            if isinstance(element, Mapping):
                yield from found(element, path)


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one kind: 1 is 1.0 and not true; a time is also its ISO text."""
    if isinstance(one, bool) or isinstance(other, bool):
        return isinstance(one, bool) and isinstance(other, bool) and one == other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, datetime) or isinstance(other, datetime):
        first, second = moment(one), moment(other)
        return first is not None and second is not None and first == second
    return bool(one == other)


def moment(value: Any) -> datetime | None:
    """The time that a value stands for, in UTC where it has no zone; None where it is no time."""
    if isinstance(value, str) and len(value) >= 8 and value[:4].isdecimal():
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.utcoffset() is not None else value.replace(tzinfo=UTC)


def _is_among(document: Any, path: Path, values: tuple[Any, ...]) -> bool:
    there = list(_candidates(document, path))
    if not there and any(value is None for value in values):
        return True
    return any(equal(each, value) for each in there for value in values)


def _candidates(document: Any, path: Path) -> Iterator[Any]:
    """What a test of a field looks at: its values, and of a list every element."""
    for value in found(document, path):
        yield value
        if isinstance(value, list | tuple):
            yield from value


def _is_ordered(one: Any, sign: str, other: Any) -> bool:
    if isinstance(one, datetime) or isinstance(other, datetime):
        one, other = moment(one), moment(other)
        if one is None or other is None:
            return False
    elif isinstance(one, bool) or isinstance(other, bool):
        if not (isinstance(one, bool) and isinstance(other, bool)):
            return False
    elif not (
        (isinstance(one, int | float) and isinstance(other, int | float))
        or (isinstance(one, str) and isinstance(other, str))
    ):
        return False
    match sign:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
    return bool(one >= other)
