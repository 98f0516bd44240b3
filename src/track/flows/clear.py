"""Clear: take working copies, or parts of them, out of the working tree; what is saved nowhere is never lost."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from track.errors import InsideArtifact, MissingObject, SpecialFile
from track.flows.bring import holding_store
from track.flows.contents import StoreContents
from track.flows.here import Here, Local, is_under
from track.flows.plan import Plan, unsaved_among
from track.flows.recording import record
from track.model import manifest
from track.model.digest import digest_of
from track.model.names import check_entry_path
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project
from track.worktree.parts import remember
from track.worktree.place import Placer
from track.worktree.scan import scan
from track.worktree.stat_cache import Stat

_NOTHING = Pointer(kind="file", digest=digest_of(b""))


def absence(project: Project, path: bytes, parts: Sequence[bytes] = (), *, force: bool = False) -> Plan:
    """What it takes to have nothing at `path`, or only at the `parts` inside it.

    What `.trackignore` leaves out, and a repository inside, stays. With `force`, unsaved files are given up.

    Raises:
        Unreadable, ForbiddenPath, ChangedWhileAdding: what is here cannot be looked at.
    """
    seen = scan(project.gate, path, project.stat_cache, state=project.worktree_state)
    for error in seen.errors:
        if not isinstance(error, SpecialFile | InsideArtifact | MissingObject):
            raise error
    here = Here(project, seen)
    found = Plan(path, _NOTHING, tuple(parts), here, seen.root)
    if seen.kind == "missing":
        return found
    here.settle(lambda item: is_under(item.path, parts))
    found.removes = {local.path: local for local in _going(here, parts)}
    if seen.kind == "directory":
        folders = [folder[:-1] for folder in here.folders_below(b"")]
        found.empties = {folder for folder in folders if is_under(folder, parts)} | set(_above(found.removes))
        if found.base is not None and parts:
            found.pointer = Pointer(kind="directory", digest=found.base, files=0)
            _find_entries(project, found)
    unsaved = unsaved_among(project, found.removes.values())
    going = sorted(local.path for local in found.removes.values() if not local.digest or local.digest in unsaved)
    if force:
        found.given_up = [path for path in going if found.removes[path].digest]
    else:
        found.lost = going
    return found


def clear(project: Project, plans: Sequence[Plan], progress: Progress = silent) -> None:
    """Remove what the plans of `absence` say; they were noted, and nobody loses by them.

    Interrupted, what is left is found by the same plan made again.

    Raises:
        UnsavedWork: a file became another meanwhile; it stays, and so does what was not removed yet.
    """
    count = sum(len(found.removes) for found in plans)
    progress.begin("removing files", count=count)
    staging = project.worktree_state / "staging"
    try:
        with holding_store(project, plans), Placer(project.gate, StoreContents(project), staging) as placer:
            for found in plans:
                for folder, going in _by_folder(found):
                    placer.remove_from(folder, going) if folder else placer.remove(found.path, going[0][1])
                    progress.advance(count=len(going))
                for path in sorted(found.empties, key=lambda folder: -folder.count(b"/") if folder else 1):
                    placer.remove_folder(_full(found, path))
                _forget(project, found)
    finally:
        progress.end()


def _going(here: Here, parts: Sequence[bytes]) -> Iterator[Local]:
    """What stands there, its content looked at."""
    if here.seen.kind != "directory":
        local = here.itself()
        if local is not None:
            yield local
        return
    for local in here.below(b""):
        if is_under(local.path, parts) and check_entry_path(local.path) is None:
            yield here.at(local.path, sure=True) or local


def _by_folder(found: Plan) -> Iterator[tuple[bytes, list[tuple[bytes, Stat]]]]:
    """(folder, its names with their stats); without a folder it is the artifact's own path."""
    folders: dict[bytes, list[tuple[bytes, Stat]]] = {}
    for path, local in found.removes.items():
        folder, _, name = _full(found, path).rpartition(b"/") if path else (b"", b"", b"")
        folders.setdefault(folder, []).append((name, local.stat))
    return iter(sorted(folders.items(), reverse=True))


def _above(paths: dict[bytes, Local]) -> Iterator[bytes]:
    """The folders that may be empty when these paths are gone, without the artifact's own."""
    for path in paths:
        folder = path.rpartition(b"/")[0]
        while folder:
            yield folder
            folder = folder.rpartition(b"/")[0]


def _find_entries(project: Project, found: Plan) -> None:
    """The entries of the recorded version that go, if its manifest is here; else its rows are not believed."""
    assert found.base is not None
    try:
        walked = [manifest.walk(project.store.read, found.base, part) for part in sorted(set(found.parts))]
        entries = {entry.path: entry for part in walked for entry in part}
    except MissingObject:
        found.base = None
        return
    found.pairs = [(entries[path], None) for path in sorted(entries)]


def _forget(project: Project, found: Plan) -> None:
    """Let the rows say what is left; of a whole working copy nothing is."""
    if found.parts and found.base is not None and found.pairs:
        with suppress(MissingObject):
            record(project, found, {}, 0)
            return
    if not found.parts or found.base is None or found.pairs:
        project.stat_cache.forget(found.path)
    if not found.parts:
        remember(project.worktree_state, found.path, None)


def _full(found: Plan, path: bytes) -> bytes:
    return found.path + b"/" + path if path else found.path
