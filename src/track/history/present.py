"""Contents as far as they are here: a partial clone lacks some, which are neither fetched nor a failure."""

from collections.abc import Iterable

from track.history.catalog_file import POINTER
from track.history.catalog_rows import Wanted, read
from track.history.plumbing import Git


def present_blobs(git: Git, oids: Iterable[str]) -> dict[str, bytes]:
    """Those of these contents that Git has, by their ids."""
    wanted = [Wanted(oid, POINTER) for oid in sorted(set(oids))]
    return {one.oid: content for one, content in read(git, wanted) if content is not None}
