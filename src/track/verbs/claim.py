"""Claim: a person says how something was made that no run saw."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from track.errors import TrackError, UnknownPath, UsageError
from track.flows.keep import Keeper, Kept
from track.flows.pointers import exists, owner_of, pointer_at
from track.flows.pointing import pointer_of_content
from track.flows.run_artifacts import (
    Made,
    check_inputs,
    check_outputs,
    inputs_of,
    output_of,
    places_of,
    save_inputs,
    tracked_now,
)
from track.flows.run_journal import journal_of
from track.flows.run_place import Placed, not_placed, place
from track.flows.run_start import Wishes, begin
from track.model.names import display, pointer_path
from track.model.record import Record
from track.progress import Progress, silent
from track.project import Project

_HOW = "claimed"


class Claimed(NamedTuple):
    """The record of the claim; the files staged, sorted, or why it waits in the journal."""

    record: Record
    staged: tuple[bytes, ...]
    why_not: str | None


def claim(
    project: Project,
    paths: Sequence[str],
    command: Sequence[str],
    wishes: Wishes | None = None,
    *,
    inputs: Sequence[str] = (),
    progress: Progress = silent,
) -> Claimed:
    """Record that `command` made what these paths hold, from `inputs`; nothing is executed.

    Every entry says `claimed`. Code and environment are not known of a claim, nor when the work was done; it says when
    it was claimed, and by whom. Paths that are not tracked become artifacts.

    Raises:
        UsageError: no path or no command was named, or something about it cannot be.
        UnknownPath: nothing is there, or an input is not tracked or not here.
        AlreadyInGit, InsideArtifact: a path cannot become an artifact.
        SpecialFile, Unreadable, DiskFull, StoreUnwritable: it cannot be kept; nothing is recorded.
    """
    if not paths or not command:
        raise UsageError("a claim names what was made, and how", hint="track claim model.pt -- python train.py")
    given, made_from = places_of(project, paths), places_of(project, inputs)
    for path in given:
        if not exists(project, path):
            raise UnknownPath(f"nothing is at `{display(path)}`", hint="name what was made; it has to be here")
    check_outputs(project, given)
    before = tracked_now(project, progress)
    check_inputs(project, made_from, before)
    branch = project.git.branch()
    with project.lock():
        used = inputs_of(before, made_from, ())
        project.warnings += [one.message for one in save_inputs(project, used, progress).purged]
        kept = _kept(project, sorted({owner_of(project, path) or path for path in given}), progress)
    living = begin(project, wishes or Wishes(), tuple(command), with_code=False)
    made = []
    for path, content in kept.items():
        present = pointer_at(project, pointer_path(path))
        made.append(Made(path, present, pointer_of_content(path, content, present, run=living.id), _HOW))
    artifacts = (*(one._replace(how=_HOW) for one in used), *map(output_of, made))

    def ended(draft: Record) -> Record:
        return replace(draft, status="completed", ended=datetime.now(UTC), artifacts=artifacts)

    record = journal_of(project).end(living, ended)
    placed = _placed(project, record, made, branch)
    return Claimed(record, placed.staged, placed.why_not)


def _kept(project: Project, paths: Sequence[bytes], progress: Progress) -> dict[bytes, Kept]:
    """Store what the paths hold, durably."""
    with Keeper(project, progress=progress) as keeper:
        found = {path: keeper.keep(path, pointer_at(project, pointer_path(path))) for path in paths}
        keeper.commit()
        keeper.note()
    return found


def _placed(project: Project, record: Record, made: Sequence[Made], branch: str | None) -> Placed:
    try:
        with project.lock():
            return place(project, record, made, branch=branch)
    except TrackError as error:
        return not_placed(error)
