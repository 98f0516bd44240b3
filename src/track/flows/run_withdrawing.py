"""Withdrawing runs: what this clone shared at a remote is taken back, and a mark there keeps it so.

The mark is there before anything goes, so that nobody shares the run again meanwhile; interrupted, the same again
finishes.
"""

import os

from track.flows.run_sharing import bring_own, file_name, parts_of, put_aside
from track.model.shared_runs import WITHDRAWN, dump_runs, seal
from track.project import Project
from track.runs.shelf import latest, shelf_of
from track.store.layout import RUNS, RunsKey, withdrawn_key, withdrawn_run
from track.store.remote import Remote


def withdraw(project: Project, remote: Remote, run: str, writer: str, *, dry_run: bool = False) -> bool:
    """Take back a run that the clone `writer` shared at a remote; whether it had, or has taken it back before.

    The project holds the lock of pushes to this remote. What this clone shared and nobody can read there any more may
    have had the run: it goes into the quarantine of the remote.

    Raises:
        RemoteError: it does not answer, or refuses.
        NewerFormat: a later version shared from this clone.
    """
    shelf = shelf_of(project.state, remote.name)
    own, damaged = bring_own(remote, shelf, writer, dry_run=dry_run)
    holding = [key for key in own if any(one.id == run for one in shelf.read(file_name(key)))]
    mark = withdrawn_key(writer, run)
    if not (holding or damaged) or dry_run:
        return bool(holding) or any(one.key == mark for one in remote.place.list(f"{RUNS}{writer}/"))
    remote.place.put(mark, WITHDRAWN)
    kept = [one for one, _ in latest(shelf, {file_name(key) for key in holding}, []).values() if one.id != run]
    number = 1 + max(key.number for key in (*own, *damaged))
    for offset, part in enumerate(parts_of(kept)):
        key = RunsKey(writer, number + offset, os.urandom(4).hex())
        text = dump_runs(part)
        remote.place.put(str(key), seal(text))
        shelf.put(file_name(key), text)
    for key in holding:
        remote.place.delete(str(key))
        shelf.drop(file_name(key))
    put_aside(project, remote, damaged)
    return True


def share_again(remote: Remote, run: str) -> bool:
    """Take the marks of a run away, so that its clone's next push shares it; whether there was one.

    Raises:
        RemoteError: it does not answer, or refuses.
    """
    marks = [one.key for one in remote.place.list(RUNS) if withdrawn_run(one.key) == run]
    for key in marks:
        remote.place.delete(key)
    return bool(marks)
