"""Run: execute a command so that what it used, made and was is known for good."""

from collections.abc import Sequence

from track.flows.run_start import Wishes
from track.flows.running import Asked, Ran, execute_run
from track.progress import Progress, silent
from track.project import Project
from track.runs.command import Echo

__all__ = ["Asked", "Ran", "run"]


def run(
    project: Project,
    command: Sequence[str],
    wishes: Wishes | None = None,
    asked: Asked | None = None,
    *,
    echo: Echo,
    progress: Progress = silent,
) -> Ran:
    """Execute `command` and keep what is known of it: code, environment, inputs, outputs, streams and its end.

    The run is in the journal before the command starts, and sealed there before anything is written into the working
    tree; killed at any instant, what was known stays. Outputs are stored before their pointers are written.

    Raises:
        UsageError: there is no command, or something about the run cannot be.
        TrackError: the code is not as the setting `runs.require` or `asked` wants it; nothing was run.
        UnknownPath: a declared input is not tracked, or not here; nothing was run.
        AlreadyInGit, InsideArtifact: a declared output cannot become an artifact; nothing was run.
        CommandNotFound: the program is not there; the run is recorded as failed.
        MissingOutput: a declared output was not written; the run is recorded as failed.
        TrackError: what the command wrote could not be passed on; the run is recorded as failed.
        DiskFull, StoreUnwritable: what it made cannot be stored; the run is recorded as failed.
        GitFailed: the record is staged, and cannot be committed.
    """
    return execute_run(project, command, wishes, asked, echo=echo, progress=progress)
