"""Condemning: the first phase of a collection at a remote says what a later one may delete. Nothing is deleted."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.publish import remove, sweep
from track.store.known import Known
from track.store.layout import pack_key
from track.store.marks import Marks
from track.store.objects import Store
from track.store.pack import (
    FOOTER_LENGTH,
    PackEntry,
    PackWriter,
    SealedPack,
    expand_entry,
    parse_footer,
    parse_table,
)
from track.store.place import NoSuchKey, Place
from track.store.salt import add_salt
from track.store.segment import Held, PackSize
from track.store.survey import publish_segment
from track.store.tombstones import Found, Tombstone, write_tombstone
from track.store.verdict import DeadFile, Verdict


class Said(NamedTuple):
    """What was condemned: files and their bytes, and how many live objects were copied out of them first."""

    files: tuple[DeadFile, ...]
    copied_count: int
    copied_bytes: int

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
    going = tuple(one for one in new if not one.live_count or one.digest in copied)
    if going:
        packs = frozenset(one.digest for one in going if one.is_pack)
        wholes = frozenset(one.digest for one in going if not one.is_pack)
        write_tombstone(place, Tombstone("condemned", writer, packs, wholes), tombstones)
    return Said(going, copies.count, copies.size)


def _copy(copies: "_Copies", marks: Marks, mixed: list[DeadFile], progress: Progress) -> set[bytes]:
    """Give what is needed of these packs new ones, and say so in the index; the packs done."""
    done: set[bytes] = set()
    if not mixed:
        return done
    progress.begin("keeping what is needed", count=len(mixed))
    try:
        for one in mixed:
            with suppress(DamagedObject, NewerFormat, NoSuchKey):
                copies.add(live_entries(copies.place, marks, one.digest))
                done.add(one.digest)
            progress.advance(count=1)
        copies.finish()
    finally:
        copies.abandon()
        progress.end()
    return done


def live_entries(place: Place, marks: Marks, pack: bytes) -> list[tuple[PackEntry, bytes]]:
    """What is needed of a pack, with its stored bytes, each verified.

    Raises DamagedObject, NewerFormat; NoSuchKey when it is not there.
    """
    entries = read_pack(place, pack)
    live = marks.kept([entry.digest for entry, _ in entries])
    return [(entry, stored) for entry, stored in entries if entry.digest in live and _verified(entry, stored)]


def read_pack(place: Place, pack: bytes) -> list[tuple[PackEntry, bytes]]:
    """Every entry of a pack with its stored bytes, which are not verified. Raises DamagedObject, NoSuchKey."""
    key = pack_key(pack)
    data = place.get(key)
    footer = parse_footer(data[-FOOTER_LENGTH:], len(data), key)
    table = data[footer.table_offset : footer.table_offset + footer.table_length]
    entries = parse_table(table, footer, key)
    return [(entry, data[entry.offset : entry.offset + entry.stored_length]) for entry in entries]


def _verified(entry: PackEntry, stored: bytes) -> bool:
    """True; raises DamagedObject when the bytes are not those of the entry, in whatever form they are."""
    with suppress(NewerFormat):
        expand_entry(entry, stored, "the remote")
        return True
    if blake3(stored).digest() != entry.stored_digest:
        raise DamagedObject(f"blake3:{entry.digest.hex()} is damaged at the remote")
    return True


class _Copies:
    """New packs with what is needed of others; sent, and named in the index, when they are full."""

    def __init__(self, place: Place, known: Known, store: Store) -> None:
        self.place, self._known, self._staging = place, known, store.rooms.staging
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
        publish_pack(self.place, self._known, sealed, without=salt)

    def abandon(self) -> None:
        self._pack.abandon()


def publish_pack(place: Place, known: Known, sealed: SealedPack, *, without: bytes) -> None:
    """Send a pack, and say in the index what is in it, apart from one object; the local copy goes."""
    try:
        with place.upload() as upload:
            upload.put_file(pack_key(sealed.name), sealed.path, sealed.name)
            upload.commit()
    finally:
        remove(sealed.path)
    held = [
        Held(entry.digest, sealed.name, entry.form, entry.flags, entry.offset, entry.stored_length, entry.length)
        for entry in sealed.entries
        if entry.digest != without
    ]
    publish_segment(place, known, held, [PackSize(sealed.name, sealed.size)])
