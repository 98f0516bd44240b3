"""Outgoing: the versions that a `git push` brings to others, and how their data gets there first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from track.errors import MissingObject, NewerFormat, NotAPointer, TrackError
from track.flows.reach import Version, known_at_remotes
from track.flows.remotes import choose, connected
from track.flows.send import losses, plan, send, size_of
from track.history import log
from track.model.names import data_path, display, is_named_pointer
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.publish import sweep

_SHOWN = 5


class Update(NamedTuple):
    """One ref that a push moves: the commit it brings, the ref at the other side, and what that was, if anything."""

    commit: str
    ref: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was sent. Sizes in bytes as they travelled; nothing was asked of a remote when `remote` is None."""

    remote: str | None
    versions: tuple[Version, ...]
    objects_count: int
    sent_bytes: int


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


def deliver(
    project: Project,
    versions: Sequence[Version],
    *,
    tell: Callable[[str, int], None] | None = None,
    progress: Progress = silent,
) -> Delivered:
    """Send what these versions need and the default remote lacks; `tell` gets its name and the bytes, just before.

    Raises as `push` does: afterwards everything else was sent, and the same again goes on.
    """
    named = choose(project)
    with connected(project, named, sending=True) as connection:
        todo = plan(project, connection, versions)
        if tell is not None and todo.objects:
            tell(named.name, size_of(project, todo))
        sweep(project.store.rooms.staging)
        sent = send(project, connection, todo, progress=progress)
        if todo.incomplete:
            raise losses(project, connection, todo)
    return Delivered(named.name, todo.versions, len(todo.objects), sent.sent_bytes)
