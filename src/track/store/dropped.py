"""What a store gave up by a keep policy: the digests of versions, when, and by which policy, for those who miss them.

A file of lines beside the packs. It only says why something is not here, and may be deleted.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import TrackError
from track.publish import publish_bytes
from track.store.rooms import Rooms

MOST = 100_000
"""So many versions are remembered; of more, the oldest are forgotten."""


class Dropped(NamedTuple):
    """Why a version was given up: the day, what was kept then, and where, "" for this store."""

    on: str
    policy: str
    place: str = ""


def dropped_in(rooms: Rooms) -> Mapping[bytes, Dropped]:
    """What was given up, by digest; lines that cannot be read are left out."""
    found: dict[bytes, Dropped] = {}
    try:
        lines = rooms.dropped.read_text("utf-8", "replace").splitlines()
    except OSError:
        return found
    for line in lines:
        digest, *words = line.split("\t")
        with suppress(ValueError):
            if len(words) == 3 and len(digest) == 64:
                found[bytes.fromhex(digest)] = Dropped(*words)
    return found


def note_dropped(rooms: Rooms, digests: Iterable[bytes], why: Dropped) -> None:
    """Remember these; where the store cannot be written, nothing is noted."""
    known = dict(dropped_in(rooms))
    if new := set(digests) - known.keys():
        known |= dict.fromkeys(sorted(new), why)
        lines = [f"{digest.hex()}\t{one.on}\t{one.policy}\t{one.place}\n" for digest, one in known.items()]
        with suppress(OSError, TrackError):
            publish_bytes(rooms.dropped, "".join(lines[-MOST:]).encode(), mode=rooms.file_mode)
