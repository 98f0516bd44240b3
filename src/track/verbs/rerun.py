"""Rerun: the command of a run again, here and now, as a run of its own."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from track.errors import UsageError
from track.flows.run_commands import command_of
from track.flows.run_find import Found, find_run
from track.flows.run_start import Wishes
from track.flows.running import Asked, Ran, execute_run
from track.model.names import display, path_of
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
        as `run`.
    """
    changes, asked = changes or Changes(), asked or Asked()
    found = find_run(project, name)
    record = found.record
    command = command_of(record, changes.arguments)
    project.cwd = project.root / os.fsdecode(path_of(record.cwd))
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


def _declared(project: Project, record: Record, category: str) -> tuple[str, ...]:
    top = os.fsencode(project.root)
    return tuple(
        os.fsdecode(top + b"/" + used.path)
        for used in record.of(category)
        if used.path is not None and used.how == "declared"
    )
