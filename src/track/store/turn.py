"""Turn: those who replace the description of a remote, which they read before, do so one after the other.

No place can replace bytes on the condition that they are still the same. Whoever wants to writes a file of a name of
its own, which counts up, and has its turn when no other one is there that is not from the dead; else it takes its own
back, and waits for a while that is drawn. Where the server respects conditions, only one gets each number.
"""

import random
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from track.errors import Locked, RemoteError
from track.model.expressions import expression
from track.store.clock import now_at, pause, since_boot
from track.store.layout import TURNS
from track.store.place import Listed, Place

LIFE_S = 600.0
"""A turn that is older by the remote's clock is that of a command that was killed."""
PATIENCE_S = 60.0

_KEY = expression(re.escape(TURNS) + r"([0-9]{8})-([0-9a-f]{8})")
_SHARED = "0" * 8


class Turn:
    """A turn that is had; `keep` is called right before something is replaced."""

    def __init__(self, place: Place, since_s: float) -> None:
        """Since a time of `since_boot`."""
        self._place, self._since_s = place, since_s

    def keep(self) -> None:
        """Raises Locked when this command was silent for so long that others may have had their turn."""
        if since_boot() - self._since_s > LIFE_S / 2:
            raise Locked(f"this command stood still for too long at {self._place.url}", hint="run it again")


@contextmanager
def in_turn(place: Place, *, conditions: bool | None, patience_s: float = PATIENCE_S) -> Iterator[Turn]:
    """A turn, for the block; `conditions`, whether of two that create one key at this place the second is told.

    Raises:
        Locked: others have theirs for longer than `patience_s`.
        RemoteError: the place cannot be written.
    """
    deadline_s = since_boot() + patience_s
    while True:
        since_s = since_boot()
        if (key := _taken(place, is_shared=conditions is True)) is not None:
            break
        if since_boot() > deadline_s:
            raise Locked(f"others are changing store.toml at {place.url} right now", hint="run the same command again")
        pause(random.uniform(0.05, 0.5))
    try:
        yield Turn(place, since_s)
    finally:
        with suppress(RemoteError):  # what cannot be deleted counts for as long as that of a command that was killed
            place.delete(key)


def _taken(place: Place, *, is_shared: bool) -> str | None:
    """The key of a turn, or None where somebody else has it."""
    before = _there(place)
    if _alive(place, before):
        return None
    number = 1 + max((int(match[1]) for one in before if (match := _KEY.fullmatch(one.key))), default=0)
    key = f"{TURNS}{number:08}-{_SHARED if is_shared else secrets.token_hex(4)}"
    if not place.create(key, secrets.token_bytes(16)):
        return None
    if _alive(place, [one for one in _there(place) if one.key != key]):
        place.delete(key)
        return None
    for one in before:
        place.delete(one.key)
    return key


def _there(place: Place) -> list[Listed]:
    return [one for one in place.list(TURNS) if _KEY.fullmatch(one.key)]


def _alive(place: Place, found: list[Listed]) -> bool:
    return bool(found) and max(one.modified_s for one in found) > now_at(place) - LIFE_S
