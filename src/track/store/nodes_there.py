"""Nodes there: manifest nodes are read from a remote without being kept here."""

from collections.abc import Iterable, Iterator

from track.errors import DamagedObject, MissingObject, NewerFormat
from track.model.digest import digest_of
from track.store.known import Known
from track.store.layout import pack_key
from track.store.pack import RAW, SMALL, PackEntry, expand_entry
from track.store.place import NoSuchKey, Place
from track.store.recipe import RECIPE
from track.store.segment import Held
from track.store.survey import in_threads

_AT_ONCE = 256


def read_there(place: Place, known: Known, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """(digest, bytes) of each, verified; None for what the remote does not have, and what is too large for a node.

    Raises:
        MissingObject: it should be there, and cannot be read: nobody knows what is below it.
        RemoteError: the remote does not answer.
    """
    for digest, data in try_there(place, known, digests):
        if isinstance(data, MissingObject):
            raise data
        yield digest, data


def try_there(
    place: Place, known: Known, digests: Iterable[bytes]
) -> Iterator[tuple[bytes, bytes | MissingObject | None]]:
    """The same, with the error in the place of what should be there and cannot be read."""
    every = sorted(digests)
    for at in range(0, len(every), _AT_ONCE):
        part = every[at : at + _AT_ONCE]
        places = known.locate(part)
        found = in_threads(lambda asked: _read(place, *asked), [(one, places.get(one, [])) for one in part])
        yield from zip(part, found, strict=True)


def _read(place: Place, digest: bytes, places: list[Held]) -> bytes | MissingObject | None:
    possible = [one for one in places if one.pack is not None and one.form != RECIPE and one.length < SMALL]
    for held in possible:
        assert held.pack is not None
        try:
            stored = place.get_range(pack_key(held.pack), held.offset, held.stored_length)
            head = (held.digest, held.form, held.flags, 0, held.stored_length, held.length)
            return expand_entry(
                PackEntry(*head, digest if held.form == RAW else digest_of(stored)), stored, "the remote"
            )
        except (NoSuchKey, DamagedObject, NewerFormat):
            continue
    if not possible:
        return None
    return MissingObject(
        f"object {digest.hex()[:8]} cannot be read at {place.url}, so nobody knows what is below it",
        hint="where the data is whole: track repair --remote NAME      sends it again",
    )
