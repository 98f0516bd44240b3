"""Leading: links in a directory that lead out of it, as those of git-annex do; what they lead to is not kept."""

import os
import posixpath
import stat
from contextlib import suppress

from track.model.names import display
from track.project import Project
from track.worktree.scan import Scan


def leading_out(project: Project, seen: Scan) -> str | None:
    """The warning that what is new or changed in `seen` has such links; None where it has none."""
    count, first = 0, (b"", b"")
    for folder in seen.folders:
        if not len(folder.pending) or not folder.has_links():
            continue
        with project.gate.directory(seen.place(folder)) as fd:
            for item in folder.items():
                if stat.S_ISLNK(item.stat.mode):
                    with suppress(OSError):  # it is gone; who reads it says so
                        target = os.readlink(item.name, dir_fd=fd)
                        if leads_out(item.path, target):
                            first = first if count else (seen.shown(item), target)
                            count += 1
    return warning(seen.path, *first, count) if count else None


def leads_out(path: bytes, target: bytes) -> bool:
    """Whether a link at `path` in an artifact leads out of it, by its text."""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return whole == b".." or whole.startswith((b"/", b"../"))


def warning(artifact: bytes, path: bytes, target: bytes, count: int = 1) -> str:
    """What is said of so many links in an artifact, of which one is at `path`."""
    links = "a link that leads" if count == 1 else f"{count:,} links that lead"
    kept = "it is" if count == 1 else "they are"
    return (
        f"{display(artifact)} has {links} out of it ({display(path)} -> {display(target)}): {kept} kept as "
        f"{'a link' if count == 1 else 'links'}, without the bytes at the other end"
    )
