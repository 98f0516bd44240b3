"""What Git's index and commits say, as far as it is here: a partial clone lacks some pointers, which stops nothing."""

from collections.abc import Iterable
from contextlib import suppress

from track.errors import TrackError
from track.flows.reach import INDEX, Version
from track.history.present import present_blobs
from track.model.names import data_path, is_named_pointer
from track.model.pointer import parse_pointer
from track.project import Project


def pointers_of(project: Project, refs: Iterable[str], absent: set[str]) -> list[tuple[bytes, bytes]]:
    """(path, content) of every pointer at these refs, each once; `absent` takes the ids of those that are not here.

    Raises:
        UnknownRevision: one of the refs is none.
    """
    every = {
        (path, oid)
        for ref in refs
        for path, oid in (project.git.staged_pointers() if ref == INDEX else project.git.tree_pointers(ref)).items()
    }
    contents = present_blobs(project.git, (oid for _, oid in every))
    absent.update(oid for _, oid in every if oid not in contents)
    return [(path, contents[oid]) for path, oid in sorted(every) if oid in contents]


def versions_of(project: Project, refs: Iterable[str], absent: set[str]) -> list[Version]:
    """The versions at these refs, sorted by path; pointers that cannot be read are left out. Raises as above."""
    found: dict[tuple[bytes, bytes], Version] = {}
    for name, content in pointers_of(project, refs, absent):
        with suppress(TrackError):
            pointer = parse_pointer(content, name)
            path = name if is_named_pointer(name) else data_path(name)
            found.setdefault((path, bytes(pointer.digest)), Version(path, pointer, ()))
    return list(found.values())
