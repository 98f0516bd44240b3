"""A file of a remote that may go, and when it is worth while to write one anew without what is dead in it."""

from typing import NamedTuple

from track.store.layout import object_key, pack_key

MOSTLY = 0.5
"""A pack of which more than this part of the bytes is dead is written anew without them."""
REWRITE_LIMIT = 64 << 20
"""Larger packs are never written anew: they would have to be read into memory whole."""


class DeadFile(NamedTuple):
    """A file of a remote that may go: a pack, or a whole object. Sizes in bytes, as stored.

    A pack with `live_count` objects that are needed has to be written anew first. One that no index names
    `is_unnamed`: a push that was killed left it.
    """

    digest: bytes
    is_pack: bool
    size: int
    dead_count: int
    live_count: int
    is_unnamed: bool

    @property
    def key(self) -> str:
        """Where it is."""
        return pack_key(self.digest) if self.is_pack else object_key(self.digest)
