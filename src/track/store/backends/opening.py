"""Opening a place, and what seals its files: the library of a kind is loaded when it is needed, and not before."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from track.errors import BadCredentials, IntegrityError, RemoteError, UsageError
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
from track.store.backends.folder import make_folder, open_folder
from track.store.description import Description, Encryption
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


def open_place(address: Address, access: Access) -> Place:
    """The place at an address.

    Raises:
        UsageError: this version opens no such address.
        RemoteUnreachable: there is no such folder.
        NotAStore: something else than a folder is there.
        RemoteError: nothing says who we are there, or the library for its kind is not installed.
    """
    if isinstance(address, Folder):
        return open_folder(address.path)
    backend = _backend_of(address)
    place: Place = getattr(_loaded(backend, address), backend.function)(address, access)
    return place


def make_place(address: Address, access: Access) -> bool:
    """Make the folder of a new remote, where its kind needs one, below a parent that exists; whether it was made.

    Raises:
        UsageError, RemoteError: as `open_place`.
        RemoteUnreachable: its parent does not exist.
        StoreUnwritable, DiskFull: it cannot be made.
    """
    if isinstance(address, Folder):
        return make_folder(address.path)
    backend = _backend_of(address)
    if not backend.maker:
        return False
    return bool(getattr(_loaded(backend, address), backend.maker)(address, access))


def open_sealed(place: Place, description: Description, access: Access) -> Place:
    """The place as its store is used: through what seals and opens its files, where the store is encrypted.

    Raises:
        IntegrityError: it is not sealed with the key that the configuration says.
        BadCredentials: no identity of the person here opens it.
        RemoteError: the library for that is not installed.
    """
    found = None if description.encryption is None else description.encryption.key_id
    if access.key_id not in (None, found):
        what = "is not encrypted" if found is None else f"is encrypted with another key, {found}"
        raise IntegrityError(
            f"the store at {place.url} {what}; the configuration says {access.key_id}. Nothing was sent or read",
            hint="somebody put another store there; restore its store.toml from a copy\n"
            "if the store was made anew, and you know by whom: track remote remove NAME, then track remote add",
        )
    if description.encryption is None:
        return place
    age = _sealing_library(place.url, "age")
    identities = age.read_identities(_identity_of(place.url, access))
    key = age.unwrap(description.encryption.keys, description.id, identities, place.url)
    sealing = _sealing_library(place.url, "sealing").Sealing(key, description.id)
    if sealing.key_id != found:
        raise IntegrityError(
            f"store.toml at {place.url} has another key than it says, so somebody changed it",
            hint="restore its store.toml from another copy of the store",
        )
    sealed: Place = _sealing_library(place.url, "sealed").SealedPlace(place, sealing, access.staging)
    return sealed


def new_encryption(url: str, store_id: str, recipients: Sequence[str], access: Access) -> Encryption:
    """A new key for a store, wrapped for each of the recipients, of whom the person here has to be one.

    Raises:
        UsageError: one of them is no recipient.
        BadCredentials: no identity of the person here is one of them.
        RemoteError: the library for that is not installed.
    """
    age = _sealing_library(url, "age")
    keys = age.wrap(key := os.urandom(32), store_id, dict.fromkeys(map(age.recipient_of, recipients)))
    age.unwrap(keys, store_id, age.read_identities(_identity_of(url, access)), url)
    return Encryption(_sealing_library(url, "sealing").Sealing(key, store_id).key_id, keys)


def _identity_of(url: str, access: Access) -> Path:
    if access.identity is None:
        raise BadCredentials(f"{url} is encrypted, and nobody said with which identity it is opened")
    return access.identity


def _sealing_library(url: str, module: str) -> ModuleType:
    return _loaded(_Backend(module, "", "encrypted", "pyrage cryptography", "age"), url)


def _backend_of(address: Address) -> _Backend:
    backend = _BACKENDS.get(type(address))
    if backend is None:
        raise UsageError(f"{address} is of a kind that this version of track does not open", hint=f"one of: {KNOWN}")
    return backend


def _loaded(backend: _Backend, address: Address | str) -> ModuleType:
    try:
        return import_module(f"track.store.backends.{backend.module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in backend.library.split():
            raise
        raise RemoteError(
            f"{address} is {backend.what}, and the library for that is not installed",
            hint=f"pip install 'track-data[{backend.extra}]'",
        ) from error
