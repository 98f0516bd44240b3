"""Runs unshare: take runs back that this clone shared, or let them be shared again."""

from collections.abc import Sequence
from typing import NamedTuple

from track.errors import UsageError
from track.flows.remotes import clone_id, connected
from track.flows.routes import targets
from track.flows.run_find import find_run
from track.flows.run_journal import journal_of
from track.flows.run_withdrawing import share_again, withdraw
from track.model.names import display
from track.model.record import Record
from track.project import Project


class Unshared(NamedTuple):
    """The runs, and the names of the remotes at which they were taken back, or may be shared again."""

    runs: tuple[Record, ...]
    remotes: tuple[str, ...]


def runs_unshare(
    project: Project, names: Sequence[str], *, remote: str | None = None, undo: bool = False, dry_run: bool = False
) -> Unshared:
    """Take runs back from a remote, by default from those that a push goes to; this clone shares them no more.

    With `undo`, they are shared again with the next push of runs. What others have fetched goes from there with their
    next fetch; what they kept, as a record of their own, stays.

    Raises:
        UsageError: none was named, or one was not shared there by this clone; others may be taken back by then.
        UnknownRun: no run is called so, or several are; nothing was done.
        NoRemote: there is none of that name, or none at all.
        RemoteError: it does not answer, or refuses; the same again finishes.
        DamagedObject, NewerFormat: what this clone shared before cannot be read there.
    """
    if not names:
        raise UsageError("no run was named", hint="track runs unshare RUN…")
    found = [find_run(project, name) for name in names]
    routes = targets(project, [remote] if remote is not None else [])
    done: set[str] = set()
    for named in routes:
        with connected(project, named, sending=True) as connection:
            for one in found:
                run = one.record.id
                if undo:
                    is_done = share_again(connection, run) if not dry_run else True
                else:
                    is_done = withdraw(project, connection, run, clone_id(project), dry_run=dry_run)
                done |= {run} if is_done else set()
    if not dry_run:
        for run in done:
            journal_of(project).mark_private(run, is_private=not undo)
    for one in found:
        if one.record.id not in done:
            where = ", ".join(f"`{display(named.name)}`" for named in routes)
            what = "was not taken back" if undo else "was not shared by this clone"
            raise UsageError(f"run {display(one.record.name)} {what} at {where}", hint="track runs list --shared")
    return Unshared(tuple(one.record for one in found), tuple(named.name for named in routes))
