"""Said: what a living run logs, as lines of text that are appended to its spool, and read back as they are.

    p STAMP STEP TIME VALUE NAME     a point of a metric; TIME in seconds since the run began
    e STAMP "TEXT"                   an event, its text as JSON
    d points|events COUNT            so many that a full queue dropped

Stamps are µs since 1970 (UTC). A line is whole when its end is there: whoever dies while writing one loses that one.
"""

import json
import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter, itemgetter

from track.model.series import Event, Points, is_metric_name, points_of

_BOUND = 2**63


@dataclass(slots=True)
class Columns:
    """The points of one metric as they are read."""

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    stamps: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class Heard:
    """What one writer said, in its order; `broken_count` lines could not be read."""

    metrics: dict[str, Columns] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    dropped_points: int = 0
    dropped_events: int = 0
    broken_count: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a run said, by all its writers: each in its own order, and among each other by time."""

    metrics: dict[str, Points] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    dropped_points: int = 0
    dropped_events: int = 0


def point_line(name: str, step: int, time: float, stamp: int, value: float) -> str:
    """The line of a point."""
    return f"p {stamp} {step} {time!r} {value!r} {name}\n"


def event_line(stamp: int, text: str) -> str:
    """The line of an event."""
    return f"e {stamp} {json.dumps(text)}\n"


def dropped_line(kind: str, count: int) -> str:
    """The line of what was dropped: `points` or `events`."""
    return f"d {kind} {count}\n"


def hear(content: bytes, heard: Heard) -> int:
    """Add the whole lines of `content` to `heard`, and return how many bytes they are."""
    end = content.rfind(b"\n") + 1
    for line in content[:end].decode("utf-8", "replace").split("\n")[:-1]:
        try:
            if line.startswith("p "):
                _hear_point(line, heard)
            else:
                _hear_other(line, heard)
        except (ValueError, OverflowError):
            heard.broken_count += 1
    return end


def together(writers: Iterable[Heard]) -> Said:
    """What all writers said: by time where several did, each in its own order whatever the clocks did."""
    all_heard = list(writers)
    metrics: dict[str, Points] = {}
    for name in {name: None for heard in all_heard for name in heard.metrics}:
        parts = [heard.metrics[name] for heard in all_heard if name in heard.metrics]
        columns = [Points(part.steps, part.stamps, part.times, part.values) for part in parts]
        metrics[name] = columns[0] if len(columns) == 1 else points_of(merge(*columns, key=attrgetter("stamp")))
    return Said(
        metrics,
        tuple(merge(*(heard.events for heard in all_heard), key=itemgetter(0))),
        sum(heard.dropped_points for heard in all_heard),
        sum(heard.dropped_events for heard in all_heard),
    )


def _hear_point(line: str, heard: Heard) -> None:
    _, stamp, step, time, value, name = line.split(" ", 5)
    point = int(stamp), int(step), float(time), float(value)
    if not (math.isfinite(point[2]) and math.isfinite(point[3])):
        raise ValueError(line)
    if not -_BOUND <= point[0] < _BOUND or not -_BOUND <= point[1] < _BOUND:
        raise ValueError(line)
    columns = heard.metrics.get(name)
    if columns is None:
        if not is_metric_name(name):
            raise ValueError(name)
        columns = heard.metrics[name] = Columns()
    columns.stamps.append(point[0])
    columns.steps.append(point[1])
    columns.times.append(point[2])
    columns.values.append(point[3])


def _hear_other(line: str, heard: Heard) -> None:
    kind, number, rest = line.split(" ", 2)
    if kind == "e":
        text = json.loads(rest)
        if not isinstance(text, str) or not -_BOUND <= int(number) < _BOUND:
            raise ValueError(line)
        heard.events.append(Event(int(number), text))
    elif kind == "d" and number == "points":
        heard.dropped_points += int(rest)
    elif kind == "d" and number == "events":
        heard.dropped_events += int(rest)
    else:
        raise ValueError(line)
