"""Runs create: begin a run that no command of ours executes; anybody who knows its id may log to it."""

import os

from track.flows.run_start import RUN_ID, Wishes, begin
from track.model.record import Record
from track.project import Project
from track.runs.holder import hold


def runs_create(
    project: Project, wishes: Wishes | None = None, *, is_started: bool = False, holder: int | None = None
) -> Record:
    """Begin a run, durably, and return its draft; it is `created`, or `running` when it is started at once.

    The first thing that is logged starts it, too. It ends with `runs close`. A run that surrounds it is its parent.
    While the process `holder` lives, it is not lost.

    Raises:
        UsageError: a name, folder or fact that cannot be.
        DiskFull, StoreUnwritable: it cannot be kept.
    """
    wishes = wishes or Wishes()
    parent = wishes.parent or os.environ.get(RUN_ID)
    living = begin(project, wishes._replace(parent=parent), status="running" if is_started else "created")
    if holder is not None:
        hold(living.folder, holder)
    return living.record()
