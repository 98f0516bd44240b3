"""Reading packs: a few kept open, and many objects of one pack in few large reads."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from operator import attrgetter

from track.store.index import Held
from track.store.pack import READ_FLAGS
from track.store.rooms import Rooms
from track.system import naming

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
            with naming(path):
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

    def spans(
        self, wanted: Iterable[Held], name_of: Callable[[int], bytes]
    ) -> Iterator[tuple[list[Held], list[memoryview]]]:
        """Objects that lie close together, with their stored bytes (unverified, maybe short), a pack after another.

        What is not there is left out: packs that are gone, places beyond their end.
        """
        for group in _groups(sorted(wanted, key=attrgetter("pack", "offset"))):
            with suppress(FileNotFoundError):
                fd = self.descriptor(name_of(group[0].pack))
                start = group[0].offset
                end = max(held.offset + held.stored_length for held in group)
                if not 0 <= start <= end <= os.fstat(fd).st_size:
                    continue
                stored = memoryview(os.pread(fd, end - start, start))
                at = [held.offset - start for held in group]
                yield group, [stored[a : a + held.stored_length] for a, held in zip(at, group, strict=True)]


def _groups(held: list[Held]) -> Iterator[list[Held]]:
    """Neighbours in one pack, as long as one read of them is not too large and no gap is worth a read of its own."""
    group: list[Held] = []
    for one in held:
        if group and (
            one.pack != group[0].pack
            or one.offset + one.stored_length - group[0].offset > _SPAN
            or one.offset - (group[-1].offset + group[-1].stored_length) > _GAP
        ):
            yield group
            group = []
        group.append(one)
    if group:
        yield group
