"""Salt: random bytes in a pack, so that its name is not that of a pack that a collection may be deleting."""

import os

from track.model.digest import digest_of
from track.store.pack import PackWriter

SIZE = 16
"""Bytes of it."""


def add_salt(writer: PackWriter) -> bytes:
    """Add them to a pack; the digest of the object that they are, which no index has to name."""
    data = os.urandom(SIZE)
    digest = digest_of(data)
    writer.add(digest, data)
    return bytes(digest)
