"""Show: everything that is known of one artifact version, in words."""

from dataclasses import dataclass

from track.flows import sides, view
from track.flows.reach import known_at_remotes
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.pointer import Pointer
from track.project import Project


@dataclass(frozen=True, slots=True)
class Shown:
    """One artifact at one place, or a file inside it (`entry`, then sizes and digest are the file's).

    `is_here` says whether the store has its bytes, of a directory its manifest; `remotes` are the configured ones and
    `is_pushed` whether one of them is known to have all of it (None without a remote).
    """

    where: str
    path: bytes
    artifact: bytes
    pointer_path: bytes
    name: str | None
    pointer: Pointer
    entry: Entry | None
    is_here: bool
    remotes: tuple[str, ...]
    is_pushed: bool | None


def show(project: Project, words: str) -> Shown:
    """Say what the pointer at `[REV:]PATH` says, and whether its bytes are here and at a remote. No remote is asked.

    Raises:
        UnknownRevision, UnknownPath: nothing lies there.
        MissingObject: PATH is inside a directory artifact whose manifest is not here.
    """
    side, path = view.place(project, words)
    located = view.locate(side, path)
    entry = view.entry_at(project, located) if located.inner else None
    pointer = located.pointer
    remotes = tuple(sorted(project.config.names("remote.*.url")))
    digest = Digest(entry.digest) if entry is not None else pointer.digest
    return Shown(
        where=side.name,
        path=located.path,
        artifact=located.artifact,
        pointer_path=sides.pointer_of(located.artifact),
        name=view.name_of(located.artifact),
        pointer=pointer,
        entry=entry,
        is_here=pointer.kind == "value" or not project.store.absent([digest]),
        remotes=remotes,
        is_pushed=bool(known_at_remotes(project, [pointer.digest])) if remotes else None,
    )
