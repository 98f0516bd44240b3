"""Version load: one file of a version as the object that was saved."""

from track.flows.noted import note_read
from track.flows.opened import readable
from track.flows.pinned import Pinned, content, file_of
from track.formats.known import decode
from track.formats.media import type_of
from track.progress import Progress, silent
from track.project import Project


def version_load(
    project: Project,
    pinned: Pinned,
    *,
    allow_pickle: bool = False,
    memory_map: bool = False,
    reader: str | None = None,
    progress: Progress = silent,
) -> object:
    """The object in a pinned file, by the type that its pointer names; its bytes where that says nothing.

    A value is itself. With `memory_map`, an array that is large is mapped and not read. What is not here comes from a
    remote, and stays. `reader` is the id of the living run whose input this becomes.

    Raises:
        UsageError: it is a directory.
        NoFormat: it is pickled and that was not allowed, or the library that reads it is not installed.
        MalformedContent: it is not what its type says.
        MissingObject, DamagedObject: the bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    if pinned.pointer.kind == "value":
        return pinned.pointer.value
    file_of(pinned)
    kind = type_of(pinned.inner) if pinned.inner else pinned.pointer.type
    found = readable(project, pinned, progress) if memory_map else content(project, pinned, progress)
    loaded = decode(found, kind, allow_pickle=allow_pickle, of=f"`{pinned.shown}`", bare="read_bytes()")
    note_read(project, reader, pinned)
    return loaded
