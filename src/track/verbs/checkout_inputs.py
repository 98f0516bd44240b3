"""Checkout inputs: working files become what a run used, without losing unsaved work."""

from typing import NamedTuple

from track.errors import NotAPointer, TrackError
from track.flows.bring import BroughtArtifact, bring
from track.flows.ignoring import ignore
from track.flows.pointers import pointer_at, write_pointer
from track.flows.reach import Version
from track.flows.run_find import Found, find_run
from track.flows.run_needs import need
from track.flows.run_versions import input_versions, pointer_name, pointer_of_used
from track.flows.undo import Undo
from track.history import log
from track.model.names import is_named_pointer
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Used
from track.progress import Progress, silent
from track.project import Project


class InputsPlaced(NamedTuple):
    """What was done: artifacts whose files changed, and the pointer files that were written (unstaged), sorted.

    `inputs_count` is how many inputs the run had, `saved_elsewhere` names those that are no tracked path.
    """

    found: Found
    artifacts: tuple[BroughtArtifact, ...]
    pointers: tuple[bytes, ...]
    inputs_count: int
    saved_elsewhere: tuple[str, ...]
    step: int | None
    given_up: tuple[bytes, ...]


def checkout_inputs(
    project: Project,
    name: str,
    *,
    fetch: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> InputsPlaced:
    """Make the tracked paths that a run used what they were for it, pointers too; all others stay as they are.

    With `fetch`, what is not here comes from a remote. With `force`, unsaved edits go into the trash.

    Raises:
        UnknownRun: no run is called so, or several are.
        UnsavedWork: files whose content is saved nowhere would go; nothing was changed.
        MissingObject: something is not here, or nowhere; nothing was changed.
        RemoteError: no remote can be asked.
    """
    found = find_run(project, name)
    inputs = [version for version in input_versions(found.record) if not is_named_pointer(version.path)]
    again = f"track checkout --inputs {found.record.id}"
    with project.lock():
        need(project, found, inputs, fetch=fetch, again=again, progress=progress)
        wanted = [_wanted(project, found, version) for version in inputs]
        undo = Undo(project, "checkout", f"inputs:{found.record.id}")
        paths = [version.path for version in wanted]
        brought = bring(project, wanted, paths=paths, force=force, dry_run=dry_run, undo=undo, progress=progress)
        changed = [one for one in wanted if one.pointer != _present(project, one)]
        if not dry_run:
            for version in changed:
                undo.note_pointer(version.path)
            undo.save()
            for version in changed:
                write_pointer(project, pointer_name(version), version.pointer)
            ignore(project, [version.path for version in changed])
        step = undo.done() if not dry_run else None
    elsewhere = tuple(used.shown for used in found.record.of("input") if used.path is None or _is_named(used))
    pointers = tuple(pointer_name(version) for version in changed)
    return InputsPlaced(found, brought.artifacts, pointers, len(inputs), elsewhere, step, brought.given_up)


def _is_named(used: Used) -> bool:
    return used.path is not None and is_named_pointer(used.path)


def _wanted(project: Project, found: Found, version: Version) -> Version:
    pointer = pointer_of_used(project, version, _present(project, version), _committed(project, found, version))
    return version._replace(pointer=pointer)


def _present(project: Project, version: Version) -> Pointer | None:
    return pointer_at(project, pointer_name(version))


def _committed(project: Project, found: Found, version: Version) -> Pointer | None:
    """The pointer in the commit that the run began at, which says more than the record; None when it is not here."""
    revision = found.record.revision
    if revision is None or revision.commit is None:
        return None
    try:
        content = log.pointer_at(project.git, revision.commit, pointer_name(version))
        return None if content is None else parse_pointer(content, pointer_name(version))
    except (NotAPointer, TrackError):
        return None
