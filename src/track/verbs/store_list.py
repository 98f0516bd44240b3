"""Store list: the files of the data store, a line each."""

from track.flows.data_store import Objects, folder_name, objects
from track.project import Project


def store_list(project: Project, folder: str | None = None, *, rev: str | None = None) -> Objects:
    """The objects of the store below `folder`, of all of it without one, in the working tree or at `rev`.

    What is there and cannot be read is among the result, and stops nothing.

    Raises:
        UsageError: the folder cannot be, or leaves the store.
        UnknownRevision: there is no such commit.
    """
    return objects(project, rev, folder=folder_name(folder))
