"""Documents: pointers and records as the mappings that queries look at, their text, and what can be looked up in them.

A document is made of mappings, lists, text, numbers, truth values and times. Its text is JSON, in which a time is
`{"$": ["moment", ISO]}`; it is kept in an index that can be thrown away, so it needs no version of its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, NamedTuple

_MARK, _MARKED = "$", '"$":'
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "clock": time.fromisoformat,
    "table": lambda table: {_MARK: table},
}
FACTS = ("labels", "tags", "partitions", "params", "metadata", "metrics")
"""The fields of a document whose values are looked up one by one."""
OF_METRICS = (".last", ".min", ".max", ".mean", ".count")
"""How the other numbers of a metric end, which are no facts."""
_UNSAID: Mapping[str, Any] = {
    "executable": False, "files": None, "rows": None, "value": None, "type": None, "run": None, "tags": [],
    "labels": {}, "partitions": {}, "schema": {}, "based_on": [],
}  # fmt: skip
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class Text(NamedTuple):
    """The text of a document. `is_plain` when it holds nothing but what JSON has."""

    text: str
    is_plain: bool


class Fact(NamedTuple):
    """One value in a document: the path to it, its parts joined by dots, and the text, number or truth value."""

    name: str
    value: str | int | float


def shortened(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a pointer without what most have not; `lengthened` gives it back."""
    return {name: fact for name, fact in document.items() if name not in _UNSAID or fact != _UNSAID[name]}


def lengthened(document: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document of a pointer again."""
    return {**_UNSAID, **document}


def with_sides(said: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a record with `inputs` and `outputs`, which are among its artifacts."""
    artifacts = said["artifacts"]
    sides = {f"{side}s": [each for each in artifacts if each["category"] == side] for side in ("input", "output")}
    return {**said, **sides}


def name_in(identity: str) -> str:
    """The name in an identity of Git's, `Name <address>`."""
    return identity.partition(" <")[0]


def pack(document: Mapping[str, Any]) -> Text:
    """The text of a document; `unpack` gives an equal one, with lists for tuples."""
    with suppress(TypeError):  # most have nothing but what JSON has, and this takes a fifth less
        return Text(_PLAIN.encode(document), True)
    marked: list[object] = []

    def mark(value: object) -> Any:
        if isinstance(value, Mapping):
            return dict(value)
        marked.append(value)
        return _mark(value)

    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=mark)
    if marked and text.count(_MARKED) > len(marked):  # a table of somebody's looks like a time
        text = json.dumps(_marked(document), separators=(",", ":"), ensure_ascii=False)
    return Text(text, not marked)


def unpack(text: str, is_plain: bool) -> Any:
    """The document whose text `pack` gave."""
    return json.loads(text) if is_plain else json.loads(text, object_hook=_unmarked)


def plain(value: Any) -> Any:
    """The same as everybody's JSON can say it: times as ISO 8601, and nothing for a number that JSON lacks."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def facts(document: Mapping[str, Any]) -> tuple[list[Fact], bool]:
    """(facts, whether they are all): what stands in the FACTS of a document, value by value.

    A list has a fact for each of its elements, a metric one for its last value alone. Left out are nothing,
    not-a-number and empty tables, which no comparison finds; what makes them not all are times and numbers of more
    than 64 bits.
    """
    found: list[Fact] = []
    is_whole = True
    for field in FACTS:
        if not (inner := document.get(field)):
            continue
        for name, value in _leaves(field, inner):
            kind = type(value)
            if field == "metrics" and name.endswith(OF_METRICS):
                continue
            if kind is str or kind is bool or (kind is int and _LEAST <= value <= _GREATEST):
                found.append(Fact(name, value))
            elif kind is float:
                if value == value:
                    found.append(Fact(name, value))
            elif value is not None:
                is_whole = False
    return found, is_whole


def _marked(value: Any) -> Any:
    """The same with times, and tables that look like a time, as JSON can say them."""
    if isinstance(value, Mapping):
        table = {str(key): _marked(each) for key, each in value.items()}
        return {_MARK: ["table", table[_MARK]]} if list(table) == [_MARK] else table
    if isinstance(value, list | tuple):
        return [_marked(each) for each in value]
    return value if value is None or isinstance(value, str | int | float) else _mark(value)


def _mark(value: object) -> Any:
    for kind, name in ((datetime, "moment"), (date, "day"), (time, "clock")):
        if isinstance(value, kind):
            return {_MARK: [name, value.isoformat()]}
    raise TypeError(f"a document cannot hold a {type(value).__name__}")


def _unmarked(table: dict[str, Any]) -> Any:
    if list(table) != [_MARK]:
        return table
    name, value = table[_MARK]
    return _READERS[name](value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, dict | list | tuple):
                yield from _leaves(f"{name}.{key}", each)
            else:
                yield f"{name}.{key}", each
    elif isinstance(value, list | tuple):
        for each in value:
            if not isinstance(each, list | tuple):  # a list in a list is compared as a whole
                yield from _leaves(name, each)
    else:
        yield name, value


def flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """(path, fact) of all that stands in facts and in the tables among them, as queries say it: `labels.stage`."""
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            yield from flat(fact, f"{before}{name}.")
        else:
            yield before + name, fact


def told(fact: Any) -> str:
    """A fact as text in a column of text: a time in ISO 8601, a list or a table as JSON, `true` and `false`."""
    if isinstance(fact, bool | list | tuple | Mapping):
        return json.dumps(plain(fact), ensure_ascii=False)
    return fact.isoformat() if isinstance(fact, datetime | date | time) else str(fact)
