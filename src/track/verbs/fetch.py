"""Fetch: bring the bytes that pointers need from remotes into the local store; working files stay as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from track.errors import TrackError, naming_too
from track.flows.choice import Choice, refuse_vain
from track.flows.passed import Came, Passed, together_passed
from track.flows.reach import every_ref, full_name, versions, versions_here
from track.flows.receive import Foreseen, receive
from track.flows.run_sharing import bring_shared
from track.flows.shallow import not_away
from track.flows.unmerged import versions_in_conflict
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought. `remotes` are (name, URL) of those that were asked; sizes in bytes, as they travelled.

    `refused` says which pointers could not be read; what all others need came. `passed` are remotes that could not be
    used, or of which something was damaged; it came from another one.

    With `dry_run` it is what would come, and the bytes are those of the objects; `foreseen` says it for each artifact.
    `shared` says of each remote that was asked how many runs others share there.
    """

    remotes: tuple[tuple[str, str], ...]
    versions_count: int
    objects_count: int
    fetched_bytes: int
    refused: tuple[TrackError, ...] = ()
    passed: tuple[Passed, ...] = ()
    dry_run: bool = False
    foreseen: tuple[Foreseen, ...] = ()
    shared: tuple[Came, ...] = ()


def fetch(
    project: Project,
    remote: str | None = None,
    revs: Sequence[str] = (),
    *,
    paths: Sequence[str] = (),
    choice: Choice | None = None,
    every: bool = False,
    manifests: bool = False,
    runs: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Fetched:
    """Fetch what pointers need and the store lacks: those in the working tree, or at `revs`, or (`every`) at all refs.

    `paths` limit it to some artifacts or to parts of them, `choice` to files that it takes. Without `remote`, those
    known to have it are asked first, and then the others for what is still lacking. Interrupted, what came stays.
    With `runs`, also the records of runs that others shared, without the data that these name.
    With `manifests`, only what says which files directories have, so that verbs that ask can answer. With `dry_run`
    the remotes are asked what they have, nothing is fetched or written, and what would fail is the same error.

    Raises:
        NoRemote: the project names no such remote.
        UnknownRevision, UnknownPath: what was asked for is not there, or nothing that `choice` takes.
        MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
        MissingObject, DamagedObject: bytes that no remote has whole; everything else came.
        RemoteError: the remote is not there, is no store, or this clone was not told that it may use it.
    """
    asked = [project.relative(path) for path in paths]
    if every or revs:
        refs = every_ref(project) if every else tuple(full_name(project, rev) for rev in revs)
        found, refused = versions(project, refs, asked)
    else:
        found, refused = versions_here(project, asked)
        if not asked and choice is None:
            found = (*(found if manifests else not_away(project, found)), *versions_in_conflict(project))
    with naming_too(refused):
        receiving = partial(receive, project, found, remote=remote, paths=asked, choice=choice, manifests=manifests)
        received = receiving(dry_run=dry_run, progress=progress)
        if not dry_run:  # else nobody knows what is in what did not come
            refuse_vain(project, found, asked, choice)
        shared, passed = bring_shared(project, remote, dry_run=dry_run) if runs else ((), ())
    return Fetched(
        tuple((named.name, named.url) for named in received.remotes),
        len(found),
        received.objects_count,
        received.fetched_bytes,
        (*refused, *(one.error for one in received.refused)),
        together_passed(received.passed, passed),
        dry_run,
        received.foreseen,
        shared,
    )
