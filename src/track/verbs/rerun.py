"""Rerun: the command of a run again, here and now, as a run of its own."""

from typing import NamedTuple

from track.flows.rerunning import Changes, again, declared, execute_again
from track.flows.run_consent import Ask, allow_commands, nobody
from track.flows.run_find import Found, find_run
from track.flows.running import Asked, Ran
from track.progress import Progress, silent
from track.project import Project
from track.runs.command import Echo

__all__ = ["Changes", "Rerun", "rerun"]


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
    ask: Ask = nobody,
    progress: Progress = silent,
) -> Rerun:
    """Execute the command of a run with the code and the data that are here now, declared as it was, and record it.

    Folder, tags, description, metadata and parameters are those of the run. `asked` says how to run; what it declares
    counts for nothing. A command that came with the repository is executed when it was allowed, or `ask` says so now.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: it had no command, or a secret that is not kept stood among its arguments.
        NotTrusted: its command came with the repository, and nobody here has allowed it; nothing was run.
        ForbiddenPath: its record says that it stood outside of the repository.
        as `run`.
    """
    changes, asked = changes or Changes(), asked or Asked()
    found = find_run(project, name)
    one = again(project, found.record, changes.arguments)
    allow_commands(project, [found.record], ask)
    asked = asked._replace(
        inputs=declared(project, found.record, "input"), outputs=declared(project, found.record, "output")
    )
    return Rerun(found, one.command, execute_again(project, one, changes, asked, echo=echo, progress=progress))
