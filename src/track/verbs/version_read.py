"""Version read: the bytes of one file of a version."""

from track.flows.noted import note_read
from track.flows.pinned import Pinned, content
from track.progress import Progress, silent
from track.project import Project


def version_read(project: Project, pinned: Pinned, *, reader: str | None = None, progress: Progress = silent) -> bytes:
    """The bytes of a pinned file, verified; of a link its target, of a value its JSON and a line's end.

    What is not here comes from a remote, and stays. `reader` is the id of the living run whose input this becomes.

    Raises:
        UsageError: it is a directory.
        MissingObject, DamagedObject: the bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    found = content(project, pinned, progress)
    note_read(project, reader, pinned)
    return found
