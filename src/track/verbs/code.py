"""Code: exactly the code that a run saw, as a folder or a linked working tree."""

import os
from pathlib import Path
from typing import NamedTuple

from track.errors import Conflict, OutsideRepository, UsageError
from track.flows.copying import copy_into, copy_out, making_in
from track.flows.run_find import Found, find_run
from track.flows.run_needs import need
from track.flows.run_versions import code_version, entries_of, file_version
from track.history.linked_worktrees import add_worktree, forget_worktree
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project


class Laid(NamedTuple):
    """Where the code of a run is now, how many files it has, and which files were left out when it was kept."""

    found: Found
    target: Path
    files_count: int
    omitted: tuple[bytes, ...]


def code(
    project: Project,
    name: str,
    target: str | None = None,
    *,
    worktree: bool = False,
    fetch: bool = False,
    progress: Progress = silent,
) -> Laid:
    """Put the code of a run into a new folder, `target` or `code-` and its short id here; it appears there whole.

    With `worktree` it is a linked working tree of Git at the run's commit, so that Git shows what was uncommitted.
    Pointers, records, ignore and attribute files are no code. With `fetch`, what is not here comes from a remote.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: no code was kept with it, or there is no such folder.
        Conflict: something stands at the target.
        OutsideRepository: the target is Git's or track's own.
        MissingObject: the code is not here, or nowhere.
        GitFailed: Git makes no working tree there.
        StoreUnwritable, DiskFull: it cannot be made there.
    """
    found = find_run(project, name)
    record = found.record
    version = code_version(record)
    place = _target(project, target or f"code-{record.short}")
    need(project, found, [version], fetch=fetch, again=f"track code {record.id}", progress=progress)
    entries = entries_of(project, version)
    assert record.revision is not None
    if not worktree:
        copy_out(project, place, entries, progress)
    else:
        with making_in(place.parent):
            add_worktree(project.git, place, record.revision.commit)
        try:
            copy_into(project, place, entries, progress)
        except BaseException:
            forget_worktree(project.git, place)
            raise
    return Laid(found, place, len(entries), record.revision.omitted)


def code_patch(project: Project, name: str, *, fetch: bool = False, progress: Progress = silent) -> bytes:
    """What the code of a run changed in its commit, as Git applies it; nothing where nothing was.

    Raises:
        UnknownRun: no run is called so, or several are.
        MissingObject: the patch is not here, or nowhere.
    """
    found = find_run(project, name)
    revision = found.record.revision
    if revision is None or revision.patch is None:
        return b""
    version = file_version(b"patch", revision.patch)
    need(project, found, [version], fetch=fetch, again=f"track code {found.record.id} --patch", progress=progress)
    return project.store.read(revision.patch)


def _target(project: Project, target: str) -> Path:
    place = Path(os.path.normpath(project.cwd / os.path.expanduser(target)))
    if os.path.lexists(place):
        raise Conflict(f"{display(str(place))} is there already", hint="name another folder with -o")
    if not place.parent.is_dir():
        shown = typed(str(place.parent))
        raise UsageError(f"there is no folder {display(str(place.parent))}", hint=f"mkdir -p {shown}")
    real = Path(os.path.realpath(place.parent)) / place.name
    for folder in (project.git.git_dir, project.git.common_dir, project.store_path, project.root / ".track"):
        if Path(os.path.realpath(folder)) in real.parents:
            raise OutsideRepository(f"{display(str(place))} is in a place that is Git's or track's own")
    return place
