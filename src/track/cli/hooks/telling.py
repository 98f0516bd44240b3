"""How hooks speak: short lines on stderr that begin with `track:`, for Git's own output stands beside them."""

import sys
from collections.abc import Sequence
from importlib import import_module

from track.cli import terminal
from track.cli.failure import of_the_world, safe
from track.errors import TrackError
from track.model.names import display

_NAMED = 3


def tell(text: str) -> None:
    """Say something on stderr, each line behind `track:`."""
    for line in safe(text).split("\n"):
        terminal.complain(f"track: {line}")


def tell_error(error: TrackError) -> None:
    """Say what went wrong, the evidence, and what to do next."""
    tell("\n".join((error.message, *(f"  {line}" for line in error.details))))
    for line in (error.hint or "").splitlines():
        tell(f"hint: {line}")


def tell_failure(name: str, error: Exception) -> None:
    """Say that a hook failed: an expected failure in its own words, any other as our bug."""
    known = of_the_world(error) if isinstance(error, OSError) else error
    if isinstance(known, TrackError):
        tell_error(known)
        return
    tell(f"a bug in track itself stopped the hook {name}: {type(error).__name__}: {error}")
    sys.stderr.write("".join(import_module("traceback").format_exception(error)))


def named(paths: Sequence[bytes]) -> str:
    """A few paths, and how many more there are."""
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(display(path) for path in paths[:_NAMED]) + more
