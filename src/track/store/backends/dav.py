"""A folder of a WebDAV server as a place.

The client library reads, lists and writes what is small. It can neither send a large file as it is read, nor create
without replacing, nor make folders on every server: those are requests of our own. A server that ignores conditions
on a write, as nginx and rclone do, still refuses to move one thing over another, so that is how a key is created.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote, unquote
from urllib.request import Request

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import HTTPStore

from track.progress import Moved, unheard
from track.store.address import Access, DavFolder
from track.store.backends.failure import Refused, Unusable, status_of
from track.store.backends.http_requests import Answer as Answered
from track.store.backends.http_requests import Asker, blocks
from track.store.backends.object_place import ObjectPlace, ObjectUpload, checked
from track.store.backends.object_store import ObjectStoreFilesystem
from track.store.backends.web import bound_of, server_of, stores
from track.store.backends.web_failure import WebBound
from track.store.backends.web_login import Login, find_login
from track.store.layout import PROBES
from track.store.letting_go import let_go
from track.store.pieces import Pieces, joined
from track.store.place import Listed, NoSuchKey, Upload

_THREADS = 8
_Answer = TypeVar("_Answer")
_NO_FOLDER = {404, 409, 500}
"""How servers say that the folder of what is written is not there; nginx fails."""


class DavPlace(ObjectPlace):
    """Keys below a folder of a WebDAV server. What was put there is as durable as the server makes it."""

    def __init__(self, address: DavFolder, login: Login, clients: tuple[HTTPStore, HTTPStore], bound: WebBound) -> None:
        """For `open_dav` and tests; the clients are of the whole server."""
        super().__init__(unquote(address.path), ObjectStoreFilesystem(*clients), bound)
        self._store = clients[0]
        self._server, self._login = server_of(address), login
        self._asker = Asker(self.counter.one, self.pace)
        self._made: set[str] = set()
        self._makes_folders = True  # the server does, or the client for it; until one was seen that does not

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything whose key begins with `prefix`, folder by folder: few servers list all that is below one."""
        cut = len(self.path(""))
        folders: tuple[str, ...] = (self.path(prefix).rstrip("/"),)
        with ThreadPoolExecutor(_THREADS) as threads:
            while folders:
                pages = tuple(threads.map(self._page, folders))
                folders = tuple(each for page in pages for each in page.folders)
                for page in pages:
                    yield from (one._replace(key=one.key[cut:]) for one in page.files)

    def _page(self, folder: str) -> "_Page":
        self.counter.one()
        with suppress(NoSuchKey):
            found = self.ask(folder, "list", lambda: obstore.list_with_delimiter(self._store, folder or None))
            files = (Listed(each["path"], each["size"], each["last_modified"].timestamp()) for each in found["objects"])
            return _Page(tuple(found["common_prefixes"]), tuple(files))
        return _Page((), ())

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there; where its folder may be what is missing, that is made.

        What is not named by its content, and written again, is never half there: it is moved to its place.
        """
        if "/" not in key:
            self._move_there(key, data)
            return
        if not self._makes_folders:
            self._make_folder(self._folder(key))
        try:
            super().put(key, data)
        except _NoFolder:
            self._makes_folders = False
            self._make_folder(self._folder(key))
            super().put(key, data)

    def put_new(self, key: str, data: bytes | Pieces, moved: Moved = unheard) -> bool:
        """Put bytes at a key; what is there is replaced: a digest or a nonce is in every key, so it is the same."""
        self.put(key, joined(data))
        return True

    def put_over(self, key: str, data: bytes | Pieces, moved: Moved = unheard) -> None:
        """Put many bytes at a key, replacing what is there."""
        self.put(key, joined(data))

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has; of two at once one is told False: nothing is moved over another."""
        return self._move_there(key, data, replace=False) or self.get(key) == data

    def _move_there(self, key: str, data: bytes, *, replace: bool = True) -> bool:
        temporary = f"{PROBES}{secrets.token_hex(16)}"
        self.put(temporary, data)
        is_moved = False
        try:
            is_moved = self.move(temporary, key, replace=replace)
        finally:
            if not is_moved:
                let_go(self, [temporary])
        return is_moved

    def move(self, source: str, target: str, *, replace: bool) -> bool:
        """Give a key another name; False when something has it and shall not be replaced."""
        headers = {"Destination": self._url(target), "Overwrite": "T" if replace else "F"}
        self._make_folder(self._folder(target))
        try:
            self._ask("MOVE", self._url(source), headers)
        except (Refused, Unusable) as error:
            status = error.status if isinstance(error, Refused) else 0
            if status == 412:
                return False
            if status == 404 and self.size(target) is not None:
                return True  # its answer was lost, and it was asked again
            raise self.telling.explain(error, operation="write", key=target) from error
        return True

    def send(self, key: str, pieces: Callable[[], Iterator[bytes]], size: int) -> None:
        """Send a body of so many bytes as it is made; `pieces` is called for every try."""
        self._make_folder(self._folder(key))
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream", **self._login.headers}

        def made() -> Request:
            body = (block for piece in pieces() for block in blocks(piece))
            return Request(self._url(key), data=body, headers=headers, method="PUT")

        with self.told("write", key):
            self._asker.ask(made)

    def upload(self) -> Upload:
        """Many files; each is final when it was sent."""
        return _DavUpload(self)

    @contextmanager
    def told(self, operation: str, key: str) -> Iterator[None]:
        """Give what goes wrong with a request of our own its name. Raises RemoteError, DiskFull."""
        try:
            yield
        except (Refused, Unusable) as error:
            raise self.telling.explain(error, operation=operation, key=key) from error

    def ask(self, key: str, operation: str, work: Callable[[], _Answer], *, is_large: bool = False) -> _Answer:
        """As of every place. Raises _NoFolder where the folder of what is written may be what is missing."""

        def once() -> _Answer:
            try:
                return work()
            except (FileNotFoundError, BaseError) as error:
                is_gone = isinstance(error, FileNotFoundError | AlreadyExistsError)
                if operation == "write" and (is_gone or status_of(str(error)) in _NO_FOLDER):
                    if self._folder(key) not in self._made:
                        raise _NoFolder(str(error)) from error
                    if is_gone:
                        raise Refused(str(error), 409) from error
                raise

        return super().ask(key, operation, once, is_large=is_large)

    def _folder(self, key: str) -> str:
        return self.path(key).rpartition("/")[0]

    def _make_folder(self, folder: str) -> None:
        """Make a folder and those above it, from the top; those that are there, or not ours to make, are passed."""
        parts = folder.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            if path and path not in self._made:
                try:
                    self._ask("MKCOL", f"{self._server}/{quote(path)}/", {})
                except (Refused, Unusable) as error:
                    if not isinstance(error, Refused) or error.status in (0, 401, 507):
                        raise self.telling.explain(error, operation="write", key=folder) from error
                self._made.add(path)

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> Answered:
        everything = {**headers, **self._login.headers}
        return self._asker.ask(lambda: Request(url, headers=everything, method=method))

    def _url(self, key: str) -> str:
        return f"{self._server}/{quote(self.path(key))}"


class _Page(NamedTuple):
    """The folders in a folder, and the files, with their whole paths."""

    folders: tuple[str, ...]
    files: tuple[Listed, ...]


class _NoFolder(Exception):
    """What was written has no folder yet, perhaps."""


class _DavUpload(ObjectUpload):
    """Sends large files as they are read, beside their place, and moves them there when all of it was right."""

    def __init__(self, place: DavPlace) -> None:
        super().__init__(place)
        self._dav = place

    def send_large(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> int:
        size = os.fstat(fd).st_size
        temporary = f"{PROBES}{secrets.token_hex(16)}"
        try:
            self._dav.send(temporary, lambda: checked(fd, digest, source, moved), size)
            self._dav.move(temporary, key, replace=True)
        except BaseException:
            let_go(self._dav, [temporary])
            raise
        return size


def open_dav(address: DavFolder, access: Access) -> DavPlace:
    """The place at a folder of a WebDAV server; nothing is asked of it yet.

    Raises:
        RemoteError: the address cannot be, or what says who we are is not whole.
    """
    login = find_login(address, access)
    return DavPlace(address, login, stores(address, login), bound_of(address, login))
