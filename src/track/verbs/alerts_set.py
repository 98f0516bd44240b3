"""Alerts set: say by hand how an alert of a run stands."""

from track.flows.run_alerts import set_alert
from track.flows.run_meant import living_run
from track.model.record import Record
from track.project import Project


def alerts_set(project: Project, name: str, state: str, run: str | None = None) -> Record:
    """Set an alert of the living run called `run`, or of the one that started this command, to `ok` or `critical`.

    Mail goes out as when it is found critical.

    Raises:
        UsageError: the run has no such alert, or that is no state; or the run has ended, or was not named.
        UnknownRun: no run is called so, or several are.
    """
    living = living_run(project, run)
    set_alert(project, living, name, state)
    return living.record()
