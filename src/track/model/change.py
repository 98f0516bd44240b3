"""Change: how an entry of an artifact differs from one version to the next."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from track.model.node import Entry


class Change(NamedTuple):
    """One difference. `op` is A added, M other content, D deleted, R renamed, T other mode or type alone.

    `path` is where it is now (where it was, if it is gone); `renamed_from` is set for R alone.
    """

    op: str
    path: bytes
    old: Entry | None
    new: Entry | None
    renamed_from: bytes | None


def changes(pairs: Iterable[tuple[Entry | None, Entry | None]], *, renames: bool = True) -> tuple[Change, ...]:
    """What `compare` found, as changes sorted by path; equal content at a new path is a rename unless empty."""
    pairs = list(pairs)
    sources = _renamed(pairs) if renames else {}
    taken = {source.path for source in sources.values()}
    found: list[Change] = []
    for old, new in pairs:
        if new is None:
            if old is not None and old.path not in taken:
                found.append(Change("D", old.path, old, None, None))
        elif old is None:
            source = sources.get(new.path)
            op = "A" if source is None else "R"
            found.append(Change(op, new.path, source, new, None if source is None else source.path))
        elif old != new:
            same_bytes = old.digest == new.digest and old.size == new.size
            found.append(Change("T" if same_bytes else "M", new.path, old, new, None))
    found.sort(key=lambda change: change.path)
    return tuple(found)


def _renamed(pairs: list[tuple[Entry | None, Entry | None]]) -> dict[bytes, Entry]:
    """New path -> the deleted entry it was: of equal digest, the same file name first, then in order of paths."""
    gone: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for old, new in pairs:
        if new is None and old is not None and old.size:
            gone[old.digest].append(old)
    if not gone:
        return {}
    come: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for old, new in pairs:
        if old is None and new is not None and new.digest in gone:
            come[new.digest].append(new)
    sources: dict[bytes, Entry] = {}
    for digest, arrivals in come.items():
        _match(sorted(gone[digest]), sorted(arrivals), sources)
    return sources


def _match(left: list[Entry], arrivals: list[Entry], sources: dict[bytes, Entry]) -> None:
    by_name: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for entry in reversed(left):
        by_name[entry.path.rpartition(b"/")[2]].append(entry)
    used: set[bytes] = set()
    others: list[Entry] = []
    for entry in arrivals:
        same_name = by_name[entry.path.rpartition(b"/")[2]]
        if same_name:
            source = same_name.pop()
            sources[entry.path] = source
            used.add(source.path)
        else:
            others.append(entry)
    remaining = [entry for entry in left if entry.path not in used]
    for entry, source in zip(others, remaining, strict=False):
        sources[entry.path] = source
