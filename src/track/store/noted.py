"""Noted: a note of a purge as it lies in a local store, in which an object is found without taking all others in.

The canonical text ends with the list of objects, sorted, a line of the same length for each; so a line is found by
halving. Whatever is written otherwise is read as a whole.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from track.errors import DamagedObject
from track.store.tombstones import EMPTY, Purge, Tombstone, parse_tombstone

_LIST = b"\nobjects = [\n"
_END = b"]\n"
_LINE = b'  "%s",\n'
_WIDTH = len(_LINE % bytes(64))
_SEARCHES_FOR = 16
"""To look so many objects up costs less than to take one of a note in for each of them."""


class Note:
    """A note of objects that were removed for good."""

    def __init__(self, data: bytes, name: str) -> None:
        """From the bytes of a file and its name.

        Raises:
            DamagedObject: it is no such note.
            NewerFormat: it was written by a later version.
        """
        head, _, lines = data.partition(_LIST)
        self.count, rest = divmod(len(lines) - len(_END), _WIDTH)
        self._whole: Tombstone | None = None
        self._data, self._name, self._start = data, name, len(head) + len(_LIST)
        if lines and not rest and lines.endswith(_END):
            said = parse_tombstone(head + b"\n", name)
        else:
            said = self._whole = parse_tombstone(data, name)
            self.count = len(said.objects)
        self.writer, self.purge = said.writer, said.purge

    @cached_property
    def objects(self) -> frozenset[bytes]:
        """Everything that it names; nothing where its list cannot be read."""
        with suppress(DamagedObject):
            return (self._whole or parse_tombstone(self._data, self._name)).objects
        return frozenset()

    def __contains__(self, digest: bytes) -> bool:
        """Whether it names an object."""
        if self._whole is not None or "objects" in self.__dict__:
            return digest in self.objects
        line = _LINE % digest.hex().encode("ascii")
        at = bisect_left(range(self.count), line, key=self._line)
        return at < self.count and self._line(at) == line and digest not in EMPTY

    def _line(self, number: int) -> bytes:
        start = self._start + number * _WIDTH
        return self._data[start : start + _WIDTH]


class Noted(Mapping[bytes, Purge]):
    """Why each object was removed for good that notes name, by digest; the last note that names one counts."""

    def __init__(self, notes: Sequence[tuple[Note, Purge]]) -> None:
        """Of these notes, each with its purge."""
        self._notes = notes[::-1]
        self._left = sum(note.count for note, _ in notes) // _SEARCHES_FOR

    def __getitem__(self, digest: bytes) -> Purge:
        """The purge of an object. Raises KeyError: none is known."""
        if self._left < 0:
            return self._every[digest]
        self._left -= len(self._notes)
        for note, purge in self._notes:
            if digest in note:
                return purge
        raise KeyError(digest)

    def __contains__(self, digest: object) -> bool:
        """Whether an object was removed for good."""
        return isinstance(digest, bytes) and self.get(digest) is not None

    def __iter__(self) -> Iterator[bytes]:
        """Every object, in no order."""
        return iter(self._every)

    def __len__(self) -> int:
        """How many objects there are."""
        return len(self._every)

    def __bool__(self) -> bool:
        """Whether there is any note at all."""
        return bool(self._notes)

    @cached_property
    def _every(self) -> dict[bytes, Purge]:
        self._left = -1
        return {digest: purge for note, purge in self._notes[::-1] for digest in note.objects}
