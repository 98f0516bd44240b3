"""Series: what was logged comes back to the bit, in little space, and nothing else is taken for it."""

import math
from array import array

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from track.errors import MalformedSeries, NewerFormat
from track.model.said import Heard, dropped_line, event_line, hear, point_line, together
from track.model.series import (
    Event,
    Point,
    Points,
    dump_events,
    dump_points,
    is_metric_name,
    parse_events,
    parse_points,
    points_of,
)

WHOLE = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.lists(st.builds(Point, WHOLE, NUMBER, WHOLE, NUMBER), min_size=1, max_size=20).map(points_of)
NAMES = st.text(min_size=1, max_size=20).filter(is_metric_name)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVENTS = st.lists(st.builds(Event, WHOLE, TEXT), max_size=20)


def exact(points: Points) -> tuple[bytes, ...]:
    """Minus zero is not zero."""
    return tuple(column.tobytes() for column in (points.steps, points.stamps, points.times, points.values))


@PATIENT
@given(st.dictionaries(NAMES, POINTS, max_size=4), WHOLE)
@example({"loss": points_of([Point(-(2**63), 1e-6, 2**63 - 1, -0.0), Point(2**63 - 1, -0.0, -(2**63), 5e-324)])}, 7)
def test_points_come_back_to_the_bit(metrics: dict[str, Points], origin: int) -> None:
    data = dump_points(metrics, origin)
    found = parse_points(data)
    assert list(found) == sorted(metrics)
    assert {name: exact(points) for name, points in found.items()} == {n: exact(p) for n, p in metrics.items()}
    assert dump_points(found, origin) == data


@PATIENT
@given(EVENTS)
@example([Event(-(2**63), ""), Event(2**63 - 1, "ä\n\x00")])
def test_events_come_back_as_they_were(events: list[Event]) -> None:
    assert parse_events(dump_events(events)) == tuple(events)


@PATIENT
@given(st.lists(st.tuples(NAMES, POINTS), max_size=4), EVENTS)
def test_what_is_said_line_by_line_is_heard_whole(said: list[tuple[str, Points]], events: list[Event]) -> None:
    lines = [point_line(name, p.step, p.time, p.stamp, p.value) for name, points in said for p in points]
    lines += [event_line(event.stamp, event.text) for event in events] + [dropped_line("points", 3)]
    content = "".join(lines).encode()
    heard = Heard()
    first = hear(content[: len(content) // 2], heard)
    assert first + hear(content[first:], heard) == len(content)
    found = together([heard])
    wanted: dict[str, list[Point]] = {}
    for name, points in said:
        wanted.setdefault(name, []).extend(points)
    assert {name: exact(points) for name, points in found.metrics.items()} == {
        name: exact(points_of(rows)) for name, rows in wanted.items()
    }
    assert found.events == tuple(events) and found.dropped_points == 3 and heard.broken_count == 0


@pytest.mark.parametrize(
    "line",
    [
        "p 1 2 3",
        "p 1 2 3 nan x",
        "p 1 2 inf 1 x",
        f"p {2**63} 0 0 0 x",
        "p 1 0 0 0 ",
        "e 1 hello",
        "e 1 3",
        "d x 3",
        "",
    ],
)
def test_a_line_that_cannot_be_is_counted_and_hides_no_other(line: str) -> None:
    heard = Heard()
    hear(f"{line}\np 1 2 3.0 4.0 loss\np 1 2 3.0 4.0 torn".encode(), heard)
    assert heard.broken_count == 1 and list(heard.metrics) == ["loss"]


def test_several_writers_are_ordered_by_time_each_in_its_own_order() -> None:
    def writer(*stamps: int) -> Heard:
        heard = Heard()
        hear("".join(point_line("x", n, 0.0, stamp, float(stamp)) for n, stamp in enumerate(stamps)).encode(), heard)
        return heard

    said = together([writer(1, 4, 9), writer(2, 3, 8)])
    assert list(said.metrics["x"].stamps) == [1, 2, 3, 4, 8, 9]
    jumped = together([writer(100, 5, 6)])  # its clock went back: it still said it in this order
    assert list(jumped.metrics["x"].stamps) == [100, 5, 6]


def test_a_summary_is_exact_where_a_sum_would_overflow() -> None:
    points = points_of([Point(0, 0.0, 0, 1.7e308), Point(1, 0.0, 1, 1.7e308)])
    assert points.summary.mean == 1.7e308 and points.summary.count == 2
    few = points_of([Point(0, 0.0, 0, 3.0), Point(1, 0.0, 1, 1.0)]).summary
    assert (few.last, few.min, few.max, few.mean) == (1.0, 1.0, 3.0, 2.0)


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "x\x00", "x" * 256, "ä" * 128, "\udc80"])
def test_what_is_no_name_for_a_metric(name: str) -> None:
    assert not is_metric_name(name)


def test_a_hundred_thousand_noisy_points_take_less_than_two_megabytes() -> None:
    count, noise = 100_000, 12345
    values, stamps = array("d"), array("q")
    for number in range(count):
        noise = (noise * 1103515245 + 12345) % 2**31
        values.append(math.exp(-number / 3e4) + noise / 2**40)
        stamps.append(1_700_000_000_000_000 + number * 1000 + noise % 400)
    times = array("d", [(stamp - 1_700_000_000_000_000) / 1e6 for stamp in stamps])
    data = dump_points({"loss": Points(array("q", range(count)), stamps, times, values)}, 1_700_000_000_000_000)
    assert len(data) < 2_000_000
    assert exact(parse_points(data)["loss"])[3] == values.tobytes()


WHOLE_ONE = dump_points({"loss": points_of([Point(0, 0.5, 10, 1.0), Point(1, 0.6, 20, 2.0)])}, 5)


@PATIENT
@given(st.integers(0, len(WHOLE_ONE) - 1), st.integers(0, 255))
def test_a_changed_byte_or_a_missing_end_is_told_or_harmless(place: int, byte: int) -> None:
    for damaged in (WHOLE_ONE[:place], WHOLE_ONE[:place] + bytes([byte]) + WHOLE_ONE[place + 1 :]):
        try:
            parse_points(damaged)
        except (MalformedSeries, NewerFormat):
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"track-series 1\n",
        b'track-series 1\n{"kind":"events"}\n',
        b'track-series 1\n{"kind":"points","metrics":[],"origin":"x"}\n',
        b'track-series 1\n{"kind":"points","metrics":[],"origin":"1"}\nmore',
        WHOLE_ONE.replace(b'"count":2', b'"count":9' + b"9" * 12),
        WHOLE_ONE.replace(b'"name":"', b'"name":1,"x":"'),
        WHOLE_ONE + b"x",
        WHOLE_ONE[:-1],
    ],
)
def test_what_is_no_series_is_refused_without_a_great_effort(data: bytes) -> None:
    with pytest.raises(MalformedSeries):
        parse_points(data)


def test_the_next_format_is_refused_with_a_way_out() -> None:
    with pytest.raises(NewerFormat) as refused:
        parse_points(WHOLE_ONE.replace(b"series 1", b"series 2", 1))
    assert "format 2" in refused.value.message
