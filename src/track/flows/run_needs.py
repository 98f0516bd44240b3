"""Run needs: what a run names is brought here when somebody wants to use it again, and only then."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from track.errors import MalformedPointer, MissingObject, UsageError, together
from track.flows.lost import lacking_here
from track.flows.reach import Version
from track.flows.receive import receive
from track.flows.run_find import Found
from track.flows.sides import pointer_of
from track.flows.view import reader
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import display, is_named_pointer, parse_artifact_pointer
from track.model.pointer import Pointer
from track.model.record import Record, Used
from track.progress import Progress, silent
from track.project import Project

_LISTED = 10


def input_versions(record: Record) -> list[Version]:
    """The tracked paths and named artifacts that a run used, as versions; values are files of their JSON."""
    return [_version(used) for used in record.of("input") if used.path is not None]


def output_versions(record: Record) -> list[Version]:
    """The paths and named artifacts that a run made, as versions."""
    return [_version(used) for used in record.of("output") if used.path is not None]


def code_version(record: Record) -> Version:
    """The code that a run saw, as a version. Raises UsageError when none was kept with it."""
    revision = record.revision
    if revision is None or revision.code is None:
        raise UsageError(
            f"no code was kept with run {display(record.name)}", hint=f"track runs show {record.id} says what is known"
        )
    return Version(b"code", Pointer(kind="directory", digest=revision.code, files=0), ())


def file_version(name: bytes, digest: Digest) -> Version:
    """Something else that is kept with a run, as a version."""
    return Version(name, Pointer(kind="file", digest=digest), ())


def need(
    project: Project, found: Found, versions: Sequence[Version], *, fetch: bool, again: str, progress: Progress = silent
) -> None:
    """Have these here, from a remote where `fetch` allows it; `again` is the command that is being done.

    Raises:
        MissingObject: something is not here, and may not be fetched or is nowhere.
        DamagedObject, MalformedManifest: it is not what it should be.
        NoRemote, RemoteError: no remote can be asked.
    """
    lacking = lacking_here(project, versions)
    if not lacking:
        return
    if not fetch:
        names = ", ".join(display(version.path) for version in lacking[:_LISTED])
        raise MissingObject(
            f"not all of run {display(found.record.name)} is here: {names}", hint=f"bring it: {again} --fetch"
        )
    received = receive(project, lacking, progress=progress)
    if received.refused:
        raise together([one.error for one in received.refused])


def entries_of(project: Project, version: Version) -> list[Entry]:
    """Every file and link of a directory that is here. Raises MissingObject, DamagedObject or MalformedManifest."""
    return list(manifest.walk(reader(project), version.pointer.digest))


def pointer_of_used(project: Project, version: Version, present: Pointer | None, committed: Pointer | None) -> Pointer:
    """The pointer for a version that a run used: the present one or the committed one where they name it, else new."""
    for known in (present, committed):
        if known is not None and (known.digest, known.kind) == (version.pointer.digest, version.pointer.kind):
            return known
    if version.pointer.kind != "directory":
        return version.pointer
    node = manifest.parse_node(project.store.read(version.pointer.digest))
    return Pointer(kind="directory", digest=version.pointer.digest, size=version.pointer.size, files=node.files)


def _version(used: Used) -> Version:
    assert used.path is not None
    files = 0 if used.kind == "directory" else None
    pointer = Pointer(kind=used.kind, digest=used.digest, size=used.size, files=files, type=used.type)
    if is_named_pointer(used.path):
        with suppress(MalformedPointer):
            pointer = replace(pointer, partitions=dict(parse_artifact_pointer(used.path).partitions))
    return Version(used.path, pointer, ())


def pointer_name(version: Version) -> bytes:
    """The pointer file of a version."""
    return pointer_of(version.path)
