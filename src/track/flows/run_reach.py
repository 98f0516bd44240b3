"""Run reach: what the records of runs name, an entry being as good as a pointer: a push has to send it.

Apart from `reach`, which every command loads: records are read by few.
"""

from collections.abc import Iterable
from dataclasses import replace

from track.errors import MalformedManifest, MalformedRecord, NewerFormat, TrackError
from track.flows.reach import INDEX, Reached, Version
from track.history import log
from track.model.manifest import parse_node
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.model.record_file import parse_record
from track.project import Project
from track.store.purge_notes import purged_at


def with_records(project: Project, refs: Iterable[str], reached: Reached) -> Reached:
    """What was reached, and also what the records of runs at these refs name; nobody has to fetch that.

    Raises:
        UnknownRevision: one of the refs is none.
    """
    found = {(one.path, one.pointer.digest): (one.pointer, set(one.refs)) for one in reached.versions}
    refused = {error.message: error for error in reached.refused}
    for ref in dict.fromkeys(refs):
        named = log.records_staged(project.git) if ref == INDEX else log.records_at(project.git, ref)
        kept, unread = record_versions(project, named, ref)
        for version in kept:
            found.setdefault((version.path, version.pointer.digest), (version.pointer, set()))[1].add(ref)
        for error in unread:
            refused.setdefault(error.message, error)
    versions = tuple(Version(path, pointer, tuple(sorted(at))) for (path, _), (pointer, at) in sorted(found.items()))
    return Reached(versions, tuple(refused.values()))


def record_versions(
    project: Project, records: Iterable[tuple[bytes, bytes]], ref: str
) -> tuple[list[Version], list[TrackError]]:
    """What records of runs name and this store has, an entry being as good as a pointer: each artifact, the code, and
    what was kept with it, as a version at the record's own path; and why other records cannot be read.

    What is not here is left out: others' runs used what only they have to send, and some inputs were saved nowhere.
    So is what is known to have been removed for good: nobody takes it again, and the record stands without it.
    What a record calls a directory and is a file is sent as that, and the project warns of the record.
    """
    found: list[Version] = []
    refused: list[TrackError] = []
    for path, content in records:
        try:
            record = parse_record(content, path)
        except (MalformedRecord, NewerFormat) as error:
            refused.append(error)
            continue
        for digest, kind, size in record.named():
            files = 0 if kind == "directory" else None
            found.append(Version(path, Pointer(kind=kind, digest=digest, size=size, files=files), (ref,)))
    absent = project.store.absent({bytes(version.pointer.digest) for version in found}) if found else set()
    absent |= purged_at(project.store_path).keys() if found else set()
    here = [version for version in found if bytes(version.pointer.digest) not in absent]
    return _as_they_are(project, here), refused


def _as_they_are(project: Project, found: list[Version]) -> list[Version]:
    """The versions, with files as files where a record says directory."""
    called = {bytes(version.pointer.digest) for version in found if version.pointer.kind == "directory"}
    files = {digest for digest in called if not _is_node(project, digest)}
    told = []
    for version in found:
        if version.pointer.kind == "directory" and bytes(version.pointer.digest) in files:
            warning = (
                f"{display(version.path)} calls {version.pointer.digest.short} a directory, and it is a file; "
                f"see who wrote that: git log -- {typed(version.path)}"
            )
            if warning not in project.warnings:
                project.warnings.append(warning)
            version = version._replace(pointer=replace(version.pointer, kind="file", files=None))
        told.append(version)
    return told


def _is_node(project: Project, digest: bytes) -> bool:
    """Whether these bytes are a node of a manifest, or cannot be read, which is told where they are sent."""
    if project.store.are_large([digest]):  # nodes are always in packs
        return False
    try:
        parse_node(project.store.read(digest))
    except MalformedManifest:
        return False
    except TrackError:
        return True
    return True
