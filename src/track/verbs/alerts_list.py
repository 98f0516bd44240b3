"""Alerts list: the alerts of the project, and how they stand in a run."""

from typing import NamedTuple

from track.errors import TrackError, UsageError
from track.flows.run_find import Found, find_run
from track.flows.run_notes import every_alert
from track.model.alert import STATES, Alert
from track.model.names import display
from track.project import Project


class AlertState(NamedTuple):
    """An alert by its name: its definition where the project has one, and its state in the run that was asked about."""

    name: str
    alert: Alert | None
    state: str | None = None


class ListedAlerts(NamedTuple):
    """The alerts that were asked for, by name; `run` is whose they are, None for those of the project."""

    run: Found | None
    alerts: tuple[AlertState, ...]
    refused: tuple[TrackError, ...]


def alerts_list(project: Project, run: str | None = None, *, state: str | None = None) -> ListedAlerts:
    """The alerts that the project defines; or those of the run called `run` with their states, or in one state.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: that is no state, or no run was named that could be in one.
    """
    if state is not None and state not in STATES:
        raise UsageError(f"not a state of an alert: {display(state)}", hint=", ".join(STATES))
    if state is not None and run is None:
        raise UsageError("an alert has a state in a run alone", hint="track alerts list --run RUN")
    known, refused = every_alert(project)
    if run is None:
        return ListedAlerts(None, tuple(AlertState(name, alert) for name, alert in known.items()), refused)
    found = find_run(project, run)
    states = sorted(found.record.alerts.items())
    chosen = (AlertState(name, known.get(name), now) for name, now in states if state in (None, now))
    return ListedAlerts(found, tuple(chosen), refused)
