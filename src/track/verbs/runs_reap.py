"""Runs reap: write down that runs which have been silent for too long are lost."""

import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from track.errors import TrackError
from track.flows.run_end import end
from track.flows.run_environment import streams_of
from track.flows.run_start import journal_of
from track.model.record import Record, Used
from track.project import Project


def runs_reap(project: Project, *, now: float | None = None, dry_run: bool = False) -> tuple[Record, ...]:
    """End every run that has said nothing for more than 180 s, as `lost`, with all that it had written until then.

    `now` is the time in seconds since 1970. The records are in the journal then: `track runs keep` places them.

    Raises:
        DiskFull, StoreUnwritable: what a run had written cannot be stored; that run stays as it is.
    """
    journal = journal_of(project)
    when = time.time() if now is None else now
    reaped: list[Record] = []
    for run in journal.living():
        with suppress(FileNotFoundError):
            if not run.is_lost(when):
                continue
            if dry_run:
                reaped.append(run.record())
                continue
            with suppress(TrackError):
                said = streams_of(project, run.folder)
                run.edit(partial(_with, said))
            ended = datetime.fromtimestamp(when - run.silent_s(when), UTC)
            reaped.append(end(project, run, _lost(ended, run.record())))
    return tuple(reaped)


def _with(said: tuple[Used, ...], draft: Record) -> Record:
    return replace(draft, artifacts=(*draft.artifacts, *said))


def _lost(ended: datetime, draft: Record) -> dict[str, object]:
    took = max(0.0, (ended - draft.started).total_seconds())
    return {"status": "lost", "ended": ended, "seconds": round(took, 6)}
