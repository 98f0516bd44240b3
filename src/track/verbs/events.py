"""Events: what a run said."""

from typing import NamedTuple

from track.flows.run_find import Found, find_run
from track.flows.run_series import EVENTS, events_of_run, have_series
from track.model.series import Event
from track.progress import Progress, silent
from track.project import Project


class ShownEvents(NamedTuple):
    """The events of a run, in the order in which they were logged."""

    run: Found
    events: tuple[Event, ...]


def events(project: Project, run: str, *, fetch: bool = False, progress: Progress = silent) -> ShownEvents:
    """The events of the run called `run`; of a living run those that it wrote until now.

    With `fetch`, they come from a remote where they are not here.

    Raises:
        UnknownRun: no run is called so, or several are.
        MissingObject: they are not here, or at no remote.
        NoRemote, RemoteError: no remote can be asked.
        DamagedObject, MalformedSeries, NewerFormat: they cannot be read.
    """
    found = find_run(project, run)
    again = f"track events {found.record.short}"
    have_series(project, found, (EVENTS,), fetch=fetch, again=again, progress=progress)
    return ShownEvents(found, events_of_run(project, found))
