"""Run needs: what a run names is brought here when somebody wants to use it again, and only then."""

from collections.abc import Sequence

from track.errors import MissingObject, together
from track.flows.lost import lacking_here
from track.flows.reach import Version
from track.flows.receive import receive
from track.flows.run_find import Found
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project

_LISTED = 10


def need(
    project: Project, found: Found, versions: Sequence[Version], *, fetch: bool, again: str, progress: Progress = silent
) -> None:
    """Have these here, from a remote where `fetch` allows it; `again` is the command that is being done.

    Raises:
        MissingObject: something is not here, and may not be fetched or is nowhere.
        DamagedObject, MalformedManifest: it is not what it should be.
        NoRemote, RemoteError: no remote can be asked.
    """
    lacking = lacking_here(project, versions)
    if not lacking:
        return
    if not fetch:
        names = ", ".join(display(version.path) for version in lacking[:_LISTED])
        raise MissingObject(
            f"not all of run {display(found.record.name)} is here: {names}", hint=f"bring it: {again} --fetch"
        )
    received = receive(project, lacking, progress=progress)
    if received.refused:
        raise together([one.error for one in received.refused])
