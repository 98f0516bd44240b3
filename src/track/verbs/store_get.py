"""Store get: one file of the data store by its path there, to be read later."""

from track.flows.data_store import object_name, pin_object
from track.flows.pinned import Pinned
from track.project import Project


def store_get(project: Project, path: str, *, rev: str | None = None) -> Pinned:
    """The version of the object at `path` of the store that the working tree names, or the one at `rev`.

    No data is read. Tracked paths of the working tree are never meant, and neither are versions with partitions.

    Raises:
        UnknownPath: nothing is there; the nearest paths are told.
        UnknownRevision: there is no such commit.
        UsageError: the path cannot be, or leaves the store, or a directory or value is called so.
        MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
    """
    return pin_object(project, object_name(path), rev)
