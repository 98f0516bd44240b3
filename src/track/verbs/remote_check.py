"""Remote check: is a remote there, who are we to it, and what may we do? Only a probe is written, and deleted again."""

from dataclasses import dataclass

from track.errors import TrackError
from track.flows.remotes import access_of, choose, refuse_strangers
from track.project import Project
from track.store.backends.opening import open_place
from track.store.trial import Step, try_place


@dataclass(frozen=True, slots=True)
class RemoteChecked:
    """What was found. `steps` are in the order in which they were tried; `failures` are those that went wrong.

    `identity` says as whom we came, where that was said, and to which server; empty for a folder.
    `conditional` is whether of two that write the same at once one is told; None when it was not found out.
    """

    name: str
    url: str
    identity: str
    steps: tuple[Step, ...]
    store_id: str | None
    conditional: bool | None

    @property
    def failures(self) -> tuple[TrackError, ...]:
        """Every problem, the first first."""
        return tuple(step.problem for step in self.steps if step.problem is not None)


def remote_check(project: Project, name: str | None = None) -> RemoteChecked:
    """Try to list, read, write and delete at a remote (default: the default one), each by itself.

    Raises:
        NoRemote: the project names no such remote.
        RemoteError: this clone was not told that it may use it, nothing says who we are, or its library is missing.
        RemoteUnreachable: it is a folder, and not there.
    """
    named = choose(project, name)
    refuse_strangers(project, named, sending=True)
    place = open_place(named.address, access_of(project, named.name))
    trial = try_place(place)
    return RemoteChecked(
        name=named.name,
        url=named.url,
        identity=place.identity,
        steps=trial.steps,
        store_id=trial.store_id,
        conditional=trial.conditional,
    )
