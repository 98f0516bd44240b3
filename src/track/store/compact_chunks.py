"""Compacting chunks: many small packs of chunks of a local store become few, and the recipes that name them new ones.

Each add of an edited version leaves a pack with the little that was new. As for packs of objects, the new packs and
recipes are durable and known first, while everybody goes on; then the store is held alone for the moment in which the
old ones are renamed into its trash. Killed in between, nothing names the old ones, and a collection takes them.
"""

from collections.abc import Sequence
from contextlib import suppress

from track.errors import Locked
from track.progress import Progress, silent
from track.store.chunk_collecting import Uses, move_chunks, uses_of
from track.store.compact import SMALL_PACK, WORTH_IT
from track.store.index_rows import WHOLE
from track.store.objects import Store

MOST_MOVED = 64 << 20
"""Bytes of chunks that one compaction writes again at most; ..."""
MOST_RECIPES = 64 << 20
"""... and bytes of recipes, of all versions that name them: where they are more, the packs stay."""


class _Everything:
    """Whatever is in the store is needed: what is not is for a collection to find."""

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        """All of them."""
        return set(digests)


def compact_chunks(store: Store, *, now_s: float, timeout_s: float = 10.0, progress: Progress = silent) -> int:
    """Merge the small packs of chunks, when there are enough of them; how many went into the trash of `now_s`.

    Readers go on. A pack stays as it is when a used chunk in it is damaged, or something that needs it cannot be read.
    When others hold the store for longer than `timeout_s`, the old packs stay until the next collection.

    Raises:
        Locked: a collection holds the store.
        DiskFull, StoreUnwritable: a new pack could not be written; nothing is lost.
    """
    if len(_small(store)) < WORTH_IT:
        return 0
    with store.writer() as writer:
        uses = uses_of(store, _Everything(), float("inf"))
        if not (chosen := _chosen(store, uses)):
            return 0
        progress.begin("merging small packs of chunks", size_bytes=sum(size for _, size in chosen))
        try:
            moved = move_chunks(store, writer, [name for name, _ in chosen], uses, progress)
            writer.commit()
        finally:
            progress.end()
    return _take(store, moved, now_s, timeout_s)


def _small(store: Store) -> list[tuple[int, bytes, int]]:
    """The small sound packs of chunks, the oldest first: when each was written (ns), its name, its size."""
    store.index.refresh()
    found = []
    for name, state in store.index.packs_of_chunks().items():
        with suppress(FileNotFoundError):
            status = store.rooms.pack(name).lstat()
            if state == WHOLE and status.st_size < SMALL_PACK:
                found.append((status.st_mtime_ns, name, status.st_size))
    return sorted(found)


def _chosen(store: Store, uses: Uses) -> list[tuple[bytes, int]]:
    """The packs to merge, and their sizes; none where that is not worth while, or too much at once."""
    chosen: list[tuple[bytes, int]] = []
    left = MOST_MOVED
    for _, name, size in _small(store):
        if size <= left and not uses.is_spared(name):
            chosen.append((name, size))
            left -= size
    if len(chosen) < WORTH_IT:
        return []
    needing = store.index.needing(name for name, _ in chosen)
    recipes = sum(held.stored_length for held in uses.users if held.digest in needing)
    return chosen if recipes <= MOST_RECIPES else []


def _take(store: Store, moved: frozenset[bytes], now_s: float, timeout_s: float) -> int:
    """Move those of the packs that nothing uses by now into the trash while nobody else writes; how many went."""
    count = 0
    with suppress(Locked), store.lock().exclusive(timeout_s):
        uses = uses_of(store, _Everything(), float("inf"))
        trash = store.trash()
        batch = trash.begin(int(now_s))
        for name in sorted(moved):
            with suppress(FileNotFoundError):
                if not uses.uses(name):
                    trash.take_pack(batch, name)
                    store.index.forget_pack(name)
                    count += 1
        trash.drop_empty(batch)
    return count
