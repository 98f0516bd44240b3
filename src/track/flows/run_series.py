"""What a run logged, wherever it is: in the spool of a living run, or in the objects that its record names."""

from collections.abc import Sequence
from typing import TypeVar

from track.errors import UsageError
from track.flows.run_find import Found
from track.flows.run_journal import journal_of
from track.flows.run_needs import need
from track.flows.run_versions import file_version
from track.model.names import display
from track.model.series import Event, Points, parse_events, parse_points
from track.progress import Progress, silent
from track.project import Project
from track.runs.spool import said_by

_T = TypeVar("_T")
METRICS, EVENTS = "metrics", "events"


def have_series(
    project: Project, found: Found, kinds: Sequence[str], *, fetch: bool, again: str = "", progress: Progress = silent
) -> None:
    """Have the metrics or events of a run here, from a remote where `fetch` allows it; `again` is what is being done.

    Raises:
        MissingObject, DamagedObject: they are not here, and may not be fetched or are nowhere whole.
        NoRemote, RemoteError: no remote can be asked.
    """
    if found.place == "living":
        return
    series = {METRICS: found.record.points, EVENTS: found.record.events}
    versions = [file_version(kind.encode("ascii"), one.object) for kind in kinds if (one := series[kind]) is not None]
    need(project, found, versions, fetch=fetch, again=again, progress=progress)


def points_of_run(project: Project, found: Found) -> dict[str, Points]:
    """The metrics of a run, by name; of a living one all that was written until now.

    Raises:
        MissingObject: the series is not here.
        DamagedObject, MalformedSeries, NewerFormat: it cannot be read.
    """
    living = journal_of(project).find_living(found.record.id) if found.place == "living" else None
    if living is not None:
        return dict(sorted(said_by(living).metrics.items()))
    series = found.record.points
    if series is None:
        return {}
    return parse_points(project.store.read(series.object), f"the series of run {found.record.name}")


def events_of_run(project: Project, found: Found) -> tuple[Event, ...]:
    """The events of a run, in their order; of a living one all that was written until now. Raises as above."""
    living = journal_of(project).find_living(found.record.id) if found.place == "living" else None
    if living is not None:
        return said_by(living).events
    series = found.record.events
    if series is None:
        return ()
    return parse_events(project.store.read(series.object), f"the events of run {found.record.name}")


def chosen(found: Found, metrics: dict[str, _T], names: tuple[str, ...]) -> dict[str, _T]:
    """The metrics with these names, or all. Raises UsageError for one that the run does not have."""
    missing = [name for name in names if name not in metrics]
    if missing:
        raise UsageError(
            f"run {display(found.record.name)} has no metric {', '.join(map(display, missing))}",
            hint=f"it has {', '.join(map(display, metrics)) or 'none'}",
        )
    return {name: metrics[name] for name in names} if names else metrics
