"""Run alert: have a living run watched, and set what is set by hand."""

from collections.abc import Mapping
from typing import Any

from track.errors import UsageError
from track.flows import run_alerts
from track.flows.run_alerts import Watch, add_alert, watch_of
from track.model.alert import TYPES, Alert
from track.project import Project
from track.runs.journal import Living


def run_alert(project: Project, living: Living, facts: Mapping[str, Any]) -> Watch:
    """Add an alert with these facts to a living run, and return the watch over all alerts that it has then.

    Raises:
        UsageError: the alert cannot be; or the run has ended.
        Conflict: the project has another alert of that name.
        BadConfig: mail is wanted, and no setting says where it goes.
    """
    try:
        alert = Alert(**facts)
    except (TypeError, ValueError) as error:
        raise UsageError(f"not an alert: {error}", hint=f"its type is one of {', '.join(TYPES)}") from None
    add_alert(project, living, alert)
    return watch_of(project, living)


def set_alert(project: Project, living: Living, name: str, state: str) -> None:
    """Set an alert of a living run to `ok` or `critical`.

    Raises:
        UsageError: the run has no such alert, or that is no state.
    """
    run_alerts.set_alert(project, living, name, state)
