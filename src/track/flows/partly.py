"""Partly: an artifact of which only some is checked out; what was never placed is neither missing nor removed."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import MissingObject
from track.flows.pointers import exists
from track.flows.reach import Version
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry, Read
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.parts import covers, outermost, parts_of, placed_parts

Pair = tuple[Entry | None, Entry | None]

_FEW = 8


class Partly(NamedTuple):
    """How what is here differs from a version of which only some parts were placed.

    `pairs` are (as recorded, as it is), sorted by path; `parts` are those that were placed and what is here beside
    them; `absent_count` is how many files and links of the version were never placed.
    """

    pairs: list[Pair]
    parts: tuple[bytes, ...]
    absent_count: int


def parts_here(project: Project, path: bytes, pointer: Pointer | None) -> tuple[bytes, ...] | None:
    """The parts of a directory artifact that are checked out; None when it is whole, or nobody said otherwise."""
    if pointer is None or pointer.kind != "directory":
        return None
    return parts_of(project.worktree_state, path)


def as_checked_out(project: Project, versions: Iterable[Version]) -> list[Version]:
    """The versions, each wanted as far as it is checked out: what is partly here stays partly here."""
    known = placed_parts(project.worktree_state)
    return [
        version._replace(parts=known[version.path].paths)
        if version.path in known and version.pointer.kind == "directory"
        else version
        for version in versions
    ]


def parts_with(project: Project, path: bytes, pointer: Pointer, parts: Sequence[bytes]) -> tuple[bytes, ...] | None:
    """The parts that are checked out of an artifact once `parts` are, too; None when it is whole.

    One that was never placed, neither rows nor any of its other files being here, is no more than these parts.
    """
    before = parts_here(project, path, pointer)
    if before is None and not _is_untouched(project, path, pointer, frozenset(parts)):
        return None
    return (*(before or ()), *parts)


def version_with(project: Project, path: bytes, pointer: Pointer, parts: Sequence[bytes]) -> Digest:
    """The version that all checked out parts of an artifact are of once `parts` are as `pointer` says.

    It is an earlier one as long as some of them are of that: what changed since is not in all of them.
    """
    before = placed_parts(project.worktree_state).get(path)
    placed = frozenset(parts)
    if before is None or before.version is None or all(covers(placed, part) for part in before.paths):
        return pointer.digest
    return before.version


def placed_version(project: Project, path: bytes) -> Digest | None:
    """The version that the data at `path`, or what is checked out of it, was placed or added as; None: nobody knows.

    Unlike what the rows describe: of parts that is what is here, which no pointer names.
    """
    parts = placed_parts(project.worktree_state).get(path)
    if parts is not None:
        return parts.version
    recorded = project.stat_cache.recorded(path)
    return None if recorded is None else Digest(recorded.root)


def _is_untouched(project: Project, path: bytes, pointer: Pointer, beside: frozenset[bytes]) -> bool:
    if pointer.kind != "directory" or project.stat_cache.recorded(path) is not None:
        return False
    with suppress(MissingObject):
        for entry in manifest.walk(project.store.read, pointer.digest):
            if not covers(beside, entry.path) and exists(project, path + b"/" + entry.path):
                return False
    return True


def entries_of(read: Read, root: bytes, parts: Sequence[bytes] = ()) -> Iterator[Entry]:
    """The entries of a manifest that are, or are below, one of `parts`, in order; where there is none, all of them.

    Of many parts the manifest is read once, and not once for each.
    """
    if len(parts) > _FEW:
        wanted = frozenset(parts)
        yield from (entry for entry in manifest.walk(read, root) if covers(wanted, entry.path))
        return
    for part in outermost(parts) if parts else (b"",):
        yield from manifest.walk(read, root, part)


def compare(read: Read, pointer: Pointer, parts: Sequence[bytes], entries: Iterable[Entry]) -> Partly:
    """Compare `entries`, all that is here, with the version of which `parts` were placed; only those are read.

    Raises:
        MissingObject: the manifest of one of the parts is not here.
    """
    root, placed = bytes(pointer.digest), frozenset(parts)
    recorded = {entry.path: entry for entry in entries_of(read, root, parts)} if parts else {}
    files_count = sum(entry.mode != "d" for entry in recorded.values())
    pairs: list[Pair] = []
    beside: list[bytes] = []
    for entry in entries:
        old = recorded.pop(entry.path, None)
        if old is None and not covers(placed, entry.path):
            if entry.mode == "d" and _stands_for_more(read, root, entry.path):
                continue
            beside.append(entry.path)
            old = _found(read, root, entry.path)
            files_count += old is not None and old.mode != "d"
            pairs += _in_the_way(read, root, entry) if old is None else ()
        if old != entry:
            pairs.append((old, entry))
    pairs += ((old, None) for old in recorded.values())
    absent_count = max(0, (pointer.files or 0) - files_count)
    return Partly(sorted(pairs, key=_path_of), (*parts, *beside), absent_count)


def _found(read: Read, root: bytes, path: bytes) -> Entry | None:
    """What the version has at a path; None too when that part of its manifest is not here."""
    try:
        return manifest.find(read, root, path)
    except MissingObject:
        return None


def _stands_for_more(read: Read, root: bytes, path: bytes) -> bool:
    """Whether a folder that is empty here has something in the version."""
    try:
        first = next(manifest.walk(read, root, path), None)
    except MissingObject:
        return True
    return first is not None and first.path != path


def _in_the_way(read: Read, root: bytes, entry: Entry) -> Iterator[Pair]:
    """What the version has at the folders above a new entry, or below it: it makes way."""
    ends = [end for end, byte in enumerate(entry.path) if byte == ord("/")]
    for end in ends:
        if (above := _found(read, root, entry.path[:end])) is not None:
            yield above, None
    if entry.mode != "d":
        yield from ((below, None) for below in manifest.walk(read, root, entry.path))


def _path_of(pair: Pair) -> bytes:
    entry = pair[0] or pair[1]
    assert entry is not None
    return entry.path
