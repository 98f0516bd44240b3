"""Version get: one version of an artifact, or a part of it, by its path or name, to be read later."""

from collections.abc import Mapping

from track.flows.pinned import Pinned, inside, pin
from track.project import Project


def version_get(
    project: Project,
    item: str,
    *,
    rev: str | None = None,
    partitions: Mapping[str, str] | None = None,
    within: Pinned | None = None,
) -> Pinned:
    """The version that `item` names in the working tree, or at `rev`; with `within`, a path in that directory.

    `item` is a path as a person types it, or the name of a named artifact, of which it is the latest version with these
    `partitions`, or `NAME@VERSION`. No data is read. Where what says which files a directory has is not here, that much
    comes from a remote.

    Raises:
        UnknownRevision, UnknownPath: nothing of that name is there; the nearest name is told.
        UsageError: the name or a partition cannot be, or may mean several versions.
        OutsideRepository, ForbiddenPath: the path is in no place that track may look at.
        MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
        MissingObject, RemoteError: what says which files are in it is nowhere, or no remote can be asked.
    """
    if within is not None:
        return inside(project, within, item.encode("utf-8", "surrogateescape"))
    return pin(project, item, rev=rev, partitions=partitions)
