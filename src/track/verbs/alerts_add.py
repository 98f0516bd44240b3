"""Alerts add: define an alert of the project, and have a living run watched by it."""

from collections.abc import Mapping
from typing import Any

from track.errors import UsageError
from track.flows.run_alerts import add_alert, post_of
from track.flows.run_meant import living_run
from track.flows.run_notes import define_alert, read_alert
from track.model.alert import TYPES, Alert
from track.model.names import display, typed
from track.project import Project


def alerts_add(project: Project, name: str, facts: Mapping[str, Any], run: str | None = None) -> Alert:
    """Define the alert `name` with these facts, and stage it; without facts it is the one that the project has.

    With `run` that living run is watched by it from now on, by whatever logs to it.

    Raises:
        UsageError: the alert cannot be, or nobody defined it; or the run has ended.
        UnknownRun: no run is called so, or several are.
        Conflict: the project has another alert of that name.
        BadConfig: mail is wanted, and no setting says where it goes; or a definition cannot be read.
    """
    alert = _asked(project, name, facts)
    if run is None:
        if alert.notification == "email":
            post_of(project.config)
        define_alert(project, alert)
    else:
        add_alert(project, living_run(project, run), alert)
    return alert


def _asked(project: Project, name: str, facts: Mapping[str, Any]) -> Alert:
    if not facts:
        found = read_alert(project, name)
        if found is None:
            raise UsageError(
                f"the project has no alert `{display(name)}`",
                hint=f"say what it is: track alerts add {typed(name)} --type 'is below' --metric loss --threshold 0.1",
            )
        return found
    if "type" not in facts:
        raise UsageError("an alert needs a type", hint=f"--type is one of {', '.join(TYPES)}")
    try:
        return Alert(name=name, **facts)
    except (TypeError, ValueError) as error:
        raise UsageError(f"not an alert: {error}", hint=f"its type is one of {', '.join(TYPES)}") from None
