"""Clients: who uses a store that is not in their own Git directory, so that nobody takes it away from under them."""

import os
import re
from contextlib import suppress
from pathlib import Path

from track.model.digest import digest_of
from track.publish import make_directories, publish_bytes, remove
from track.store.rooms import Rooms
from track.system import reading


def register(rooms: Rooms, client: Path) -> None:
    """Have the store know that the Git directory `client` uses it; nothing is written when it does.

    Raises:
        StoreUnwritable, DiskFull: it could not be noted.
    """
    path, place = _place(rooms, client)
    if not os.path.lexists(place):
        mode = rooms.directory_mode
        make_directories(rooms.clients, mode=mode or 0o777, exact=mode is not None)
        publish_bytes(place, path + b"\n", mode=rooms.file_mode)


def forget(rooms: Rooms, client: Path) -> None:
    """Have the store know that `client` uses it no more; fine when it never did."""
    with suppress(FileNotFoundError):
        remove(_place(rooms, client)[1])


def clients(rooms: Rooms) -> list[Path]:
    """The Git directories that use the store and are still there, sorted."""
    return [client for client in registered(rooms) if client.is_dir()]


def registered(rooms: Rooms) -> list[Path]:
    """The Git directories that said that they use the store, there or not, sorted."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(rooms.clients):
            if re.fullmatch("[0-9a-f]{64}", name):
                with suppress(FileNotFoundError), reading(rooms.clients / name):  # it has just been forgotten
                    found.append(Path(os.fsdecode((rooms.clients / name).read_bytes().rstrip(b"\n"))))
    return sorted(found)


def _place(rooms: Rooms, client: Path) -> tuple[bytes, Path]:
    path = os.fsencode(client.resolve())
    return path, rooms.clients / digest_of(path).hex()
