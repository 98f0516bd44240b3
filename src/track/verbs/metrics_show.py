"""Metrics show: what a run measured."""

from collections.abc import Sequence
from typing import NamedTuple

from track.flows.run_find import Found, find_run
from track.flows.run_series import METRICS, chosen, have_series, points_of_run
from track.model.record import Summary
from track.model.series import Points
from track.progress import Progress, silent
from track.project import Project


class ShownMetrics(NamedTuple):
    """The metrics of a run in short; `points` has the series of those that have one, when they were asked for."""

    run: Found
    summaries: dict[str, Summary]
    points: dict[str, Points]


def metrics_show(
    project: Project,
    run: str,
    names: Sequence[str] = (),
    *,
    with_points: bool = True,
    fetch: bool = False,
    progress: Progress = silent,
) -> ShownMetrics:
    """The metrics of the run called `run`, or those that are named, sorted; of a living run what it wrote until now.

    With `fetch`, the series comes from a remote where it is not here.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: the run has no such metric.
        MissingObject: the series is not here, or at no remote.
        NoRemote, RemoteError: no remote can be asked.
        DamagedObject, MalformedSeries, NewerFormat: the series cannot be read.
    """
    found = find_run(project, run)
    if with_points:
        again = f"track metrics show --csv {found.record.short}"
        have_series(project, found, (METRICS,), fetch=fetch, again=again, progress=progress)
    points = points_of_run(project, found) if with_points or found.place == "living" else {}
    summaries = {name: each.summary for name, each in points.items()}
    every = dict(sorted({**found.record.metrics, **summaries}.items()))
    wanted = chosen(found, every, tuple(names))
    return ShownMetrics(found, wanted, {name: points[name] for name in wanted if name in points})
