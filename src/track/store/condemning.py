"""Condemning: the first phase of a collection at a remote says what a later one may delete. Nothing is deleted."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.publish import sweep
from track.store.chunk_rewriting import rewrite_scattered
from track.store.dead_file import DeadFile
from track.store.known import Known
from track.store.marks import Marks
from track.store.objects import Store
from track.store.pack import PackEntry, PackWriter
from track.store.pack_there import live_entries, publish_pack
from track.store.place import NoSuchKey, Place
from track.store.salt import add_salt
from track.store.tombstones import Found, Tombstone, write_tombstone
from track.store.verdict import Verdict


class Said(NamedTuple):
    """What was condemned: files and their bytes, and how many live objects, and chunks of them, were copied first."""

    files: tuple[DeadFile, ...]
    copied_count: int
    copied_bytes: int
    chunks_count: int = 0
    chunks_bytes: int = 0

    @property
    def file_bytes(self) -> int:
        """Bytes of the files."""
        return sum(one.size for one in self.files)


def condemn(
    place: Place, known: Known, store: Store, marks: Marks, verdict: Verdict, *, writer: str, before: Iterable[Found],
    progress: Progress = silent,
) -> Said:  # fmt: skip
    """Copy what is needed out of packs that are mostly dead, and condemn all that is dead in one new tombstone.

    What the tombstones from `before` condemn is not condemned anew: its day has begun. Interrupted, there are objects
    in two packs. A pack of which something needed is damaged stays as it is.

    Raises:
        RemoteError: the remote does not answer, or does not take a new pack.
        DiskFull, StoreUnwritable: no space for a new pack here.
    """
    sweep(store.rooms.staging)  # what one that was killed had packed
    tombstones = list(before)
    condemned = [one.tombstone for one in tombstones if one.tombstone.kind != "purged"]  # whose packs no day deletes
    known_packs = {pack for one in condemned for pack in one.packs}
    known_wholes = {whole for one in condemned for whole in one.wholes}
    new = [one for one in verdict.dead if one.digest not in (known_packs if one.is_pack else known_wholes)]
    copies = _Copies(place, known, store)
    copied = _copy(copies, marks, [one for one in new if one.live_count], progress)
    gone = rewrite_scattered(
        place, known, store, marks, verdict.scattered, stay=frozenset(known_packs), progress=progress
    )
    going = tuple(one for one in new if not one.live_count or one.digest in copied)
    going += tuple(one for one in verdict.scattered.files if one.digest in gone.packs)
    if going:
        packs = frozenset(one.digest for one in going if one.is_pack)
        wholes = frozenset(one.digest for one in going if not one.is_pack)
        write_tombstone(place, Tombstone("condemned", writer, packs, wholes), tombstones)
    return Said(going, copies.count, copies.size, gone.chunks_count, gone.chunks_bytes)


def _copy(copies: "_Copies", marks: Marks, mixed: list[DeadFile], progress: Progress) -> set[bytes]:
    """Give what is needed of these packs new ones, and say so in the index; the packs done."""
    done: set[bytes] = set()
    if not mixed:
        return done
    progress.begin("keeping what is needed", count=len(mixed))
    try:
        for one in mixed:
            with suppress(DamagedObject, NewerFormat, NoSuchKey):
                copies.add(live_entries(copies.place, copies.known, marks, one.digest))
                done.add(one.digest)
            progress.advance(count=1)
        copies.finish()
    finally:
        copies.abandon()
        progress.end()
    return done


class _Copies:
    """New packs with what is needed of others; sent, and named in the index, when they are full."""

    def __init__(self, place: Place, known: Known, store: Store) -> None:
        self.place, self.known, self._staging = place, known, store.rooms.staging
        self._pack = PackWriter(self._staging)
        self.count = self.size = 0

    def add(self, entries: Iterable[tuple[PackEntry, bytes]]) -> None:
        for entry, stored in entries:
            self._pack.add_entry(entry, stored)
            self.count, self.size = self.count + 1, self.size + len(stored)
        if self._pack.is_full:
            self.finish()

    def finish(self) -> None:
        if not self._pack.size:
            return
        salt = add_salt(self._pack)
        sealed, self._pack = self._pack.seal(), PackWriter(self._staging)
        assert sealed is not None
        publish_pack(self.place, self.known, sealed, without=salt)

    def abandon(self) -> None:
        self._pack.abandon()
