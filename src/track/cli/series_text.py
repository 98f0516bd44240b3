"""How metrics and events are shown: as rows of a table, as CSV, and as a document."""

import io
from collections.abc import Iterable, Mapping, Sequence

from track.cli import late
from track.cli.csv_line import csv_line
from track.cli.terminal import emit_bytes, emit_told, settings
from track.model.chart import Line
from track.model.names import display
from track.model.record import Summary
from track.model.series import Points

TITLES = ("metric", "last", "min", "max", "mean", "count")
_ROWS_AT_ONCE = 10_000


def row(name: str, summary: Summary) -> tuple[str, ...]:
    """A metric as a row of a table."""
    numbers = (summary.last, summary.min, summary.max, summary.mean)
    return display(name), *(f"{number:g}" for number in numbers), f"{summary.count:,}"


def when(stamp: int) -> str:
    """A time to the microsecond for programs, with its zone: `2026-01-31T12:00:00.000001+00:00`."""
    return late.run_living.time_of(stamp).isoformat(timespec="microseconds")


def when_shown(stamp: int) -> str:
    """A time to the microsecond for people: `2026-01-31 12:00:00.000001 UTC`."""
    return f"{late.run_living.time_of(stamp):%Y-%m-%d %H:%M:%S.%f} UTC"


def emit_csv(points: Mapping[str, Points]) -> None:
    """Print every point of these metrics as a line of CSV; numbers are exact."""

    def rows() -> Iterable[Sequence[object]]:
        yield "metric", "step", "time", "timestamp", "value"
        for name, each in points.items():
            for point in each:
                yield name, point.step, repr(point.time), when(point.stamp), repr(point.value)

    emit_rows(rows())


def emit_rows(rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV."""
    text = io.StringIO()
    for number, each in enumerate(rows, 1):
        text.write(csv_line(each) + "\n")
        if number % _ROWS_AT_ONCE == 0:
            _emit(text.getvalue())
            text.seek(0)
            text.truncate()
    _emit(text.getvalue())


def _emit(text: str) -> None:
    if settings().is_terminal:
        emit_told(text, end="")
    else:
        emit_bytes(text.encode("utf-8"))


def document(shown: "late.metrics_show.ShownMetrics") -> dict[str, object]:
    """The metrics of a run as a document: the summary of each, and its points as lists of equal length."""
    return {
        "run": shown.run.record.id,
        "name": shown.run.record.name,
        "status": shown.run.status,
        "metrics": {
            name: {
                "last": summary.last,
                "min": summary.min,
                "max": summary.max,
                "mean": summary.mean,
                "count": summary.count,
                "points": _columns(shown.points.get(name)),
            }
            for name, summary in shown.summaries.items()
        },
    }


def diff_row(change: "late.metrics_diff.MetricChange") -> tuple[str, ...]:
    """A metric of two runs as a row of a table."""
    sides = ("-" if side is None else f"{side.last:g}" for side in (change.before, change.after))
    return display(change.name), *sides, "" if change.delta is None else f"{change.delta:+g}"


def diff_document(diffed: "late.metrics_diff.DiffedMetrics") -> dict[str, object]:
    """The metrics of two runs as a document: the last values, null where a run does not have a metric."""
    return {
        "before": diffed.before.record.id,
        "after": diffed.after.record.id,
        "metrics": {
            change.name: {
                "before": None if change.before is None else change.before.last,
                "after": None if change.after is None else change.after.last,
                "change": change.delta,
            }
            for change in diffed.changes
        },
    }


def chart_lines(shown: "Sequence[late.metrics_show.ShownMetrics]", over: str) -> list[Line]:
    """The metrics of runs as lines of a chart, over their steps or times; of several runs each says whose it is."""
    lines = []
    for each in shown:
        run = f"{display(each.run.record.name)}: " if len(shown) > 1 else ""
        for name, points in each.points.items():
            lines.append(Line(run + display(name), points.steps if over == "step" else points.times, points.values))
    return lines


def _columns(points: Points | None) -> dict[str, list[object]] | None:
    if points is None:
        return None
    return {
        "step": list(points.steps),
        "time": list(points.times),
        "timestamp": [when(stamp) for stamp in points.stamps],
        "value": list(points.values),
    }
