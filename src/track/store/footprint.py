"""Footprint: how much of the disk a local store takes, and each object in it; nothing is read, and nothing comes back
from the trash."""

from collections.abc import Collection
from contextlib import suppress

from track.store.objects import Store


def footprint(store: Store) -> int:
    """The bytes of all packs and whole objects; what is in the trash or being written does not count."""
    size = 0
    for _, path in (*store.packs(), *store.wholes()):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def stored_sizes(store: Store, digests: Collection[bytes]) -> dict[bytes, int]:
    """The bytes that each of these takes as it is stored; those that are not here are left out."""
    sizes: dict[bytes, int] = {}
    for held in store.index.held(digests):
        sizes[held.digest] = sizes.get(held.digest, 0) + held.stored_length
    for digest in set(digests) - sizes.keys():
        with suppress(FileNotFoundError):
            if (path := store.whole(digest)) is not None:
                sizes[digest] = path.lstat().st_size
    return sizes
