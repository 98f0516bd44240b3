"""Parcels: the files that a push sends, and the groups of them that are made final and indexed together."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from track.errors import TrackError
from track.progress import Share
from track.publish import remove
from track.store.chunked import ChunkedRecipe
from track.store.layout import pack_key
from track.store.pack import PackEntry
from track.store.passing import PassingPack
from track.store.place import Upload
from track.store.recipe import RECIPE, Recipe
from track.store.segment import Held

INDEX_EVERY_BYTES = 256 << 20
INDEX_EVERY_OBJECTS = 200_000
INDEX_EVERY_S = 30.0

_NOWHERE = Path()


class Parcel(NamedTuple):
    """One file to send: a pack or a whole object, with what the index will say of it.

    `length` is how many bytes of objects it brings, whatever its size. A pack that was made for this push is in memory,
    and is let go of when it was sent; what is temporary on the disk is removed.
    """

    key: str
    source: Path | PassingPack
    digest: bytes
    size: int
    length: int
    held: tuple[Held, ...]
    is_pack: bool
    is_temporary: bool

    def drop(self) -> None:
        """Let go of a pack that was made only to be sent, and remove what was made on the disk."""
        if isinstance(self.source, PassingPack):
            self.source.let_go()
        elif self.is_temporary and self.source != _NOWHERE:
            with suppress(OSError, TrackError):
                remove(self.source)

    def emptied(self) -> "Parcel":
        """It without what it has in memory, which is let go of: it arrived."""
        if not isinstance(self.source, PassingPack):
            return self
        self.drop()
        return self._replace(source=_NOWHERE)


def pack_parcel(
    source: Path | PassingPack, name: bytes, size: int, entries: Iterable[PackEntry], *, is_temporary: bool
) -> Parcel:
    """A pack with objects that the index names."""
    held = tuple(
        Held(entry.digest, name, entry.form, entry.flags, entry.offset, entry.stored_length, entry.length)
        for entry in entries
    )
    length = sum(one.length for one in held if one.form != RECIPE)
    return Parcel(pack_key(name), source, bytes(name), size, length, held, True, is_temporary)


@dataclass(slots=True)
class Group:
    """Parcels that become final together. Those of the next group are on their way while the last of it arrive."""

    upload: Upload
    size: int = 0
    count: int = 0
    sent_bytes: int = 0
    """As they travelled; nothing of what was found there."""
    sent_packs: int = 0
    under_way: int = 0
    is_closed: bool = False
    arrived: list[Parcel] = field(default_factory=list)
    recipes: list[Recipe] = field(default_factory=list)
    """Recipes of the whole files among them."""
    drafted: list[ChunkedRecipe] = field(default_factory=list)
    """Recipes whose last chunk is in one of them."""
    _deadline_s: float = field(default_factory=lambda: time.monotonic() + INDEX_EVERY_S)

    @property
    def is_full(self) -> bool:
        """Whether it is large or old enough to be indexed."""
        is_large = self.size >= INDEX_EVERY_BYTES or self.count >= INDEX_EVERY_OBJECTS
        return is_large or time.monotonic() >= self._deadline_s

    @property
    def is_there(self) -> bool:
        """Whether nothing more comes, and all of it arrived."""
        return self.is_closed and not self.under_way

    def begin(self, parcel: Parcel) -> "Flight":
        """One more is on its way."""
        self.size, self.count = self.size + parcel.size, self.count + len(parcel.held)
        self.under_way += 1
        return Flight(parcel, Share(parcel.length), self)

    def note_sent(self, parcel: Parcel, sent_bytes: int) -> None:
        """So many bytes of a parcel travelled, none where it was found there."""
        self.sent_bytes += sent_bytes
        self.sent_packs += parcel.is_pack and sent_bytes > 0

    def drop(self) -> None:
        """Remove what was made on the disk."""
        for parcel in self.arrived:
            parcel.drop()


class Flight(NamedTuple):
    """A parcel on its way, how far it is, and in which group."""

    parcel: Parcel
    share: Share
    group: Group
