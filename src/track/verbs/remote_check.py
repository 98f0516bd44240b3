"""Remote check: is a remote there, who are we to it, and what may we do? Only a probe is written, and deleted again."""

from contextlib import suppress
from dataclasses import dataclass

from track.errors import RemoteError, TrackError
from track.flows.remotes import access_of, choose, is_read_only, refuse_strangers
from track.flows.rights import without_circle
from track.project import Project
from track.store.abilities import note_abilities
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

    Nothing is written to one that is only read. What its server can do is said in its `store.toml`, when it is news.

    Raises:
        NoRemote: the project names no such remote.
        RemoteError: this clone was not told that it may use it, nothing says who we are, or its library is missing.
        RemoteUnreachable: it is a folder, and not there.
    """
    named = choose(project, name)
    is_read = is_read_only(project, named)
    refuse_strangers(project, named, sending=not is_read)
    place = open_place(named.address, access_of(project, named.name))
    trial = try_place(place, writes=not is_read)
    if trial.store_id is not None and trial.conditional is not None and named.folder is None:
        with suppress(RemoteError):  # the steps say what may not be written
            note_abilities(place, conditions=trial.conditional)
    without_circle([step.problem for step in trial.steps if step.problem is not None])
    return RemoteChecked(
        name=named.name,
        url=named.url,
        identity=place.identity,
        steps=trial.steps,
        store_id=trial.store_id,
        conditional=trial.conditional,
    )
