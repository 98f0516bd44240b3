"""Late: what most commands do not need, loaded when one does.

That is Git's own names for contents and what changes a repository, as these libraries are slow to load; and what reads
pointers and records and writes what they say into the catalog, as there is nothing new in most questions.
"""

from typing import Any

from track.model.loading import load

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
    "blob_of": "track.history.identity",
    "empty_tree": "track.history.identity",
    "fill": "track.history.catalog_fill",
    "gitpython": "track.history.gitpython",
    "look_again": "track.history.catalog_fill",
    "put_paths": "track.history.catalog_fill",
    "read_rows": "track.history.catalog_contents",
    "write_contents": "track.history.catalog_fill",
}

if not TYPE_CHECKING:  # so that a checker of types knows every name there is

    def __getattr__(name: str) -> Any:
        """The function or library of that name, from where it is."""
        return load(globals(), name, _PLACES.get(name))
