"""Late: Git's own names for contents, loaded when one has to be worked out.

Most questions to the catalog need none, and the library that hashes for Git is slow to load.
"""

from importlib import import_module
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.history.identity import blob_of as blob_of
    from track.history.identity import empty_tree as empty_tree

_NAMES = ("blob_of", "empty_tree")


def __getattr__(name: str) -> Any:
    """The function of that name, from where it is."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("track.history.identity"), name)
