"""Verdict: which files of a remote hold nothing that is needed; nothing is changed by looking."""

from collections.abc import Collection
from typing import NamedTuple

from track.progress import Progress, silent
from track.store.chunked import NeededPack
from track.store.dead_file import MOSTLY, REWRITE_LIMIT, DeadFile
from track.store.inventory import Content, by_pack
from track.store.known import Known
from track.store.layout import OBJECTS, PACKS, object_digest, object_key, pack_digest, pack_key
from track.store.marks import Marks
from track.store.needing import live_recipes
from track.store.pack import RECORD_SIZE
from track.store.place import Place
from track.store.scattered import NOTHING_SCATTERED, Scattered, Used, find_scattered


class Verdict(NamedTuple):
    """What a look at a whole remote found: what may go, what was written so short a time ago that it stays, and dead
    bytes that stay among live ones in their packs."""

    dead: tuple[DeadFile, ...]
    young_count: int
    young_bytes: int
    among_live_count: int
    among_live_bytes: int
    files_count: int
    """How many packs and whole objects the remote has."""
    scattered: Scattered = NOTHING_SCATTERED
    """Packs of chunks of which a little is needed, with those of the recipes that name them: all get new ones."""
    partly_bytes: int = 0
    """About how much is not needed of packs of chunks that stay, for more of them is; their tables are not read."""


def judge(
    place: Place, known: Known, marks: Marks, *, before_s: float, condemned: Collection[bytes] = (),
    progress: Progress = silent,
) -> Verdict:  # fmt: skip
    """Find what nothing needs in files that were written before a time of the remote's clock.

    The record is up to date, and everything that is needed is marked. Packs that are `condemned` are not written anew
    once more.

    Raises:
        DamagedObject, MissingObject: a recipe that is needed cannot be read, so that nobody knows its packs.
        NewerFormat: such a recipe is of a later version.
        RemoteError: the remote does not answer.
    """
    listed = {one.key: one for prefix in (PACKS, OBJECTS) for one in place.list(prefix)}
    packs = known.every_pack()
    progress.begin("looking through the remote", count=len(packs))
    found: list[_Mixed | None] = []
    try:
        used = Used()
        for _, recipe in live_recipes(place, known, marks):
            used.add(recipe)
        for content in by_pack(known):
            if pack_key(content.pack.digest) in listed and content.pack.digest not in used:
                found.append(_judge_pack(marks, content))
            progress.advance(count=1)
    finally:
        progress.end()
    dead = [one.file for one in found if one is not None and not _stays(one)]
    mixed = [one for one in found if one is not None and _stays(one)]
    wholes = {held.digest: held.length for held in known.inside(None)}
    live = marks.kept(list(wholes))
    dead += [
        DeadFile(digest, False, listed[object_key(digest)].size, 1, 0, False)
        for digest in sorted(wholes.keys() - live)
        if object_key(digest) in listed
    ]
    named = {pack_key(pack) for pack, _ in packs} | {object_key(digest) for digest in wholes}
    for key in sorted(listed.keys() - named):
        pack, whole = pack_digest(key), object_digest(key)
        if (digest := pack or whole) is not None:
            dead.append(DeadFile(digest, pack is not None, listed[key].size, 0, 0, True))
    young = [one for one in dead if listed[one.key].modified_s >= before_s]
    dead = [one for one in dead if listed[one.key].modified_s < before_s]
    count, size = sum(one.file.dead_count for one in mixed), sum(one.dead_bytes for one in mixed)
    scattered = find_scattered(place, known, marks, used, listed, before_s=before_s, stay=frozenset(condemned))
    together = {one.digest for one in scattered.files}
    dead = [one for one in dead if one.digest not in together]
    partly = sum(_unnamed_bytes(*used.of(pack), size) for pack, size in packs if pack in used and pack not in together)
    return Verdict(tuple(dead), len(young), sum(one.size for one in young), count, size, len(listed), scattered, partly)


def _unnamed_bytes(pack: NeededPack, named: bytearray, size: int) -> int:
    """About how many bytes of a pack of chunks no recipe that is needed names, without reading its table.

    One chunk is nothing: it may be the salt.
    """
    unnamed = pack.entries_count - named.count(1)
    return size * unnamed // pack.entries_count if unnamed > 1 else 0


class _Mixed(NamedTuple):
    """A pack with dead objects in it, and their bytes, with those of their records."""

    file: DeadFile
    dead_bytes: int


def _judge_pack(marks: Marks, content: Content) -> _Mixed | None:
    """What is dead in a pack; None when all of it is needed. No recipe that is needed names it."""
    pack, held = content
    live = marks.kept([one.digest for one in held])
    dead = [one for one in held if one.digest not in live]
    if held and not dead:
        return None
    count = len(dead) if held else 1  # a pack of chunks, of which no index says how many
    file = DeadFile(pack.digest, True, pack.size, count, len(held) - len(dead), False)
    return _Mixed(file, sum(one.stored_length + RECORD_SIZE for one in dead))


def _stays(one: _Mixed) -> bool:
    """Whether too much of a pack is needed to write it anew."""
    file = one.file
    return file.live_count > 0 and (one.dead_bytes <= MOSTLY * file.size or file.size > REWRITE_LIMIT)
