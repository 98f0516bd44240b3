"""Reading back: what a push has just sent is had again and hashed, before anybody is told that it is there."""

from collections.abc import Iterable

from track.model.digest import Digest
from track.progress import Progress, silent
from track.store.known import Known
from track.store.layout import object_key, pack_key
from track.store.needing import note_bad_chunks
from track.store.place import NoSuchKey, Place
from track.store.survey import in_threads

_AT_ONCE = 16


class ReadsOtherwise(Exception):
    """What was sent is not what is there now; the keys, in words. The record says so, and the next push sends it."""


def packs_before(known: Known) -> set[bytes]:
    """The packs that need no reading back: those that were there, and whole as far as is known."""
    return {pack for pack, _ in known.every_pack()} - known.bad_packs()


def read_back(
    place: Place, known: Known, before: set[bytes], digests: Iterable[bytes], *, progress: Progress = silent
) -> int:
    """Read every pack that was not there `before`, and those of the objects that are files of their own; the bytes.

    Raises:
        ReadsOtherwise: some of it is missing, or does not have its digest.
        RemoteError: the remote does not answer.
    """
    packs = [(pack, size) for pack, size in known.every_pack() if pack not in before]
    wholes = [held for places in known.locate(digests).values() for held in places if held.pack is None]
    files: list[tuple[str, bytes, bytes | None, int]] = [(pack_key(pack), pack, pack, size) for pack, size in packs]
    files += [(object_key(held.digest), held.digest, None, held.length) for held in wholes]
    progress.begin("reading back", size_bytes=sum(size for *_, size in files), count=len(files))
    wrong: list[tuple[bytes, bytes | None]] = []
    try:
        for at in range(0, len(files), _AT_ONCE):
            part = files[at : at + _AT_ONCE]
            found = in_threads(lambda key: _digest(place, key), [key for key, *_ in part])
            for (_, digest, inside, size), is_now in zip(part, found, strict=True):
                if is_now != digest:
                    wrong.append((digest, inside))
                progress.advance(size_bytes=size, count=1)
    finally:
        progress.end()
    note_bad_chunks(
        place, known, [digest for digest, inside in wrong if inside is not None and not known.inside(inside)]
    )
    for digest, inside in wrong:
        known.note_bad([(digest, None)] if inside is None else ((held.digest, inside) for held in known.inside(inside)))
    if wrong:
        keys = [object_key(digest) if inside is None else pack_key(digest) for digest, inside in wrong[:5]]
        raise ReadsOtherwise(", ".join(keys))
    return sum(size for *_, size in files)


def _digest(place: Place, key: str) -> Digest | None:
    try:
        return place.digest(key)
    except NoSuchKey:
        return None
