"""Gone: versions of which something was removed for good, as far as it is known here; no remote is asked."""

from collections.abc import Iterable, Mapping, Sequence

from track.errors import PurgedObject
from track.flows.reach import Version
from track.model.names import display, typed
from track.project import Project
from track.store.purge_notes import told
from track.store.purged import purged_in
from track.store.tombstones import Purge

_SHOWN = 5


def refuse(path: bytes, hit: Iterable[bytes], purged: Mapping[bytes, Purge]) -> PurgedObject:
    """The error for a version that nobody sends, for some of it was removed for good."""
    found = sorted(hit)
    purge = purged[found[0]]
    return PurgedObject(
        f"{display(path)} {told(purge)}",
        hint=f"no remote takes it again; bring another version, or let the name go:\ntrack rm --cached {typed(path)}",
        details=tuple(f"object {digest.hex()[:8]}" for digest in found[:_SHOWN]),
    )


def without_purged(
    project: Project, versions: Sequence[Version]
) -> tuple[tuple[Version, ...], tuple[PurgedObject, ...]]:
    """(those of these versions that are not known to have been purged, what to say of the others)."""
    purged = purged_in(project.store.rooms) if versions else {}
    left = tuple(version for version in versions if version.pointer.digest not in purged)
    gone = (version for version in versions if version.pointer.digest in purged)
    return left, tuple(refuse(version.path, [version.pointer.digest], purged) for version in gone)
