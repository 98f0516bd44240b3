"""Rerunning: the command of a run again, with the code and the data that are here now, as a run of its own."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import ForbiddenPath, UsageError
from track.flows.run_commands import command_of
from track.flows.run_start import Wishes
from track.flows.running import Asked, Ran, execute_run
from track.model.names import check_worktree_path, display, is_named_pointer, path_of
from track.model.record import Record, Used
from track.progress import Progress, silent
from track.project import Project
from track.runs.command import Echo

RERUN_OF = "rerun_of"
"""The fact, among the metadata of a run, that says which run it did again."""


class Changes(NamedTuple):
    """What is another than it was: arguments instead of those it had (None: the same), its name, and parameters."""

    arguments: Sequence[str] | None = None
    name: str | None = None
    params: Mapping[str, Any] = {}


class Again(NamedTuple):
    """A command that can be executed again, and the folder that it stands in."""

    record: Record
    command: tuple[str, ...]
    folder: Path


def again(project: Project, record: Record, arguments: Sequence[str] | None = None) -> Again:
    """What is executed when a run is done again; nothing is executed yet.

    Raises:
        UsageError: it had no command, a secret that is not kept stood among its arguments, or its folder is gone.
        ForbiddenPath: its record says that it stood outside of the repository.
    """
    command = command_of(record, arguments)
    folder = _folder_of(project, record)
    if not folder.is_dir():
        raise UsageError(
            f"run {display(record.name)} stood in `{display(record.cwd)}`, which is no folder here",
            hint=f"see how it was: track code {record.id}",
        )
    return Again(record, command, folder)


def execute_again(
    project: Project, one: Again, changes: Changes, asked: Asked, *, echo: Echo, progress: Progress = silent
) -> Ran:
    """Execute it and record it as a run of its own, with the folder, tags, metadata and parameters that it had.

    Raises:
        as `run`.
    """
    record = one.record
    wishes = Wishes(
        changes.name,
        record.folder,
        record.description,
        record.tags,
        {**record.metadata, RERUN_OF: record.id},
        {**record.params, **changes.params},
    )
    before, project.cwd = project.cwd, one.folder
    try:
        return execute_run(project, one.command, wishes, asked, echo=echo, progress=progress)
    finally:
        project.cwd = before


def declared(project: Project, record: Record, category: str) -> tuple[str, ...]:
    """What was declared for a run, as it can be declared again from any folder."""
    return as_declared(project, (used for used in record.of(category) if used.how == "declared"))


def as_declared(project: Project, some: Iterable[Used]) -> tuple[str, ...]:
    """The tracked paths among these, as they can be declared from any folder; and of inputs those that have a name."""
    top = os.fsencode(project.root)
    return tuple(
        os.fsdecode(top + b"/" + used.path)
        for used in some
        if used.path is not None and (used.category == "input" or not is_named_pointer(used.path))
    )


def _folder_of(project: Project, record: Record) -> Path:
    """Where the command stands. Raises ForbiddenPath for a place that is none of the repository's."""
    folder = b"" if record.cwd == "." else path_of(record.cwd)
    if folder and (why := check_worktree_path(folder)) is not None:
        raise ForbiddenPath(
            f"`{display(record.cwd)}`, in which the command would stand, {why}",
            hint=f"see who wrote that record: track runs show {record.id}",
        )
    return project.root / os.fsdecode(folder)
