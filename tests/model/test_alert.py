"""Alerts as pure values: averages over windows, looks at whole frequencies, limits that are not beyond themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import BadConfig, NewerFormat
from track.model.alert import (
    CRITICAL,
    OK,
    Alert,
    State,
    dump_alert,
    look,
    look_at_events,
    parse_alert,
    set_to,
)

MINUTE = 60_000_000
BELOW = Alert(name="quality too low", type="is below", metric="quality", frequency=1, window=1, threshold=0.4)
OUTSIDE = Alert(
    name="density invalid",
    type="is outside range",
    metric="density",
    frequency=1,
    window=1,
    range_low=1.0,
    range_high=5.0,
)


def looked(alert: Alert, *points: tuple[float, float], minutes: float, state: State | None = None) -> State:
    """The state after a look at so many minutes, of points at (minute, value)."""
    stamped = [(round(minute * MINUTE), value) for minute, value in points]
    return look(alert, state or State(0), stamped, round(minutes * MINUTE))


def test_an_average_below_the_threshold_is_critical_at_the_first_look_after_it() -> None:
    points = [(0.2, 0.6), (0.8, 0.4), (1.2, 0.5), (1.6, 0.1)]
    first = looked(BELOW, *points[:2], minutes=1)
    assert first.status == OK and first.looked == MINUTE
    between = looked(BELOW, *points, minutes=1.9, state=first)
    assert between == first
    second = looked(BELOW, *points, minutes=2, state=between)
    assert second.status == CRITICAL and second.was_critical
    third = looked(BELOW, *points, (2.5, 0.9), minutes=3.5, state=second)
    assert third.status == OK and third.was_critical


@pytest.mark.parametrize(("value", "status"), [(0.9, CRITICAL), (1.0, OK), (3.0, OK), (5.0, OK), (5.1, CRITICAL)])
def test_a_limit_is_not_outside_of_itself(value: float, status: str) -> None:
    assert looked(OUTSIDE, (0.5, value), minutes=1).status == status


@pytest.mark.parametrize(("value", "status"), [(0.9, OK), (1.0, OK), (3.0, CRITICAL), (5.0, OK)])
def test_inside_is_strict_as_well(value: float, status: str) -> None:
    inside = Alert(name="x", type="is inside range", metric="d", frequency=1, window=1, range_low=1.0, range_high=5.0)
    assert looked(inside, (0.5, value), minutes=1).status == status


def test_above_is_strict() -> None:
    above = Alert(name="x", type="is above", metric="d", frequency=1, window=1, threshold=2)
    assert looked(above, (0.5, 2.0), minutes=1).status == OK
    assert looked(above, (0.5, 2.1), minutes=1).status == CRITICAL


def test_the_window_is_longer_or_shorter_than_the_frequency() -> None:
    wide = Alert(name="x", type="is below", metric="q", frequency=1, window=5, threshold=0.4)
    points = [(1.0, 1.0), (2.0, 1.0), (4.5, 0.0)]
    assert looked(wide, *points, minutes=5).status == OK
    assert looked(wide, *points, minutes=7).status == CRITICAL
    rare = Alert(name="x", type="is below", metric="q", frequency=5, window=1, threshold=0.4)
    assert looked(rare, (3.0, 0.0), (3.5, 0.0), minutes=4.9).looked is None
    assert looked(rare, (3.0, 0.0), (4.5, 0.0), minutes=6).status == CRITICAL


def test_without_a_point_in_the_window_nothing_changes() -> None:
    critical = State(0, CRITICAL, True, MINUTE)
    after = looked(BELOW, (0.5, 0.1), minutes=3, state=critical)
    assert after.status == CRITICAL and after.looked == 3 * MINUTE


@given(st.lists(st.tuples(st.integers(0, 10 * MINUTE), st.floats(0, 1)), max_size=20), st.integers(0, 10 * MINUTE))
def test_a_clock_that_goes_back_changes_nothing(points: list[tuple[int, float]], now: int) -> None:
    state = look(BELOW, State(0), points, 10 * MINUTE)
    assert look(BELOW, state, points, now) == state


def test_an_event_that_matches_is_critical_for_good() -> None:
    alert = Alert(name="x", type="event", pattern="[Dd]iverged")
    state = look_at_events(alert, State(0), ["begun", "it diverged"])
    assert state.status == CRITICAL and look_at_events(alert, state, ["fine"]).status == CRITICAL
    assert look_at_events(alert, State(0), ["begun"]).status == OK
    assert set_to(state, OK).was_critical
    with pytest.raises(ValueError, match="not a state"):
        set_to(state, "bad")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"type": "is near"}, "not one of is above"),
        ({"threshold": None}, "threshold is missing"),
        ({"threshold": float("nan")}, "threshold is no number"),
        ({"threshold": "high"}, "threshold is no number"),
        ({"metric": None}, "metric is missing"),
        ({"metric": "a\nb"}, "not the name of one"),
        ({"frequency": 0}, "frequency is 0"),
        ({"window": -1}, "window is -1"),
        ({"range_low": 1.0}, "range_low means nothing"),
        ({"notification": "pigeon"}, "not one of none, email"),
        ({"name": ""}, "not a line of text"),
        ({"type": "is inside range", "threshold": None}, "range_low is missing; range_high is missing"),
        ({"type": "is inside range", "threshold": None, "range_low": 2, "range_high": 1}, "is not below range_high"),
        ({"type": "event", "pattern": "("}, "no regular expression"),
    ],
)
def test_an_alert_that_cannot_be_says_why(facts: dict[str, object], said: str) -> None:
    known = {"name": "x", "type": "is below", "metric": "q", "frequency": 1, "window": 1, "threshold": 0.4}
    with pytest.raises(ValueError, match=said):
        Alert(**{**known, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize("alert", [BELOW, OUTSIDE, Alert(name="ä", type="by hand", notification="email")])
def test_an_alert_is_read_as_it_was_written(alert: Alert) -> None:
    data = dump_alert(alert)
    assert parse_alert(data, "x.toml") == alert and dump_alert(parse_alert(data, "x.toml")) == data


@pytest.mark.parametrize("data", [b"", b"[alert]\n", b'[alert]\nname = "x"\ntype = "by hand"\nmore = 1\n', b"\xff"])
def test_what_is_no_alert_is_refused(data: bytes) -> None:
    with pytest.raises(BadConfig):
        parse_alert(data, "x.toml")
    with pytest.raises(NewerFormat):
        parse_alert(b'[alert]\nformat = 2\nname = "x"\ntype = "by hand"\n', "x.toml")
