"""Opening a place: the library of a kind of storage is loaded when a place of that kind is opened, and not before."""

from importlib import import_module

from track.errors import RemoteError
from track.store.address import Access, Address, Bucket
from track.store.backends.folder import open_folder
from track.store.place import Place


def open_place(address: Address, access: Access) -> Place:
    """The place at an address.

    Raises:
        RemoteUnreachable: there is no such folder.
        NotAStore: something else than a folder is there.
        RemoteError: nothing says who we are there, or the library for its kind is not installed.
    """
    if not isinstance(address, Bucket):
        return open_folder(address.path)
    try:
        backend = import_module("track.store.backends.s3")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "obstore":
            raise
        raise RemoteError(
            f"{address} is a bucket, and the library for buckets is not installed",
            hint="pip install 'track-data[s3]'",
        ) from error
    place: Place = backend.open_bucket(address, access)
    return place
