"""What is said to a living run: points and events, checked, timed and without secrets."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from track.errors import UsageError
from track.flows.run_secrets import hidden_by_now, secrets_of
from track.flows.run_start import text_without_secrets
from track.model.moments import EPOCH, micros
from track.model.names import display, told
from track.model.said import event_line, point_line
from track.model.series import is_metric_name
from track.project import Project
from track.runs.journal import Living
from track.runs.spool import append


def say_points(
    living: Living,
    values: Mapping[str, float],
    *,
    step: int | None = None,
    seconds: float | None = None,
    stamp: int | None = None,
) -> None:
    """Log values of metrics to a living run at once; `seconds` since it began, `stamp` in µs since 1970.

    Raises:
        UsageError: a name, value or time that cannot be; or the run has ended.
        DiskFull, StoreUnwritable, Locked: it cannot be written.
    """
    checked = check_values(values)
    at = now_micros() if stamp is None else stamp
    began = micros(_running(living))
    since = check_seconds((now_micros() - began) / 1e6 if seconds is None else seconds)

    def lines(next_step: Callable[[], int]) -> str:
        number = check_step(next_step() if step is None else step)
        return "".join(point_line(name, number, since, at, value) for name, value in checked.items())

    append(living, lines)


def say_event(project: Project, living: Living, text: str, *, stamp: int | None = None) -> None:
    """Log an event to a living run at once, without secrets. Raises as `say_points` does."""
    at = now_micros() if stamp is None else stamp
    hidden = secrets_of(project)
    _running(living)
    append(living, lambda next_step: event_line(at, without_secrets(text, hidden)))


def without_secrets(text: str, hidden: tuple[str, ...]) -> str:
    """The text of an event as it may be kept: without these values, nor those of variables that look secret now."""
    return text_without_secrets(text, hidden_by_now(hidden))


def check_values(values: Mapping[str, float]) -> dict[str, float]:
    """Values of metrics as numbers. Raises UsageError for names and values that cannot be; nothing of it is logged."""
    if not isinstance(values, Mapping) or not values:
        raise UsageError("metrics are names and their values", hint="such as {'loss': 0.25}")
    return {check_metric(name): check_number(name, value) for name, value in values.items()}


def check_metric(name: str) -> str:
    """The name of a metric. Raises UsageError for what is none."""
    if not isinstance(name, str) or not is_metric_name(name):
        raise UsageError(
            f"not a name for a metric: {display(str(name))!r}", hint="a line of text of 255 bytes at most, such as loss"
        )
    return name


def check_number(name: str, value: object) -> float:
    """The value of a metric. Raises UsageError for what is no finite number."""
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]  # NumPy's and others' numbers are ones too
    except (TypeError, ValueError, OverflowError):
        raise UsageError(
            f"the value of {display(str(name))} is no number: {told(value)}", hint="a metric is a number"
        ) from None
    if not math.isfinite(number):
        raise UsageError(f"the value of {display(str(name))} is {number}", hint="a metric is a finite number")
    return number


def check_step(step: object) -> int:
    """A step. Raises UsageError for what is no whole number of 64 bits."""
    try:
        number = int(step.__index__())  # type: ignore[attr-defined]  # what has none is refused below
    except (AttributeError, TypeError):
        raise UsageError(f"not a step: {told(step)}", hint="a whole number, such as 3") from None
    if not -(2**63) <= number < 2**63:
        raise UsageError(f"the step {number} has more than 64 bits", hint="a whole number, such as 3")
    return number


def check_seconds(seconds: object) -> float:
    """A time since the run began. Raises UsageError for what is no finite number."""
    return check_number("time", seconds)


def stamp_of(text: object) -> int:
    """A time as people write it, `2021-05-03 14:13:27.281920`, in µs since 1970; without a zone it is UTC.

    Raises:
        UsageError: it is no time.
    """
    try:
        when = text if isinstance(text, datetime) else datetime.fromisoformat(text.strip())  # type: ignore[attr-defined]  # what is no text is refused below
        when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        return micros(when.astimezone(UTC))
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise UsageError(
            f"not a time: {told(text)}", hint="such as '2021-05-03 14:13:27.281920', which is UTC"
        ) from None


def time_of(stamp: int) -> datetime:
    """The time of a stamp, in UTC; the first or last that there is for one beyond all calendars."""
    try:
        return EPOCH + timedelta(microseconds=stamp)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if stamp > 0 else datetime.min.replace(tzinfo=UTC)


def now_micros() -> int:
    """The time in µs since 1970, by the clock on the wall."""
    return time.time_ns() // 1000


def _running(living: Living) -> datetime:
    """When the run began; one that was only created runs from now on."""
    draft = living.record()
    if draft.status == "created":
        living.edit(lambda record: replace(record, status="running"))
    return draft.started
