"""Add: store what a path holds and leave a pointer to commit in its place."""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from track.errors import InsideArtifact, MissingObject, NameTooLong, UnknownPath, UsageError, together
from track.flows.ignoring import ignore
from track.flows.keep import Keeper, Kept
from track.flows.named import target_of
from track.flows.overtaken import out_of_step
from track.flows.pointers import exists, owner_of, pointer_at, write_pointer
from track.flows.pointing import pointer_of_content, refuse_in_git
from track.flows.sides import artifact_of, side_here
from track.flows.undo import Undo
from track.formats.declared import is_written_as_one
from track.history import index
from track.model import manifest
from track.model.labels import Key, check_label, with_labels
from track.model.names import (
    check_worktree_path,
    data_path,
    display,
    is_named_pointer,
    is_pointer_path,
    pointer_path,
    typed,
)
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project

_NAME_LIMIT = 255


@dataclass(frozen=True, slots=True)
class AddedArtifact:
    """One artifact as `add` left it. `path` is the data's, relative to the working tree; sizes are in bytes.

    `is_new` says that it had no pointer before, `is_changed` that the pointer was written. The counts are of
    files inside a directory; a file artifact counts itself.
    """

    path: bytes
    pointer: bytes
    kind: str
    digest: str
    size: int
    files: int | None
    is_new: bool
    is_changed: bool
    added_count: int
    modified_count: int
    removed_count: int
    ignored_count: int


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did. `artifacts` are sorted by path; `staged` are the files handed to Git's index."""

    artifacts: tuple[AddedArtifact, ...]
    staged: tuple[bytes, ...]
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Marks:
    """What a person says about what is added: labels and tags join those there are, `type` replaces."""

    labels: Sequence[tuple[Key, object]] = ()
    tags: tuple[str, ...] = ()
    type: str | None = None
    name: str | None = None
    partitions: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """An artifact to look at: its data, its pointer, and the parts inside it that were named (none: all of it)."""

    path: bytes
    pointer: bytes
    parts: tuple[bytes, ...]


class _Pointed(NamedTuple):
    """An artifact with the pointer that it has, if any, and the one that it gets."""

    target: _Target
    kept: Kept
    present: Pointer | None
    pointer: Pointer


def add(
    project: Project,
    paths: Sequence[str],
    *,
    marks: Marks | None = None,
    stage: bool = True,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Added:
    """Store the files and directories at `paths` and write, ignore and stage what stands for them.

    A path inside an artifact changes that entry alone. The bytes are durable before a pointer names them; what an
    interrupted `add` stored is found again by the next one. With `dry_run` everything is read and nothing written.
    `force` records data whose pointer Git has moved since, too: then what changed there is taken back.

    Raises:
        UsageError: no path was given, or a name, label or type cannot be.
        UnknownPath: nothing is there, or no file matches the pattern.
        AlreadyInGit, InsideArtifact, NameTooLong: the path cannot become an artifact, and why.
        OutOfStep: Git moved a pointer, and the data would take back what changed there and was not edited here.
        SpecialFile, Unreadable, ChangedWhileAdding: something in it cannot be read as it stands.
        DiskFull, StoreUnwritable: the store could not take the bytes; nothing was left half-written.
    """
    marks = marks or Marks()
    for key, value in marks.labels:
        check_label(key, value)
    with project.lock():
        targets, marks = _targets(project, paths, marks)
        _refuse_tracked(project, targets)
        with Keeper(project, dry_run=dry_run, progress=progress) as keeper:
            kept = [
                keeper.keep(target.path, pointer_at(project, target.pointer), parts=target.parts) for target in targets
            ]
            if not force:
                _refuse_overtaken(project, targets, kept, keeper.read)
            stored_bytes = keeper.commit()
            # Inside the block: the store's lock keeps what was "already here" until a pointer names it.
            pointed = [_pointed(project, *found, marks) for found in zip(targets, kept, strict=True)]
            done = [_outcome(*found) for found in pointed]
            touched = [] if dry_run else _write(project, pointed, done, stage)
            keeper.note()
    return Added(tuple(done), tuple(touched), stored_bytes)


def _targets(project: Project, paths: Sequence[str], marks: Marks) -> tuple[list[_Target], Marks]:
    """What was named, each artifact once, sorted by path; with a name, its partitions as they were declared."""
    if not paths:
        raise UsageError("nothing to add was named", hint="track add PATH…")
    if marks.type is not None and not is_written_as_one(marks.type):
        hint = "such as text/plain; a type of your own begins with x-, as in application/x-mesh"
        raise UsageError(f"not a media type: '{display(marks.type)}'", hint=hint)
    found = sorted({place for given in paths for place in _places(project, given)})
    if marks.name is None:
        return _joined([_target(project, path) for path in found], found), marks
    if len(found) != 1:
        raise UsageError(f"{len(found)} paths for the one name {display(marks.name)}", hint="name one path")
    target = target_of(project, side_here(project), marks.name, marks.partitions or {})
    return [_Target(found[0], target.path, ())], replace(marks, partitions=target.partitions)


def _places(project: Project, given: str) -> list[bytes]:
    """The worktree paths that an argument means: itself, what its pointer stands for, or what a pattern matches."""
    path = project.relative(given)
    why = check_worktree_path(path) if path else "is the top of the working tree"
    if why is not None and not is_named_pointer(path):
        raise UsageError(f"`{display(given)}` cannot be an artifact: it {why}", hint="name the files or folders in it")
    if is_pointer_path(path) and exists(project, path) and not is_named_pointer(path):
        return [data_path(path)]
    if exists(project, path) or exists(project, pointer_path(path)) or owner_of(project, path) is not None:
        return [path]
    matches = sorted(glob.glob(given, root_dir=project.cwd)) if glob.has_magic(given) else []
    places = [project.relative(match) for match in matches]
    places = [place for place in places if not is_pointer_path(place) and place.rpartition(b"/")[2] != b".gitignore"]
    if places:
        return places
    what = "no file matches" if glob.has_magic(given) else "nothing is there to add:"
    raise UnknownPath(f"{what} `{display(given)}`", hint="see what is there: ls; what is tracked: track ls")


def _target(project: Project, path: bytes) -> _Target:
    owner = owner_of(project, path)
    if owner is not None:
        return _Target(owner, pointer_path(owner), (path[len(owner) + 1 :],))
    name = path.rpartition(b"/")[2]
    if len(pointer_path(name)) > _NAME_LIMIT:
        raise NameTooLong(
            f"`{display(path)}` has a name of {len(name)} bytes: no pointer fits beside it",
            hint="rename it, or add the folder it lies in",
        )
    if not exists(project, path):
        raise MissingObject(
            f"`{display(path)}` is tracked, but its data is not here",
            hint=f"bring it back: track {_bringing(project, path)} {typed(path)}",
        )
    return _Target(path, pointer_path(path), ())


def _bringing(project: Project, path: bytes) -> str:
    """The command that brings the data of a pointer: it may be in the store, as far as one look tells."""
    pointer = pointer_at(project, pointer_path(path))
    is_here = pointer is not None and not project.store.absent([bytes(pointer.digest)])
    return "checkout" if is_here else "pull"


def _joined(targets: list[_Target], named: Sequence[bytes]) -> list[_Target]:
    """Each artifact once: named whole wins over named parts. A new artifact inside another named one is refused."""
    whole = {target.path for target in targets if not target.parts}
    for target in targets:
        for other in whole:
            if target.path != other and target.path.startswith(other + b"/"):
                raise InsideArtifact(
                    f"`{display(target.path)}` lies inside `{display(other)}`, which was named too",
                    hint="add the one or the other",
                )
    parts: dict[bytes, list[bytes]] = {}
    for target in targets:
        parts.setdefault(target.path, []).extend(target.parts)
    return [
        _Target(path, pointer_path(path), () if path in whole else tuple(sorted(set(inside))))
        for path, inside in sorted(parts.items())
    ]


def _refuse_tracked(project: Project, targets: Sequence[_Target]) -> None:
    """Git must not have the same bytes: a pointer beside a file in Git would say two things."""
    new = [target.path for target in targets if not target.parts and not is_named_pointer(target.pointer)]
    refuse_in_git(project, new)


def _refuse_overtaken(project: Project, targets: Sequence[_Target], kept: Sequence[Kept], read: manifest.Read) -> None:
    """What a pull brought must not be taken back by data that did not follow it yet."""
    refused = []
    for target, found in zip(targets, kept, strict=True):
        if is_named_pointer(target.pointer):
            continue
        present = pointer_at(project, target.pointer)
        error = out_of_step(project, target.path, present, found.digest, read=read, parts=target.parts)
        if error is not None:
            refused.append(error)
    if refused:
        raise together(refused)


def _pointed(project: Project, target: _Target, kept: Kept, marks: Marks) -> _Pointed:
    """What the pointer says, and what it will say."""
    present = pointer_at(project, target.pointer)
    return _Pointed(target, kept, present, _marked(pointer_of_content(target.path, kept, present), marks))


def _outcome(target: _Target, kept: Kept, present: Pointer | None, pointer: Pointer) -> AddedArtifact:
    return AddedArtifact(
        path=target.path,
        pointer=target.pointer,
        kind=kept.kind,
        digest=str(kept.digest),
        size=kept.size,
        files=kept.files,
        is_new=present is None,
        is_changed=pointer != present,
        added_count=kept.added_count,
        modified_count=kept.modified_count,
        removed_count=kept.removed_count,
        ignored_count=kept.ignored_count,
    )


def _marked(pointer: Pointer, marks: Marks) -> Pointer:
    tags = pointer.tags + tuple(tag for tag in marks.tags if tag not in pointer.tags)
    return replace(
        pointer,
        tags=tags,
        labels=with_labels(pointer.labels, marks.labels),
        partitions={**pointer.partitions, **(marks.partitions or {})},
        type=marks.type or pointer.type,
    )


def _write(project: Project, pointed: Sequence[_Pointed], done: Sequence[AddedArtifact], stage: bool) -> list[bytes]:
    """Write the pointers that say something new, ignore the data, and stage both; the staged paths, sorted."""
    undo = Undo(project, "add", *(os.fsdecode(found.path) for found in done), is_staged=stage)
    changed = [found for found in pointed if found.pointer != found.present]
    for found in changed:
        undo.note_pointer(artifact_of(found.target.pointer))
    undo.save()
    for found in changed:
        write_pointer(project, found.target.pointer, found.pointer)
    placed = [found.path for found in done if not is_named_pointer(found.pointer)]
    touched = sorted({found.pointer for found in done} | set(ignore(project, placed)))
    if stage:
        index.stage(project.git, touched)
    undo.done()
    return touched if stage else []
