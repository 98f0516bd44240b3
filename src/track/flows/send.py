"""Send: the versions of artifacts, and everything below them, to a remote that may have some of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from track.errors import DamagedObject, MalformedManifest, MissingObject, NewerFormat
from track.flows.gone import refuse
from track.flows.needed import descend
from track.flows.reach import UNBELIEVABLE, Refused, Version, name_losses, objects_below, refusal
from track.model.digest import Digest
from track.model.manifest import parse_node
from track.model.names import display, is_record_path, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.claim import Claim
from track.store.marks import Marks, Root
from track.store.nodes_there import read_there
from track.store.objects import Store
from track.store.purged import note_purged
from track.store.readback import ReadsOtherwise
from track.store.remote import Remote
from track.store.transfer import Sent

_ASKED_AT_ONCE = 50_000


class Plan(NamedTuple):
    """What a push has to do: the versions that the remote may lack, and every object that it does lack.

    `incomplete` are versions of which bytes are neither here nor there; `lost` are those bytes.
    `refused` are versions whose manifest cannot be believed; nothing of them is sent. `damage` says which bytes were
    found damaged here on the way, and are among the lost.
    """

    versions: tuple[Version, ...]
    present: tuple[Version, ...]
    objects: set[bytes]
    incomplete: tuple[Version, ...]
    lost: frozenset[bytes]
    refused: tuple[Refused, ...] = ()
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reached:
    version: Version
    objects: set[bytes]


def claim(remote: Remote, versions: Iterable[Version], writer: str, *, patience_s: float) -> Claim | None:
    """Say at the remote what this clone needs there, before it is looked at what is; None when it has said so before.

    Raises:
        Locked: a collection is deleting there for longer than `patience_s`.
        DamagedObject, NewerFormat: nobody can tell what a collection is about to delete there.
    """
    wanted = [version for version in versions if version.pointer.kind != "value"]
    held = remote.complete({version.pointer.digest for version in wanted}, writer)
    roots = _roots(version for version in wanted if version.pointer.digest not in held)
    if not roots:
        remote.drop_claims(writer)
        remote.say_keep(writer)
        return None
    return remote.claim(writer, roots, patience_s=patience_s)


def plan(store: Store, remote: Remote, versions: Sequence[Version], paths: Sequence[bytes] = ()) -> Plan:
    """Find what the remote lacks of these versions; nothing is sent.

    The remote was just refreshed; only with a claim made before is what is found there safe from collections.

    Raises:
        MalformedManifest, NewerFormat: the manifest of what `paths` name cannot be believed.
    """
    wanted = [version for version in versions if version.pointer.kind != "value"]
    complete = _complete(remote, {version.pointer.digest for version in wanted})
    present = [version for version in wanted if version.pointer.digest in complete]
    reached, incomplete, lost = [], [], set[bytes]()
    refused: list[Refused] = []
    damage: dict[str, None] = {}
    for version in wanted:
        if version.pointer.digest in complete:
            continue
        try:
            reached.append(_Reached(version, _below(store, remote, version)))
        except (MissingObject, DamagedObject) as error:
            if purged := _purged(store, remote, version, _nowhere_below(store, remote, version)):
                refused += _unless_history(purged)
                continue
            incomplete.append(version)
            lost.add(bytes(version.pointer.digest))
            if isinstance(error, DamagedObject):
                damage |= dict.fromkeys((error.message, *error.details))
        except UNBELIEVABLE as error:
            refused.append(refusal(version, paths, error))
    if purged_there := remote.known.condemned.purged:
        for one in reached:
            refused += _unless_history(_purged(store, remote, one.version, one.objects))
        reached = [one for one in reached if purged_there.keys().isdisjoint(one.objects)]
    absent = remote.absent(_union(reached))
    nowhere = store.absent(absent)
    whole = [one for one in reached if nowhere.isdisjoint(one.objects)]
    incomplete += [one.version for one in reached if not nowhere.isdisjoint(one.objects)]
    if nowhere:
        absent &= _union(whole)
    sound = tuple(one.version for one in whole)
    unmet = frozenset(lost | nowhere)
    return Plan(sound, tuple(present), absent, tuple(incomplete), unmet, tuple(refused), tuple(damage))


def _purged(store: Store, remote: Remote, version: Version, objects: set[bytes]) -> Refused | None:
    """What was removed for good is not sent again, nor missed; from now on it is known here, too."""
    purged = remote.known.condemned.purged
    if not (hit := objects & purged.keys()):
        return None
    note_purged(store.rooms, {digest: purged[digest] for digest in hit}, remote.store_id)
    return Refused(version.path, refuse(version.path, hit, purged))


def _unless_history(refused: Refused | None) -> tuple[Refused, ...]:
    """Nothing where it is a record of a run that names what was removed: it says what was, and goes without that."""
    return () if refused is None or is_record_path(refused.path) else (refused,)


def _nowhere_below(store: Store, remote: Remote, version: Version) -> set[bytes]:
    """The manifest of a version and the parts of it that are neither here nor there; none where nothing was purged."""
    if not remote.known.condemned.purged:
        return set()
    with Marks() as marks:
        root = bytes(version.pointer.digest)
        marks.add_roots([Root(root, version.pointer.kind == "directory", True, "")])
        descend(store, marks, elsewhere=lambda digests: read_there(remote.place, remote.known, digests))
        return {root} | {one.digest for one in marks.lost()}


def _union(reached: Sequence[_Reached]) -> set[bytes]:
    """The objects of all of them; for a single one without a copy, for there may be a million."""
    return reached[0].objects if len(reached) == 1 else set().union(*(one.objects for one in reached))


def size_of(project: Project, found: Plan) -> int:
    """The bytes of the objects that a plan would send."""
    objects = iter(found.objects)
    size = 0
    while part := list(islice(objects, _ASKED_AT_ONCE)):
        size += sum(project.store.sizes(part).values())
    return size


def _complete(remote: Remote, digests: Iterable[bytes]) -> set[bytes]:
    """Those that are there with everything below; not those of which a part may be about to go."""
    return remote.complete(digests) if not remote.known.condemned else set()


def _below(store: Store, remote: Remote, version: Version) -> set[bytes]:
    """The objects of a version; those that an older version of it brought to the remote are left out."""

    def read_many(nodes: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        if absent := store.absent(nodes):
            remote.fetch(store, absent)
        return store.read_many(nodes)

    older = remote.known.latest(version.path)
    if older is not None and (not _complete(remote, [older]) or store.absent([older])):
        older = None
    if version.pointer.kind == "file" and _is_node(store, bytes(version.pointer.digest)):
        return {bytes(version.pointer.digest)} | objects_below(_as_directory(version), read_many, beside=older)
    return objects_below(version, read_many, beside=older)


def _is_node(store: Store, digest: bytes) -> bool:
    """Whether what is called a file is a manifest. A remote knows digests only: said to be complete there as a file,
    it would pass for the whole directory, and nobody would send the rest.
    """
    if store.absent([digest]) or store.are_large([digest]):
        return False
    try:
        parse_node(store.read(digest))
    except (MalformedManifest, NewerFormat):
        return False
    return True


def _as_directory(version: Version) -> Version:
    pointer = replace(version.pointer, kind="directory", files=0, executable=False)
    return version._replace(pointer=pointer)


def send_planned(
    store: Store,
    remote: Remote,
    found: Plan,
    claimed: Claim | None,
    *,
    verify: bool = False,
    progress: Progress = silent,
) -> Sent:
    """Send what a plan found, and say at the remote that its versions are complete, and that this clone needs them.

    With `verify`, that is said once what was sent was read back. Nothing to send is fine. Interrupted, what was sent
    stays, and the next push goes on.

    Raises:
        DamagedObject: an object in the local store turned out to be damaged.
        ReadsOtherwise: what was sent is not what is there now.
        RemoteError, DiskFull, StoreUnwritable: the remote cannot take it.
    """
    if claimed is None:
        return Sent(0, 0, 0)
    whole = (*found.versions, *found.present)
    if not whole:
        claimed.withdraw()
        return Sent(0, 0, 0)
    roots = _roots(whole)
    sent = remote.send(
        store, found.objects, writer=claimed.writer, roots=roots, claim=claimed, verify=verify, progress=progress
    )
    remote.known.note_latest((version.path, version.pointer.digest) for version in whole)
    return sent


def send(
    project: Project,
    remote: Remote,
    found: Plan,
    claimed: Claim | None,
    *,
    verify: bool = False,
    progress: Progress = silent,
) -> Sent:
    """As `send_planned`, for the project's own store, and with errors that name files.

    Raises:
        DamagedObject: an object in the local store turned out to be damaged, or what was sent did on its way.
        RemoteError, DiskFull, StoreUnwritable: the remote cannot take it.
    """
    try:
        sent = send_planned(project.store, remote, found, claimed, verify=verify, progress=progress)
    except ReadsOtherwise as error:
        raise DamagedObject(
            f"what was sent to `{display(remote.name)}` reads back as something else",
            hint=f"track push --verify {display(remote.name)}      sends it again",
            details=(str(error), "the remote was not told that it is complete, so nobody relies on it"),
        ) from error
    except DamagedObject as error:
        _forget_rows(project, found.versions)
        lines = name_losses(found.versions, _named_in(project, found.objects), project.store.read)
        raise DamagedObject(error.message, hint=_mending(remote), details=(*error.details, *lines)) from error
    if claimed is not None and claimed.refusal is not None:
        project.warnings.append(
            f"what was pushed is complete, but {claimed.refusal.message}: small files stay there, and a purge may wait "
            f"for them (track remote check {typed(remote.name)})"
        )
    return sent


def _mending(remote: Remote) -> str:
    return f"track fetch {display(remote.name)} brings it from there if it has it; else add the data again"


def _named_in(project: Project, objects: Iterable[bytes]) -> set[bytes]:
    """Those of the objects that the store lost while they were read."""
    return project.store.absent(objects)


def _roots(versions: Iterable[Version]) -> dict[str, tuple[Digest, ...]]:
    refs: dict[str, set[Digest]] = {}
    for version in versions:
        for ref in version.refs:
            refs.setdefault(ref, set()).add(version.pointer.digest)
    return {ref: tuple(sorted(digests)) for ref, digests in sorted(refs.items())}


def losses(project: Project, remote: Remote, found: Plan) -> MissingObject | DamagedObject:
    """The error for versions of which sound bytes are neither here nor there, naming files, and the ways out."""
    _forget_rows(project, found.incomplete)
    lines = name_losses(found.incomplete, set(found.lost), project.store.read)
    if found.damage:
        return DamagedObject(
            f"{_artifacts(found.incomplete)} cannot be pushed: bytes of it are damaged",
            hint=_mending(remote),
            details=(*found.damage, *lines),
        )
    return MissingObject(
        f"{_artifacts(found.incomplete)} cannot be pushed: some bytes are neither here nor at `{display(remote.name)}`",
        hint="on the machine that made them: track push      or, if the data is in place: track add it again",
        details=lines,
    )


def _forget_rows(project: Project, versions: Iterable[Version]) -> None:
    """Have the next `add` of these store everything that it finds, whatever was stored once."""
    for version in versions:
        project.stat_cache.forget(version.path)


def _artifacts(versions: Sequence[Version]) -> str:
    names = [display(version.path) for version in versions]
    return names[0] if len(names) == 1 else f"{len(names)} artifacts ({', '.join(names[:3])}{', …' * (len(names) > 3)})"
