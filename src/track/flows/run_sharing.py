"""Sharing runs: records that no commit on a Git remote has go to a remote of ours, and those of others come from it.

What a record names is sent as a version before the file that has the record, and the clone's own roots entry names it
there: no collection takes it while this clone, or one that fetched the record, has the run.
"""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat, RemoteError, TrackError, UsageError, together
from track.flows.passed import Came, Passed
from track.flows.reach import Version
from track.flows.remotes import connected
from track.flows.routes import sources
from track.flows.run_end import with_said
from track.flows.run_journal import journal_of
from track.flows.run_reach import record_versions
from track.history.published import records_published
from track.model.moments import micros
from track.model.record import record_path
from track.model.record_file import dump_record
from track.model.shared_runs import SharedRun, dump_runs, seal, unseal
from track.project import Project
from track.runs.journal import Living
from track.runs.shelf import Shelf, latest, shelf_of
from track.runs.spool import said_by
from track.store.layout import RUNS, RunsKey, runs_name, withdrawn_run
from track.store.mending import set_aside
from track.store.place import Listed, NoSuchKey
from track.store.remote import Remote
from track.store.survey import in_threads

REF = "runs"
"""What roots entries call this, beside refs of Git."""
_FILE_BYTES = 8 << 20
"""A file of shared runs is not made much larger than this."""
_SMALL_BYTES = 1 << 20
_MERGE_ABOVE = 16
"""More small files of one clone than this become one."""


class Shareable(NamedTuple):
    """The runs of this clone that others cannot see in Git, what they name and is here, and what cannot be read."""

    runs: tuple[SharedRun, ...] = ()
    versions: tuple[Version, ...] = ()
    refused: tuple[TrackError, ...] = ()


def shareable(project: Project, *, dry_run: bool = False) -> Shareable:
    """The runs of the journal and those that live, with what they have logged until now, which is stored.

    Left out is what a commit of a remote-tracking branch has, and what was taken back. In a dry run nothing is stored.

    Raises:
        DiskFull, StoreUnwritable: what a living run has logged cannot be stored.
    """
    journal = journal_of(project)
    told, private = records_published(project.git), journal.private()
    found = [
        SharedRun(record.id, max(1, micros(record.ended or record.started)), dump_record(record))
        for record in journal.ended()
        if record.id not in private and record_path(record.id, record.started) not in told
    ]
    refused: list[TrackError] = []
    for living in journal.living():
        if living.id in private:
            continue
        try:
            found.append(_as_it_is(project, living, dry_run=dry_run))
        except UsageError:  # it ended meanwhile
            record = journal.find_ended(living.id)
            found += [SharedRun(living.id, micros(record.started), dump_record(record))] if record is not None else []
        except TrackError as error:
            refused.append(error)
    ordered = sorted(found)
    records = [(record_path(one.id, one.record("the journal").started), one.content) for one in ordered]
    versions, unread = record_versions(project, records, REF)
    return Shareable(tuple(ordered), tuple(versions), (*refused, *unread))


def _as_it_is(project: Project, living: Living, *, dry_run: bool) -> SharedRun:
    draft = living.record()
    if not dry_run:
        draft = with_said(project, draft, said_by(living))
    return SharedRun(living.id, max(1, living.alive_at()), dump_record(draft))


class Told(NamedTuple):
    """How many runs a remote did not know, and the files of this clone there that were damaged and where they are."""

    new_count: int
    aside: tuple[tuple[str, str], ...] = ()


def share(project: Project, remote: Remote, runs: Sequence[SharedRun], writer: str, *, dry_run: bool = False) -> Told:
    """Say these runs at a remote where what they name is already, but for those taken back.

    The project holds the lock of pushes to this remote. Interrupted, others see all of a file or nothing of it. A file
    that this clone shared before and that nobody can read any more goes into the quarantine there, when its runs, as
    far as they are here, are said anew.

    Raises:
        RemoteError: it does not answer, or refuses.
        NewerFormat: a later version shared from this clone.
    """
    shelf = shelf_of(project.state, remote.name)
    own, damaged = bring_own(remote, shelf, writer, dry_run=dry_run)
    known = latest(shelf, {file_name(key) for key in own}, [])
    withdrawn = _withdrawn(remote.place.list(RUNS))
    runs = _without(runs, withdrawn)
    new = [one for one in runs if one.id not in known or known[one.id][0].content != one.content]
    if dry_run or not (new or damaged):
        return Told(len(new))
    number = 1 + max((key.number for key in (*own, *damaged)), default=0)
    small = [key for key, size in own.items() if size < _SMALL_BYTES]
    merged = small if len(small) >= _MERGE_ABOVE else []
    kept = {one.id: known.get(one.id, (one,))[0] for key in sorted(merged) for one in shelf.read(file_name(key))}
    kept = {run: one for run, one in kept.items() if run not in withdrawn} | {one.id: one for one in new}
    for offset, part in enumerate(parts_of(kept.values())):
        key = RunsKey(writer, number + offset, os.urandom(4).hex())
        text = dump_runs(part)
        remote.place.put(str(key), seal(text))
        shelf.put(file_name(key), text)
    for key in merged:
        remote.place.delete(str(key))
        shelf.drop(file_name(key))
    return Told(len(new), put_aside(project, remote, damaged))


def put_aside(project: Project, remote: Remote, damaged: Iterable[RunsKey]) -> tuple[tuple[str, str], ...]:
    """Put files of runs that nobody can read into the quarantine of the remote; their keys, and where they are now."""
    moved = []
    for key in map(str, damaged):
        target = set_aside(remote.place, project.store, key)
        remote.place.delete(key)
        moved += [(key, target)] if target is not None else []
    return tuple(moved)


def bring_runs(project: Project, remote: Remote, *, dry_run: bool = False) -> Came:
    """Bring what is shared at a remote to this clone's shelf, and drop from there what is no longer.

    Raises:
        RemoteError: it does not answer, or cannot be asked.
        DamagedObject, NewerFormat: a file there cannot be read; all others came.
    """
    shelf = shelf_of(project.state, remote.name)
    before = shelf.names()
    listed = list(remote.place.list(RUNS))
    there, failed = _bring(remote, shelf, listed, dry_run=dry_run)
    if failed:
        raise together(list(failed.values()))
    found = {file_name(key) for key in there}
    withdrawn = _withdrawn(listed)
    if not dry_run:
        for name in found if withdrawn else ():
            before_it = shelf.read(name)
            if len(left := _without(before_it, withdrawn)) < len(before_it):
                shelf.put(name, dump_runs(left))
        for name in shelf.names() - found:
            shelf.drop(name)
    return Came(remote.name, len(found - before), len(latest(shelf, found, [])))


def bring_shared(
    project: Project, name: str | None = None, *, dry_run: bool = False
) -> tuple[tuple[Came, ...], tuple[Passed, ...]]:
    """Bring what is shared at one remote, or at all of them; and which could not be asked, where another could.

    Raises:
        NoRemote: there is none of that name, or none at all.
        RemoteError, DamagedObject, NewerFormat: no remote could be asked.
    """
    came: list[Came] = []
    passed: list[Passed] = []
    failed: list[TrackError] = []
    for named in sources(project, (), name):
        try:
            with connected(project, named, sending=False, kept=not dry_run) as connection:
                came.append(bring_runs(project, connection, dry_run=dry_run))
        except (RemoteError, DamagedObject, NewerFormat) as error:
            failed.append(error)
            passed.append(Passed(named.name, named.url, error.message, error.hint))
    if failed and not came:
        raise together(failed)
    return tuple(came), tuple(passed)


def bring_own(
    remote: Remote, shelf: Shelf, writer: str, *, dry_run: bool
) -> tuple[dict[RunsKey, int], tuple[RunsKey, ...]]:
    """Have on the shelf what a clone shared; the keys and their sizes there in bytes, and the keys of damaged ones.

    Damaged is what was read twice and was none of ours both times.

    Raises:
        RemoteError: the remote does not answer, or refuses.
        NewerFormat: a later version wrote one of them.
    """
    listed = list(remote.place.list(f"{RUNS}{writer}/"))
    own, failed = _bring(remote, shelf, listed, dry_run=dry_run)
    if failed:
        again = [one for one in listed if runs_name(one.key) in failed]
        came, failed = _bring(remote, shelf, again, dry_run=dry_run)
        own |= came
    for error in failed.values():
        if not isinstance(error, DamagedObject):
            raise error
    return own, tuple(sorted(failed))


def _withdrawn(listing: Iterable[Listed]) -> set[str]:
    return {run for one in listing if (run := withdrawn_run(one.key)) is not None}


def _without(runs: Iterable[SharedRun], withdrawn: Container[str]) -> list[SharedRun]:
    return [one for one in runs if one.id not in withdrawn]


def _bring(
    remote: Remote, shelf: Shelf, listing: Iterable[Listed], *, dry_run: bool
) -> tuple[dict[RunsKey, int], dict[RunsKey, TrackError]]:
    """Have on the shelf what a listing has and is sound; the keys and their sizes at the remote in bytes, and the rest.

    In a dry run nothing is read, so all of it counts as sound.
    """
    listed = {key: one.size for one in listing if (key := runs_name(one.key)) is not None}
    there = shelf.sound()
    unread = sorted(key for key in listed if file_name(key) not in there)
    failed: dict[RunsKey, TrackError] = {}
    if dry_run:
        return listed, failed
    for key, got in in_threads(lambda key: (key, _got(remote, key)), unread):
        if got is not None and not isinstance(got, TrackError):
            shelf.put(file_name(key), got)
            continue
        del listed[key]
        if got is not None:
            failed[key] = got
    return listed, failed


def _got(remote: Remote, key: RunsKey) -> bytes | TrackError | None:
    """The text of a file; None when it went meanwhile, for another one says the same."""
    try:
        return unseal(remote.place.get(str(key)), str(key))
    except NoSuchKey:
        return None
    except (DamagedObject, NewerFormat) as error:
        return error


def parts_of(runs: Iterable[SharedRun]) -> Iterator[list[SharedRun]]:
    """The runs as they go into files, none of which is made much larger than others take."""
    part: list[SharedRun] = []
    size = 0
    for one in runs:
        if part and size + len(one.content) > _FILE_BYTES:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one.content)
    if part:
        yield part


def file_name(key: RunsKey) -> str:
    """What a file of the remote is called on the shelf."""
    return f"{key.writer}-{key.number:08}-{key.nonce}"
