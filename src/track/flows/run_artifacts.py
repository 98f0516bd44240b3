"""What a run used and made: tracked paths as they were before it and after it."""

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from track.errors import InsideArtifact, PurgedObject, TrackError, UnknownPath, UsageError
from track.flows.keep import Keeper, Kept
from track.flows.pointers import content_at, exists, owner_of, pointer_at
from track.flows.pointing import pointer_of_content, refuse_in_git
from track.flows.view import reader
from track.history.left_out import is_sparse
from track.history.pointers_here import pointers_here
from track.model import manifest
from track.model.digest import Digest
from track.model.names import (
    check_worktree_path,
    data_path,
    display,
    is_named_pointer,
    is_pointer_path,
    pointer_path,
    typed,
)
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Used
from track.progress import Progress, silent
from track.project import Project
from track.runs.observe import Data, is_opened_in_c
from track.store.purge_notes import purged_at, told

_DATA = ("file", "directory")
_LOOKED_AT = 500
_WATCHED = 8192
"""So many files and folders are watched at most: each costs every Python that starts 5 µs."""


class Tracked(NamedTuple):
    """A tracked path at one moment: its pointer, and what it held; None where nothing, or nothing readable, was."""

    pointer: Pointer
    kept: Kept | None

    @property
    def digest(self) -> Digest | None:
        """The digest of what it held."""
        return None if self.kept is None else self.kept.digest


class Made(NamedTuple):
    """An output: its data's path, the pointer it had before the run (if any), the one it gets, and how we know."""

    path: bytes
    present: Pointer | None
    pointer: Pointer
    how: str


class Outputs(NamedTuple):
    """What was made and is stored; declared paths at which nothing is; and why others are stored nowhere."""

    made: list[Made]
    missing: list[bytes]
    purged: list[PurgedObject]


def tracked_now(project: Project, progress: Progress = silent) -> dict[bytes, Tracked]:
    """Every tracked path with what it holds; only what its stat cannot vouch for is read, and nothing is stored."""
    found: dict[bytes, Tracked] = {}
    with Keeper(project, dry_run=True, progress=progress) as keeper:
        for path, pointer in _tracked(project):
            try:
                kept: Kept | None = keeper.keep(path, pointer)
            except TrackError:  # it is not here, or cannot be read: no run can use it as a whole
                kept = None
            found[path] = Tracked(pointer, kept)
    return found


def _tracked(project: Project) -> Iterator[tuple[bytes, Pointer]]:
    """Every tracked path with its pointer; of those that a sparse checkout leaves out, where data is all the same."""
    known = project.pointers()
    yield from ((data_path(name), one) for name, one in known.items() if _is_data(name, one))
    if not is_sparse(project.git):
        return
    here = pointers_here(project.git)
    for name, content in here.found:
        if name in here.left_out and exists(project, data_path(name)):
            with suppress(TrackError):
                if _is_data(name, pointer := parse_pointer(content, name)):
                    yield data_path(name), pointer


def _is_data(name: bytes, pointer: Pointer) -> bool:
    return not is_named_pointer(name) and pointer.kind in _DATA


def _are_opaque(project: Project, tracked: Mapping[bytes, Tracked]) -> bool:
    """Whether some of the data is of a kind that libraries open without Python; of large directories a part is seen."""
    for path, one in tracked.items():
        if one.kept is not None and one.kept.kind == "directory":
            with suppress(TrackError):
                entries = manifest.walk(reader(project), one.pointer.digest)
                if any(is_opened_in_c(entry.path) for entry in islice(entries, _LOOKED_AT)):
                    return True
        elif is_opened_in_c(path):
            return True
    return False


def watched_of(project: Project, tracked: Mapping[bytes, Tracked]) -> Data:
    """The files that are tracked, and the folders of those in directories, to be watched while a command runs.

    What is of a kind that libraries open without Python comes first, where it is more than should be watched.
    """
    opaque, plain = list[bytes](), list[bytes]()
    for path, one in tracked.items():
        if one.kept is None:
            continue
        if one.kept.kind == "directory":
            plain += [path + b"/" + folder for folder in _folders(project, path)]
        else:
            (opaque if is_opened_in_c(path) else plain).append(path)
    paths = [*opaque, *plain]
    return Data(paths[:_WATCHED], _are_opaque(project, tracked), len(paths) <= _WATCHED)


def _folders(project: Project, path: bytes) -> Iterator[bytes]:
    """The folders of an artifact that hold files, from it, with a slash at their ends; its own is empty."""
    if known := project.stat_cache.outline(path):
        yield from (folder for folder, count in known if count)
        return
    top = os.path.join(os.fsencode(project.root), path)
    for place, _, names in os.walk(top):
        if names:
            yield os.path.join(place, b"")[len(top) + 1 :]


def places_of(project: Project, given: Sequence[str]) -> list[bytes]:
    """The data paths that a person named, sorted; a pointer's name means its data. Raises OutsideRepository."""
    paths = (project.relative(each) for each in given)
    return sorted({data_path(path) if is_pointer_path(path) else path for path in paths})


def check_inputs(project: Project, paths: Iterable[bytes], before: Mapping[bytes, Tracked]) -> None:
    """Refuse declared inputs that are not tracked or not here.

    Raises:
        UnknownPath: one of them is neither an artifact nor inside one, or its data is not here.
        PurgedObject: one of them was removed for good: what is still here is stored nowhere.
    """
    purged = purged_at(project.store_path)
    for path in paths:
        owner = next((one for one in before if path == one or path.startswith(one + b"/")), owner_of(project, path))
        if owner is None:
            raise UnknownPath(
                f"`{display(path)}` is declared as an input and is not tracked", hint=f"track add {typed(path)}"
            )
        one = before.get(owner)
        if one is not None and (purge := purged.get(one.digest or one.pointer.digest)) is not None:
            raise PurgedObject(
                f"`{display(owner)}` is declared as an input and {told(purge)}",
                hint=f"use another version, or let the name go: track rm --cached {typed(owner)}",
            )
        if not exists(project, path):
            raise UnknownPath(
                f"`{display(path)}` is declared as an input and its data is not here",
                hint=f"bring it: track pull {typed(path)}",
            )


def check_outputs(project: Project, paths: Sequence[bytes]) -> None:
    """Refuse declared outputs that could not become artifacts, before the command has worked for them.

    Raises:
        UsageError: one of them is no place for an artifact.
        AlreadyInGit, InsideArtifact: Git has it, or something in it; or one lies in another.
    """
    for path in paths:
        why = check_worktree_path(path) if path else "is the top of the working tree"
        if why is not None:
            raise UsageError(f"`{display(path)}` cannot be an output: it {why}", hint="name the files or folders in it")
    new = [path for path in paths if owner_of(project, path) is None]
    for path in new:
        above = next((other for other in new if path.startswith(other + b"/")), None)
        if above is not None:
            raise InsideArtifact(
                f"`{display(path)}` lies inside `{display(above)}`, which is an output too",
                hint="name the one or the other",
            )
    refuse_in_git(project, new)


def inputs_of(before: Mapping[bytes, Tracked], declared: Iterable[bytes], opened: Iterable[bytes]) -> tuple[Used, ...]:
    """The tracked paths that were used: those declared, and those in which a file was opened; as they were before."""
    hows = {owner_among(before, path): "observed" for path in opened}
    hows |= {owner_among(before, path): "declared" for path in declared}
    found = []
    for path, how in hows.items():
        if path is None or (kept := before[path].kept) is None:
            continue
        kind = before[path].pointer.type if kept.digest == before[path].pointer.digest else None
        found.append(Used("input", kept.digest, kept.size, path=path, kind=kept.kind, type=kind, how=how))
    return tuple(found)


def owner_among(tracked: Container[bytes], path: bytes) -> bytes | None:
    """The path among these that `path` is or lies in; None when it is none of theirs."""
    parts = path.split(b"/")
    return next((folder for end in range(len(parts), 0, -1) if (folder := b"/".join(parts[:end])) in tracked), None)


class Unsaved(NamedTuple):
    """Inputs that are saved nowhere: those that changed meanwhile, and what to say of those that were purged."""

    changed: tuple[Used, ...] = ()
    purged: tuple[PurgedObject, ...] = ()


def save_inputs(project: Project, inputs: Iterable[Used], progress: Progress = silent) -> Unsaved:
    """Store inputs that are saved nowhere and still are as they were used; what could not be is returned.

    Raises:
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    lost, purged = list[Used](), list[PurgedObject]()
    unsaved = [used for used in inputs if used.path is not None and project.store.absent([used.digest])]
    if not unsaved:
        return Unsaved()
    with Keeper(project, progress=progress) as keeper:
        for used in unsaved:
            assert used.path is not None
            try:
                kept = keeper.keep(used.path, pointer_at(project, pointer_path(used.path)))
            except PurgedObject as error:
                purged.append(error)
                continue
            except TrackError:
                lost.append(used)
                continue
            lost += [used] if kept.digest != used.digest else []
        keeper.commit()
    return Unsaved(tuple(lost), tuple(purged))


def keep_outputs(
    project: Project,
    before: Mapping[bytes, Tracked],
    declared: Iterable[bytes],
    run: str,
    progress: Progress = silent,
) -> Outputs:
    """Store what was made: the outputs declared, and tracked paths that hold something else than before, sorted.

    Durable when it returns; no pointer is written.

    Raises:
        SpecialFile, Unreadable, ChangedWhileAdding: it cannot be kept as it stands.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    after = tracked_now(project, progress)
    hows = {path: "observed" for path, now in after.items() if now.digest not in (None, _digest_before(before, path))}
    named = sorted(set(declared))
    missing = [path for path in named if not exists(project, path)]
    hows |= {_artifact(project, path): "declared" for path in named if path not in missing}
    made, purged = [], list[PurgedObject]()
    with Keeper(project, progress=progress) as keeper:
        for path, how in sorted(hows.items()):
            now = pointer_at(project, pointer_path(path))
            try:
                pointer = pointer_of_content(path, keeper.keep(path, now), now, run=run)
            except PurgedObject as error:
                purged.append(error)
                continue
            is_left_out = now is not None and content_at(project, pointer_path(path)) is None
            present = before[path].pointer if path in before else now if is_left_out else None
            made.append(Made(path, present, pointer, how))
        keeper.commit()
        keeper.note()
    return Outputs(made, missing, purged)


def output_of(made: Made) -> Used:
    """The entry of a record for an output."""
    pointer = made.pointer
    return Used(
        "output", pointer.digest, pointer.size, path=made.path, kind=pointer.kind, type=pointer.type, how=made.how
    )


def _digest_before(before: Mapping[bytes, Tracked], path: bytes) -> Digest | None:
    return before[path].digest if path in before else None


def _artifact(project: Project, path: bytes) -> bytes:
    """The artifact to keep: a path inside one means all of it."""
    return owner_of(project, path) or path
