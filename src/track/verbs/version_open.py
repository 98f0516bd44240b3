"""Version open: one file of a version, open for reading."""

from typing import BinaryIO

from track.flows.noted import note_read
from track.flows.opened import opened
from track.flows.pinned import Pinned
from track.progress import Progress, silent
from track.project import Project


def version_open(
    project: Project, pinned: Pinned, *, reader: str | None = None, progress: Progress = silent
) -> BinaryIO:
    """A pinned file, open for reading as bytes, all of which were hashed before.

    What is not here comes from a remote, and stays. `reader` is the id of the living run whose input this becomes.

    Raises:
        UsageError: it is a directory.
        MissingObject, DamagedObject: the bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    found = opened(project, pinned, progress)
    note_read(project, reader, pinned)
    return found
