"""Events: what a run said."""

from typing import NamedTuple

from track.flows.run_find import Found, find_run
from track.flows.run_series import events_of_run
from track.model.series import Event
from track.project import Project


class ShownEvents(NamedTuple):
    """The events of a run, in the order in which they were logged."""

    run: Found
    events: tuple[Event, ...]


def events(project: Project, run: str) -> ShownEvents:
    """The events of the run called `run`; of a living run those that it wrote until now.

    Raises:
        UnknownRun: no run is called so, or several are.
        MissingObject: they are not here.
        DamagedObject, MalformedSeries, NewerFormat: they cannot be read.
    """
    found = find_run(project, run)
    return ShownEvents(found, events_of_run(project, found))
