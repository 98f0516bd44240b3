"""Metrics diff: how the metrics of two runs differ."""

from collections.abc import Sequence
from typing import NamedTuple

from track.errors import UsageError
from track.flows.run_find import Found, find_run
from track.flows.run_series import points_of_run
from track.model.names import display
from track.model.record import Summary
from track.project import Project


class MetricChange(NamedTuple):
    """A metric in two runs; None in one that does not have it. `delta` is the difference of the last values."""

    name: str
    before: Summary | None
    after: Summary | None

    @property
    def delta(self) -> float | None:
        """How much the last value grew; None where one run does not have the metric."""
        return self.after.last - self.before.last if self.before is not None and self.after is not None else None


class DiffedMetrics(NamedTuple):
    """The metrics of two runs, sorted by name."""

    before: Found
    after: Found
    changes: tuple[MetricChange, ...]


def metrics_diff(project: Project, before: str, after: str, names: Sequence[str] = ()) -> DiffedMetrics:
    """Compare the metrics of the runs called `before` and `after`, or those that are named.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: neither run has such a metric.
    """
    runs = find_run(project, before), find_run(project, after)
    first, second = (_summaries(project, run) for run in runs)
    every = sorted(first.keys() | second.keys())
    if missing := [name for name in names if name not in every]:
        raise UsageError(
            f"neither run has a metric {', '.join(map(display, missing))}",
            hint=f"they have {', '.join(map(display, every)) or 'none'}",
        )
    wanted = list(names) or every
    return DiffedMetrics(*runs, tuple(MetricChange(name, first.get(name), second.get(name)) for name in wanted))


def _summaries(project: Project, run: Found) -> dict[str, Summary]:
    living = points_of_run(project, run) if run.place == "living" else {}
    return {**run.record.metrics, **{name: points.summary for name, points in living.items()}}
