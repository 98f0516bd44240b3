"""Runs drop: forget runs of the journal that nobody wants."""

from collections.abc import Sequence

from track.errors import UnknownRun, UsageError
from track.flows.run_find import Found, find_run
from track.flows.run_journal import journal_of
from track.model.names import display, typed
from track.model.record import Record
from track.project import Project


def runs_drop(project: Project, names: Sequence[str], *, dry_run: bool = False) -> tuple[Record, ...]:
    """Take runs out of the journal and return their records; what they alone named goes with a later collection.

    By its whole id a run goes of which a record in the working tree says otherwise, too: that one is believed then.

    Raises:
        UsageError: none was named, or one has a record in the working tree, which Git removes, or still runs.
        UnknownRun: no run is called so, or several are; nothing was dropped.
    """
    if not names:
        raise UsageError("no run was named", hint="track runs drop RUN…")
    chosen = [_meant(project, name) for name in names]
    for found in chosen:
        if found.path is not None:
            raise UsageError(
                f"run {display(found.record.name)} has a record in the working tree",
                hint=_hint(project, found.record.id, found.path),
            )
        if found.place == "shared":
            raise UsageError(
                f"run {display(found.record.name)} is shared at `{display(found.remote or '')}`, not in this journal",
                hint="to have its record with your own: track runs keep",
            )
        if found.place == "living":
            raise UsageError(f"run {display(found.record.name)} has not ended", hint="track runs reap")
    if not dry_run:
        for found in chosen:
            journal_of(project).drop(found.record.id)
    return tuple(found.record for found in chosen)


def _meant(project: Project, name: str) -> Found:
    try:
        return find_run(project, name)
    except UnknownRun:
        record = journal_of(project).find_ended(name)
        if record is None:
            raise
        return Found(record, "journal")


def _hint(project: Project, run: str, path: bytes) -> str:
    """The command that removes a record, which may be staged only; the journal may have the run besides."""
    removal = f"git rm -f -- {typed(path)}"
    return removal if journal_of(project).find_ended(run) is None else f"{removal} && track runs drop {run}"
