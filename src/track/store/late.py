"""Late: the store, loaded with the first that needs it.

Who asks what Git and the catalog say needs none, and should not pay for packs, chunks and compression.
"""

from importlib import import_module
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.store.clients import register as register
    from track.store.objects import Store as Store

_HOMES = {"Store": "track.store.objects", "register": "track.store.clients"}


def __getattr__(name: str) -> Any:
    """The class or function of that name, from where it is."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
