"""Doubts about a query that found nothing: tests that nothing can ever pass, and what was meant instead.

A field whose values are known words is never another one, a text never equals a number, and a time is no text. A test
under `not` is left alone: that nothing passes it is no reason to find nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from track.model.names import display
from track.model.nearest import most_like
from track.model.query import And, Exists, In, Match, Or, Order, Path, Query, moment


class Kinds(NamedTuple):
    """What the values of fields are: one of some words, or text, numbers, times or truth values; and by other words,
    which of those are meant.
    """

    words: Mapping[str, tuple[str, ...]]
    texts: frozenset[str]
    numbers: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    truths: frozenset[str] = frozenset()
    meant: Mapping[str, str] = {}


def doubts_of(query: Query, kinds: Kinds) -> tuple[str, ...]:
    """A sentence for each test in a query that nothing can pass."""
    return tuple(dict.fromkeys((*_doubts(query, kinds), *_partless(query, kinds))))


def paths_of(query: Query) -> Iterator[Path]:
    """The paths of what a query tests, but for those under `not`."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from paths_of(part)
        case In(path) | Order(path) | Match(path) | Exists(path):
            yield path


def texts_of(query: Query, field: str) -> Iterator[str]:
    """The texts that a query says a field equals, but for those under `not`."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from texts_of(part, field)
        case In(path, values) if path == (field,):
            yield from (value for value in values if isinstance(value, str))


def _partless(query: Query, kinds: Kinds) -> Iterator[str]:
    single = {*kinds.words, *kinds.texts, *kinds.numbers, *kinds.times, *kinds.truths}
    for path in paths_of(query):
        if len(path) > 1 and path[0] in single:
            yield f"`{path[0]}` is one value, and there is no `{display('.'.join(path))}`"


def _doubts(query: Query, kinds: Kinds) -> Iterator[str]:
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _doubts(part, kinds)
        case In((field,), values):
            found = [_doubt(field, value, kinds) for value in values if value is not None]
            if found and None not in found and None not in values:
                yield from (each for each in found if each is not None)
        case Order((field,), _, value) if (
            field not in kinds.words and (said := _doubt(field, value, kinds)) is not None
        ):
            yield said


def _doubt(field: str, value: Any, kinds: Kinds) -> str | None:
    """Why a field never has this value; None where it may."""
    if field in kinds.words:
        return None if value in kinds.words[field] else _other_word(field, value, kinds)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if field in kinds.texts and isinstance(value, int | float):
        return f"`{field}` is text, and {'a number' if is_number else _shown(value)} is none unless it stands in quotes"
    if field in kinds.numbers and not is_number:
        return f"`{field}` is a number, and {_shown(value)} is none"
    if field in kinds.times and moment(value) is None:
        return f"`{field}` is a time, such as 2026-01-31 or 7d, and {_shown(value)} is none"
    if field in kinds.truths and not isinstance(value, bool):
        return f"`{field}` is true or false, and never {_shown(value)}"
    return None


def _other_word(field: str, value: Any, kinds: Kinds) -> str:
    words = kinds.words[field]
    others = [word for word, meant in kinds.meant.items() if meant in words]
    near = most_like(value, (*words, *others)) if isinstance(value, str) else None
    near = kinds.meant.get(near, near) if near is not None else None
    listed = f"{', '.join(words[:-1])} or {words[-1]}"
    return f"`{field}` is never {_shown(value)}: it is {listed}" + (f"; did you mean {near}?" if near else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{display(value)}`" if isinstance(value, str) else display(str(value))
