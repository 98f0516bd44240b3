"""Runs close: end a run that no command of ours executes, and put its record into the working tree."""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from track.errors import UsageError
from track.flows.run_alerts import look_once
from track.flows.run_end import end, put_away
from track.flows.run_left import Left, left_of, with_left
from track.flows.run_meant import living_run
from track.model.names import display
from track.model.record import Record
from track.model.run_words import ENDED
from track.project import Project


class ClosedRun(NamedTuple):
    """The record of a run that has ended, the files staged, and why it waits in the journal if it does."""

    record: Record
    staged: tuple[bytes, ...]
    why_not: str | None


def runs_close(
    project: Project,
    name: str | None = None,
    *,
    status: str = "completed",
    exit: int | None = None,
    seconds: float | None = None,
    branch: str | Literal[False] | None = False,
) -> ClosedRun:
    """End a living run: all that was logged is sealed into the store, then the record is placed and staged.

    `exit` is the code with which it ended and `seconds` how long it took by a clock that nobody sets, where somebody
    knows; `branch` is the one on which it began, where somebody knows it: on another one its record waits in the
    journal.

    Raises:
        UsageError: it has ended already, nobody said which is meant, or `status` is none.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable: what it logged cannot be kept; it goes on living, and closing it again finishes.
    """
    if status not in ENDED:
        raise UsageError(f"not how a run ends: {display(status)}", hint=", ".join(ENDED))
    living = living_run(project, name)
    draft = living.record()
    now = datetime.now(UTC)
    took = max(0.0, (now - draft.started).total_seconds()) if seconds is None else seconds
    left = Left()
    if branch is False:  # nobody in this process watched it
        look_once(project, living, is_last=True)
        left = left_of(project, living)
    facts = {"status": status, "exit": exit, "ended": now, "seconds": round(took, 6)}
    record = end(project, living, facts, lambda draft: with_left(draft, left))
    placed = put_away(project, record, branch=project.git.branch() if branch is False else branch)
    return ClosedRun(record, placed.staged, placed.why_not)
