"""Version path: one file of a version as a file on this machine, for libraries that take nothing else."""

from pathlib import Path

from track.flows.noted import note_read
from track.flows.opened import readable
from track.flows.pinned import Pinned
from track.progress import Progress, silent
from track.project import Project


def version_path(project: Project, pinned: Pinned, *, reader: str | None = None, progress: Progress = silent) -> Path:
    """The path of a read-only file with the bytes and the name of a pinned file; they are hashed whenever it is asked.

    It is in this clone's state, apart from the working tree, and may be deleted at any time. What is not here comes
    from a remote, and stays. `reader` is the id of the living run whose input this becomes.

    Raises:
        UsageError: it is a directory.
        MissingObject, DamagedObject: the bytes are nowhere whole.
        RemoteError: no remote can be asked.
        DiskFull, StoreUnwritable: no file can be made.
    """
    found = readable(project, pinned, progress)
    note_read(project, reader, pinned)
    return found
