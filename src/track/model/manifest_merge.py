"""Manifest merge: two manifests that come from a third, path by path; only what differs is read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from track.model.merge import Side
from track.model.node import Entry
from track.model.traversal import Read, compare, find

Why: TypeAlias = Literal[
    "both changed it", "both added it", "ours removed it", "theirs removed it", "file and folder", "mode"
]
Pair: TypeAlias = tuple[Entry | None, Entry | None]

_FILES = ("f", "x")


class PathConflict(NamedTuple):
    """A path that cannot be merged, and what each side has there; `file and folder` is about all below it too."""

    path: bytes
    why: Why
    ours: Entry | None
    theirs: Entry | None

    def is_at(self, path: bytes) -> bool:
        """Whether somebody who names `path` means this: it is the path, below it, or in the folder that clashes."""
        inside = self.why == "file and folder" and path.startswith(self.path + b"/")
        return not path or path == self.path or inside or self.path.startswith(path + b"/")


class ManifestMerge(NamedTuple):
    """How the manifest of `ours` becomes the merged one: `taken` is path -> its new entry, None removes it.

    In `conflicts`, sorted by path, nothing is taken.
    """

    taken: dict[bytes, Entry | None]
    conflicts: tuple[PathConflict, ...]


def merge_manifests(read: Read, base: bytes | None, ours: bytes, theirs: bytes) -> ManifestMerge:
    """Merge two manifests that come from `base`; None is that they have nothing in common.

    Without a base what only one side has stays, and what they have in common has to be equal. The cost follows what
    differs. Memory: what they changed and ours lacks, and the conflicts.

    Raises:
        MalformedManifest: as `compare`.
    """
    merge = _Merge()
    if base is None:
        for now, other in compare(read, ours, theirs):
            merge.add((None, now) if now else None, (None, other) if other else None)
    else:
        for left, right in _joined(compare(read, base, ours), compare(read, base, theirs)):
            merge.add(left, right)
    return merge.finish()


def agreed(read: Read, ours: bytes, theirs: bytes, merges: Sequence[ManifestMerge]) -> ManifestMerge:
    """Several merges of the same sides, each from another common version, as one: what they differ in is a conflict."""
    first = merges[0]
    conflicts = {one.path: one for merge in merges for one in merge.conflicts}
    taken: dict[bytes, Entry | None] = {}
    for path in sorted({path for merge in merges for path in merge.taken}):
        if path in conflicts:
            continue
        if all(path in one.taken and one.taken[path] == first.taken.get(path) for one in merges):
            taken[path] = first.taken[path]
        else:
            entries = find(read, ours, path), find(read, theirs, path)
            conflicts[path] = PathConflict(path, "both changed it", *entries)
    folders = {path for path, one in conflicts.items() if one.why == "file and folder"}
    within = {path for path in {**taken, **conflicts} if _is_below(path.rpartition(b"/")[0], folders)}
    taken = {path: entry for path, entry in taken.items() if path not in within}
    return ManifestMerge(taken, tuple(conflicts[path] for path in sorted(conflicts.keys() - within)))


def settled(
    read: Read, sides: tuple[bytes, bytes], found: ManifestMerge, choices: Mapping[bytes, Side]
) -> dict[bytes, Entry | None]:
    """What to change in the manifest of ours when conflicts are settled: their path -> the side whose entry stands.

    `sides` are the manifests of ours and theirs; what nobody chose for stays as ours.
    """
    changes = dict(found.taken)
    folders: set[bytes] = set()
    for conflict in found.conflicts:
        if choices.get(conflict.path) != "theirs":
            continue
        if conflict.why == "file and folder":
            folders.add(conflict.path)
        else:
            changes[conflict.path] = conflict.theirs
    if folders:
        for now, other in compare(read, *sides):
            entry = other or now
            if entry is not None and _is_below(entry.path, folders):
                changes[entry.path] = other
    return changes


class _Merge:
    """Takes what each side changed, sorted by path, and sorts it out."""

    def __init__(self) -> None:
        self._taken: dict[bytes, Entry | None] = {}
        self._conflicts: dict[bytes, PathConflict] = {}
        self._folders: dict[bytes, PathConflict] = {}
        self._chain: list[tuple[Entry, Side]] = []

    def add(self, ours: Pair | None, theirs: Pair | None) -> None:
        """One path: (as it was, as it is) on the sides that changed it."""
        now, other = ours[1] if ours else None, theirs[1] if theirs else None
        if ours is not None and theirs is not None:
            if now == other:
                return
            self._both(ours[0], now, other)
        elif theirs is not None:
            was = theirs[0]
            path = other.path if other else was.path if was else b""
            self._taken[path] = other
        for entry, side in ((now, "ours"), (other, "theirs")):
            if entry is not None:
                self._stand(entry, "ours" if side == "ours" else "theirs")

    def finish(self) -> ManifestMerge:
        """The outcome: what lies below a file that the other side has in place of a folder is one conflict."""
        folders = set(self._folders)
        top = {path: one for path, one in self._folders.items() if not _is_below(path.rpartition(b"/")[0], folders)}
        if top:
            self._taken = {path: one for path, one in self._taken.items() if not _is_below(path, set(top))}
            self._conflicts = {path: one for path, one in self._conflicts.items() if not _is_below(path, set(top))}
        found = self._conflicts | top
        return ManifestMerge(self._taken, tuple(found[path] for path in sorted(found)))

    def _both(self, was: Entry | None, now: Entry | None, other: Entry | None) -> None:
        """A path that both sides changed, and not into the same."""
        if now is None or other is None:
            entry = now or other
            assert entry is not None
            why: Why = "ours removed it" if now is None else "theirs removed it"
            self._conflicts[entry.path] = PathConflict(entry.path, why, now, other)
        elif (merged := _merged(was, now, other)) is None:
            same_bytes = now.digest == other.digest
            why = "mode" if same_bytes else "both added it" if was is None else "both changed it"
            self._conflicts[now.path] = PathConflict(now.path, why, now, other)
        elif merged != now:
            self._taken[now.path] = merged

    def _stand(self, entry: Entry, side: Side) -> None:
        """Hold an entry that a side has now against the files and folders of the other above it."""
        path = entry.path
        while self._chain and not path.startswith(self._chain[-1][0].path):
            self._chain.pop()
        for above, other in self._chain:
            if other == side or not path.startswith(above.path + b"/"):
                continue
            if above.mode == "d":  # was empty on that side, and is not any more
                self._drop_folder(above, other)
                continue
            sides = (above, None) if other == "ours" else (None, above)
            self._folders.setdefault(above.path, PathConflict(above.path, "file and folder", *sides))
        self._chain.append((entry, side))

    def _drop_folder(self, folder: Entry, side: Side) -> None:
        self._conflicts.pop(folder.path, None)
        if side == "ours":
            self._taken[folder.path] = None
        else:
            self._taken.pop(folder.path, None)


def _merged(was: Entry | None, now: Entry, other: Entry) -> Entry | None:
    """A file of which content and mode merge each for itself; None when one of them does not."""
    if was is None or not {was.mode, now.mode, other.mode} <= {*_FILES}:
        return None
    mode = other.mode if now.mode == was.mode else now.mode
    first, second, third = ((one.size, one.digest) for one in (was, now, other))
    if second == first:
        return other._replace(mode=mode)
    return now._replace(mode=mode) if third in (first, second) else None


def _is_below(path: bytes, folders: set[bytes]) -> bool:
    """Whether a path is one of `folders`, or lies below one."""
    while path:
        if path in folders:
            return True
        path = path.rpartition(b"/")[0]
    return False


def _joined(left: Iterator[Pair], right: Iterator[Pair]) -> Iterator[tuple[Pair | None, Pair | None]]:
    """Two streams of changes as one, side by side where they are about the same path."""
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        first = min(_path(pair) for pair in (ours, theirs) if pair is not None)
        now = ours if ours is not None and _path(ours) == first else None
        other = theirs if theirs is not None and _path(theirs) == first else None
        yield now, other
        ours = next(left, None) if now is not None else ours
        theirs = next(right, None) if other is not None else theirs


def _path(pair: Pair) -> bytes:
    entry = pair[1] or pair[0]
    assert entry is not None
    return entry.path
