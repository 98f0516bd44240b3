"""Clocks: a remote's own, of which alone its files are judged by age, and how long something here takes; and probes."""

import os
import time
from contextlib import suppress

from track.errors import RemoteError
from track.store.layout import PROBES
from track.store.place import Place


def now_at(place: Place) -> float:
    """The time at a place, by its own clock, in seconds since 1970: that of a probe written a moment ago.

    No clock of ours comes into it, so it may be held against the times of a listing, whoever asks.

    Raises:
        RemoteError: the place does not answer, or does not list what was written a moment ago with its time.
    """
    key = PROBES + os.urandom(16).hex()
    place.put(key, b"track asks what time it is here; it can be deleted\n")
    try:
        for one in place.list(PROBES):
            if one.key == key and one.modified_s > 0:
                return one.modified_s
    finally:
        with suppress(RemoteError):  # a probe that stays is never read as data
            place.delete(key)
    raise RemoteError(
        f"{place.url} does not say when what is there was written, so that nothing can be judged by its age",
        hint="is there a proxy between here and there that remembers answers?   to try it: track remote check NAME",
    )


def try_deleting(place: Place) -> None:
    """Write a probe at a place and take it away.

    Raises:
        RemoteError: the place does not answer, or we may not delete there.
    """
    key = PROBES + os.urandom(16).hex()
    place.put(key, b"track asks whether it may delete here; it can be deleted\n")
    place.delete(key)


def since_boot() -> float:
    """Seconds on a clock of this machine that nobody sets, and that goes on while it sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def pause(seconds: float) -> None:
    """Wait for so long."""
    time.sleep(seconds)
