"""Checkout: make working files what their pointers say, here or at a revision, without losing unsaved work."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from track import publish
from track.errors import DamagedObject, MissingObject, PurgedObject, TrackError, naming_too
from track.flows import dropped
from track.flows.bring import BroughtArtifact, Lacking, bring
from track.flows.choice import Choice, refuse_vain
from track.flows.ignoring import ignore
from track.flows.lost import put_damage_aside
from track.flows.pointers import content_at, put_pointer
from track.flows.reach import Version, full_name, inside, versions, versions_here
from track.flows.shallow import not_away
from track.flows.sides import pointer_of
from track.flows.undo import Undo
from track.history import log
from track.history.identity import blob_of
from track.model.names import display, is_named_pointer, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.purge_notes import GONE

_LISTED = 50


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What a checkout did, or with `dry_run` would do.

    `artifacts` are those whose files changed or that keep local edits; `pointers` the pointer files that were written,
    and `unstaged` those of them that are not as Git's index has them; `count` is how many artifacts were looked at.
    `refused` says which pointers could not be read; they were left alone. `step` is the number under which it can be
    undone (None: nothing to), `given_up` are unsaved files that went into the trash.
    """

    artifacts: tuple[BroughtArtifact, ...]
    pointers: tuple[bytes, ...]
    count: int
    refused: tuple[TrackError, ...] = ()
    step: int | None = None
    given_up: tuple[bytes, ...] = ()
    unstaged: tuple[bytes, ...] = ()


def checkout(
    project: Project,
    rev: str | None = None,
    paths: Sequence[str] = (),
    *,
    choice: Choice | None = None,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> CheckedOut:
    """Make working files what the pointers in the working tree say, or those at `rev`.

    `paths` are artifacts, folders of them, or parts of a directory artifact. With `rev` and paths, the pointers of
    the artifacts named come into the working tree too, unstaged; with `rev` alone pointers are left to Git. With
    `choice`, only the files that it takes are looked at, and pointers are left alone too. Interrupted anywhere, the
    same call again finishes the work.

    Raises:
        UnsavedWork: files would go whose content is saved nowhere, all of them named; nothing was changed.
        MissingObject, DamagedObject: objects are not here, or not what they should be and therefore put aside; nothing
            of their artifacts was placed, but everything of the others.
        UnknownRevision, UnknownPath: what was asked for is not there, or nothing that `choice` takes.
        MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
        MalformedManifest, ForbiddenPath: what should be placed cannot be believed.
        DiskFull, StoreUnwritable: the files did not fit; those in the working tree are as they were, or whole.
    """
    asked = [project.relative(path) for path in paths]
    with project.lock():
        publish.sweep(project.worktree_state / "staging")
        name = full_name(project, rev) if rev is not None else None
        found, refused = versions(project, [name], asked) if name is not None else versions_here(project, asked)
        undo = Undo(project, "checkout", *((rev,) if rev is not None else ()), *map(os.fsdecode, asked))
        with naming_too(refused):
            refuse_vain(project, found, asked, choice)
            bringing = partial(bring, project, found, paths=asked, choice=choice, force=force, dry_run=dry_run)
            damaged: DamagedObject | None = None
            try:
                brought = bringing(undo=undo, progress=progress)
            except DamagedObject as bad:  # it is put aside, and stops its own artifact alone
                if dry_run or not put_damage_aside(project, found, asked, choice):
                    raise
                damaged, brought = bad, bringing(undo=undo, progress=progress)
        if not asked and choice is None:
            brought = replace(brought, lacking=tuple(not_away(project, brought.lacking)))
        refused = (*refused, *(each.error for each in brought.refused))
        lacking = {each.path for each in brought.lacking} | {each.path for each in brought.refused}
        whole = [version for version in found if version.path not in lacking and not inside(version, asked)]
        written: list[bytes] = []
        if name is not None and not dry_run:
            written = _restored(project, name, whole, undo) if asked and choice is None else []
            _keep_out_of_git(project, whole)
        step = undo.done() if not dry_run else None
    if brought.lacking:
        with naming_too(refused):
            raise _lost(project, rev, found, brought.lacking, damaged)
    return CheckedOut(
        brought.artifacts, tuple(written), len(found), refused, step, brought.given_up, _unstaged(project, written)
    )


def _restored(project: Project, rev: str, found: Sequence[Version], undo: Undo) -> list[bytes]:
    """Put the versions' pointers into the working tree as they are at `rev`; the paths of those that were not."""
    wanted = {pointer_of(version.path): log.pointer_at(project.git, rev, pointer_of(version.path)) for version in found}
    differing = [
        version.path
        for version in found
        if content_at(project, pointer_of(version.path)) != wanted[pointer_of(version.path)]
    ]
    for path in differing:
        undo.note_pointer(path)
    undo.save()
    return [pointer_of(path) for path in differing if put_pointer(project, pointer_of(path), wanted[pointer_of(path)])]


def _unstaged(project: Project, written: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those of the pointer files that are not as Git's index has them."""
    if not written:
        return ()
    staged = project.git.pointer_files().staged
    contents = {pointer: content_at(project, pointer) or b"" for pointer in written}
    return tuple(
        pointer
        for pointer, content in contents.items()
        if pointer not in staged or blob_of(content, staged[pointer]) != staged[pointer]
    )


def _keep_out_of_git(project: Project, placed: Sequence[Version]) -> None:
    """Have Git ignore data of another revision that this one does not know of."""
    paths = [version.path for version in placed if version.pointer.kind in ("file", "directory")]
    paths = [path for path in paths if not is_named_pointer(path)]
    if paths:
        ignored = project.git.ignored(paths)
        ignore(project, [path for path in paths if path not in ignored])


def _lost(
    project: Project,
    rev: str | None,
    found: Sequence[Version],
    lacking: Sequence[Lacking],
    damaged: DamagedObject | None,
) -> TrackError:
    """The error that names the artifacts that could not be placed, and the first thing that was found damaged."""
    comes, what = _comes_by(project, rev, lacking), f"{_names(lacking)} cannot be placed"
    rest = [each for each in lacking if not each.purged]
    if damaged is not None:
        hint = comes or "track repair      looks for it in working trees and in what was put aside"
        lines = (*_lines(lacking, "damaged, or not here"), damaged.message, *damaged.details)
        return DamagedObject(f"{what}: what the store has is damaged", hint=hint, details=lines)
    if gone := [each for each in lacking if each.purged]:
        lines = (*(f"{display(each.path)} {each.purged}" for each in gone[:_LISTED]), *_lines(rest, "not here"))
        hint = GONE if not rest else f"{GONE}; for the rest: {comes}" if comes else GONE
        return PurgedObject(f"{what}: what was removed for good is nowhere", hint=hint, details=lines)
    hint = comes or "track remote add NAME URL says where it is; then: track pull"
    error = MissingObject(f"{what}: not everything is here", hint=hint, details=_lines(lacking, "not here"))
    paths = {each.path for each in lacking}
    lost = [version for version in found if version.path in paths]
    return dropped.explain(project, error, lost, is_final=not project.config.names("remote.*.url"))


def _names(lacking: Sequence[Lacking]) -> str:
    return display(lacking[0].path) if len(lacking) == 1 else f"{len(lacking)} artifacts"


def _comes_by(project: Project, rev: str | None, lacking: Sequence[Lacking]) -> str:
    """What brings it from a remote; nothing where there is none."""
    remotes = project.config.names("remote.*.url")
    if not remotes:
        return ""
    if rev is not None:
        return f"track fetch {remotes[0]} {rev}"
    one = f" {typed(lacking[0].path)}" if len(lacking) == 1 else ""  # all of it, where a part was chosen before
    return f"track pull{one}"


def _lines(lacking: Sequence[Lacking], what: str) -> tuple[str, ...]:
    lines = [_line(each, what) for each in lacking[:_LISTED]]
    if len(lacking) > _LISTED:
        lines.append(f"and {len(lacking) - _LISTED:,} more")
    return tuple(lines)


def _line(lacking: Lacking, what: str) -> str:
    shown = display(lacking.path)
    if not lacking.count:
        return f"{shown}: its manifest is {what}"
    are = "are" if lacking.count > 1 else "is"
    return f"{shown}: {lacking.count:,} object{'s' if lacking.count > 1 else ''} ({lacking.size:,} bytes) {are} {what}"
