"""Brief: the parts of results at a prompt, each in a few words: its facts by name, and of what is long how much it is.

A part is shown by the names under which a program finds its facts; what is empty, none or nothing is left out.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from track.model.amounts import count_text
from track.model.digest import Digest

_T = TypeVar("_T")
_FACTS = 10
_SHOWN = 48
_NAMES = 5
_LINES = 20

PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("track.flows.bring", ("BroughtArtifact", "Lacking")),
    ("track.flows.data_store", ("StoreObject",)),
    ("track.flows.logged", ("CommitLogged", "RunLogged", "Version")),
    ("track.flows.look", ("Look",)),
    ("track.flows.passed", ("Came", "Passed")),
    ("track.flows.receive", ("Foreseen",)),
    ("track.flows.run_read", ("RunArtifact",)),
    ("track.history.catalog_view", ("Unreadable",)),
    ("track.history.log", ("Commit",)),
    ("track.model.change", ("Change",)),
    ("track.model.graph", ("Edge", "Graph")),
    ("track.model.node", ("Entry",)),
    ("track.model.pointer", ("Pointer",)),
    ("track.model.record", ("Revision", "Series", "Summary", "Used")),
    ("track.model.series", ("Event", "Points")),
    ("track.model.staleness", ("Cause", "Stale")),
    ("track.verbs.add", ("AddedArtifact",)),
    ("track.verbs.checkout", ("CheckedOut",)),
    ("track.verbs.diff", ("ArtifactDiff", "Fact")),
    ("track.verbs.push", ("PushedVersion",)),
    ("track.verbs.put", ("Put",)),
    ("track.verbs.run_artifacts_get", ("ArtifactsGot",)),
    ("track.verbs.status", ("ArtifactStatus",)),
    ("track.verbs.version_download", ("Downloaded",)),
    ("track.verbs.who_uses", ("Use",)),
)
"""What is in a result: its module, and its classes there."""


class Named(dict[str, _T]):
    """What is in something, by its name; at a prompt how many there are, and the first of them."""

    def __repr__(self) -> str:
        """The number and a few names."""
        names = [_clipped(name) for name, _ in zip(self, range(_NAMES), strict=False)]
        return f"<{count_text(len(self), 'file')}{': ' * bool(names)}{', '.join(names)}{', …' * (len(self) > _NAMES)}>"


class Several(tuple[_T, ...]):
    """A tuple of very much; at a prompt how many there are, and the first of them."""

    __slots__ = ()

    @typing.overload
    def __getitem__(self, place: typing.SupportsIndex) -> _T: ...
    @typing.overload
    def __getitem__(self, place: slice) -> Several[_T]: ...
    def __getitem__(self, place: typing.SupportsIndex | slice) -> Any:
        """The one at a place, or several again."""
        return Several(tuple(self)[place]) if isinstance(place, slice) else super().__getitem__(place)

    def __repr__(self) -> str:
        """The number, and a line for each of the first."""
        if len(self) <= _LINES:
            return repr(tuple(self))
        told = [_clipped(repr(one)) if isinstance(one, str | bytes) else repr(one) for one in self[:_LINES]]
        return "\n  ".join((f"<{count_text(len(self), 'item')}>", *told, f"… and {len(self) - _LINES:,} more"))


def shorten(kind: type) -> None:
    """Let what is made of a class have its tuples as `Several`, where they are long; once more is fine."""
    for name, known in list(vars(kind).items()):
        if isinstance(known, property) and known.fget is not None and not hasattr(known.fget, "__wrapped__"):
            setattr(kind, name, property(_shortened(known.fget), doc=known.__doc__))
    _shorten_facts(kind)


def _shortened(asked: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(asked)
    def short(self: Any) -> Any:
        return Several(found) if _is_long(found := asked(self)) else found

    return short


def _shorten_facts(kind: type) -> None:
    is_tuple = issubclass(kind, tuple)
    said = {name: each.type for name, each in getattr(kind, "__dataclass_fields__", {}).items()} or kind.__annotations__
    names = tuple(name for name in _names_of(kind) if str(said.get(name)).startswith("tuple["))
    made: Callable[..., Any] = kind.__new__ if is_tuple else kind.__init__  # type: ignore[misc]  # of this class alone
    if not names or hasattr(made, "__wrapped__"):
        return

    @wraps(made)
    def short(self: Any, *args: Any, **words: Any) -> Any:
        found = made(self, *args, **words)
        whole = found if is_tuple else self
        long = {name: Several(value) for name in names if _is_long(value := getattr(whole, name))}
        if is_tuple:
            return found._replace(**long) if long else found
        for name, value in long.items():
            object.__setattr__(self, name, value)
        return None

    setattr(kind, "__new__" if is_tuple else "__init__", short)


def _is_long(value: object) -> bool:
    return type(value) is tuple and len(value) > _LINES


def brief(found: Any) -> str:
    """A part of a result by the names of its facts, at most some, and none of them long."""
    told = [f"{name}={_fact(fact)}" for name, fact in _facts(found) if fact]
    more = ["…"] if len(told) > _FACTS else []
    return f"{type(found).__name__}({', '.join(told[:_FACTS] + more)})"


def few(said: Mapping[str, object]) -> str:
    """Names with what is said of each, at most some, and none of them long."""
    told = [
        f"{_clipped(repr(name))}: {few(value) if isinstance(value, Mapping) else _fact(value)}"
        for name, value in said.items()
    ]
    return "{" + ", ".join(told[:_FACTS] + ["…"] * (len(told) > _FACTS)) + "}"


def _facts(found: Any) -> Iterator[tuple[str, object]]:
    yield from ((name, getattr(found, name)) for name in _names(found) if not name.startswith("_"))


def _names(found: Any) -> tuple[str, ...]:
    return _names_of(type(found))


def _names_of(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass, whose module takes its time to load, or of a named tuple; of anything else none."""
    return tuple(getattr(kind, "__dataclass_fields__", ())) or getattr(kind, "_fields", ())


def _fact(fact: object) -> str:
    """Text and bytes clipped, times to the minute, of what has several in it the number, parts by what they are."""
    if isinstance(fact, datetime):
        return fact.strftime("%Y-%m-%d %H:%M %Z").rstrip()
    if isinstance(fact, Digest):
        return f"{str(fact)[:19]}…"
    if isinstance(fact, str | bytes):
        return _clipped(repr(fact))
    if _names(fact):
        return f"<{type(fact).__name__}>"
    if isinstance(fact, Collection):
        return f"<{count_text(len(fact), 'item')}>"
    return _clipped(repr(fact))


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
