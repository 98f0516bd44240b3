"""Isolation: a linked working tree with the code of a run and nothing but the data it declares, gone afterwards."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import Conflict, ForbiddenPath, MissingObject, PurgedObject
from track.flows.bring import bring
from track.flows.copying import copy_into
from track.flows.keep import Keeper
from track.flows.pointers import exists, owner_of, pointer_at, put_pointer
from track.flows.pointing import pointer_of_content
from track.flows.reach import Version
from track.flows.run_artifacts import Made, Outputs
from track.flows.run_versions import entries_of, pointer_name, pointer_of_used
from track.history.linked_worktrees import add_worktree, forget_gone, forget_worktree
from track.history.plumbing import Git
from track.model.names import check_worktree_path, display, is_named_pointer, path_of, pointer_path, typed
from track.model.pointer import Pointer, dump_pointer
from track.progress import Progress, silent
from track.project import Project


class Cell(NamedTuple):
    """What is to be in an isolated working tree: code at a commit (if any), inputs, and room for outputs.

    `parts` are the paths that are meant of the inputs, `cwd` is where the command stands, from the top.
    """

    code: Version
    commit: str | None
    inputs: Sequence[Version]
    parts: Sequence[bytes]
    outputs: Sequence[bytes]
    cwd: str


@contextmanager
def isolated(project: Project, cell: Cell, progress: Progress = silent) -> Iterator[Project]:
    """A working tree with the recorded code and these inputs, opened as a project; it goes with the block.

    What was left by one that was killed goes, too.

    Raises:
        MissingObject, DamagedObject: code or inputs are not in the store.
        GitFailed: Git makes no working tree.
        DiskFull, StoreUnwritable: there is no room for it.
    """
    scratch = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "track" / "isolated"
    publish.sweep(scratch)
    forget_gone(project.git, scratch)
    room = publish.stage(scratch)
    publish.make_directory(room, mode=0o700)
    tree = room / project.root.name
    try:
        git = add_worktree(project.git, tree, cell.commit)
        copy_into(project, tree, entries_of(project, cell.code), progress)
        with _opened(project, git, cell.cwd) as place:
            _furnish(place, cell, progress)
            yield place
    finally:
        publish.clear_away(room)
        forget_worktree(project.git, tree)


@contextmanager
def _opened(project: Project, git: Git, cwd: str) -> Iterator[Project]:
    folder = b"" if cwd == "." else path_of(cwd)
    if folder and (why := check_worktree_path(folder)) is not None:
        raise ForbiddenPath(f"`{display(cwd)}`, in which the command would stand, {why}")
    place = Project(git, project.config, git.top / os.fsdecode(folder))
    try:
        with place.gate.directory(folder, create=True):
            pass
        yield place
    finally:
        for name in ("store", "stat_cache"):  # `close` is for the project that a person stands in
            handle = place.__dict__.pop(name, None)
            if handle is not None:
                handle.close()


def _furnish(place: Project, cell: Cell, progress: Progress) -> None:
    """Put the inputs in, with their pointers, and the folders that outputs will be in."""
    with place.lock():
        wanted = []
        for version in cell.inputs:
            wanted.append(version._replace(pointer=pointer_of_used(place, version, None, None)))
            put_pointer(place, pointer_name(version), dump_pointer(wanted[-1].pointer))
        placed = [version for version in wanted if not is_named_pointer(version.path)]
        brought = bring(
            place, placed, paths=[part for part in cell.parts if not is_named_pointer(part)], progress=progress
        )
    if brought.lacking:
        raise MissingObject(f"{display(brought.lacking[0].path)} is not all here", hint="track pull")
    for path in cell.outputs:
        if is_named_pointer(path):
            continue
        with place.gate.directory(path.rpartition(b"/")[0], create=True):
            pass


def check_isolated(project: Project, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> None:
    """Refuse outputs inside an artifact that is no input: what becomes of the rest of it could not be told.

    Raises:
        Conflict: one of them is such.
    """
    for path in outputs:
        owner = owner_of(project, path)
        if owner is not None and owner not in inputs:
            raise Conflict(
                f"`{display(path)}` lies in `{display(owner)}`, which would not be there in isolation",
                hint=f"declare that as an input, too: -i {typed(owner)}",
            )


def keep_declared(
    project: Project,
    place: Project,
    outputs: Sequence[bytes],
    present: Mapping[bytes, Pointer | None],
    run: str,
    *,
    progress: Progress = silent,
) -> Outputs:
    """Store the declared outputs that are in an isolated working tree, with the pointers that they get in the
    project's own. `present` are its pointers before the run.

    Raises:
        SpecialFile, Unreadable, ChangedWhileAdding: an output cannot be kept as it stands.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    missing = [path for path in outputs if not exists(place, path)]
    made, purged = [], list[PurgedObject]()
    with Keeper(place, progress=progress) as keeper:
        for path in sorted({owner_of(project, path) or path for path in outputs if path not in missing}):
            try:
                kept = keeper.keep(path, None)
            except PurgedObject as error:
                purged.append(error)
                continue
            pointer = pointer_of_content(path, kept, pointer_at(project, pointer_path(path)), run=run)
            made.append(Made(path, present.get(path), pointer, "declared"))
        keeper.commit()
    return Outputs(made, missing, purged)
