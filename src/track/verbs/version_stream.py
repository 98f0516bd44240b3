"""Version stream: one file of a version, open for reading, of which only what is read comes from a remote."""

from typing import BinaryIO

from track.flows.elsewhere import Elsewhere
from track.flows.noted import note_read
from track.flows.opened import opened
from track.flows.pinned import Pinned
from track.flows.ranged import ranged
from track.progress import Progress, silent
from track.project import Project


def version_stream(
    project: Project,
    pinned: Pinned,
    elsewhere: Elsewhere,
    *,
    reader: str | None = None,
    progress: Progress = silent,
) -> BinaryIO:
    """A pinned file, open for reading as bytes, all of which are checked before they are given.

    A large file that is not here is read at a remote, part by part, and is not kept; `elsewhere` holds the connection,
    for as long as the file is open. Everything else is as with `version_open`. `reader` is the id of the living run
    whose input this becomes.

    Raises:
        UsageError: it is a directory.
        MissingObject, DamagedObject: the bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    parts = elsewhere.parts(project, pinned)
    found: BinaryIO = ranged(parts) if parts is not None else opened(project, pinned, progress)
    note_read(project, reader, pinned)
    return found
