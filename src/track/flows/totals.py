"""Totals: a pointer counts what its manifest, or its object, counts; one that was edited by hand may not."""

from contextlib import suppress

from track.errors import DamagedObject, MalformedManifest, MalformedPointer, MissingObject, NewerFormat
from track.model.names import display, pointer_path, typed
from track.model.node import parse_node
from track.model.pointer import Pointer
from track.project import Project


def refuse_other_totals(project: Project, path: bytes, pointer: Pointer) -> None:
    """Refuse the pointer of a directory or file that does not count what its manifest, or its object, counts.

    Raises:
        MalformedPointer: it does not.
        MissingObject, DamagedObject, MalformedManifest: nothing here can tell.
    """
    if (why := _other_totals(project, path, pointer)) is not None:
        shown = typed(pointer_path(path))
        hint = f"nothing was changed; the pointer's history is in Git: git log -p -- {shown}"
        raise MalformedPointer(why, hint=hint)


def other_totals(project: Project, path: bytes, pointer: Pointer) -> MalformedPointer | None:
    """The error for such a pointer, as far as the local store can tell; nothing but it is asked."""
    with suppress(MissingObject, DamagedObject, MalformedManifest, NewerFormat):
        if pointer.kind != "value" and (why := _other_totals(project, path, pointer)) is not None:
            return MalformedPointer(why, hint=f"git checkout HEAD -- {typed(pointer_path(path))}")
    return None


def _other_totals(project: Project, path: bytes, pointer: Pointer) -> str | None:
    shown = display(pointer_path(path))
    if pointer.kind == "file":
        size = project.store.sizes([bytes(pointer.digest)]).get(bytes(pointer.digest), pointer.size)
        return None if size == pointer.size else f"{shown} says {pointer.size} bytes, and its content has {size}"
    root = parse_node(project.store.read(bytes(pointer.digest)))
    if (root.files, root.size) == (pointer.files, pointer.size):
        return None
    return f"{shown} says {pointer.files} files of {pointer.size} bytes, its manifest {root.files} of {root.size}"
