"""Run versions: what a run names, as versions; and what is known of them without asking anybody else."""

from contextlib import suppress
from dataclasses import replace

from track.errors import MalformedPointer, UsageError
from track.flows.reach import Version
from track.flows.sides import pointer_of
from track.flows.view import reader
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import display, is_named_pointer, parse_artifact_pointer
from track.model.pointer import Pointer
from track.model.record import Record, Used
from track.project import Project


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


def pointer_name(version: Version) -> bytes:
    """The pointer file of a version."""
    return pointer_of(version.path)


def _version(used: Used) -> Version:
    assert used.path is not None
    files = 0 if used.kind == "directory" else None
    pointer = Pointer(kind=used.kind, digest=used.digest, size=used.size, files=files, type=used.type)
    if is_named_pointer(used.path):
        with suppress(MalformedPointer):
            pointer = replace(pointer, partitions=dict(parse_artifact_pointer(used.path).partitions))
    return Version(used.path, pointer, ())
