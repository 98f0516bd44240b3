"""A bucket of S3, or of what speaks its language, as a place; large files go on where they were broken off."""

import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from track.errors import RemoteError
from track.model.expressions import expression
from track.model.names import display
from track.progress import Moved, unheard
from track.store.address import Access, Bucket
from track.store.backends.credentials import Credentials, find_credentials
from track.store.backends.failure import Refused, Unusable, is_unknown_request
from track.store.backends.object_place import ObjectPlace, ObjectUpload, for_bodies, for_parts, for_questions
from track.store.backends.object_store import ObjectStoreFilesystem
from track.store.backends.s3_failure import Bound
from track.store.pieces import Pieces
from track.store.place import Upload

if TYPE_CHECKING:
    from track.store.backends.s3_multipart import PartsUpload

_REGION = expression(r"[a-z0-9][a-z0-9-]{0,39}")


class BucketPlace(ObjectPlace):
    """Keys below a prefix of a bucket."""

    def __init__(self, address: Bucket, store: S3Store, bulk: S3Store, bound: Bound, *, parts: S3Store) -> None:
        """For `open_bucket` and tests; the stores are of the whole bucket."""
        super().__init__(address.prefix, ObjectStoreFilesystem(store, bulk, parts), bound)
        self.bound = bound
        self.identity = f"{bound.server.identity}, region {bound.region}"
        self._sender: Callable[[], PartsUpload] | None = None
        self._memory: Path | None = None
        self._sums = ""

    def tidy(self) -> None:
        """Have the server forget uploads of ours that were broken off a day ago, and not gone on with."""
        if self._memory is not None and self._memory.is_file() and (parts := self.parts()) is not None:
            parts.tidy()

    def parts(self) -> "PartsUpload | None":
        """What sends large files so that they can go on; None where they are sent from their beginning."""
        return self._sender() if self._sender is not None else None

    def send_parts_by(self, sender: "Callable[[], PartsUpload] | None", memory: Path | None) -> None:
        """Have large files sent by what `sender` gives; `memory` is where uploads under way are remembered."""
        self._sender, self._memory = sender, memory

    def put_watched(self, key: str, data: bytes | Pieces, *, only_new: bool, moved: Moved = unheard) -> bool | None:
        """Put many bytes by requests of ours, which end when nothing moves; None where only the client has the keys."""
        parts = self.parts()
        if parts is None:
            return None
        try:
            return parts.put(self.path(key), data, only_new=only_new, sums=self._sums, moved=moved)
        except Unusable:
            self.send_parts_by(None, None)
            return None
        except Refused as error:
            if only_new and is_unknown_request(str(error)):
                self.creates = False
                return self.put_watched(key, data, only_new=False, moved=moved)
            raise self.bound.explain(error, operation="write", key=key) from error

    def find_sums(self, key: str) -> str | None:
        """Which sum of a body the server holds against what arrived; see `Summing`."""
        parts = self.parts()
        try:
            return parts.find_sums(self.path(key)) if parts is not None else None
        except (Refused, Unusable):  # whoever comes to write something is told why
            return None

    def use_sums(self, name: str) -> None:
        """Send this one alone; what is small has it, too: by requests of ours, if need be."""
        self._sums, self.watches_all = name, name != "sha256"

    def upload(self) -> Upload:
        """Many files; each is final when it was sent."""
        return _BucketUpload(self)


class _BucketUpload(ObjectUpload):
    """Sends large files so that they can go on, where that can be done."""

    def __init__(self, place: BucketPlace) -> None:
        super().__init__(place)
        self._bucket = place

    def send_large(self, key: str, source: Path, digest: bytes, fd: int, moved: Moved) -> int:
        parts = self._bucket.parts()
        if parts is not None:
            try:
                return parts.send(self._bucket.path(key), source, digest, fd=fd, moved=moved)
            except Unusable:
                self._bucket.send_parts_by(None, None)
            except Refused as error:
                raise self._bucket.bound.explain(error, operation="write", key=key) from error
        return super().send_large(key, source, digest, fd, moved)


def open_bucket(address: Bucket, access: Access) -> BucketPlace:
    """The place at a bucket; nothing is asked of it yet.

    Raises:
        RemoteError: nothing says who we are, or the address of the server is none.
    """
    found = find_credentials(access, str(address))
    if found.endpoint is not None and urlsplit(found.endpoint).scheme not in ("http", "https"):
        raise RemoteError(
            f"the endpoint `{display(found.endpoint)}` is no address of a server",
            hint="https://HOST or http://HOST:PORT",
        )
    if _REGION.fullmatch(found.region) is None:  # it becomes part of a host name, and may come from a stranger
        raise RemoteError(f"`{display(found.region)}` is no region", hint="track config remote.NAME.region eu-west-1")
    endpoint = found.endpoint or f"https://s3.{found.region}.amazonaws.com"
    bound = Bound(str(address), address.name, display(endpoint), found.region, found.who, found.source)
    asking = _store(address.name, found, for_questions)
    sending = _store(address.name, found, for_bodies)
    place = BucketPlace(address, asking, sending, bound, parts=_store(address.name, found, for_parts))
    if not found.is_machine:  # whose keys only the client library asks for
        place.send_parts_by(_sender(address.name, found, access.uploads, place), access.uploads)
    return place


def _sender(bucket: str, found: Credentials, memory: Path | None, place: BucketPlace) -> "Callable[[], PartsUpload]":
    """Gives the one that sends what is large. It is loaded and made when it is asked for first: many need it not."""
    made: list[PartsUpload] = []
    lock = threading.Lock()

    def give() -> "PartsUpload":
        with lock:
            if not made:
                module = import_module("track.store.backends.s3_multipart")
                made.append(module.open_parts(bucket, found, memory, place.counter.one, place.pace))
            return made[0]

    return give


def _store(bucket: str, found: Credentials, patience: Callable[..., dict[str, Any]]) -> S3Store:
    """A client of a bucket. Whatever it would take from the environment by itself is said here instead."""
    config: dict[str, Any] = {"region": found.region, "disable_bulk_delete": True}
    config["checksum_algorithm"] = "SHA256"  # a library's word
    is_plain = False
    if found.endpoint is None:
        config["virtual_hosted_style_request"] = "." not in bucket
    else:
        endpoint = urlsplit(found.endpoint)
        is_plain = endpoint.scheme == "http"
        config["endpoint"] = config["aws_endpoint_url_s3"] = found.endpoint.rstrip("/")
        config["virtual_hosted_style_request"] = (endpoint.hostname or "").startswith(f"{bucket}.")
    provider = found.provider
    if found.key is not None:
        provider = _Fixed(*found.key)
    config["skip_signature"] = provider is None and not found.is_machine
    settings: Any = config
    try:
        return S3Store(bucket, config=settings, credential_provider=provider, **patience(is_plain=is_plain))
    except (BaseError, ValueError) as error:
        details = (display(str(error)[:300]),)
        raise RemoteError(f"s3://{bucket} cannot be reached with these settings", details=details) from error


class _Fixed:
    """Gives the client one key, always, so that it never mixes it with what it finds in the environment."""

    def __init__(self, id_: str, secret: str, token: str | None) -> None:
        self._key = {"access_key_id": id_, "secret_access_key": secret, "token": token, "expires_at": None}

    def __call__(self) -> Any:
        return self._key
