"""Run series load: the points of a run's metrics, and its events, wherever they are."""

from collections.abc import Sequence
from typing import NamedTuple

from track.flows.run_find import Found, find_run
from track.flows.run_series import EVENTS, METRICS, chosen, events_of_run, have_series, points_of_run
from track.model.series import Event, Points
from track.progress import Progress, silent
from track.project import Project


class LoadedSeries(NamedTuple):
    """What a run logged: points by metric, and events in their order; empty where it was not asked for."""

    run: Found
    points: dict[str, Points]
    events: tuple[Event, ...]


def run_series_load(
    project: Project,
    run: str,
    names: Sequence[str] = (),
    *,
    with_points: bool = True,
    with_events: bool = True,
    progress: Progress = silent,
) -> LoadedSeries:
    """The points of the metrics of the run called `run`, or of those named, and its events; from a remote where they
    are not here. Of a living run all that was written until now.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: the run has no such metric.
        MissingObject, DamagedObject: they are nowhere whole.
        MalformedSeries, NewerFormat: they cannot be read.
        RemoteError: no remote can be asked.
    """
    found = find_run(project, run)
    kinds = [kind for kind, is_wanted in ((METRICS, with_points), (EVENTS, with_events)) if is_wanted]
    have_series(project, found, kinds, fetch=True, progress=progress)
    points = chosen(found, points_of_run(project, found), tuple(names)) if with_points else {}
    return LoadedSeries(found, points, events_of_run(project, found) if with_events else ())
