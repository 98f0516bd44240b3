"""Opening a folder of a server that SSH reaches, and making the one that a new remote needs."""

import stat

from track.errors import NotAStore, RemoteUnreachable
from track.model.names import display
from track.store.address import Access, SshFolder
from track.store.backends.ssh_connection import is_kind
from track.store.backends.ssh_failure import Bound
from track.store.backends.ssh_place import ServerPlace, parent_of
from track.store.place import NoSuchKey


def open_server(address: SshFolder, access: Access) -> ServerPlace:
    """The place at a folder of a server.

    Raises:
        RemoteUnreachable: the server does not answer, or has no such folder.
        BadCredentials: the server, or we to the server, are not who we should be.
        NotAStore: something else than a folder is there.
    """
    del access  # SSH has its own ways
    place = _place_of(address)
    try:
        about = place.ask("", "read", lambda c: c.run(c.follow(place.root)))
    except NoSuchKey:
        raise RemoteUnreachable(
            f"the folder {display(place.root)} is not there on {display(address.host)}",
            hint="is it the right path?   track remote add NAME URL   makes it, where its parent is",
        ) from None
    if not is_kind(about, stat.S_ISDIR):
        raise NotAStore(f"{place.url} is a file, not a folder", hint="track remote add NAME ssh://HOST/FOLDER")
    place.mode = stat.S_IMODE(about.permissions or 0o755)
    return place


def make_server_folder(address: SshFolder, access: Access) -> bool:
    """Make the folder of a new remote in one that exists; False when it is there. Raises as `open_server`."""
    del access  # SSH has its own ways
    place = _place_of(address)
    try:
        place.ask("", "read", lambda c: c.run(c.follow(place.root)))
        return False
    except NoSuchKey:
        pass
    try:
        place.ask("", "read", lambda c: c.run(c.follow(parent_of(place.root))))
    except NoSuchKey:
        parent = display(parent_of(place.root))
        raise RemoteUnreachable(
            f"{parent} is not a folder on {display(address.host)}, so no remote can be made in it",
            hint=f"make it there first: mkdir -p {parent}",
        ) from None
    return place.ask("", "write", lambda c: c.run(c.make_folder(place.root, None)))


def _place_of(address: SshFolder) -> ServerPlace:
    host, port = _server_of(address.host)
    return ServerPlace(Bound(display(str(address)), host, port, address.user), _path_of(address.path))


def _server_of(host: str) -> tuple[str, int | None]:
    """The name and the port of `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`."""
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name, int(port) if port else None


def _path_of(path: str) -> str:
    """The path as the server takes it: one without `/` at its beginning is below the person's home there."""
    if path == "/~":
        return "."
    return path[3:] or "." if path.startswith("/~/") else path
