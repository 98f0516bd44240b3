"""Moments: text of ISO 8601, a date or a datetime is floored in UTC to minutes, hours, days, weeks or months."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import UsageError
from track.model.moments import GRANULARITIES, end_of, floored, moment_of

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
WHEN = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.none() | ZONES
)  # zones come from the strategy
UNITS = st.sampled_from(GRANULARITIES)
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(7)}


@pytest.mark.parametrize(
    ("when", "granularity", "floor"),
    [
        ("2024-01-01", "day", "2024-01-01"),
        ("2024-01-01T13:45", "day", "2024-01-01"),
        ("2024-01-01 13:45:59.999999", "minute", "2024-01-01T13:45"),
        ("2024-01-01T13:45:00Z", "hour", "2024-01-01T13"),
        ("2024-01-01T00:30+02:00", "day", "2023-12-31"),
        ("2023-12-31T23:30-0130", "day", "2024-01-01"),
        ("2024-01-01T00:30+02", "month", "2023-12"),
        ("2024-01", "month", "2024-01"),
        ("2024-02", "day", "2024-02-01"),
        ("2024-02-29", "week", "2024-02-26"),
        ("2024-01-01", "week", "2024-01-01"),
        (date(2024, 3, 3), "week", "2024-02-26"),
        (datetime(2024, 1, 1, 13, 45, tzinfo=UTC), "hour", "2024-01-01T13"),
        ("0999-05-05", "day", "0999-05-05"),
    ],
)
def test_a_moment_is_floored_in_utc(when, granularity, floor):
    assert floored(when, granularity) == floor


@given(WHEN, UNITS)
def test_floored_again_it_is_the_same(when, granularity):
    floor = floored(when, granularity)
    assert floored(floor, granularity) == floor


@given(WHEN, UNITS)
def test_the_floor_is_not_after_the_moment_and_less_than_one_unit_before(when, granularity):
    begins, moment = moment_of(floored(when, granularity)), moment_of(when)
    assert begins <= moment
    if granularity == "month":
        assert (begins.year, begins.month) == (moment.year, moment.month)
    else:
        assert moment - begins < STEPS[granularity]


@given(WHEN, WHEN, UNITS)
def test_later_moments_sort_later_as_text(one, other, granularity):
    first, second = sorted((one, other), key=moment_of)
    assert floored(first, granularity) <= floored(second, granularity)


@given(WHEN, UNITS)
def test_text_says_the_same_as_the_datetime(when, granularity):
    assert floored(when.isoformat(), granularity) == floored(when, granularity)


@pytest.mark.parametrize(
    "when",
    [
        "",
        "today",
        "2024",
        "2024-13-01",
        "2024-02-30",
        "2024-01-01T25:00",
        "2024-01-01T12:60",
        "2024-01-01T12:00+24:00",
        "2024-01-01T12:00+01:60",
        "20240101",
        "2024-01-01T12:00 Europe/Paris",
        "0001-01-01T00:00+01:00",
        "٢٠٢٤-01-01",
        "2024-01-01\n",
        "1704067200",
    ],
)
def test_what_is_no_time_is_refused_and_told_how_to_write_one(when):
    if when == "2024-01-01\n":
        assert floored(when, "day") == "2024-01-01"  # a line feed at an end is a shell's
        return
    with pytest.raises(UsageError, match="not a time") as caught:
        floored(when, "day")
    assert "2024-01-31T13:45" in (caught.value.hint or "")


def test_a_week_that_begins_before_the_first_year_is_refused():
    assert floored("0001-01-01", "week") == "0001-01-01"  # a Monday
    with pytest.raises(UsageError):
        moment_of("0000-12-31")


def test_an_unknown_granularity_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="not a granularity: 'year'") as caught:
        floored("2024-01-01", "year")
    assert "week" in (caught.value.hint or "")


def test_other_things_are_no_times():
    with pytest.raises(UsageError, match="not a time"):
        floored(20240101, "day")  # type: ignore[arg-type]  # what a caller may give all the same


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2024-02", "2024-02-29T23:59:59.999999+00:00"),
        ("2024-01-31", "2024-01-31T23:59:59.999999+00:00"),
        ("2024-01-31T13", "2024-01-31T13:59:59.999999+00:00"),
        ("2024-01-31T13:45", "2024-01-31T13:45:59.999999+00:00"),
        ("2024-01-31T13:45:07", "2024-01-31T13:45:07.999999+00:00"),
        ("2024-01-31T13:45:07.5", "2024-01-31T13:45:07.500000+00:00"),
        ("2024-01-31T23+01:00", "2024-01-31T22:59:59.999999+00:00"),
        ("9999-12", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:00-01:00", None),
    ],
)
def test_a_text_goes_to_the_end_of_what_it_names(text: str, end: str | None) -> None:
    if end is None:
        with pytest.raises(UsageError, match="not a time"):
            end_of(text)
    else:
        assert end_of(text).isoformat(timespec="microseconds") == end
