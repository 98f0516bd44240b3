"""Store info: what is known of one file of the data store."""

from track.flows.data_store import StoreObject, object_name, objects, pin_object, unknown_object
from track.project import Project


def store_info(project: Project, path: str, *, rev: str | None = None) -> StoreObject:
    """The object at `path` of the store, in the working tree or at `rev`.

    Raises:
        UnknownPath: nothing is there; the nearest paths are told.
        UnknownRevision: there is no such commit.
        UsageError: the path cannot be, or leaves the store, or a directory or value is called so.
        MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
    """
    name = object_name(path)
    pin_object(project, name, rev)
    found = objects(project, rev, name=name).objects
    if not found:  # removed since
        raise unknown_object(project, name, rev)
    return found[0]
