"""Hearing: who has everything asks a remote all the same, whether something was purged there."""

from collections.abc import Sequence

from track.errors import NoRemote, NotTrusted, TrackError, UsageError
from track.flows.passed import Passed
from track.flows.reach import Version
from track.flows.remotes import connected
from track.flows.routes import sources
from track.progress import Progress, silent
from track.project import Project


def hear(
    project: Project, versions: Sequence[Version], remote: str | None, progress: Progress = silent
) -> tuple[Passed, ...]:
    """Read what changed at the remote that these versions would come from, and remember what was purged there.

    It costs what a sync with nothing to do costs. Nothing is needed, so that a remote that cannot be asked stops
    nobody: it is returned with the reason, and no other one is waited for. Where there is no remote, or nobody here has
    allowed it yet, nothing is asked; where the settings name one that cannot be, a warning says so.

    Raises:
        NoRemote: there is none of the name that was given.
        UsageError: it is of a kind that this version does not reach.
    """
    if remote is None and not project.config.names("remote.*.url"):
        return ()
    try:
        first = sources(project, versions, remote)[0]
    except (NoRemote, UsageError) as error:
        if remote is not None:
            raise
        project.warnings.append(f"no remote was asked whether something was purged there: {error.message}")
        return ()
    progress.begin(f"asking {first.name}")  # one that says nothing is waited for half a minute
    try:
        with connected(project, first, sending=False):
            return ()
    except NotTrusted:
        return ()
    except TrackError as error:
        return (Passed(first.name, first.url, error.message, error.hint),)
    finally:
        progress.end()
