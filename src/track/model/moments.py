"""Moments: the time of a partition, floored in UTC to the granularity of its artifact, and how it is written; and a
time as a number.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from track.errors import UsageError
from track.model.expressions import expression
from track.model.names import display

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GRANULARITIES = ("minute", "hour", "day", "week", "month")
"""How long the pieces are into which a named artifact is cut by time."""

_FORMS = {"minute": "%Y-%m-%dT%H:%M", "hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}
_TYPED = expression(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|z|[+-]\d\d(?::?\d\d)?)?)?)?",
    re.ASCII,
)
_UNITS = ((6, "seconds"), (5, "minutes"), (4, "hours"))
_LAST = datetime.max.replace(tzinfo=UTC)
_WRITE_IT = "write 2024-01-31, 2024-01-31T13:45 or 2024-01-31T13:45:00+02:00; without a zone it is UTC"


def micros(when: datetime) -> int:
    """A time as whole µs since 1970."""
    since = when - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def floored(when: str | date, granularity: str) -> str:
    """The moment as a partition has it: the beginning, in UTC, of the minute, hour, day, week or month it lies in.

    `when` is text of ISO 8601, a date, or a datetime; without a zone it is UTC. Weeks begin on Monday. Written
    2024-01-31T13:45, 2024-01-31T13, 2024-01-31 or 2024-01, so that later moments sort later, and floored again it is
    the same.

    Raises:
        UsageError: it is no time, or there is no such granularity.
    """
    if granularity not in GRANULARITIES:
        raise UsageError(f"not a granularity: '{display(str(granularity))}'", hint=f"one of {', '.join(GRANULARITIES)}")
    moment = moment_of(when)
    if granularity == "week":
        if moment.toordinal() <= moment.weekday():
            raise UsageError(f"the week of {moment:%Y-%m-%d} begins before the year 1", hint=_WRITE_IT)
        moment -= timedelta(days=moment.weekday())
    written = moment.strftime(_FORMS[granularity])
    return written.rjust(len(written) + 4 - written.index("-"), "0")  # strftime pads no years before 1000 everywhere


def moment_of(when: str | date) -> datetime:
    """The moment in UTC that text of ISO 8601, a date or a datetime says; without a zone it is UTC.

    Raises:
        UsageError: it is none.
    """
    if isinstance(when, str):
        return _parsed(when)
    if isinstance(when, datetime):
        return _in_utc(when, str(when))
    if isinstance(when, date):
        return datetime(when.year, when.month, when.day, tzinfo=UTC)
    raise UsageError(f"not a time: {display(repr(when))}", hint=_WRITE_IT)


def end_of(text: str) -> datetime:
    """The last moment, in UTC, of the month, day, hour, minute or second that text of ISO 8601 says.

    Raises:
        UsageError: it says none.
    """
    begin = _parsed(text)
    found = _TYPED.fullmatch(text.strip())
    assert found is not None
    if found[3] is None:
        length = timedelta(monthrange(begin.year, begin.month)[1])
    else:
        given = next((unit for place, unit in _UNITS if found[place] is not None), "days")
        length = timedelta(**{given: 1}) if found[7] is None else timedelta(microseconds=1)
    return begin + min(length - timedelta(microseconds=1), _LAST - begin)


def _parsed(text: str) -> datetime:
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"not a time: '{display(text)}'", hint=_WRITE_IT)
    numbers = [int(found[place] or least) for place, least in ((1, 1), (2, 1), (3, 1), (4, 0), (5, 0), (6, 0))]
    micros = int((found[7] or "").ljust(6, "0")[:6])
    try:
        year, month, day, hour, minute, second = numbers
        moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)
        return moment - _offset(found[8])
    except (ValueError, OverflowError) as error:
        raise UsageError(f"not a time: '{display(text)}': {error}", hint=_WRITE_IT) from None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"there is no zone {zone}")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _in_utc(when: datetime, shown: str) -> datetime:
    if when.utcoffset() is None:
        return when.replace(tzinfo=UTC)
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"not a time: '{display(shown)}' has no moment in UTC", hint=_WRITE_IT) from None
