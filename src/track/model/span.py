"""Span: which partitions are asked for: these values, and of time a moment or all from one to another."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from track.errors import UsageError
from track.model.declaration import TIME, Declaration, UndeclaredKey, ordered
from track.model.moments import end_of, floored
from track.model.names import display

_DOTS = ".."
_HINT = "write --time 2024-01-01..2024-01-31; one end may be left out"


class Wanted(NamedTuple):
    """Partitions as they are asked for, and the times at the two ends of a span, of which empty ones are open."""

    partitions: Mapping[str, str]
    span: tuple[str, str] | None = None

    def fits(self, has: Mapping[str, str]) -> bool:
        """Whether partitions have everything that is asked for, and maybe more."""
        if not self.partitions.items() <= has.items():
            return False
        if self.span is None:
            return True
        (first, last), when = self.span, has.get(TIME)
        return when is not None and first <= when and (not last or when <= last)

    @property
    def shown(self) -> Mapping[str, str]:
        """All of it as people read it."""
        return self.partitions if self.span is None else {**self.partitions, TIME: _DOTS.join(self.span)}


def wanted(declaration: Declaration, given: Mapping[str, object], time: str | date | None = None) -> Wanted:
    """What a person asks for: partitions as text, and a time, or a span such as 2024-01-01..2024-01-31.

    Both ends are floored as times are, and belong to it: the last to its end, as all hours of a day.

    Raises:
        UndeclaredKey: a key is not among those declared.
        UsageError: a value cannot be, or the span has no end, or ends before it begins.
    """
    if not isinstance(time, str) or _DOTS not in time:
        return Wanted(ordered(declaration, given, time))
    if declaration.time is None:
        raise UndeclaredKey(TIME)
    ends = [end.strip() for end in time.split(_DOTS, 1)]
    if not any(ends):
        raise UsageError("a span of time without an end", hint=_HINT)
    first = floored(ends[0], declaration.time) if ends[0] else ""
    last = floored(end_of(ends[1]), declaration.time) if ends[1] else ""
    if first and last and last < first:
        raise UsageError(f"a span of time that ends before it begins: {display(time)}", hint=f"{ends[1]}..{ends[0]}")
    return Wanted(ordered(declaration, given), (first, last))
