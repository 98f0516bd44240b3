"""Unmerged: what the pointers in conflict name, and keeping the manifest nodes that their merge made."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from track.errors import DamagedObject, MalformedPointer, MissingObject, NewerFormat, NotAPointer
from track.flows.merging import Outcome
from track.flows.reach import Version, objects_below
from track.flows.sides import artifact_of
from track.history import log
from track.model.pointer import parse_pointer
from track.project import Project


@contextmanager
def kept(project: Project, outcome: Outcome) -> Iterator[None]:
    """Make the new manifest nodes durable, and hold the store's lock while the pointer is written.

    Raises:
        DiskFull, StoreUnwritable, Locked: they could not be; no pointer may name them.
    """
    if not outcome.nodes or not outcome.is_clean:
        yield
        return
    with project.store.writer() as writer:
        for digest, node in outcome.nodes.items():
            writer.add_known(digest, node)
        writer.commit()
        yield


def versions_in_conflict(project: Project) -> list[Version]:
    """The versions that pointers in conflict name, of both sides; of the common one where its manifest is not here."""
    stages = log.unmerged_pointers(project.git)
    contents = dict(project.git.blobs(sorted({one for each in stages.values() for one in each if one})))
    found: list[Version] = []
    for path, unmerged in stages.items():
        for one in unmerged:
            with suppress(NotAPointer, MalformedPointer, NewerFormat):
                version = Version(artifact_of(path), parse_pointer(contents[one], path), ()) if one else None
                if version is not None and (one != unmerged.base or _lacks_manifest(project, version)):
                    found.append(version)
    return found


def _lacks_manifest(project: Project, version: Version) -> bool:
    if version.pointer.kind != "directory":
        return False
    try:
        objects_below(version, project.store.read_many)
    except (MissingObject, DamagedObject):
        return True
    return False
