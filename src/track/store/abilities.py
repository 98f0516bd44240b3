"""What the server of a remote can do: found out by trying, and said in its `store.toml` for everybody."""

import secrets
from contextlib import suppress

from track.errors import DamagedObject, RemoteError
from track.store.description import Abilities, Description, dump_description, parse_description
from track.store.layout import DESCRIPTION, PROBES
from track.store.listing import publish_listing
from track.store.place import NoSuchKey, Place, Summing
from track.store.turn import in_turn

_CONTENT = b"track wrote this to see what the server does with it; it can be deleted\n"


def respects_conditions(place: Place) -> bool | None:
    """Whether of two that create one key the second is told; None where it could not be found out.

    Two small objects are made, which are deleted again.
    """
    key = PROBES + secrets.token_hex(16)
    try:
        if not place.create(key, _CONTENT):
            return None
        return not place.create(key, _CONTENT[::-1])
    except (RemoteError, DamagedObject, NoSuchKey):
        return None
    finally:
        with suppress(RemoteError):
            place.delete(key)


def sums_of(place: Place) -> str | None:
    """Which sum of a body the server holds against what arrived; None where it could not be found out.

    A small object is made, which is deleted again.
    """
    return place.find_sums(PROBES + secrets.token_hex(16)) if isinstance(place, Summing) else None


def note_abilities(
    place: Place, *, conditions: bool | None = None, listing: bool | None = None, sums: str | None = None
) -> bool:
    """Say in `store.toml` what was found out; whether that was news. None leaves what is said.

    Raises:
        NoSuchKey: there is no store.
        NotAStore, NewerFormat: what is there cannot be read.
        RemoteError, StoreUnwritable, DiskFull: it cannot be written.
        Locked: others are changing it for too long.
    """

    def changed() -> Description | None:
        description = parse_description(place.get(DESCRIPTION), place.url)
        known = description.abilities
        found = Abilities(
            known.conditions if conditions is None else conditions,
            known.listing if listing is None else listing,
            known.sums if sums is None else sums,
        )
        return None if found == known else description._replace(abilities=found)

    if (first := changed()) is None:
        return False
    with in_turn(place, conditions=first.abilities.conditions) as turn:
        if (description := changed()) is not None:  # by now somebody else may have said it, or something else
            turn.keep()
            place.put(DESCRIPTION, dump_description(description))
    return True


def publish(place: Place) -> int:
    """Make a list of what is in a remote, and say that every push shall make it anew; how many keys it names.

    Raises as `note_abilities` does.
    """
    note_abilities(place, listing=True)  # first: a push that ends now makes the list, too
    return publish_listing(place)
