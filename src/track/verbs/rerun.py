"""Rerun: the command of a run again, here and now, as a run of its own."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import ForbiddenPath, UsageError
from track.flows.run_commands import command_of
from track.flows.run_find import Found, find_run
from track.flows.run_start import Wishes
from track.flows.running import Asked, Ran, execute_run
from track.model.names import check_worktree_path, display, path_of
from track.model.record import Record
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


class Rerun(NamedTuple):
    """Which run was done again, with which command, and what it came to."""

    found: Found
    command: tuple[str, ...]
    ran: Ran


def rerun(
    project: Project,
    name: str,
    changes: Changes | None = None,
    asked: Asked | None = None,
    *,
    echo: Echo,
    progress: Progress = silent,
) -> Rerun:
    """Execute the command of a run with the code and the data that are here now, declared as it was, and record it.

    Folder, tags, description, metadata and parameters are those of the run. `asked` says how to run; what it declares
    counts for nothing.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: it had no command, or a secret that is not kept stood among its arguments.
        ForbiddenPath: its record says that it stood outside of the repository.
        as `run`.
    """
    changes, asked = changes or Changes(), asked or Asked()
    found = find_run(project, name)
    record = found.record
    command = command_of(record, changes.arguments)
    project.cwd = _folder_of(project, record)
    if not project.cwd.is_dir():
        raise UsageError(
            f"run {display(record.name)} stood in `{display(record.cwd)}`, which is no folder here",
            hint=f"see how it was: track code {record.id}",
        )
    wishes = Wishes(
        changes.name,
        record.folder,
        record.description,
        record.tags,
        {**record.metadata, RERUN_OF: record.id},
        {**record.params, **changes.params},
    )
    asked = asked._replace(inputs=_declared(project, record, "input"), outputs=_declared(project, record, "output"))
    return Rerun(found, command, execute_run(project, command, wishes, asked, echo=echo, progress=progress))


def _folder_of(project: Project, record: Record) -> Path:
    """Where the command stands. Raises ForbiddenPath for a place that is none of the repository's."""
    folder = b"" if record.cwd == "." else path_of(record.cwd)
    if folder and (why := check_worktree_path(folder)) is not None:
        raise ForbiddenPath(
            f"`{display(record.cwd)}`, in which the command would stand, {why}",
            hint=f"see who wrote that record: track runs show {record.id}",
        )
    return project.root / os.fsdecode(folder)


def _declared(project: Project, record: Record, category: str) -> tuple[str, ...]:
    top = os.fsencode(project.root)
    return tuple(
        os.fsdecode(top + b"/" + used.path)
        for used in record.of(category)
        if used.path is not None and used.how == "declared"
    )
