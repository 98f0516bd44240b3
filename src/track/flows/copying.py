"""Copying: stored files to any place that is not tracked, where they appear by one rename."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from track import publish
from track.errors import StoreUnwritable
from track.flows.contents import StoreContents
from track.model.manifest import Entry
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project
from track.system import process_tag
from track.worktree.paths import Gate
from track.worktree.place import Placer
from track.worktree.reading import stat_of


@contextmanager
def making_in(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be made, such as those of the kernel, is a place that cannot be written."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StoreUnwritable(
            f"nothing can be made in {display(str(folder))}: {why}", hint="name another place with -o"
        ) from error


def copy_out(project: Project, target: Path, entries: list[Entry], progress: Progress = silent) -> str:
    """Make a folder of these entries, or a file of the one with an empty path; "directory", "file" or "link".

    A file at `target` is replaced; a folder must not be there.

    Raises:
        StoreUnwritable, DiskFull: it cannot be made there.
        MissingObject, DamagedObject: bytes are not in the store; nothing was made.
    """
    name = os.fsencode(target.name)
    with _placing(project, target.parent, target.parent, entries, progress) as placer:
        if len(entries) == 1 and not entries[0].path:
            (made,) = placer.make([(name, entries[0])])
            kind = "link" if entries[0].mode == "l" else "file"
        else:
            made = placer.make_tree(name, entries)
            kind = "directory"
        placer.place(made, stat_of(os.lstat(target)) if os.path.lexists(target) else None)
    return kind


def copy_into(project: Project, folder: Path, entries: Sequence[Entry], progress: Progress = silent) -> None:
    """Make files and links in a folder that is there and has none of them. Raises as `copy_out`."""
    with _placing(project, folder, folder.parent, entries, progress) as placer:
        for made in placer.make([(entry.path, entry) for entry in entries]):
            placer.place(made, None)


@contextmanager
def _placing(
    project: Project, folder: Path, beside: Path, entries: Sequence[Entry], progress: Progress
) -> Iterator[Placer]:
    """What places files in a folder, with what is staged for it in a folder `beside`, which is gone with the block."""
    staging = beside / f".track-get-{process_tag()}"
    with making_in(beside):
        publish.make_directory(staging)
    files = sum(1 for entry in entries if entry.mode != "d")
    progress.begin("copying", count=files, size_bytes=sum(entry.size for entry in entries))
    try:
        with Placer(Gate(folder), StoreContents(project), staging, progress=progress) as placer:
            yield placer
    finally:
        progress.end()
        publish.remove_tree(staging)
