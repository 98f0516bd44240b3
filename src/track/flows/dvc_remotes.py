"""DVC's remotes, read in place: folders, and whatever else our own remotes reach. Nothing is written there."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.errors import NotTrusted, TrackError
from track.flows.dvc_places import Remote, keys_of
from track.flows.remotes import may_read
from track.flows.whereabouts import base_of
from track.model.dvc import Identity
from track.model.names import display, typed
from track.project import Project
from track.store.address import Access, parse_address
from track.store.backends.opening import open_place
from track.store.place import NoSuchKey, Place, Staged

_THREADS = 16
_AT_ONCE = 256
_LIMIT = 1 << 50
_SAME = {"azure://": "az://"}
"""How DVC writes what we write otherwise."""


class Wanted(NamedTuple):
    """An object of DVC's that is to be brought."""

    identity: Identity
    is_directory: bool


class Shelf:
    """One place where DVC has objects; it is opened when the first object is asked for."""

    def __init__(self, url: str, open_: Callable[[], Place]) -> None:
        """`url` is for messages."""
        self.url = url
        self._open = open_
        self._place: Place | None = None

    def bring(self, wanted: Sequence[Wanted], staging: Path) -> Iterator[tuple[int, Staged]]:
        """Give what is there of the objects, by their number in `wanted`, each a file in `staging`; unproven.

        Raises:
            RemoteError: it does not answer.
        """
        if self._place is None:
            self._place = self._open()
        place = self._place

        def one(each: Wanted) -> list[Staged]:
            found = []
            for key in keys_of(each.identity, is_directory=each.is_directory):
                with suppress(NoSuchKey):
                    found.append(place.get_file(key, staging, limit=_LIMIT))
            return found

        with ThreadPoolExecutor(_THREADS) as pool:
            for begin in range(0, len(wanted), _AT_ONCE):
                for number, found in enumerate(pool.map(one, wanted[begin : begin + _AT_ONCE]), begin):
                    for staged in found:
                        yield number, staged


def shelf_named(project: Project, url: str) -> Shelf:
    """The place that the person here named: that is their word for it.

    Raises:
        UsageError: this version reaches no such address.
    """
    address = parse_address(_ours(url), base=project.cwd)
    return Shelf(url, lambda: open_place(address, Access()))


def shelf_of(project: Project, remote: Remote) -> Shelf:
    """A remote that DVC's configuration names. A stranger may have written that, so it is read only where that is
    harmless: a folder beside the repository, a provider's own address, or HTTPS, as for our own remotes.

    Raises:
        UsageError: this version reaches no such address.
        NotTrusted: the person here has to name it.
    """
    address = parse_address(_ours(remote.url), base=base_of(project))
    said = f"track import-dvc --from {typed(remote.url)}"
    if not may_read(project, address) or "endpointurl" in remote.options:
        endpoint = remote.options.get("endpointurl")
        raise NotTrusted(
            f"DVC's remote `{display(remote.name)}` ({display(remote.url)}) was named by the repository, not by you",
            hint=f"if you trust it: {f'AWS_ENDPOINT_URL={typed(endpoint)} ' if endpoint else ''}{said}",
        )
    access = Access(region=remote.options.get("region"))
    return Shelf(remote.url, lambda: open_place(address, access))


def shelves_of(project: Project, remotes: Sequence[Remote]) -> tuple[list[Shelf], list[TrackError]]:
    """The places of these remotes, and why the others are not read."""
    found: list[Shelf] = []
    refused: list[TrackError] = []
    for remote in remotes:
        try:
            found.append(shelf_of(project, remote))
        except TrackError as error:
            refused.append(error)
    return found, refused


def _ours(url: str) -> str:
    return next((ours + url[len(theirs) :] for theirs, ours in _SAME.items() if url.startswith(theirs)), url)
