"""What a store has lost: the digests of what was found bad in it and put aside, until it is there again.

A file of lines beside the quarantine. It only says what a repair should look for, and may be deleted.
"""

from collections.abc import Iterable
from contextlib import suppress

from track.errors import TrackError
from track.publish import publish_bytes, remove
from track.store.rooms import Rooms


def note_lost(rooms: Rooms, digests: Iterable[bytes]) -> None:
    """Add these; where the store cannot be written, nothing is noted."""
    if new := set(digests) - (known := read_lost(rooms)):
        _write(rooms, known | new)


def read_lost(rooms: Rooms) -> set[bytes]:
    """The digests that were noted; lines that are none are left out."""
    try:
        lines = rooms.lost.read_text("ascii", "replace").splitlines()
    except OSError:
        return set()
    found = set()
    for line in lines:
        with suppress(ValueError):
            found.add(bytes.fromhex(line))
    return {digest for digest in found if len(digest) == 32}


def drop_lost(rooms: Rooms, digests: Iterable[bytes]) -> None:
    """Take these out: they are there again, or nobody needs them."""
    known = read_lost(rooms)
    if (left := known - set(digests)) != known:
        _write(rooms, left)


def _write(rooms: Rooms, digests: set[bytes]) -> None:
    with suppress(OSError, TrackError):
        if digests:
            publish_bytes(rooms.lost, b"".join(digest.hex().encode() + b"\n" for digest in sorted(digests)))
        else:
            remove(rooms.lost)
