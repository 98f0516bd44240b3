"""Rm: take artifacts, or what is in them, out of the next version, and remove their working copies."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from track.errors import MissingObject, UnknownPath, UsageError
from track.flows.bring import refuse_losses
from track.flows.clear import absence, clear
from track.flows.ignoring import heed
from track.flows.naming import Meant, meant
from track.flows.nodes import saved
from track.flows.plain import linked, make_plain
from track.flows.plan import Plan
from track.flows.pointers import left_out_of, put_pointer, write_pointer
from track.flows.sides import pointer_of
from track.flows.undo import Undo
from track.history import index
from track.model import manifest
from track.model.digest import Digest
from track.model.names import display, is_named_pointer, typed
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class RemovedArtifact:
    """One artifact of which something was removed; `parts` are the paths inside it, none: all of it is gone.

    `removed_count` is how many working files went. `is_cached` says that they were left where they are.
    """

    path: bytes
    pointer: bytes
    kind: str | None
    parts: tuple[bytes, ...]
    removed_count: int
    is_cached: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What `rm` did, or with `dry_run` would do. `artifacts` are sorted by path; `staged` went to Git's index.

    `step` is the number under which it can be undone (None: it was done before). `given_up` are unsaved files that
    went into the trash.
    """

    artifacts: tuple[RemovedArtifact, ...]
    staged: tuple[bytes, ...]
    step: int | None
    given_up: tuple[bytes, ...]


class _Removal(NamedTuple):
    """What happens to one artifact; `pointer` is what its pointer becomes, None when it goes."""

    meant: Meant
    plan: Plan | None
    pointer: Pointer | None


def rm(
    project: Project,
    paths: Sequence[str],
    *,
    cached: bool = False,
    force: bool = False,
    stage: bool = True,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Removed:
    """Remove artifacts: pointer, ignore line and working copy; of a path inside a directory, its entries and files.

    With `cached`, working files stay, and are Git's to see. Older versions stay in the store and in Git's history.
    Interrupted, the same call goes on. With `force`, unsaved files go into the trash.

    Raises:
        UsageError: nothing was named.
        UnknownPath: a path is no artifact and in none.
        UnsavedWork: files would go whose content is saved nowhere, all of them named; nothing was changed.
        MissingObject: the manifest of a directory of which a part was named is not here.
        DiskFull, StoreUnwritable: nothing is lost; the same call goes on.
    """
    if not paths:
        raise UsageError("nothing to remove was named", hint="track rm PATH…")
    with project.lock():
        undo = Undo(project, "rm", *(["--cached"] if cached else []), *_words(project, paths), is_staged=stage)
        try:
            found = meant(project, paths)
        except UnknownPath:
            if not undo.is_resumed and not undo.was_done:
                raise
            found = ()
        nodes: dict[Digest, bytes] = {}
        removals = [_removal(project, one, nodes, cached=cached, force=force) for one in found]
        plans = [removal.plan for removal in removals if removal.plan is not None]
        refuse_losses(project, plans)
        done = tuple(_outcome(removal, cached) for removal in removals)
        given_up = tuple(one.path + b"/" + path if path else one.path for one in plans for path in one.given_up)
        if dry_run:
            return Removed(done, (), None, given_up)
        touched = undo.touched
        with saved(project, nodes):
            undo.note_all((removal.meant.path for removal in removals), plans)
            touched |= _act(project, removals, plans, progress)
        if stage:
            index.stage(project.git, sorted(touched))
            gone = (removal.meant.path for removal in removals if removal.pointer is None)
            index.forget(project.git, left_out_of(project, gone))
        return Removed(done, tuple(sorted(touched)) if stage else (), undo.done(), given_up)


def _words(project: Project, paths: Sequence[str]) -> list[str]:
    return [display(project.relative(path)) for path in paths]


def _removal(project: Project, one: Meant, nodes: dict[Digest, bytes], *, cached: bool, force: bool) -> _Removal:
    has_data = not is_named_pointer(one.path) and (one.pointer is None or one.pointer.kind != "value")
    found = absence(project, one.path, one.parts, force=force) if has_data and not cached else None
    if not one.parts:
        return _Removal(one, found, None)
    assert one.pointer is not None
    read, base = project.store.read, one.pointer.digest
    gone: dict[bytes, manifest.Entry | None] = {
        entry.path: None for part in one.parts for entry in manifest.walk(read, base, part)
    }
    if not gone and not (found is not None and found.removes):
        raise UnknownPath(f"`{display(one.path)}` has nothing there", hint=f"track ls {typed(one.path)}")
    root = manifest.update(read, base, gone, nodes.__setitem__)
    changed = replace(one.pointer, digest=Digest(root.digest), size=root.size, files=root.files)
    return _Removal(one, found, changed if root.digest != base else one.pointer)


def _act(project: Project, removals: Sequence[_Removal], plans: Sequence[Plan], progress: Progress) -> set[bytes]:
    """Data first, while its pointer still names it; then the ignore lines, then the pointers. What Git has to hear."""
    whole = [removal for removal in removals if removal.pointer is None]
    for removal in whole:
        if removal.plan is None and not is_named_pointer(removal.meant.path):
            _leave_plain(project, removal.meant.path)
    clear(project, plans, progress)
    touched = {pointer_of(removal.meant.path) for removal in removals}
    touched |= set(heed(project, [removal.meant.path for removal in whole if not is_named_pointer(removal.meant.path)]))
    for removal in removals:
        path = pointer_of(removal.meant.path)
        if removal.pointer is None:
            put_pointer(project, path, None)
        elif removal.pointer != removal.meant.pointer:
            write_pointer(project, path, removal.pointer)
    return touched


def _leave_plain(project: Project, path: bytes) -> None:
    """What stays in the working tree is a file of its own, and track knows nothing of it any more."""
    for link in linked(project, path):
        with suppress(MissingObject):  # it stands for nothing; it stays as it is
            make_plain(project, link)
    project.stat_cache.forget(path)


def _outcome(removal: _Removal, cached: bool) -> RemovedArtifact:
    one, found = removal.meant, removal.plan
    kind = one.pointer.kind if one.pointer is not None else None
    count = len(found.removes) if found is not None else 0
    return RemovedArtifact(one.path, pointer_of(one.path), kind, one.parts, count, cached)
