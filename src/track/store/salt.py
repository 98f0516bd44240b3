"""Salt: random bytes in a pack, so that its name is not that of a pack that a collection may be deleting."""

import os
from typing import Protocol

from track.model.digest import digest_of

SIZE = 16
"""Bytes of it."""


class _Writer(Protocol):
    def add(self, digest: bytes, data: bytes) -> None: ...


def add_salt(writer: _Writer) -> bytes:
    """Add them to a pack; the digest of the object that they are, which no index has to name."""
    data = os.urandom(SIZE)
    digest = digest_of(data)
    writer.add(digest, data)
    return bytes(digest)
