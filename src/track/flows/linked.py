"""Linked: working files that are links into the store, which somebody may have written through."""

import os
from collections.abc import Sequence
from contextlib import suppress

from track.errors import DamagedObject
from track.model.names import display
from track.project import Project
from track.store.hashing import hash_fd
from track.store.whole import open_whole
from track.worktree.scan import Scan


def settle_links(project: Project, seen: Scan) -> list[bytes]:
    """Hash what links stand for, where a row does not vouch for it; the paths whose object is not what its name says.

    Paths are from the top of the working tree. Nothing is put aside: what was written there may be saved nowhere.
    """
    changed = []
    for folder in seen.folders:
        for number, path in folder.links():
            with suppress(FileNotFoundError):
                fd = open_whole(project.store.rooms.object(folder.digest(number)))
                try:
                    digest = hash_fd(fd, os.fstat(fd).st_size)
                finally:
                    os.close(fd)
                if digest != folder.digest(number):
                    folder.settle(number, digest)
                    changed.append(seen.path if seen.kind == "file" else seen.path + b"/" + path)
    return changed


def written_through(paths: Sequence[bytes]) -> DamagedObject:
    """The error for links through which the store's objects were changed."""
    shown = display(paths[0])
    what = shown if len(paths) == 1 else f"{shown} and {len(paths) - 1:,} more"
    return DamagedObject(
        f"{what} was changed through its link into the store, which no longer has what was there before",
        hint=f'make it a file of its own, then add it:\ncp --remove-destination -- "$(readlink -f -- {shown})" {shown}',
        details=tuple(display(path) for path in paths),
    )
