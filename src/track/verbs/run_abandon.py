"""Run abandon: a living run that came to nothing is forgotten, as if it had never begun."""

from datetime import UTC, datetime

from track.flows.run_end import end
from track.flows.run_journal import journal_of
from track.flows.run_meant import living_run
from track.model.record import Record
from track.project import Project


def run_abandon(project: Project, name: str) -> Record:
    """End a living run and forget it; its last record. What it alone named goes with a later collection.

    Killed in between, the run is in the journal as failed, from which `track runs drop` takes it.

    Raises:
        UsageError: it has ended already.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable: what it logged cannot be kept; it goes on living.
    """
    record = end(project, living_run(project, name), {"status": "failed", "ended": datetime.now(UTC)})
    journal_of(project).drop(record.id)
    return record
