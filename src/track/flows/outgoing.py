"""Outgoing: the versions that a `git push` brings to others, and which of them no remote is known to have."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from track.errors import MissingObject, NewerFormat, NotAPointer, TrackError
from track.flows.reach import Version, known_at_remotes
from track.flows.run_reach import record_versions
from track.history import log
from track.model.names import data_path, display, is_named_pointer
from track.model.pointer import Pointer, parse_pointer
from track.project import Project

_SHOWN = 5


class Update(NamedTuple):
    """One ref that a push moves: the commit it brings, the ref at the other side, and what that was, if anything."""

    commit: str
    ref: str
    before: str | None = None


def outgoing(project: Project, updates: Iterable[Update]) -> tuple[tuple[Version, ...], tuple[str, ...]]:
    """(the versions, the troubles): what pointers say that commits which no remote has add or change, sorted by path.

    Values are whole in their pointers and left out. A trouble is a pointer in one of these commits that is damaged.

    Raises:
        NewerFormat: one of the pointers was written by a later version.
    """
    found: dict[tuple[bytes, bytes], tuple[Pointer, set[str]]] = {}
    troubles: list[str] = []
    for update in updates:
        known = [update.before] if update.before is not None else []
        events = [event for event in log.brought(project.git, [update.commit], known) if event.blob is not None]
        contents = dict(project.git.blobs(sorted({event.blob for event in events if event.blob is not None})))
        for event in events:
            try:
                pointer = parse_pointer(contents[event.blob or ""], display(event.path))
            except (NotAPointer, NewerFormat) as error:
                if isinstance(error, NewerFormat):
                    raise
                continue
            except TrackError as error:
                troubles.append(f"commit {event.commit.oid[:8]}: {error.message}")
                continue
            if pointer.kind != "value":
                path = event.path if is_named_pointer(event.path) else data_path(event.path)
                found.setdefault((path, pointer.digest), (pointer, set()))[1].add(update.ref)
    for update in updates:
        known = [update.before] if update.before is not None else []
        events = [event for event in log.records_brought(project.git, [update.commit], known) if event.blob is not None]
        contents = dict(project.git.blobs(sorted({event.blob for event in events if event.blob is not None})))
        records = [(event.path, contents[event.blob or ""]) for event in events]
        kept, unread = record_versions(project, records, update.ref)
        troubles += [error.message for error in unread]
        for version in kept:
            found.setdefault((version.path, version.pointer.digest), (version.pointer, set()))[1].add(update.ref)
    versions = tuple(Version(path, pointer, tuple(sorted(at))) for (path, _), (pointer, at) in sorted(found.items()))
    return versions, tuple(dict.fromkeys(troubles))


def undelivered(project: Project, versions: Sequence[Version]) -> tuple[Version, ...]:
    """Those of which no remote is known to have everything; no remote is asked."""
    known = known_at_remotes(project, {bytes(version.pointer.digest) for version in versions})
    return tuple(version for version in versions if bytes(version.pointer.digest) not in known)


def refuse(versions: Sequence[Version]) -> MissingObject:
    """The error for a push of versions that no remote is known to have, where nothing may be sent."""
    lines = tuple(display(version.path) for version in versions[:_SHOWN])
    more = (f"and {len(versions) - _SHOWN:,} more",) if len(versions) > _SHOWN else ()
    return MissingObject(
        f"no remote is known to have the data of {len(versions):,} new pointer{'s' if len(versions) > 1 else ''}",
        hint="track push, then git push again",
        details=lines + more,
    )
