"""Remote check: is a remote there, who are we to it, and what may we do? Only a probe is written, and deleted again."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from track.errors import RemoteError, TrackError
from track.flows.identities import refuse_loose_identity, with_keys
from track.flows.remotes import access_of, choose, is_read_only, refuse_strangers
from track.flows.rights import without_circle
from track.flows.whereabouts import store_before
from track.project import Project
from track.store.abilities import note_abilities, sums_of
from track.store.address import Access
from track.store.backends.keys import open_sealed
from track.store.backends.opening import open_place
from track.store.description import parse_description
from track.store.layout import DESCRIPTION
from track.store.place import NoSuchKey, Place
from track.store.trial import Step, try_place

_SUMS = {
    "crc32": "CRC-32 is looked at: what arrives as something else is refused",
    "sha256": "SHA-256 is looked at: what arrives as something else is refused",
    "md5": "MD5 is looked at: what arrives as something else is refused",
    "": "none is looked at, as far as was seen: SHA-256 and MD5 go with everything",
}


@dataclass(frozen=True, slots=True)
class RemoteChecked:
    """What was found. `steps` are in the order in which they were tried; `failures` are those that went wrong.

    `identity` says as whom we came, where that was said, and to which server; empty for a folder.
    `conditional` is whether of two that write the same at once one is told; None when it was not found out. `sums` is
    which sum of a body the server was seen to look at, "" where none; None where nobody tried.
    """

    name: str
    url: str
    identity: str
    steps: tuple[Step, ...]
    store_id: str | None
    conditional: bool | None
    sums: str | None = None

    @property
    def failures(self) -> tuple[TrackError, ...]:
        """Every problem, the first first."""
        return tuple(step.problem for step in self.steps if step.problem is not None)


def remote_check(project: Project, name: str | None = None) -> RemoteChecked:
    """Try to list, read, write and delete at a remote (default: the default one), each by itself.

    Nothing is written to one that is only read, or whose store is not there any more. What its server can do is
    said in its `store.toml`, when it is news.

    Raises:
        NoRemote: the project names no such remote.
        RemoteError: this clone was not told that it may use it, nothing says who we are, or its library is missing.
        RemoteUnreachable: it is a folder, and not there.
    """
    named = choose(project, name)
    is_read = is_read_only(project, named)
    refuse_strangers(project, named, sending=not is_read)
    place = open_place(named.address, access_of(project, named.name))
    trial = try_place(place, writes=not is_read, before=store_before(project, named.name))
    sums = None
    if trial.store_id is not None and trial.conditional is not None and named.folder is None:
        sums = sums_of(place)
        with suppress(RemoteError):  # the steps say what may not be written
            note_abilities(place, conditions=trial.conditional, sums=sums)
    steps = trial.steps if sums is None else (*trial.steps, Step("sum", _SUMS[sums]))
    steps = steps if trial.store_id is None else (*steps, *_encryption(project, named.name, place))
    without_circle([step.problem for step in steps if step.problem is not None])
    return RemoteChecked(
        name=named.name,
        url=named.url,
        identity=place.identity,
        steps=steps,
        store_id=trial.store_id,
        conditional=trial.conditional,
        sums=sums,
    )


def _encryption(project: Project, name: str, place: Place) -> Iterator[Step]:
    """Whether the person here can open the store; nothing where it is not encrypted, and need not be."""
    access = with_keys(project, name, Access())
    try:
        description = parse_description(place.get(DESCRIPTION), place.url)
        if description.encryption is None and access.key_id is None:
            return
        open_sealed(place, description, access)
        refuse_loose_identity(project)
    except (TrackError, NoSuchKey) as error:
        yield Step("encryption", "cannot be opened", error if isinstance(error, TrackError) else None)
        return
    yield Step("encryption", f"opened with {access.identity}")
