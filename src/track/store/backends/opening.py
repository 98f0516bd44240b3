"""Opening a place: the library of a kind of storage is loaded when a place of that kind is opened, and not before."""

from importlib import import_module
from typing import NamedTuple

from track.errors import RemoteError, UsageError
from track.store.address import Access, Address, AzureContainer, Bucket, Folder
from track.store.backends.folder import open_folder
from track.store.place import Place


class _Backend(NamedTuple):
    """What opens one kind of address: a module here and its function; the library it needs and the extra with it."""

    module: str
    function: str
    what: str
    library: str
    extra: str


_BACKENDS: dict[type, _Backend] = {
    Bucket: _Backend("s3", "open_bucket", "a bucket of S3", "obstore", "s3"),
    AzureContainer: _Backend("azure", "open_container", "a container of Azure", "obstore", "azure"),
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
    backend = _BACKENDS.get(type(address))
    if backend is None:
        raise UsageError(f"{address} is of a kind that this version of track does not open", hint="track remote list")
    try:
        module = import_module(f"track.store.backends.{backend.module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != backend.library:
            raise
        raise RemoteError(
            f"{address} is {backend.what}, and the library for that is not installed",
            hint=f"pip install 'track-data[{backend.extra}]'",
        ) from error
    place: Place = getattr(module, backend.function)(address, access)
    return place
