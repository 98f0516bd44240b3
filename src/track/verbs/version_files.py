"""Version files: what is in a version of a directory artifact."""

from collections.abc import Iterator

from track.flows.pinned import Pinned, entries
from track.model.manifest import Entry
from track.project import Project


def version_files(project: Project, pinned: Pinned) -> Iterator[Entry]:
    """The files, links and empty folders in a pinned directory, one by one, sorted, with paths relative to it.

    Where what says so is not here, it comes from a remote; no file does.

    Raises:
        MissingObject, RemoteError: it is nowhere, or no remote can be asked.
        MalformedManifest, DamagedObject: it is not what it should be.
    """
    return entries(project, pinned)
