"""Outgoing: the versions that a `git push` brings to others, and which of them no remote is known to have."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from track.errors import MissingObject, NewerFormat, NotAPointer, TrackError
from track.flows.reach import Version
from track.flows.run_reach import record_versions
from track.flows.whereabouts import relied_on
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


def outgoing(
    project: Project, updates: Iterable[Update], remote: str | None = None
) -> tuple[tuple[Version, ...], tuple[str, ...]]:
    """(the versions, the troubles): what pointers say that commits which no remote has add or change, sorted by path.

    Where the push goes to a Git `remote` of that name, commits that only other remotes have count with what is still
    there at the tips that it brings: whoever published those commits may have published no data. Values are whole in
    their pointers and left out. A trouble is a pointer in one of these commits that is damaged.

    Raises:
        NewerFormat: one of the pointers was written by a later version.
    """
    found = _Found(project)
    for update in updates:
        known = [update.before] if update.before is not None else []
        found.add_pointers(log.brought(project.git, [update.commit], known), update.ref)
        found.add_records(log.brought(project.git, [update.commit], known, records=True), update.ref)
        if remote is not None:
            found.add_standing(log.brought(project.git, [update.commit], known, remote=remote), update)
            records = log.brought(project.git, [update.commit], known, remote=remote, records=True)
            found.add_records(records, update.ref)
    return found.versions(), tuple(dict.fromkeys(found.troubles))


class _Found:
    """Versions and what names them, as they are found."""

    def __init__(self, project: Project) -> None:
        self.troubles: list[str] = []
        self._project = project
        self._versions: dict[tuple[bytes, bytes], tuple[Pointer, set[str]]] = {}
        self._seen: set[tuple[bytes, str | None, str]] = set()

    def versions(self) -> tuple[Version, ...]:
        """All of them, sorted by path."""
        return tuple(
            Version(path, pointer, tuple(sorted(refs))) for (path, _), (pointer, refs) in sorted(self._versions.items())
        )

    def add_pointers(self, events: Iterable[log.Event], ref: str, *, standing_at: str | None = None) -> None:
        """Note what these did; with `standing_at`, only what that commit still says."""
        new = self._new(events, ref)
        contents = self._contents(new)
        tip = dict(log.pointers_at(self._project.git, standing_at)) if new and standing_at is not None else None
        for event in new:
            content = contents[event.blob or ""]
            if tip is not None and tip.get(event.path) != content:
                continue
            try:
                pointer = parse_pointer(content, display(event.path))
            except (NotAPointer, NewerFormat) as error:
                if isinstance(error, NewerFormat):
                    raise
                continue
            except TrackError as error:
                self.troubles.append(f"commit {event.commit.oid[:8]}: {error.message}")
                continue
            if pointer.kind != "value":
                path = event.path if is_named_pointer(event.path) else data_path(event.path)
                self._add(path, pointer, ref)

    def add_standing(self, events: Iterable[log.Event], update: Update) -> None:
        """Note what these did and the commit of the update still says."""
        self.add_pointers(events, update.ref, standing_at=update.commit)

    def add_records(self, events: Iterable[log.Event], ref: str) -> None:
        """Note what records of runs name that these brought."""
        new = self._new(events, ref)
        contents = self._contents(new)
        records = [(event.path, contents[event.blob or ""]) for event in new]
        kept, unread = record_versions(self._project, records, ref)
        self.troubles += [error.message for error in unread]
        for version in kept:
            self._add(version.path, version.pointer, ref)

    def _new(self, events: Iterable[log.Event], ref: str) -> list[log.Event]:
        """Those that bring something, and were not looked at for that ref before."""
        new = [one for one in events if one.blob is not None and (one.path, one.blob, ref) not in self._seen]
        self._seen |= {(one.path, one.blob, ref) for one in new}
        return new

    def _contents(self, events: Iterable[log.Event]) -> dict[str, bytes]:
        return dict(self._project.git.blobs(sorted({event.blob for event in events if event.blob is not None})))

    def _add(self, path: bytes, pointer: Pointer, ref: str) -> None:
        self._versions.setdefault((path, pointer.digest), (pointer, set()))[1].add(ref)


def undelivered(project: Project, versions: Sequence[Version], *, now_s: float) -> tuple[Version, ...]:
    """Those that nobody may rely on a remote to have, as far as it is known at `now_s`; no remote is asked."""
    known = relied_on(project, {bytes(version.pointer.digest) for version in versions}, now_s=now_s)
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
