"""Reading packs: a few kept open, and many objects of one pack in few large reads."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from track.store.index import Place
from track.store.pack import READ_FLAGS
from track.store.rooms import Rooms
from track.system import read_into, reading

_KEPT_OPEN = 8
_SPAN = 4 << 20
_GAP = 64 << 10


class OpenPacks:
    """Descriptors of the packs that were read last. Close it."""

    def __init__(self, rooms: Rooms) -> None:
        """Nothing is open at first."""
        self._rooms = rooms
        self._descriptors: dict[bytes, int] = {}

    def close(self) -> None:
        """Close them all."""
        for fd in self._descriptors.values():
            os.close(fd)
        self._descriptors = {}

    def descriptor(self, name: bytes) -> int:
        """An open descriptor of a pack, valid until the next question. Raises FileNotFoundError."""
        fd = self._descriptors.pop(name, -1)
        if fd < 0:
            path = self._rooms.pack(name)
            with reading(path):
                fd = os.open(path, READ_FLAGS)
            if len(self._descriptors) >= _KEPT_OPEN:
                os.close(self._descriptors.pop(next(iter(self._descriptors))))
        self._descriptors[name] = fd
        return fd

    def drop(self, name: bytes) -> bool:
        """Close a pack; whether another file has its name by now, so that reading again may help."""
        fd = self._descriptors.pop(name, -1)
        if fd < 0:
            return False
        try:
            return not os.path.samestat(os.fstat(fd), self._rooms.pack(name).lstat())
        except FileNotFoundError:
            return True
        finally:
            os.close(fd)

    def spans(self, wanted: list[Place], name_of: Callable[[int], bytes]) -> Iterator[tuple[list[Place], memoryview]]:
        """Neighbours in a pack, with the bytes from the first one's offset to the last one's end, unverified.

        `wanted` is sorted. The bytes are valid until the next step. What is not there is left out: packs that are
        gone, places beyond their end.
        """
        buffer = memoryview(bytearray(_SPAN))
        for first, last in _neighbours(wanted):
            place, start = wanted[first], wanted[first].offset
            length = max(one.offset + one.stored_length for one in wanted[first:last]) - start
            with suppress(FileNotFoundError), reading(self._rooms.packs):
                fd = self.descriptor(name_of(place.pack))
                if not 0 <= start <= start + length <= os.fstat(fd).st_size:
                    continue
                stored = buffer[:length] if length <= _SPAN else memoryview(bytearray(length))
                yield wanted[first:last], stored[: read_into(fd, stored, start)]


def _neighbours(wanted: list[Place]) -> Iterator[tuple[int, int]]:
    """Ranges of places in one pack, as long as one read of them is not too large and no gap is worth its own read."""
    first, pack, start, end = 0, -1, 0, 0
    for number, one in enumerate(wanted):
        offset = one[1]
        after = offset + one[2]
        if one[0] != pack or after - start > _SPAN or offset - end > _GAP:
            if number:
                yield first, number
            first, pack, start = number, one[0], offset
        end = after
    if wanted:
        yield first, len(wanted)
