"""Run reach: what the records of runs name, an entry being as good as a pointer: a push has to send it.

Apart from `reach`, which every command loads: records are read by few.
"""

from collections.abc import Iterable

from track.errors import MalformedRecord, NewerFormat, TrackError
from track.flows.reach import INDEX, Reached, Version
from track.history import log
from track.model.pointer import Pointer
from track.model.record_file import parse_record
from track.project import Project


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
    return [version for version in found if bytes(version.pointer.digest) not in absent], refused
