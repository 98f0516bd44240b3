"""Remotes of every kind, for the suite that each must pass, and a store's objects to send."""

import os
import random
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dvc_objects.fs.memory import MemoryFileSystem

from support import azurite, gcs, webservers
from support.seaweed import OWNER, place_at
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.store.address import Access, parse_address
from track.store.backends.filesystem import FilesystemPlace
from track.store.backends.folder import FolderPlace, open_folder
from track.store.backends.opening import open_place
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import Sealing
from track.store.backends.web import WebPlace
from track.store.description import Chunking, Description, dump_description
from track.store.known import Known
from track.store.layout import DESCRIPTION
from track.store.listing import LISTED, publish_listing
from track.store.objects import Store
from track.store.place import Listed, Place, Staged
from track.store.remote import Remote

KINDS = (
    "folder",
    "memory",
    "s3",
    "azure",
    "gs",
    "ssh",
    "webdav",
    "webdav-rclone",
    "http",
    "sealed-folder",
    "sealed-s3",
)
"""Those that are sealed hold another place, of the kind behind the dash."""
SERVERS = {
    "s3": "s3_server",
    "azure": "azure_server",
    "gs": "gs_server",
    "ssh": "ssh_server",
    "webdav": "nginx_server",
    "webdav-rclone": "rclone_server",
    "http": "nginx_server",
    "sealed-s3": "s3_server",
}
"""The fixture that gives the server of a kind."""
STORE_ID = "00112233445566778899aabbccddeeff"
WRITER = "f" * 32


class Served(FolderPlace):
    """A folder that a web server gives out: whatever is read of it comes from the server, with the list made anew."""

    def __init__(self, folder: Path, web: WebPlace) -> None:
        super().__init__(folder)
        self.web = web

    @property
    def requests_count(self) -> int:
        return self.counter.count + self.web.requests_count

    @property
    def comes_in_parts(self) -> bool:
        return self.web.comes_in_parts

    def get(self, key: str) -> bytes:
        return self.web.get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        return self.web.get_range(key, offset, length)

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        return self.web.get_file(key, staging, limit=limit, moved=moved)

    def digest(self, key: str) -> Digest:
        return self.web.digest(key)

    def size(self, key: str) -> int | None:
        return self.web.size(key)

    def list(self, prefix: str) -> Iterator[Listed]:
        if prefix not in LISTED:
            yield from super().list(prefix)
            return
        before = self.counter.count
        publish_listing(open_folder(self.root))
        self.counter.count = before
        yield from self.web.list(prefix)


def new_place(kind: str, folder: Path, server: Any = None) -> Place:
    """An empty place; at a server (what the fixture of `SERVERS` gives), a prefix of its own."""
    if kind.startswith("sealed-"):
        behind = new_place(kind.removeprefix("sealed-"), folder, server)
        return SealedPlace(behind, Sealing(secrets.token_bytes(32), STORE_ID), folder.with_name("sealing"))
    prefix = f"contract/{secrets.token_hex(8)}"
    if kind == "s3":
        return place_at(server.endpoint, OWNER, prefix)
    if kind == "azure":
        return azurite.place_at(server, prefix)
    if kind == "gs":
        return gcs.place_at(server, prefix)
    if kind == "ssh":
        folder.mkdir()
        return open_place(parse_address(server.url(folder), base=folder), Access())
    if kind.startswith("webdav"):
        return webservers.dav_at(server, f"dav/{prefix}")
    if kind == "http":
        folder = server.folder / "web" / prefix
        folder.mkdir(parents=True)
        return Served(folder, webservers.web_at(server, f"web/{prefix}"))
    if kind == "memory":
        filesystem = MemoryFileSystem(global_store=False, skip_instance_cache=True)  # type: ignore[no-untyped-call]  # no types
        return FilesystemPlace(filesystem, "/bucket/prefix", "memory://bucket/prefix")
    folder.mkdir()
    return open_folder(folder)


def new_remote(place: Place, record: Path, chunking: Chunking = Chunking()) -> Remote:  # noqa: B008  # a frozen value
    """A remote at a place, made when it is none yet, with a record of its own; without `chunking`, nothing is cut."""
    description = Description(STORE_ID, chunking=chunking)
    place.create(DESCRIPTION, dump_description(description))
    return Remote("origin", place, Known(record), description)


def leave_uncut(place: Place) -> None:
    """Have large objects go to a remote as files of their own, as to one that was made before anything was cut."""
    text = place.get(DESCRIPTION)
    before = b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"normalisation"))
    assert before != text
    place.put(DESCRIPTION, before)


def add_objects(store: Store, contents: Sequence[bytes]) -> list[Digest]:
    """Add objects of any size in one commit; their digests in order."""
    digests = []
    with store.writer() as writer:
        for content in contents:
            if len(content) < 1 << 20:
                digests.append(writer.add(content))
                continue
            path = store.path.with_name("large")
            path.write_bytes(content)
            with open(path, "rb") as file:
                digests.append(writer.add_file(file.fileno(), os.path.getsize(path)))
            path.unlink()
        writer.commit()
    return digests


def random_objects(count: int, size: int, seed: int = 1) -> list[bytes]:
    """So many different objects of about this size."""
    source = random.Random(seed)
    return [source.randbytes(size + number % 7) for number in range(count)]
