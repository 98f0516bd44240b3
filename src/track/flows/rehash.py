"""Rehash: what the data at a path is now, read from the first byte to the last, whatever any stat says."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from track import work
from track.model.digest import Digest, digest_of
from track.progress import Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.worktree.found import Item
from track.worktree.scan import Folder, Scan, open_checked, read_small, scan
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
        for folder, items in _unsettled(seen):
            with project.gate.directory(seen.place(folder)) as fd:
                for item in items:
                    folder.settle(item.number, _digest(fd, seen, item))
                    progress.advance(size_bytes=item.stat.size, count=1)
    finally:
        progress.end()
    return seen


def _unsettled(seen: Scan) -> Iterator[tuple[Folder, list[Item]]]:
    for folder in seen.folders:
        items = [item for item in folder.items() if not folder.digest(item.number)]
        if items:
            yield folder, items


def _digest(fd: int, seen: Scan, item: Item) -> Digest:
    path = seen.shown(item)
    if item.stat.size < SMALL:
        return digest_of(read_small(fd, item.name, item.stat, path=path))
    with open_checked(fd, item.name, item.stat, path=path) as content:
        return hash_fd(content, item.stat.size)


def _settle_small(project: Project, seen: Scan) -> None:
    """Hash the small files in as many processes as there are cores."""
    folders = [folder for folder in seen.folders if len(folder.pending)]
    shares = work.cores()

    def one(number: int) -> bytes:
        digests = bytearray()
        for folder in folders[number::shares]:
            with project.gate.directory(seen.place(folder)) as fd:
                for item in _small(folder):
                    digests += _digest(fd, seen, item)
        return bytes(digests)

    for number, answer in enumerate(work.spread(one, shares)):
        _take(folders[number::shares], answer)


def _take(folders: Sequence[Folder], answer: bytes) -> None:
    at = 0
    for folder in folders:
        for item in _small(folder):
            folder.settle(item.number, answer[at : at + 32])
            at += 32


def _small(folder: Folder) -> Iterator[Item]:
    return (item for item in folder.items() if item.stat.size < SMALL)
