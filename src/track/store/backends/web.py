"""A folder that a web server gives out, as a place: it is only read, and listed by the list that a push leaves."""

from collections.abc import Iterator
from urllib.parse import unquote

from obstore.exceptions import BaseError
from obstore.store import HTTPStore

from track.errors import RemoteError
from track.model.names import display
from track.store.address import Access, DavFolder, WebFolder
from track.store.backends.object_place import ObjectPlace, for_bodies, for_questions
from track.store.backends.object_store import ObjectStoreFilesystem
from track.store.backends.web_failure import WebBound
from track.store.backends.web_login import Login, find_login
from track.store.layout import LISTING, RUNS
from track.store.listing import LISTED, parse_listing
from track.store.place import Listed, NoSuchKey, Upload

_OF_DATA = "ask where the data is written: track verify --remote NAME"
_OF_RUNS = "shared runs come from a remote of another kind: track remote list   then: track fetch --runs NAME"


class WebPlace(ObjectPlace):
    """Keys below a folder of a web server. Nothing is ever written there."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """What the list of the place has below `prefix`; only of the folders that it is made of.

        Raises:
            RemoteError: there is no such list, or the folder is none of those.
            DamagedObject: what is there is no list.
        """
        if prefix not in LISTED:
            raise RemoteError(
                f"{self.url}: a web server cannot be asked what is in `{display(prefix) or '/'}`",
                hint=_OF_RUNS
                if prefix.startswith(RUNS)
                else "ask where the data is written: track verify --remote NAME",
            )
        try:
            data = self.get(LISTING)
        except NoSuchKey:
            raise RemoteError(
                f"{self.url} has no list of what is in it, which a web server cannot say by itself",
                hint="whoever writes there has to make one: track remote publish NAME",
            ) from None
        yield from (one for one in parse_listing(data) if one.key.startswith(prefix))

    def put(self, key: str, data: bytes) -> None:
        """Refused. Raises RemoteError."""
        raise self._only_read()

    def create(self, key: str, data: bytes) -> bool:
        """Refused. Raises RemoteError."""
        raise self._only_read()

    def delete(self, key: str) -> None:
        """Refused. Raises RemoteError."""
        raise self._only_read()

    def upload(self) -> Upload:
        """Refused. Raises RemoteError."""
        raise self._only_read()

    def _only_read(self) -> RemoteError:
        return RemoteError(
            f"{self.url} is a web server's folder, which can only be read",
            hint="name where it is written as another remote: track remote add NAME URL, then: track push NAME",
        )


def open_web(address: WebFolder, access: Access) -> WebPlace:
    """The place at a web server's folder; nothing is asked of it yet.

    Raises:
        RemoteError: the address cannot be, or `~/.netrc` cannot be read.
    """
    login = find_login(address, access)
    bound = bound_of(address, login)
    return WebPlace(unquote(address.path), ObjectStoreFilesystem(*stores(address, login)), bound)


def bound_of(address: WebFolder | DavFolder, login: Login) -> WebBound:
    """What messages about a place at a web server may name."""
    return WebBound(str(address), server_of(address), login.who, login.source, isinstance(address, DavFolder))


def server_of(address: WebFolder | DavFolder) -> str:
    """The address of the server itself."""
    return f"http{'' if address.is_plain else 's'}://{address.host}"


def stores(address: WebFolder | DavFolder, login: Login) -> tuple[HTTPStore, HTTPStore]:
    """The clients of a web server that ask, and that send what is large; both of the whole server.

    Raises:
        RemoteError: the address cannot be.
    """
    try:
        asking, sending = (
            HTTPStore(server_of(address), **patience(is_plain=address.is_plain, headers=login.headers))
            for patience in (for_questions, for_bodies)
        )
    except (BaseError, ValueError) as error:
        raise RemoteError(f"{address} cannot be reached", details=(display(str(error)[:300]),)) from error
    return asking, sending
