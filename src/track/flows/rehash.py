"""Rehash: what the data at a path is now, read from the first byte to the last, whatever any stat says."""

from pathlib import Path

from blake3 import blake3

from track import work
from track.flows.spread import shares_of, take_digests
from track.model.digest import Digest, digest_of
from track.progress import Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.worktree.found import Item
from track.worktree.gathering import small_contents
from track.worktree.scan import Scan, open_checked, read_small, scan
from track.worktree.stat_cache import StatCache

_WORTH_SPREADING = 20_000


def rehash(project: Project, path: bytes, *, progress: Progress = silent) -> Scan:
    """A scan of `path` that believes no row, with every digest in it settled; nothing is recorded.

    Raises:
        ChangedWhileAdding, Unreadable: a file could not be read to its end as it was.
    """
    seen = scan(project.gate, path, StatCache(Path(":memory:")), state=project.worktree_state)
    count = sum(len(folder.pending) for folder in seen.folders)
    progress.begin("hashing the data", count=count)
    try:
        if count >= _WORTH_SPREADING:
            _settle_small(project, seen)
        for folder in seen.folders:
            if len(folder.pending) and all(map(folder.digest, folder.pending)):
                continue
            with project.gate.directory(seen.place(folder)) as fd:
                for item in (item for item in folder.items() if not folder.digest(item.number)):
                    folder.settle(item.number, _digest(fd, seen, item))
                    progress.advance(size_bytes=item.stat.size, count=1)
    finally:
        progress.end()
    return seen


def _digest(fd: int, seen: Scan, item: Item) -> Digest:
    path = seen.shown(item)
    if item.stat.size < SMALL:
        return digest_of(read_small(fd, item.name, item.stat, path=path))
    with open_checked(fd, item.name, item.stat, path=path) as content:
        return hash_fd(content, item.stat.size)


def _settle_small(project: Project, seen: Scan) -> None:
    """Hash the small files in as many processes as there are cores."""
    shares = shares_of(seen, work.cores())

    def one(number: int) -> bytes:
        digests = []
        for folder in shares[number]:
            place = seen.place(folder)
            with project.gate.directory(place) as fd:
                digests += [blake3(data).digest() for data in small_contents(fd, folder, place, SMALL)]
        return b"".join(digests)

    for share, answer in zip(shares, work.spread(one, len(shares)), strict=True):
        place = 0
        for folder in share:
            place = take_digests(folder, answer, place)
