"""Late: the store, loaded with the first that needs it.

Who asks what Git and the catalog say needs none, and should not pay for packs, chunks and compression.
"""

from typing import Any

from track.model.loading import load

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.store.clients import register as register
    from track.store.objects import Store as Store

_PLACES = {"Store": "track.store.objects", "register": "track.store.clients"}

if not TYPE_CHECKING:  # so that a checker of types knows every name there is

    def __getattr__(name: str) -> Any:
        """The class or function of that name, from where it is."""
        return load(globals(), name, _PLACES.get(name))
