"""Store place: what a path of the data store is called by the verbs that put and remove."""

from typing import NamedTuple

from track.flows.data_store import object_name, pin_object, place_of, refuse_other
from track.project import Project


class Place(NamedTuple):
    """An object of the store: the name of its artifact, and the path by which it is known among all artifacts."""

    name: str
    path: str


def store_place(project: Project, path: str, *, is_there: bool = False) -> Place:
    """Where the object at `path` of the store lies, or would; with `is_there` it has to.

    Raises:
        UsageError: the path cannot be, or leaves the store, or something else than one file is called so.
        UnknownPath: nothing is there and it has to; the nearest paths are told.
        MalformedPointer, NewerFormat: what is called so cannot be read.
    """
    name = object_name(path)
    if is_there:
        pin_object(project, name, None)
    else:
        refuse_other(project, name)
    return Place(name, place_of(project, name))
