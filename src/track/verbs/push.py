"""Push: send the bytes that commits and staged pointers point at to a remote."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.errors import TrackError, naming_too
from track.flows.reach import Version, default_refs, every_ref, full_name, versions
from track.flows.remotes import choose, connected
from track.flows.send import losses, plan, send, size_of
from track.model.digest import Digest
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
    """What a push did. `sent_bytes` are as they travelled; `lacking_bytes` are those of the objects that were sent.

    With `dry_run` it is what would be done: then `sent_bytes`, `packs_count` are 0. `refused` says which pointers could
    not be read; what all others need was sent.
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

    @property
    def is_up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return not any(version.is_new for version in self.versions)


def push(
    project: Project,
    remote: str | None = None,
    revs: Sequence[str] = (),
    *,
    paths: Sequence[str] = (),
    every: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Pushed:
    """Send what pointers at `revs` need and the remote lacks; by default at HEAD and in Git's index.

    `every` means every branch and tag; `paths` limit it to some artifacts. An interrupted push goes on when it is
    run again. What can be sent is sent, also when something else is missing.

    Raises:
        NoRemote: the project names no such remote.
        UnknownRevision, UnknownPath: what was asked for is not there.
        MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
        MissingObject: bytes that are neither here nor at the remote; everything else was sent.
        DamagedObject: a stored object is damaged.
        RemoteError: the remote is not there, is no store, or this clone was not told that it may use it.
        Locked: another push of this clone to this remote takes too long.
    """
    named = choose(project, remote)
    asked = [project.relative(path) for path in paths]
    refs = every_ref(project) if every else tuple(full_name(project, rev) for rev in revs) or default_refs(project)
    found, refused = versions(project, refs, asked)
    with naming_too(refused), connected(project, named, sending=True) as connection:
        todo = plan(project, connection, found, asked)
        sent_bytes = packs_count = 0
        lacking_bytes = size_of(project, todo)
        if not dry_run:
            sweep(project.store.rooms.staging)  # what a push that was killed had packed
            sent = send(project, connection, todo, progress=progress)
            sent_bytes, packs_count = sent.sent_bytes, sent.packs_count
        refused = (*refused, *(one.error for one in todo.refused))
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
            dry_run=dry_run,
            refused=refused,
        )


def _pushed(version: Version, is_new: bool) -> PushedVersion:
    pointer = version.pointer
    return PushedVersion(version.path, pointer.kind, pointer.digest, pointer.size, pointer.files, is_new)
