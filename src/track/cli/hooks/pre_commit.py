"""`pre-commit`: refuses what nobody could ever check out again. It looks at Git's index alone, and writes nothing."""

from collections.abc import Sequence

from track.cli.hook import REFUSED
from track.cli.hooks.telling import named, tell
from track.errors import ProjectError
from track.flows.staged import check
from track.model.names import typed
from track.project import Project

_SHOWN = 10


def run(name: str, arguments: Sequence[str]) -> int:
    """0, or `REFUSED` when the commit would bring something that it should not."""
    try:
        project = Project.open()
    except ProjectError:  # no project, or one that only a later version reads
        return 0
    with project:
        checked = check(project)
    if checked.stale:
        paths = " ".join(typed(path) for path in checked.stale[:3])
        tell(f"newer on disk than the pointer in this commit: {named(checked.stale)}; to record it: track add {paths}")
    if not checked.findings:
        return 0
    for finding in checked.findings[:_SHOWN]:
        tell(finding.text)
        tell(f"  {finding.hint}")
    if len(checked.findings) > _SHOWN:
        tell(f"and {len(checked.findings) - _SHOWN:,} more")
    tell("nothing was committed; to commit all the same: git commit --no-verify")
    return REFUSED
