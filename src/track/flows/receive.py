"""Receive: the bytes that versions need and the local store lacks come from remotes, manifests first."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, RemoteError, naming_too
from track.flows.reach import UNBELIEVABLE, Refused, Version, inside, name_losses, objects_below, refusal
from track.flows.remotes import Named, all_named, choose, connected
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project
from track.store.remote import Remote


class Received(NamedTuple):
    """What came, and from where: (remote, URL) in the order they were asked. Sizes in bytes, as they travelled.

    `refused` are versions whose manifest cannot be believed: nothing more of them was asked for.
    """

    objects_count: int
    fetched_bytes: int
    remotes: tuple[Named, ...]
    refused: tuple[Refused, ...] = ()


class _Unavailable(Exception):
    """Manifest nodes that could not be had."""


class _Receiving:
    """One fetch from one remote: counts what came, and keeps what did not."""

    def __init__(self, project: Project, remote: Remote, progress: Progress) -> None:
        self._project, self._remote, self._progress = project, remote, progress
        self.count = self.size = 0
        self.missing: set[bytes] = set()
        self.damaged: set[bytes] = set()

    def bring(self, digests: set[bytes]) -> set[bytes]:
        """Fetch what the store lacks of these; those that could not be had."""
        if not (absent := self._project.store.absent(digests)):
            return set()
        fetched = self._remote.fetch(self._project.store, absent, progress=self._progress)
        self.count += fetched.objects_count
        self.size += fetched.fetched_bytes
        self.missing |= fetched.missing
        self.damaged |= fetched.damaged
        return set(fetched.missing | fetched.damaged)

    def read_many(self, nodes: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Manifest nodes, fetched when they are not here; one that turns out to be damaged here is fetched again."""
        if self.bring(set(nodes)):
            raise _Unavailable
        try:
            found = list(self._project.store.read_many(nodes))
        except DamagedObject:
            if self.bring(set(nodes)):
                raise _Unavailable from None
            found = list(self._project.store.read_many(nodes))
        yield from found


def receive(
    project: Project,
    versions: Sequence[Version],
    *,
    remote: str | None = None,
    paths: Sequence[bytes] = (),
    progress: Progress = silent,
) -> Received:
    """Fetch what these versions need, or of a directory the parts of it that `paths` name.

    The remote asked for, else the default one and, for what it lacks, the others. All that can come comes, and stays
    when this is interrupted.

    Raises:
        MissingObject, DamagedObject: objects that no remote has whole; the files that need them are named.
        MalformedManifest, NewerFormat: the manifest of what `paths` name cannot be read.
        NoRemote, RemoteError: there is no remote, it may not be used or does not answer.
        DiskFull, StoreUnwritable: the local store cannot take it.
    """
    first = choose(project, remote)
    others = () if remote is not None else tuple(one for one in all_named(project) if one.name != first.name)
    wanted = [version for version in versions if version.pointer.kind != "value"]
    asked: list[Named] = []
    count = size = 0
    damaged: set[bytes] = set()
    missing: set[bytes] = set()
    refused: list[Refused] = []
    for named in (first, *others):
        try:
            with connected(project, named, sending=False) as connection:
                receiving = _Receiving(project, connection, progress)
                wanted = _receive(receiving, connection, wanted, paths, refused)
        except RemoteError:
            if named is first:
                raise
            continue
        asked.append(named)
        count, size = count + receiving.count, size + receiving.size
        missing, damaged = missing | receiving.missing, damaged | receiving.damaged
        if not wanted:
            return Received(count, size, tuple(asked), tuple(refused))
    with naming_too([one.error for one in refused]):
        raise _losses(project, wanted, asked, missing, damaged)


def lacking_here(project: Project, versions: Sequence[Version], paths: Sequence[bytes] = ()) -> list[Version]:
    """Those of the versions of which something that `paths` name, or all, is not in the local store; none is asked."""

    def is_lacking(version: Version) -> bool:
        try:
            objects = objects_below(version, project.store.read_many, parts=inside(version, paths))
        except (MissingObject, DamagedObject):
            return True
        except UNBELIEVABLE:  # it is here, and who wants to use it will refuse it
            return False
        return bool(project.store.absent(objects))

    return [version for version in versions if is_lacking(version)]


def put_damage_aside(project: Project, versions: Sequence[Version], paths: Sequence[bytes] = ()) -> list[Version]:
    """Hash every object that these versions have here, so that the store puts aside what is bad; what lacks it then."""
    for version in versions:
        with suppress(MissingObject, DamagedObject, *UNBELIEVABLE):
            for digest in objects_below(version, project.store.read_many, parts=inside(version, paths)):
                with suppress(MissingObject, DamagedObject):
                    if project.store.whole(digest) is not None:
                        project.store.open_verified(digest)
                    else:
                        project.store.read(digest)
    return lacking_here(project, versions, paths)


def _receive(
    receiving: _Receiving,
    remote: Remote,
    versions: Sequence[Version],
    paths: Sequence[bytes],
    refused: list[Refused],
) -> list[Version]:
    """Fetch it all from one remote; the versions that are still not whole here, without those that join `refused`."""
    left: list[Version] = []
    reached: list[tuple[Version, set[bytes]]] = []
    for version in versions:
        try:
            reached.append((version, objects_below(version, receiving.read_many, parts=inside(version, paths))))
        except _Unavailable:
            left.append(version)
        except UNBELIEVABLE as error:
            refused.append(refusal(version, paths, error))
    failed = receiving.bring(set().union(*(objects for _, objects in reached)))
    whole = [version for version, objects in reached if failed.isdisjoint(objects)]
    remote.known.note_latest((version.path, version.pointer.digest) for version in whole if not inside(version, paths))
    return left + [version for version, objects in reached if not failed.isdisjoint(objects)]


def _losses(
    project: Project, versions: Sequence[Version], asked: Sequence[Named], missing: set[bytes], damaged: set[bytes]
) -> MissingObject | DamagedObject:
    """The error that names the files, the objects, where they were looked for and a way out."""
    lost = project.store.absent(missing | damaged)
    lines = name_losses(versions, lost, project.store.read)
    names = " and ".join(f"`{display(named.name)}` ({display(named.url)})" for named in asked)
    files = display(versions[0].path) if len(versions) == 1 else f"{len(versions)} artifacts"
    again = f"track verify --remote {display(asked[0].name)} && track push {display(asked[0].name)}"
    if bad := lost & damaged:
        return DamagedObject(
            f"{files}: {len(bad)} of the objects at {names} are damaged; nothing of them was placed",
            hint=f"where the data is whole, this sends it again: {again}",
            details=lines,
        )
    return MissingObject(
        f"{files}: {len(lost)} of the objects are neither here nor at {names}",
        hint=f"where the data was made: track push      or, if it was lost there since: {again}",
        details=lines,
    )
