"""Late: what most commands do not need, loaded when one does.

That is Git's own names for contents and what changes a repository, as these libraries are slow to load; and what reads
pointers and records and writes what they say into the catalog, as there is nothing new in most questions.
"""

from importlib import import_module
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.history.catalog_contents import read_rows as read_rows
    from track.history.catalog_fill import fill as fill
    from track.history.catalog_fill import look_again as look_again
    from track.history.catalog_fill import put_paths as put_paths
    from track.history.catalog_fill import write_contents as write_contents
    from track.history.gitpython import gitpython as gitpython
    from track.history.identity import blob_of as blob_of
    from track.history.identity import empty_tree as empty_tree

_PLACES = {
    "blob_of": "identity",
    "empty_tree": "identity",
    "fill": "catalog_fill",
    "gitpython": "gitpython",
    "look_again": "catalog_fill",
    "put_paths": "catalog_fill",
    "read_rows": "catalog_contents",
    "write_contents": "catalog_fill",
}


def __getattr__(name: str) -> Any:
    """The function or library of that name, from where it is."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"track.history.{_PLACES[name]}"), name)
