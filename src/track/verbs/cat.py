"""Cat: the bytes of one file at a revision."""

from collections.abc import Iterator

from track.errors import MissingObject, UsageError
from track.flows import view
from track.flows.content import pieces
from track.model.canonical import canonical_json
from track.model.names import display
from track.project import Project


def cat(project: Project, words: str) -> Iterator[bytes]:
    """The bytes at `[REV:]PATH`, a piece at a time: a file artifact, a file inside a directory artifact, or a value.

    A large file is hashed before its first piece is given. A link gives its target, a value its JSON.

    Raises:
        UnknownRevision, UnknownPath: nothing lies there.
        UsageError: it is a directory.
        MissingObject: its bytes are not in the store.
        DamagedObject: what the store had is not what the pointer says.
    """
    side, path = view.place(project, words)
    located = view.locate(side, path)
    entry = view.entry_at(project, located)
    if located.pointer.kind == "value":
        return iter((canonical_json(located.pointer.value) + b"\n",))
    if entry is None or entry.mode == "d":
        shown = display(located.path)
        raise UsageError(f"`{shown}` is a directory", hint=f"track ls {shown}\ntrack get {shown} -o TARGET")
    try:
        return pieces(project.store, entry.digest)
    except MissingObject as error:
        raise view.unavailable(project, located, entry.digest, entry.size) from error
