"""Alerts remove: take an alert out of the project, or from a living run."""

from track.errors import Conflict, TrackError, UsageError
from track.flows.run_alerts import drop_alert
from track.flows.run_journal import journal_of
from track.flows.run_meant import living_run
from track.flows.run_notes import remove_alert
from track.model.names import display, typed
from track.model.record import Record
from track.project import Project


def alerts_remove(project: Project, name: str, run: str | None = None) -> None:
    """Remove the definition of the alert `name`, and stage that; or, with `run`, have that living run watched no more.

    What records of ended runs say of it stays.

    Raises:
        UsageError: there is no such alert; or the run has ended.
        UnknownRun: no run is called so, or several are.
        Conflict: a living run is watched by it.
        Locked: another command holds the project for too long.
    """
    if run is not None:
        drop_alert(living_run(project, run), name)
        return
    watched = [draft for draft in _living(project) if name in draft.alerts]
    if watched:
        raise Conflict(
            f"run {display(watched[0].name)} is watched by `{display(name)}`",
            hint=f"track alerts remove {typed(name)} --run {watched[0].id}      or wait for its end",
        )
    if not remove_alert(project, name):
        raise UsageError(f"the project has no alert `{display(name)}`", hint="track alerts list")


def _living(project: Project) -> list[Record]:
    found = []
    for living in journal_of(project).living():
        try:
            found.append(living.record())
        except TrackError:
            continue  # it ended meanwhile, or nobody can say what watches it
    return found
