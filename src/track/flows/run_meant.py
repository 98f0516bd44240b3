"""The living run that is meant: by what a person calls it, or by the variable that its commands have."""

import os

from track.errors import UnknownRun, UsageError
from track.flows.run_find import find_run
from track.flows.run_journal import journal_of
from track.flows.run_start import RUN_ID
from track.model.names import display
from track.project import Project
from track.runs.journal import Living


def living_run(project: Project, name: str | None) -> Living:
    """The living run that is called so; without a name the one that started this command.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: it has ended, or nobody said which is meant.
    """
    wanted = name or os.environ.get(RUN_ID)
    if not wanted:
        raise UsageError("no run was named", hint=f"name one with --run, or set {RUN_ID}; track runs create makes one")
    journal = journal_of(project)
    living = journal.find_living(wanted)
    if living is None or journal.find_ended(wanted) is not None:
        try:
            found = find_run(project, wanted)
        except UnknownRun:
            if name is None:
                raise UnknownRun(f"{RUN_ID} names no run of this clone: {display(wanted)}", hint="unset it") from None
            raise
        living = journal.find_living(found.record.id) if found.place == "living" else None
        if living is None and not found.record.has_ended:
            raise UsageError(
                f"run {display(found.record.name)} lives in another clone", hint="log to it where it was begun"
            )
        if living is None:
            raise UsageError(
                f"run {display(found.record.name)} has ended ({found.record.status})",
                hint=f"track runs show {found.record.id}",
            )
    return living
