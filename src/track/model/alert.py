"""Alerts: when a metric, averaged over the last minutes, or an event calls for somebody.

A definition belongs to the project; in which state a run left it is in the run's record. Time is passed in.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from track.errors import BadConfig, NewerFormat
from track.model import toml
from track.model.series import is_metric_name

ABOVE, BELOW, OUTSIDE, INSIDE = "is above", "is below", "is outside range", "is inside range"
EVENT, BY_HAND = "event", "by hand"
TYPES = (ABOVE, BELOW, OUTSIDE, INSIDE, EVENT, BY_HAND)
NOTIFICATIONS = ("none", "email")
OK, CRITICAL = "ok", "critical"
STATES = (OK, CRITICAL)

_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What calls for somebody.

    Of a metric: its average over the last `window` minutes, looked at every `frequency` minutes, against `threshold`
    or `range_low` and `range_high`; exactly on a limit is not beyond it. Of events: a regular expression that one
    holds. By hand: who sets it knows why.

    Raises:
        ValueError: it cannot be; every reason is named.
    """

    name: str
    type: str
    metric: str | None = None
    frequency: float | None = None
    window: float | None = None
    threshold: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    pattern: str | None = None
    notification: str = "none"

    def __post_init__(self) -> None:
        """Check that these facts go together."""
        problems = tuple(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))

    def is_beyond(self, value: float) -> bool:
        """Whether an average calls for somebody."""
        if self.type == ABOVE:
            return value > _told(self.threshold)
        if self.type == BELOW:
            return value < _told(self.threshold)
        inside = _told(self.range_low) < value < _told(self.range_high)
        outside = value < _told(self.range_low) or value > _told(self.range_high)
        return inside if self.type == INSIDE else outside


class State(NamedTuple):
    """How an alert stands in a run: `ok` or `critical`; whether it was ever critical; when it was last looked at.

    `looked` and `began` are in µs since 1970; looks are at `began` and whole frequencies after it.
    """

    began: int
    status: str = OK
    was_critical: bool = False
    looked: int | None = None


def look(alert: Alert, state: State, points: Iterable[tuple[int, float]], now: int) -> State:
    """The state at `now` of an alert on a metric whose (stamp, value) are `points`; unchanged between two looks.

    The average is over `window` minutes before the last look that was due. Without a point in them nothing changes.
    """
    every, back = (round(_told(minutes) * _MINUTE) for minutes in (alert.frequency, alert.window))
    due = state.began + (now - state.began) // every * every
    if due <= (state.began if state.looked is None else state.looked):
        return state
    values = [value for stamp, value in points if due - back < stamp <= due]
    looked = state._replace(looked=due)
    if not values:
        return looked
    return set_to(looked, CRITICAL if alert.is_beyond(math.fsum(values) / len(values)) else OK)


def look_at_events(alert: Alert, state: State, texts: Iterable[str]) -> State:
    """The state of an alert on events when these came; it stays critical once one matched."""
    pattern = re.compile(alert.pattern or "")
    return set_to(state, CRITICAL) if any(pattern.search(text) for text in texts) else state


def set_to(state: State, status: str) -> State:
    """The state as it was set. ValueError for what is none."""
    if status not in STATES:
        raise ValueError(f"not a state of an alert: {status!r}")
    return state._replace(status=status, was_critical=state.was_critical or status == CRITICAL)


_FACTS = ("type", "metric", "frequency", "window", "threshold", "range_low", "range_high", "pattern", "notification")


def dump_alert(alert: Alert) -> bytes:
    """The bytes of an alert's file, of which there is one spelling."""
    facts = {"name": alert.name, **{name: getattr(alert, name) for name in _FACTS}}
    return toml.table("alert", {n: f for n, f in facts.items() if f is not None}, ordered=True).lstrip("\n").encode()


def parse_alert(data: bytes, name: str) -> Alert:
    """The alert in the bytes of a file; `name` is only for messages.

    Raises:
        NewerFormat: a later version of track wrote it.
        BadConfig: it is none.
    """
    try:
        document = toml.parse(data)
        facts: dict[str, Any] = document["alert"]
        version = facts.pop("format", 1)
        if version != 1:
            raise NewerFormat(f"{name} has format {version}", hint="upgrade track: pip install --upgrade track-data")
        return Alert(**facts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadConfig(f"{name} is no alert: {toml.fault(error)}", hint="git log -- FILE tells how it was") from None


def _told(number: float | None) -> float:
    assert number is not None
    return number


def _is_number(fact: object) -> bool:
    return isinstance(fact, int | float) and not isinstance(fact, bool) and math.isfinite(fact)


def _problems(alert: Alert) -> Iterator[str]:
    if not isinstance(alert.name, str) or not is_metric_name(alert.name):
        yield f"its name is {alert.name!r}, not a line of text"
    if alert.type not in TYPES:
        yield f"its type is {alert.type!r}, not one of {', '.join(TYPES)}"
    if alert.notification not in NOTIFICATIONS:
        yield f"its notification is {alert.notification!r}, not one of {', '.join(NOTIFICATIONS)}"
    wanted = _wanted(alert.type)
    for name in _FACTS[1:-1]:
        fact = getattr(alert, name)
        if name in wanted and fact is None:
            yield f"{name} is missing"
        elif fact is not None and name not in wanted:
            yield f"{name} means nothing for {alert.type!r}"
        elif fact is not None and name not in ("metric", "pattern") and not _is_number(fact):
            yield f"{name} is no number"
        elif name in ("frequency", "window") and fact is not None and not 1 / 60 <= fact <= 1e6:
            yield f"{name} is {fact}, not a second to a million minutes"
    if alert.metric is not None and not (isinstance(alert.metric, str) and is_metric_name(alert.metric)):
        yield f"metric is {alert.metric!r}, not the name of one"
    if _is_number(alert.range_low) and _is_number(alert.range_high) and not alert.range_low < alert.range_high:  # type: ignore[operator]  # numbers
        yield "range_low is not below range_high"
    yield from _pattern_problems(alert.pattern)


def _pattern_problems(pattern: object) -> Iterator[str]:
    if pattern is None:
        return
    try:
        re.compile(pattern)  # type: ignore[call-overload]  # what is no text is refused below
    except (re.error, TypeError) as error:
        yield f"pattern is no regular expression: {error}"


def _wanted(kind: str) -> tuple[str, ...]:
    if kind in (ABOVE, BELOW):
        return "metric", "frequency", "window", "threshold"
    if kind in (OUTSIDE, INSIDE):
        return "metric", "frequency", "window", "range_low", "range_high"
    return ("pattern",) if kind == EVENT else ()
