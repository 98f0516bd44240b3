"""Runs reap: write down that runs which have been silent for too long are lost."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from track.errors import TrackError, UsageError
from track.flows.run_end import end
from track.flows.run_journal import journal_of
from track.flows.run_left import left_of, with_left
from track.model.record import Record
from track.project import Project
from track.runs.journal import Living


class Reaped(NamedTuple):
    """The runs that were written down as lost, or would be; and why others could not be read or kept: they stay."""

    runs: tuple[Record, ...]
    refused: tuple[TrackError, ...]


def runs_reap(project: Project, *, now: float | None = None, dry_run: bool = False) -> Reaped:
    """End every run that has said nothing for more than 180 s, as `lost`, with all that it had written and opened until
    then.

    `now` is the time in seconds since 1970. The records are in the journal then: `track runs keep` places them. A run
    whose draft cannot be read, or whose record cannot be kept, stays as it is and hinders no other.
    """
    when = time.time() if now is None else now
    reaped: list[Record] = []
    refused: list[TrackError] = []
    for run in journal_of(project).living():
        try:
            if run.is_lost(when):
                reaped.append(run.record() if dry_run else _reaped(project, run, when))
        except (FileNotFoundError, UsageError):
            continue  # it ended meanwhile
        except TrackError as error:
            refused.append(error)
    return Reaped(tuple(reaped), tuple(refused))


def _reaped(project: Project, run: Living, when: float) -> Record:
    ended = datetime.fromtimestamp(when - run.silent_s(when), UTC)
    left = left_of(project, run)
    return end(project, run, _lost(ended, run.record()), lambda draft: with_left(draft, left))


def _lost(ended: datetime, draft: Record) -> dict[str, object]:
    took = max(0.0, (ended - draft.started).total_seconds())
    return {"status": "lost", "ended": ended, "seconds": round(took, 6)}
