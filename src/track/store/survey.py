"""Surveying a remote: its index segments and roots entries are read into the record of what is known of it."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, TypeAlias, TypeVar

from track.errors import DamagedObject, NewerFormat, RemoteError
from track.store.known import Known
from track.store.layout import INDEX, ROOTS, claim_name, roots_name, segment_key, segment_name
from track.store.letting_go import let_go
from track.store.place import Listed, NoSuchKey, Place
from track.store.roots import RootsEntry, parse_roots
from track.store.segment import (
    Head,
    Held,
    Name,
    PackSize,
    Segment,
    build_segment,
    head_size,
    merge_segments,
    parse_head,
    parse_segment,
)
from track.store.tombstones import Purge, read_tombstones, together

THREADS = 8
MERGE_ABOVE = 16
"""More segments of one level, or more roots entries of one clone, are merged."""
GRACE_S = 24 * 3600.0
"""A replaced segment is kept for so long by the remote's clock, for those who are reading it."""

Hear: TypeAlias = Callable[[Mapping[bytes, Purge]], None]
"""Who is told what was purged at a remote."""

_ATTEMPTS = 3
_HEAD_GUESS = 64 << 10
_MERGE_LIMIT = 256 << 20
_T = TypeVar("_T")
_R = TypeVar("_R")


class Surveyed(NamedTuple):
    """What a survey found beside what is in the record now."""

    damaged: tuple[str, ...]
    """Keys of index segments and roots entries that had to be left out."""
    claims: tuple[str, ...]
    """Keys of the claims of pushes under way, or broken off."""
    settled: frozenset[str]
    """Keys of segments that were there a grace period before the newest."""


def unheard(purged: Mapping[bytes, Purge]) -> None:
    """Nobody wants to know what was purged."""


def survey(place: Place, known: Known, hear: Hear = unheard) -> Surveyed:
    """Bring the record up to date: one listing of the index and one of the roots, and what is new in them.

    Where the index was written anew, as a purge does, `hear` is told what was purged there before the record knows of
    it: whoever is killed on the way hears of it the next time.

    Raises:
        RemoteError: the remote does not answer, or changes faster than it can be read.
        NewerFormat: something there was written by a later version.
    """
    for _ in range(_ATTEMPTS):
        damaged: list[str] = []
        with suppress(NoSuchKey):  # something went between the listing and the reading: list again
            index, roots = in_threads(lambda prefix: list(place.list(prefix)), [INDEX, ROOTS])
            index = [one for one in index if segment_name(one.key) is not None]
            _read_index(place, known, index, damaged, hear)
            claims = _read_roots(place, known, [one.key for one in roots], damaged)
            return Surveyed(tuple(sorted(damaged)), claims, _settled(index))
    raise RemoteError(f"{place.url} changed while its index was being read", hint="run the same command again")


def _read_index(place: Place, known: Known, index: list[Listed], damaged: list[str], hear: Hear) -> None:
    """Follow what changed in the index; begin anew where segments vanished or were rewritten by a collection.

    Then `hear` is told first what was purged there, in case that was why. What only the vanished ones named is noted as
    lost: a push sends it again.
    """
    listed = {str(name): name for one in index if (name := segment_name(one.key)) is not None}
    new = _new_segments(place, known, listed, damaged)
    held = known.segments
    lost = held - listed.keys() - {str(name) for one in new for name in one.head.replaced}
    rewritten = any(held & {str(name) for name in one.head.replaced} for one in new if not one.head.is_merge)
    before: set[bytes] = set()
    if lost or rewritten:
        with suppress(DamagedObject, NewerFormat):  # whoever has to know what is about to go says so
            hear(together(read_tombstones(place)).purged)
        before = set() if rewritten else known.every_object()
        known.forget_index()
        damaged.clear()
        new = _new_segments(place, known, listed, damaged)
    known.learn(segment for segment in new if isinstance(segment, Segment))
    for one in new:
        known.note_replaced(one.head.replaced, one.name)
    known.forget_replaced(known.replacements.keys() - listed.keys())
    known.note_bad((digest, None) for digest in before - known.present(before))


def _settled(index: list[Listed]) -> frozenset[str]:
    newest = max((one.modified_s for one in index), default=0.0)
    return frozenset(one.key for one in index if one.modified_s < newest - GRACE_S)


class _Skipped(NamedTuple):
    """A merged segment of which every entry is in the record already: only its head was read."""

    name: Name
    head: Head


def _new_segments(
    place: Place, known: Known, listed: Mapping[str, Name], damaged: list[str]
) -> list[Segment | _Skipped]:
    """Segments that are not in the record, the highest level first, without those that one of them replaces."""
    held = known.segments | known.replacements.keys()
    unread = {text: name for text, name in listed.items() if text not in held}
    found: list[Segment | _Skipped] = []
    for level in sorted({name.level for name in unread.values()}, reverse=True):
        names = [name for text, name in unread.items() if name.level == level]
        for one in in_threads(lambda name: _read_segment(place, name, held), names):
            if isinstance(one, str):
                damaged.append(one)
                continue
            found.append(one)
            for name in one.head.replaced:
                unread.pop(str(name), None)
    replaced = {str(name) for one in found for name in one.head.replaced}  # by one of the same level, it may be
    return [one for one in found if str(one.name) not in replaced]


def _read_segment(place: Place, name: Name, held: set[str]) -> Segment | _Skipped | str:
    """A segment, or only its head when that is enough; the key when it is damaged."""
    key = segment_key(name)
    for _ in range(_ATTEMPTS):  # what was altered on its way comes whole the next time
        with suppress(DamagedObject):
            if name.level:
                head = read_head(place, name)
                if head.is_merge and {str(one) for one in head.replaced} <= held:
                    return _Skipped(name, head)
            return parse_segment(place.get(key), name)
    return key


def read_head(place: Place, name: Name) -> Head:
    """The head of a segment at a remote, without its entries. Raises NoSuchKey, DamagedObject."""
    data = bytes(place.get_range(segment_key(name), 0, _HEAD_GUESS))
    size = head_size(data)
    if size > len(data):
        data += bytes(place.get_range(segment_key(name), len(data), size - len(data)))
    return parse_head(data)


def _read_roots(place: Place, known: Known, keys: list[str], damaged: list[str]) -> tuple[str, ...]:
    """Follow what changed in the roots, of which these are the keys; those of claims."""
    listed = {key for key in keys if roots_name(key) is not None}
    known.forget_roots(known.entries - listed)
    for key, entry in in_threads(lambda key: _read_entry(place, key), sorted(listed - known.entries)):
        if entry is None:
            damaged.append(key)
        else:
            known.learn_roots(key, entry.digests)
    return tuple(sorted(key for key in keys if claim_name(key) is not None))


def _read_entry(place: Place, key: str) -> tuple[str, RootsEntry | None]:
    try:
        entry = parse_roots(place.get(key), key)
    except DamagedObject:
        return key, None
    name = roots_name(key)
    sound = entry.is_complete and name is not None and name.writer == entry.writer
    return key, entry if sound else None


def publish_segment(place: Place, known: Known, held: Iterable[Held], packs: Iterable[PackSize]) -> None:
    """Say, at the remote and in the record, where these objects are. What they are in is durable already.

    A name of its own every time: a segment of the same bytes may have been replaced by a collection long ago. So it
    says that it replaces one of a name that was drawn at random, and that never was.
    """
    name, data = build_segment(held, packs, replaced=[Name(0, os.urandom(32))])
    place.put(segment_key(name), data)
    head = parse_head(data)
    known.learn([Segment(name, head, data[head.size : -32])])


def tombstoned(place: Place) -> set[bytes]:
    """Objects that a tombstone of format 1 condemns, wherever they are.

    Raises:
        DamagedObject: a tombstone that cannot be read, so that nobody knows what is about to go.
    """
    return set(together(read_tombstones(place)).objects)


def merge_levels(place: Place, known: Known) -> int:
    """Merge the segments of every level that has more than `MERGE_ABOVE`; how many were merged.

    Interrupted, the merged segment is there or it is not; what it replaces stays until the grace period is over.
    """
    count = 0
    level = 0
    while True:
        names = [name for name in map(name_of, known.segments) if name.level == level]
        if len(names) <= MERGE_ABOVE:
            if not any(name.level > level for name in map(name_of, known.segments)):
                return count
            level += 1
            continue
        count += _merge(place, known, names)
        level += 1


def _merge(place: Place, known: Known, names: list[Name]) -> int:
    segments, size = [], 0
    for name in names:
        try:
            segment = parse_segment(place.get(segment_key(name)), name)
        except (DamagedObject, NoSuchKey):
            continue
        segments.append(segment)
        size += segment.head.total_size
        if size > _MERGE_LIMIT:
            break
    if len(segments) < 2:
        return 0
    merged, data = merge_segments(segments)
    place.put(segment_key(merged), data)
    known.note_replaced([segment.name for segment in segments], merged)
    return len(segments)


def remove_replaced(place: Place, known: Known, settled: frozenset[str]) -> int:
    """Remove segments whose successor is `settled`; how many. The remote's clock says what that is, never ours."""
    removable = [text for text, by in known.replacements.items() if segment_key(name_of(by)) in settled]
    if let_go(place, [segment_key(name_of(text)) for text in removable]) is not None:
        return 0
    known.forget_replaced(removable)
    return len(removable)


def name_of(text: str) -> Name:
    """The name of a segment, from its text in the record."""
    level, _, digits = text.partition("-")
    return Name(int(level), bytes.fromhex(digits))


def in_threads(work: Callable[[_T], _R], items: list[_T]) -> list[_R]:
    """The results in order; the first failure is raised when all are done."""
    if min(len(items), THREADS) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(THREADS, len(items))) as threads:
        return list(threads.map(work, items))
