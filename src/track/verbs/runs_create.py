"""Runs create: begin a run that no command of ours executes; anybody who knows its id may log to it."""

import os

from track.flows.run_start import RUN_ID, Wishes, begin
from track.model.record import Record
from track.project import Project


def runs_create(project: Project, wishes: Wishes | None = None, *, is_started: bool = False) -> Record:
    """Begin a run, durably, and return its draft; it is `created`, or `running` when it is started at once.

    The first thing that is logged starts it, too. It ends with `runs close`. A run that surrounds it is its parent.

    Raises:
        UsageError: a name, folder or fact that cannot be.
        DiskFull, StoreUnwritable: it cannot be kept.
    """
    wishes = wishes or Wishes()
    parent = wishes.parent or os.environ.get(RUN_ID)
    return begin(project, wishes._replace(parent=parent), status="running" if is_started else "created").record()
