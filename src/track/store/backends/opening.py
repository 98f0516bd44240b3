"""Opening a place: the library of a kind of storage is loaded when a place of that kind is opened, and not before."""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from track.errors import RemoteError, UsageError
from track.store.address import (
    KNOWN,
    Access,
    Address,
    AzureContainer,
    Bucket,
    DavFolder,
    Folder,
    GoogleBucket,
    SshFolder,
    WebFolder,
)
from track.store.place import Place


class _Backend(NamedTuple):
    """What opens one kind of address: a module here and its function; the libraries it needs and the extra with it."""

    module: str
    function: str
    what: str
    library: str
    extra: str
    maker: str = ""
    """The function that makes the folder of a new remote, where one has to be there."""


_BACKENDS: dict[type, _Backend] = {
    Bucket: _Backend("s3", "open_bucket", "a bucket of S3", "obstore", "s3"),
    AzureContainer: _Backend("azure", "open_container", "a container of Azure", "obstore", "azure"),
    GoogleBucket: _Backend("google", "open_google", "a bucket of Google Cloud Storage", "gcsfs google aiohttp", "gs"),
    SshFolder: _Backend("ssh", "open_server", "a folder behind SSH", "asyncssh sshfs", "ssh", "make_server_folder"),
    WebFolder: _Backend("web", "open_web", "a web server's folder", "obstore", "http"),
    DavFolder: _Backend("dav", "open_dav", "a folder of WebDAV", "obstore", "webdav"),
}

_FOLDER = "track.store.backends.folder"

_reached_by: dict[str, int] = {}
"""The process that first reached a server, by its id; what is forked from it finds it here."""


def is_folder(place: Place) -> bool:
    """Whether a place is a folder of this machine, or of a share that is mounted."""
    loaded = sys.modules.get(_FOLDER)
    return loaded is not None and isinstance(place, loaded.FolderPlace)


def is_empty_folder(path: Path) -> bool:
    """Whether a folder of this machine is there and has nothing in it."""
    return bool(import_module(_FOLDER).is_empty_folder(path))


def open_place(address: Address, access: Access) -> Place:
    """The place at an address.

    Raises:
        UsageError: this version opens no such address.
        RemoteUnreachable: there is no such folder.
        NotAStore: something else than a folder is there.
        RemoteError: nothing says who we are there, the library for its kind is not installed, or this process was
            forked from one that reached a server.
    """
    if isinstance(address, Folder):
        folder: Place = import_module(_FOLDER).open_folder(address.path)
        return folder
    backend = _backend_of(address)
    _refuse_after_fork(address)
    place: Place = getattr(_loaded(backend, address), backend.function)(address, access)
    return place


def _refuse_after_fork(address: Address) -> None:
    """Refuse a server where a process was forked after one was reached: the threads that the libraries work with stay
    with the parent, and a child waits for them for ever (*measured* with obstore 0.12).
    """
    first = _reached_by.setdefault("process", os.getpid())
    if first != os.getpid():
        raise RemoteError(
            f"{address} cannot be reached from here: this process was forked from one that had reached a server",
            hint="start processes in another way: multiprocessing.set_start_method('spawn')\n"
            "or have the data here before they are forked: track pull",
        )


def make_place(address: Address, access: Access) -> bool:
    """Make the folder of a new remote, where its kind needs one, below a parent that exists; whether it was made.

    Raises:
        UsageError, RemoteError: as `open_place`.
        RemoteUnreachable: its parent does not exist.
        StoreUnwritable, DiskFull: it cannot be made.
    """
    if isinstance(address, Folder):
        return bool(import_module(_FOLDER).make_folder(address.path))
    backend = _backend_of(address)
    if not backend.maker:
        return False
    return bool(getattr(_loaded(backend, address), backend.maker)(address, access))


def _backend_of(address: Address) -> _Backend:
    backend = _BACKENDS.get(type(address))
    if backend is None:
        raise UsageError(f"{address} is of a kind that this version of track does not open", hint=f"one of: {KNOWN}")
    return backend


def _loaded(backend: _Backend, address: Address) -> ModuleType:
    try:
        return import_module(f"track.store.backends.{backend.module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in backend.library.split():
            raise
        raise RemoteError(
            f"{address} is {backend.what}, and the library for that is not installed",
            hint=f"pip install 'track-data[{backend.extra}]'",
        ) from error
