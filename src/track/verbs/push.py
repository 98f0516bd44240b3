"""Push: send the bytes that commits and staged pointers point at to a remote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from track.errors import TrackError, UnknownRevision, naming_too, together
from track.flows.reach import Reached, Version, default_refs, every_ref, full_name, versions
from track.flows.remotes import Named, clone_id, connected
from track.flows.routes import targets
from track.flows.run_reach import with_records
from track.flows.run_sharing import Shareable, Told, share, shareable
from track.flows.send import claim, losses, plan, send, size_of
from track.model.digest import Digest
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
from track.publish import sweep


@dataclass(frozen=True, slots=True)
class PushedVersion:
    """One version of an artifact: `is_new` when this push made it complete at the remote. Sizes in bytes."""

    path: bytes
    kind: str
    digest: Digest
    size: int
    files: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did. `sent_bytes` are as they travelled, in `packs_count` packs; `lacking_bytes` are those of the
    objects that the remote's index lacked: what a push that was broken off had sent is found there, and not sent again.

    With `dry_run` it is what would be done: then `sent_bytes`, `packs_count` are 0. `refused` says which pointers could
    not be read; what all others need was sent. `also` is what was done at the other remotes, when there were several.
    `shared_runs_count` says how many runs others can see there from now on, or as they are by now. `damaged_runs` are
    files of shared runs of this clone that nobody could read any more, and where they are now.
    """

    remote: str
    url: str
    versions: tuple[PushedVersion, ...]
    objects_count: int
    lacking_bytes: int
    sent_bytes: int
    packs_count: int
    requests_count: int
    dry_run: bool
    refused: tuple[TrackError, ...] = ()
    also: "tuple[Pushed, ...]" = ()
    shared_runs_count: int = 0
    damaged_runs: tuple[tuple[str, str], ...] = ()

    @property
    def is_up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        is_told = self.shared_runs_count or self.damaged_runs
        return not is_told and not any(version.is_new for version in self.versions)


def push(
    project: Project,
    remote: str | None = None,
    revs: Sequence[str] = (),
    *,
    to: Sequence[str] = (),
    paths: Sequence[str] = (),
    every: bool = False,
    dry_run: bool = False,
    verify: bool = False,
    runs: bool = False,
    progress: Progress = silent,
) -> Pushed:
    """Send what pointers at `revs` need and the remote lacks; by default at HEAD and in Git's index.

    It goes to `remote` and all of `to`, by default to those of `push.to`, else to the default one. One that fails stops
    no other. `every` means every branch and tag; `paths` limit it to some artifacts. With `verify`, what was sent is
    read back and hashed before the remote is told that it is complete. An interrupted push goes on when it is run
    again. What can be sent is sent, also when something else is missing. With `runs`, runs that no commit of a Git
    remote has go there too, as they are by now, with what they name: others see them after `fetch` with `runs`.

    Raises:
        NoRemote: the project names no such remote.
        UnknownRevision, UnknownPath: what was asked for is not there.
        MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
        MissingObject: bytes that are neither here nor at the remote; everything else was sent.
        DamagedObject: a stored object is damaged, or what was sent reads back as something else.
        RemoteError: the remote is not there, is no store, or this clone was not told that it may use it.
        Locked: another push of this clone to this remote takes too long.
    """
    routes = targets(project, (*([remote] if remote is not None else []), *to))
    asked = [project.relative(path) for path in paths]
    refs = every_ref(project) if every else tuple(_revision(project, rev) for rev in revs) or default_refs(project)
    reached = versions(project, refs, asked)
    if not asked:
        reached = with_records(project, refs, reached)
    told = shareable(project, dry_run=dry_run) if runs else None
    pushing = _Pushing(project, reached, asked, told, dry_run=dry_run, verify=verify, progress=progress)
    done: list[Pushed] = []
    failed: list[TrackError] = []
    for named in routes:
        try:
            done.append(pushing.to(named))
        except TrackError as error:
            if len(routes) == 1:
                raise
            name = f"`{display(named.name)}`"
            error.message = f"to {name}: {error.message.removeprefix(f'remote {name}: ')}"
            failed.append(error)
    if failed:
        worst = together(failed)
        worst.details = (*worst.details, *(f"`{display(one.remote)}` has everything" for one in done if not dry_run))
        raise worst
    return replace(done[0], also=tuple(done[1:]))


def _revision(project: Project, rev: str) -> str:
    """The full name of a revision. Raises UnknownRevision, which tells how a second remote is meant."""
    try:
        return full_name(project, rev)
    except UnknownRevision as error:
        if rev in project.config.names("remote.*.url"):
            error.hint = f"track push --to NAME --to {typed(rev)}   sends to several remotes"
        raise


class _Pushing:
    """What a push is about, and how it goes to one remote."""

    def __init__(
        self,
        project: Project,
        reached: Reached,
        asked: Sequence[bytes],
        sharing: Shareable | None,
        *,
        dry_run: bool,
        verify: bool,
        progress: Progress,
    ) -> None:
        also = sharing or Shareable()
        found = (*reached.versions, *also.versions)
        self._project, self._reached, self._asked = project, Reached(found, (*reached.refused, *also.refused)), asked
        self._runs = sharing.runs if sharing is not None else None
        self._dry_run, self._verify, self._progress = dry_run, verify, progress

    def to(self, named: Named) -> Pushed:
        """Send to one remote. Raises as `push` does."""
        project, (found, refused) = self._project, self._reached
        with naming_too(refused), connected(project, named, sending=True) as connection:
            claimed = None
            if not self._dry_run:
                patience_s = project.config.seconds("lock.timeout")
                claimed = claim(connection, found, clone_id(project), patience_s=patience_s)
            todo = plan(project.store, connection, found, self._asked)
            sent_bytes = packs_count = 0
            lacking_bytes = size_of(project, todo)
            if not self._dry_run:
                sweep(project.store.rooms.staging)  # what a push that was killed had packed
                sent = send(project, connection, todo, claimed, verify=self._verify, progress=self._progress)
                sent_bytes, packs_count = sent.sent_bytes, sent.packs_count
            refused = (*refused, *(one.error for one in todo.refused))
            told = Told(0)
            if self._runs is not None:
                told = share(project, connection, self._runs, clone_id(project), dry_run=self._dry_run)
            if todo.incomplete:
                with naming_too([one.error for one in todo.refused]):
                    raise losses(project, connection, todo)
            new = {(version.path, version.pointer.digest) for version in todo.versions}
            return Pushed(
                remote=named.name,
                url=named.url,
                versions=tuple(_pushed(version, (version.path, version.pointer.digest) in new) for version in found),
                objects_count=len(todo.objects),
                lacking_bytes=lacking_bytes,
                sent_bytes=sent_bytes,
                packs_count=packs_count,
                requests_count=connection.place.requests_count,
                dry_run=self._dry_run,
                refused=refused,
                shared_runs_count=told.new_count,
                damaged_runs=told.aside,
            )


def _pushed(version: Version, is_new: bool) -> PushedVersion:
    pointer = version.pointer
    return PushedVersion(version.path, pointer.kind, pointer.digest, pointer.size, pointer.files, is_new)
