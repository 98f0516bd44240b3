"""Mending a remote: what is bad there is kept in quarantine, and the same bytes are put in its place again.

A pack is made again byte for byte, from what of it is sound and from right copies of the rest, so that nothing that
names it changes. An index is made again from the packs, which explain themselves.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, MissingObject, NewerFormat, TrackError
from track.model.digest import digest_of
from track.publish import remove
from track.store.around import bare
from track.store.chunked import RECIPE_LIMIT, needed_packs
from track.store.chunking import Chunker
from track.store.known import Known
from track.store.layout import (
    OBJECTS,
    PACKS,
    QUARANTINE,
    object_digest,
    object_key,
    pack_digest,
    pack_key,
)
from track.store.needing import every_recipe
from track.store.objects import Store
from track.store.pack import (
    FOOTER_LENGTH,
    RAW,
    READ_FLAGS,
    PackEntry,
    PackWriter,
    SealedPack,
    parse_footer,
    parse_table,
    read_entry,
)
from track.store.pack_inside import entries_of
from track.store.place import NoSuchKey, Place
from track.store.recipe import OF_WHOLE, RECIPE, dump_recipe, make_recipe
from track.store.segment import Held, PackSize
from track.store.slabs import Large, Source, digests_of, slabs, stored_chunks
from track.store.survey import publish_segment
from track.store.tombstones import read_tombstones, together
from track.work import hash_threads


class Cut(NamedTuple):
    """How the remote cuts large objects, and those that may have the chunks of a pack."""

    chunker: Chunker
    objects: Sequence[bytes]


_NO_LIMIT = (1 << 63) - 1
_BUFFER = 4 << 20


def sound_in(store: Store, digests: Iterable[bytes]) -> set[bytes]:
    """Those of the digests of which the local store has a right copy, each of them read; nothing is put aside."""
    wanted = set(digests)
    wanted -= store.absent(wanted)
    return {digest for digest in wanted if _is_sound(store, digest)}


def _is_sound(store: Store, digest: bytes) -> bool:
    if (large := store.large(digest)) is not None:
        with suppress(OSError, TrackError):
            return _hashed(large) == digest
    for held in store.index.held([digest]):
        with suppress(OSError, TrackError):
            fd = os.open(store.rooms.pack(store.index.pack_name(held.pack)), READ_FLAGS)
            try:
                read_entry(fd, held.entry)
                return True
            finally:
                os.close(fd)
    return False


def _hashed(large: Large) -> bytes:
    hasher = blake3(max_threads=hash_threads())
    content = large.open()
    try:
        buffer = memoryview(bytearray(_BUFFER))
        at = 0
        while length := content.read_into(buffer, at):
            hasher.update(buffer[:length])
            at += length
    finally:
        content.close()
    return hasher.digest()


def set_aside(place: Place, store: Store, key: str) -> str | None:
    """Copy what is at a key into the remote's quarantine, by way of the local store; its key there.

    None when nothing is there that could be read. What is at the key stays.
    """
    behind, hidden = bare(place, key)  # as it is: what was sealed cannot be opened any more
    try:
        staged = behind.get_file(hidden, store.rooms.staging, limit=_NO_LIMIT)
    except (NoSuchKey, DamagedObject):
        return None
    try:
        target = _free(place, QUARANTINE + key.replace("/", "-"))
        _put(behind, bare(place, target)[1], staged.path, staged.digest)
    finally:
        with suppress(OSError, TrackError):
            remove(staged.path)
    return target


def _free(place: Place, wanted: str) -> str:
    names = (wanted if not number else f"{wanted}.{number}" for number in range(1 << 20))
    return next(name for name in names if place.size(name) is None)


def _put(place: Place, key: str, source: Path, digest: bytes) -> None:
    with place.upload() as upload:
        upload.put_file(key, source, digest, replace=True)
        upload.commit()


def mend_object(place: Place, known: Known, store: Store, digest: bytes) -> bool:
    """Put an object that is a file of its own there again from the local store; False when that has no such file.

    Raises DamagedObject when the local copy turns out to be none.
    """
    with store.as_file(digest) as path:
        if path is None:
            return False
        _put(place, object_key(digest), path, digest)
    known.note_repaired((), [digest])
    return True


def mend_pack(place: Place, known: Known, store: Store, pack: bytes, cut: Cut | None = None) -> bool:
    """Make a pack again, byte for byte, and put it there; False when something of it is right nowhere.

    What of it is damaged or missing comes from the local store; of a pack of chunks, by cutting objects again.
    """
    sealed = _made_again(place, known, store, pack, cut)
    if sealed is None:
        return False
    try:
        if sealed.name != pack:
            return False
        _put(place, pack_key(pack), sealed.path, pack)
    finally:
        with suppress(OSError, TrackError):
            remove(sealed.path)
    known.note_repaired([pack], ())
    return True


def _made_again(place: Place, known: Known, store: Store, pack: bytes, cut: Cut | None) -> SealedPack | None:
    data = b""
    with suppress(NoSuchKey, DamagedObject):
        data = place.get(pack_key(pack))
    entries = entries_of(data, pack_key(pack)) or [_entry(held) for held in known.inside(pack)]
    wrong = [one for one in entries if not _is_right(one, data[one.offset : one.offset + one.stored_length])]
    again = {one.digest: _stored_again(store, one) for one in wrong}
    if cut is not None and not all(again.values()):
        again |= _chunks_again(store, cut, {one.digest: one for one in wrong if not again[one.digest]})
    writer = PackWriter(store.rooms.staging)
    sealed = None
    try:
        for entry in entries:
            stored = data[entry.offset : entry.offset + entry.stored_length]
            if not _is_right(entry, stored):
                stored = again[entry.digest]
            if len(stored) != entry.stored_length or not _is_right(entry, stored):
                return None
            writer.add_entry(entry._replace(stored_digest=digest_of(stored)), stored)
        sealed = writer.seal()
    finally:
        if sealed is None:
            writer.abandon()
    return sealed


def _entry(held: Held) -> PackEntry:
    stored_digest = held.digest if held.form == RAW else b""
    return PackEntry(held.digest, held.form, held.flags, held.offset, held.stored_length, held.length, stored_digest)


def _is_right(entry: PackEntry, stored: bytes) -> bool:
    """Whether these are the bytes of an entry, as far as it says; of a form without a digest, whether there are any."""
    if entry.stored_digest:
        return bool(blake3(stored).digest() == entry.stored_digest)
    return bool(
        entry.form == RECIPE and stored.startswith(b"trackrcp") and blake3(stored[:-32]).digest() == stored[-32:]
    )


def _stored_again(store: Store, entry: PackEntry) -> bytes:
    """What an entry stores, made from the object in the local store; empty when it cannot be."""
    if entry.form == RAW and not entry.flags:
        with suppress(MissingObject, DamagedObject):
            return store.read(entry.digest)
    if entry.form == RECIPE and entry.flags == OF_WHOLE:
        with suppress(MissingObject, DamagedObject), store.as_file(entry.digest) as path:
            recipe = make_recipe(path) if path is not None else None
            return dump_recipe(recipe) if recipe is not None and recipe.digest == entry.digest else b""
    return b""


def _chunks_again(store: Store, cut: Cut, wanted: dict[bytes, PackEntry]) -> dict[bytes, bytes]:
    """What these entries store, as far as they are chunks of objects that are whole in the local store."""
    sizes = store.sizes(cut.objects)
    sources = [
        Source(digest, large, sizes[digest]) for digest in cut.objects if (large := store.large(digest)) is not None
    ]
    found: dict[bytes, bytes] = {}
    for slab in slabs(sources, cut.chunker):
        try:
            digests = digests_of(slab)
            ends = list(accumulate(slab.lengths))
            for number, digest in enumerate(digests):
                if (entry := wanted.get(digest)) is None or digest in found:
                    continue
                if entry.form == RAW:
                    found[digest] = bytes(slab.data[ends[number] - slab.lengths[number] : ends[number]])
                else:
                    found[digest] = stored_chunks(slab, digests, [number])[number].data or b""
        finally:
            slab.release()
    return found


def index_again(place: Place, known: Known) -> int:
    """Name in a new segment every sound pack and object that is there and that no segment names; how many objects.

    What a collection condemned is left out, and what was purged; of packs of chunks only the packs are named.
    """
    tombstones = read_tombstones(place)
    said = together(tombstones)
    emptied = frozenset[bytes]().union(*(one.tombstone.packs for one in tombstones if one.tombstone.purge is not None))
    packs: dict[bytes, int] = {}
    found: list[Held] = []
    named = {pack for pack, _ in known.every_pack()} | said.packs
    for one in place.list(PACKS):
        pack = pack_digest(one.key)
        if pack is not None and pack not in named and (inside := _inside(place, pack, one.size)):
            found += (held for held in inside if held.digest not in said.purged)
            packs[pack] = one.size
    of_chunks = _packs_of_chunks(place, known, found)
    for pack in emptied - of_chunks:  # a purge that was cut short has yet to delete it, and nobody else needs it
        packs.pop(pack, None)
    held = [one for one in found if one.pack in packs and one.pack not in of_chunks]
    wholes = {one.digest for one in known.inside(None)} | said.wholes | said.purged.keys()
    for one in place.list(OBJECTS):
        digest = object_digest(one.key)
        if digest is not None and digest not in wholes and digest_there(place, one.key) == digest:
            held.append(Held(digest, None, RAW, 0, 0, 0, one.size))
    if held or packs:
        publish_segment(place, known, held, map(PackSize._make, packs.items()))
    return len(held)


def _packs_of_chunks(place: Place, known: Known, found: Iterable[Held]) -> set[bytes]:
    """The packs that a recipe of chunks names: those that the index names, and those `found` beside it."""
    packs = {
        pack.digest for read in every_recipe(place, known) if read.recipe is not None for pack in read.recipe.packs
    }
    for one in found:
        if one.form == RECIPE and one.pack is not None and one.stored_length <= RECIPE_LIMIT:
            with suppress(NoSuchKey, DamagedObject, NewerFormat):
                stored = bytes(place.get_range(pack_key(one.pack), one.offset, one.stored_length))
                packs.update(needed_packs(stored, one.digest, one.flags))
    return packs


def _inside(place: Place, pack: bytes, size: int) -> list[Held]:
    """What a pack holds by its own table; nothing when it is not what its name says."""
    key = pack_key(pack)
    try:
        footer = parse_footer(bytes(place.get_range(key, size - FOOTER_LENGTH, FOOTER_LENGTH)), size, key)
        table = parse_table(bytes(place.get_range(key, footer.table_offset, footer.table_length)), footer, key)
    except (NoSuchKey, DamagedObject, NewerFormat):
        return []
    if digest_there(place, key) != pack:
        return []
    return [Held(one.digest, pack, one.form, one.flags, one.offset, one.stored_length, one.length) for one in table]


def digest_there(place: Place, key: str) -> bytes | None:
    """The digest of what is at a key; None when nothing is."""
    try:
        return place.digest(key)
    except NoSuchKey:
        return None
