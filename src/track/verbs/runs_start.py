"""Runs start: a run that was created runs from now on."""

from dataclasses import replace

from track.errors import UsageError
from track.flows.run_meant import living_run
from track.model.names import display
from track.model.record import Record
from track.project import Project
from track.runs.holder import hold


def runs_start(project: Project, name: str | None = None, *, holder: int | None = None) -> Record:
    """Start a run that was created, and return its draft. While the process `holder` lives, it is not lost.

    Raises:
        UsageError: it runs already, has ended, or was not named.
        UnknownRun: no run is called so, or several are.
    """
    living = living_run(project, name)

    def started(draft: Record) -> Record:
        if draft.status != "created":
            raise UsageError(f"run {display(draft.name)} runs already", hint=f"track log event --run {draft.id} TEXT")
        return replace(draft, status="running")

    record = living.edit(started)
    living.beat()
    if holder is not None:
        hold(living.folder, holder)
    return record
