"""Purging at a remote: objects leave it for good, at once; whatever else lay in the same files stays.

No version is looked at: every other object of a pack gets a new one, named in the index before the old one goes.
Meanwhile a mark says that something is being deleted, so that no push and no collection is in the middle of anything.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject
from track.progress import Progress, silent
from track.publish import sweep
from track.store.deleting import Mark, settle_claims
from track.store.holders import Holding, narrow, read_holders
from track.store.known import Known
from track.store.layout import OBJECTS, object_key, pack_key
from track.store.objects import Store
from track.store.pack import RECIPE, PackEntry, PackWriter
from track.store.pack_there import is_sound, named_entries, publish_pack
from track.store.place import NoSuchKey, Place
from track.store.purged_aside import Aside, clear_aside
from track.store.purged_pieces import take_out, uses_of
from track.store.reindex import drop_from_index
from track.store.salt import add_salt
from track.store.survey import in_threads, survey
from track.store.tombstones import (
    Found,
    Purge,
    Tombstone,
    dump_tombstone,
    read_tombstones,
    together,
    write_tombstone,
)


class PurgedThere(NamedTuple):
    """What was removed at a remote.

    `kept_packs` hold pieces of it, and of other large objects, but could not be written anew without them: they are
    damaged, or what names them is. `doubtful_packs` are the same of pieces that no recipe names any more, maybe of it:
    its own recipe had gone before. `lost` objects of other versions lay beside it, damaged, and are not there any more.
    `aside` went from the quarantine.
    """

    objects_count: int
    files_count: int
    kept_packs: tuple[bytes, ...]
    doubtful_packs: tuple[bytes, ...]
    lost: tuple[bytes, ...]
    aside: Aside


def purge_there(
    place: Place, known: Known, store: Store, objects: frozenset[bytes], purge: Purge, *, writer: str,
    is_whole: Callable[[Holding], bool], look_again: Callable[[], Collection[bytes]], patience_s: float, remote: str,
    in_chunks: bool = False, progress: Progress = silent,
) -> PurgedThere:  # fmt: skip
    """Remove objects from a remote, and say there that they were; interrupted, the same again goes on.

    A push that is under way may rely on pieces of them: its end is waited for, unless all that it claims `is_whole`.
    Then, while none can begin, `look_again` raises where one of them is needed by now, else says which versions, beside
    those that are among the objects, are not whole any more without them. Some may have been there `in_chunks`.

    Raises:
        Locked: a collection is deleting there, or a push is still under way after `patience_s`.
        DamagedObject: a pack with one of them in it cannot be read, so that nothing else in it can be kept.
        RemoteError: the remote does not answer.
    """
    with Mark(place, writer) as mark:
        sweep(store.rooms.staging)  # what one that was killed had packed
        settle_claims(place, mark, writer, is_whole, patience_s, remote=remote)
        broken = look_again()
        said = _said(place, objects, purge, writer)
        survey(place, known)
        places = known.locate(objects)
        uses = uses_of(place, known, objects)
        is_lost = in_chunks and not objects <= places.keys() | _covered(known, said)
        taken = take_out(
            place, known, store, objects, uses, is_lost=is_lost, keep=mark.keep, progress=progress
        )  # fmt: skip
        packs = {one.pack for held in places.values() for one in held if one.pack is not None}
        packs |= {one.pack for digest in objects if (one := known.recipe(digest)) is not None and one.pack is not None}
        lost: set[bytes] = set()
        progress.begin("removing", count=len(packs))
        try:
            for pack in sorted(packs - taken.packs):
                mark.keep()
                lost |= _copy_rest(place, known, store, pack, objects)
                progress.advance(count=1)
        finally:
            progress.end()
        before = frozenset[bytes]().union(*(each.tombstone.packs for each in said))
        before -= set(uses.others.every()) | known.has_packs(before)  # a pack of that name may have been pushed since
        gone = before | packs | taken.packs
        had = gone.union(uses.own.every(), taken.kept, taken.doubtful, *(each.tombstone.packs for each in said))
        aside = clear_aside(place, known, objects, had, uses.own, is_lost=is_lost, keep=mark.keep)
        for each in said:  # a file that no index names any more has to be found again, too, when this is killed
            mark.keep()
            packs_said = gone | taken.kept | taken.doubtful
            place.put(each.key, dump_tombstone(each.tombstone._replace(packs=packs_said)))
        drop_from_index(place, known, gone, objects, keep=mark.keep)
        for holding in read_holders(place).entries:
            mark.keep()
            narrow(place, holding, set(map(bytes, holding.entry.digests)) - objects.union(broken))
        listed = {one.key for one in place.list(OBJECTS)}
        wholes = [object_key(digest) for digest in sorted(objects) if object_key(digest) in listed]
        keys = [*map(pack_key, sorted(gone)), *wholes]
        mark.keep()
        in_threads(place.delete, keys)
        lost -= known.locate(lost).keys()
    kept, doubtful = tuple(sorted(taken.kept)), tuple(sorted(taken.doubtful))
    return PurgedThere(len(places), len(keys), kept, doubtful, tuple(sorted(lost)), aside)


def _said(place: Place, objects: frozenset[bytes], purge: Purge, writer: str) -> list[Found]:
    """The tombstones that say of these objects that they were removed; one is written for those of which none does."""
    found = read_tombstones(place)
    if new := objects - together(found).purged.keys():
        write_tombstone(place, Tombstone("purged", writer, objects=frozenset(new), purge=purge), found)
        found = read_tombstones(place)
    return [one for one in found if one.tombstone.kind == "purged" and one.tombstone.objects & objects]


def _covered(known: Known, said: Iterable[Found]) -> frozenset[bytes]:
    """The objects whose pieces were taken out of every pack before: tombstones name no pack that is still there."""
    every = frozenset[bytes]().union(*(one.tombstone.packs for one in said))
    there = known.has_packs(every)
    done = (one.tombstone for one in said if one.tombstone.packs and there.isdisjoint(one.tombstone.packs))
    return frozenset[bytes]().union(*(tombstone.objects for tombstone in done))


def _copy_rest(place: Place, known: Known, store: Store, pack: bytes, without: frozenset[bytes]) -> set[bytes]:
    """Give everything else in a pack a new one, named in the index; returns what is damaged there, and not here either.

    That is left out: under a new name that fits its bytes nobody would see the damage, and nothing would repair it.
    """
    writer, lost = PackWriter(store.rooms.staging), set[bytes]()
    try:
        try:
            entries = named_entries(place, known, pack)
        except NoSuchKey:
            return lost
        for entry, stored in entries:
            if entry.digest in without:
                continue
            try:
                is_sound(entry, stored)
                writer.add_entry(entry, stored)
            except DamagedObject:
                if (data := _ours(store, entry)) is None:
                    lost.add(entry.digest)
                else:
                    writer.add(entry.digest, data)
        if not writer.size:
            return lost
        salt = add_salt(writer)
        sealed = writer.seal()
        assert sealed is not None
        publish_pack(place, known, sealed, without=salt)
    finally:
        writer.abandon()
    return lost


def _ours(store: Store, entry: PackEntry) -> bytes | None:
    """The object of an entry as it is here; None when it is not, or the entry is no object but says how to make one."""
    if entry.form == RECIPE:
        return None
    with suppress(MissingObject, DamagedObject):
        return store.read(entry.digest)
    return None
