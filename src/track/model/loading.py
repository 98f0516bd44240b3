"""Loading: what a module has that is loaded from where it is when somebody first asks that module for it."""

from importlib import import_module
from typing import Any


def load(asked: dict[str, Any], name: str, place: str | None) -> Any:
    """What is called `name` in the module at `place`; the module whose names are `asked` has it from then on.

    Raises:
        AttributeError: it has no place.
    """
    if place is None:
        raise AttributeError(f"module {asked['__name__']!r} has no attribute {name!r}")
    found = asked[name] = getattr(import_module(place), name)  # kept: thousands of pointers may be read in a loop
    return found
