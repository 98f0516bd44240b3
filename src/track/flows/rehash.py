"""Rehash: what the data at a path is now, read from the first byte to the last, whatever any stat says."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from blake3 import blake3

from track import work
from track.flows.spread import shares_of, take_digests
from track.model.digest import Digest, digest_of
from track.progress import Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.store.verified import Round, unlimited
from track.worktree.found import Item
from track.worktree.gathering import small_contents
from track.worktree.scan import Folder, Scan, open_checked, read_small, scan
from track.worktree.stat_cache import StatCache

_WORTH_SPREADING = 20_000
_ROUND = 50_000
"""Files, about: so many are read in a second or two, and then it is noted how far it is."""


def rehash(project: Project, path: bytes, *, turn: Round | None = None, progress: Progress = silent) -> Scan:
    """A scan of `path` that believes no row, with every digest in it settled; no stat is recorded.

    The folders are read in the order of `turn`; what it does not come to stays unsettled.

    Raises:
        ChangedWhileAdding, Unreadable: a file could not be read to its end as it was.
    """
    turn = turn or unlimited()
    seen = scan(project.gate, path, StatCache(Path(":memory:")), state=project.worktree_state)
    names = [_name(seen, folder) for folder in seen.folders]
    order = [seen.folders[number] for number in turn.ordered(names)]
    progress.begin("hashing the data", count=sum(len(folder.pending) for folder in order))
    groups = _groups(order)
    try:
        for group in groups:
            if turn.is_over():
                for folder in (*group, *(folder for rest in groups for folder in rest)):
                    turn.leave(_name(seen, folder), sum(item.stat.size for item in folder.items()))
                break
            if sum(len(folder.pending) for folder in group) >= _WORTH_SPREADING:
                _settle_small(project, seen, group)
            for folder in group:
                _settle(project, seen, folder, progress)
                turn.note(_name(seen, folder))
    finally:
        progress.end()
    turn.note_together(path, names)
    return seen


def _name(seen: Scan, folder: Folder) -> bytes:
    """What the record of what was verified calls a folder of an artifact."""
    return seen.path + b"/" + folder.path


def _groups(folders: Sequence[Folder]) -> Iterator[list[Folder]]:
    """The folders in their order: as many together as are worth spreading, else one by one."""
    left = sum(len(folder.pending) for folder in folders)
    group: list[Folder] = []
    size = 0
    for folder in folders:
        group.append(folder)
        size += len(folder.pending)
        if size >= _ROUND or left < _WORTH_SPREADING:
            yield group
            left -= size
            group, size = [], 0
    if group:
        yield group


def _settle(project: Project, seen: Scan, folder: Folder, progress: Progress) -> None:
    if not len(folder.pending) or all(map(folder.digest, folder.pending)):
        return
    with project.gate.directory(seen.place(folder)) as fd:
        for item in (item for item in folder.items() if not folder.digest(item.number)):
            folder.settle(item.number, _digest(fd, seen, item))
            progress.advance(size_bytes=item.stat.size, count=1)


def _digest(fd: int, seen: Scan, item: Item) -> Digest:
    path = seen.shown(item)
    if item.stat.size < SMALL:
        return digest_of(read_small(fd, item.name, item.stat, path=path))
    with open_checked(fd, item.name, item.stat, path=path) as content:
        return hash_fd(content, item.stat.size)


def _settle_small(project: Project, seen: Scan, group: Sequence[Folder]) -> None:
    """Hash the small files in as many processes as there are cores."""
    shares = shares_of(group, work.cores())

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
