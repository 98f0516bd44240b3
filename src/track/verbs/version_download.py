"""Version download: a copy of a version, or of a part of it, at any place outside of what is tracked."""

import os
from dataclasses import dataclass
from pathlib import Path

from track.errors import UsageError
from track.flows.landing import land, plan, refuse_own
from track.flows.noted import note_read
from track.flows.pinned import Pinned, bring, entries
from track.here import absolute
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Where the copy is: the file, or the folder of the files. `placed` were written, `present` were there, sorted."""

    target: Path
    placed: tuple[Path, ...]
    present: tuple[Path, ...]


def version_download(
    project: Project,
    pinned: Pinned,
    to: str | Path,
    *,
    force: bool = False,
    reader: str | None = None,
    progress: Progress = silent,
) -> Downloaded:
    """Copy what is pinned to `to`: a file becomes that file, or one of its own name in that folder, if it is one;
    the files of a directory go into the folder `to`, which is made.

    What is there with the right content is left alone, what differs refused before anything is written; with `force`
    files are replaced. What is not here comes from a remote. `reader` is the id of the living run whose input this
    becomes.

    Raises:
        UsageError: it is a value.
        Conflict: something else stands there.
        OutsideRepository: it is a place of Git's or track's own.
        ForbiddenPath: a name leaves the folder, goes through a link, or reaches `.git`.
        MissingObject, DamagedObject: bytes are nowhere whole.
        RemoteError: no remote can be asked.
        StoreUnwritable, DiskFull: nothing can be made there.
    """
    if pinned.pointer.kind == "value":
        raise UsageError(f"`{pinned.shown}` is a value and no file", hint="read it: .load()")
    target = Path(absolute(os.path.expanduser(to)))
    if pinned.is_directory:
        folder, wanted = target, list(entries(project, pinned))
    else:
        assert pinned.entry is not None
        if os.fspath(to).endswith("/") or os.path.isdir(target):
            target /= pinned.filename
        folder, wanted = target.parent, [pinned.entry._replace(path=os.fsencode(target.name))]
    refuse_own(project, target)
    planned = plan(folder, wanted, force=force)
    if project.store.absent(entry.digest for entry, _ in planned.entries if entry.mode != "d"):
        bring(project, pinned, progress=progress)
    landed = land(project, folder, planned, progress)
    note_read(project, reader, pinned)
    return Downloaded(
        target,
        tuple(folder / os.fsdecode(path) for path in landed.placed),
        tuple(folder / os.fsdecode(path) for path in landed.present),
    )
