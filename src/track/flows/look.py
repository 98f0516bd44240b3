"""Look: how the data of an artifact differs from its pointer, without storing anything."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from track.errors import MissingObject, TrackError
from track.flows.keep import Pair, count, scan_of
from track.flows.linked import settle_links
from track.flows.partly import compare, parts_here
from track.flows.shallow import is_away
from track.model import manifest
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry
from track.model.pointer import Pointer
from track.progress import Counted, Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.worktree.scan import Folder, Scan, open_checked, read_small

State = Literal[".", "M", "D", "S", "?"]


class Look(NamedTuple):
    """How data differs from its pointer.

    `state`: "." the same, "M" modified, "D" missing, "S" out of step (the data is the saved version `holds`), "?" it
    cannot be read or compared, and `trouble` says why. The counts are of files and links, 0 where nobody can tell.
    `absent_count` are those that were never placed because only a part is checked out: they do not differ.
    """

    state: State
    added_count: int = 0
    modified_count: int = 0
    removed_count: int = 0
    holds: Digest | None = None
    trouble: str | None = None
    absent_count: int = 0
    is_away: bool = False


def look(project: Project, path: bytes, pointer: Pointer, *, progress: Progress = silent) -> Look:
    """Compare the working copy at `path` with `pointer`; only what its stat cannot vouch for is read."""
    try:
        seen = scan_of(project, path)
        if seen.kind == "missing":
            return Look(".", absent_count=pointer.files or 1, is_away=True) if is_away(project, path) else Look("D")
        if seen.errors:
            return Look("?", trouble=seen.errors[0].message)
        if seen.kind != pointer.kind:
            return _of_another_kind(project, seen, pointer, progress)
        if (parts := parts_here(project, path, pointer)) is not None:
            return _of_parts(project, seen, pointer, parts, progress)
        if seen.unchanged:
            return _of_known(project, seen, pointer)
        _settle(project, seen, progress, everything=seen.root != pointer.digest)
        return _of_settled(project, seen, pointer)
    except TrackError as error:
        return Look("?", trouble=error.message)


def _of_another_kind(project: Project, seen: Scan, pointer: Pointer, progress: Progress) -> Look:
    """A file where the pointer says directory, or the reverse: another saved version, or somebody's work."""
    if seen.kind not in ("file", "directory"):
        return Look("M", 1, 0, 1)
    _settle(project, seen, progress, everything=True)
    if seen.kind == "file":
        root = Digest(next(seen.entries()).digest)
        holds = None if project.store.absent([root]) else root
        here_count = 1
    else:
        holds = seen.root if not seen.changes() and seen.root is not None else None
        here_count = sum(entry.mode != "d" for entry in seen.entries())
    if holds is not None:
        seen.renew()
    return Look("S" if holds else "M", here_count, 0, pointer.files if pointer.files is not None else 1, holds)


def _of_parts(project: Project, seen: Scan, pointer: Pointer, parts: Sequence[bytes], progress: Progress) -> Look:
    """Only some of it is checked out: that is compared, and the rest is counted."""
    _settle(project, seen, progress, everything=True)
    partly = compare(project.store.read, pointer, parts, seen.entries())
    if not partly.pairs:
        seen.renew()
        return Look(".", absent_count=partly.absent_count)
    is_saved = seen.unchanged and seen.root is not None
    return Look(
        "S" if is_saved else "M",
        *count(partly.pairs),
        holds=seen.root if is_saved else None,
        absent_count=partly.absent_count,
    )


def differences(
    project: Project, path: bytes, pointer: Pointer, *, partly: bool = False, progress: Progress = silent
) -> list[Pair]:
    """(as the pointer says, as it is) for every entry of a directory artifact that differs, sorted by path.

    A file artifact has one pair with an empty path. Digests of what is here are known; nothing is stored. With
    `partly`, what was never placed because only a part is checked out does not differ.

    Raises:
        MissingObject: the manifest that the pointer names is not here.
        SpecialFile, Unreadable, InsideArtifact: something in the data cannot be read.
    """
    seen = scan_of(project, path)
    if seen.errors:
        raise seen.errors[0]
    if seen.kind == pointer.kind and seen.unchanged and seen.root == pointer.digest:
        return []
    _settle(project, seen, progress, everything=True)
    if partly and seen.kind == "directory" and (parts := parts_here(project, path, pointer)) is not None:
        return compare(project.store.read, pointer, parts, seen.entries()).pairs
    if pointer.kind == "directory" and seen.kind != "directory":
        here = [(None, entry._replace(path=b"")) for entry in seen.entries()] if seen.kind == "file" else []
        return [*here, *((entry, None) for entry in manifest.walk(project.store.read, pointer.digest))]
    if pointer.kind == "file":
        now = next(seen.entries())._replace(path=b"") if seen.kind == "file" else None
        was = Entry(b"", "x" if pointer.executable else "f", pointer.size, pointer.digest)
        if seen.kind == "directory":
            return [(was, None), *((None, entry) for entry in seen.entries())]
        return [(was, now)] if was != now else []
    return _pairs(project, seen, pointer)


def _of_known(project: Project, seen: Scan, pointer: Pointer) -> Look:
    """Everything is as the rows say: the data is the version `seen.root`."""
    assert seen.root is not None
    if seen.root == pointer.digest:
        return Look(".") if _has_its_bit(seen, pointer) else Look("M", 0, 1, 0)
    return Look("S", *_counts(project, seen, pointer), holds=seen.root)


def _of_settled(project: Project, seen: Scan, pointer: Pointer) -> Look:
    if seen.kind == "file":
        digest = Digest(next(seen.entries()).digest) if _is_settled(seen) else None
        if digest == pointer.digest:
            seen.renew()
            return Look(".") if _has_its_bit(seen, pointer) else Look("M", 0, 1, 0)
        is_saved = digest is not None and not project.store.absent([digest])
        return Look("S", 0, 1, 0, holds=digest) if is_saved else Look("M", 0, 1, 0)
    pairs = _pairs(project, seen, pointer)
    if seen.root is not None and not seen.changes():
        seen.renew()
        return _of_known(project, seen, pointer)
    if pairs:
        return Look("M", *count(pairs))
    seen.save(pointer.digest)  # a part was added, or the pointer moved: the rows described another version
    return Look(".")


def _has_its_bit(seen: Scan, pointer: Pointer) -> bool:
    """Whether a file artifact is executable as its pointer says."""
    return seen.kind != "file" or (next(seen.entries()).mode == "x") == pointer.executable


def _is_settled(seen: Scan) -> bool:
    return all(folder.digest(index) for folder in seen.folders for index in folder.pending)


def _counts(project: Project, seen: Scan, pointer: Pointer) -> tuple[int, int, int]:
    if pointer.kind != "directory" or seen.root is None:
        return 0, 1, 0
    try:
        return count(manifest.compare(project.store.read, pointer.digest, seen.root))
    except MissingObject:
        return 0, 0, 0


def _pairs(project: Project, seen: Scan, pointer: Pointer) -> list[Pair]:
    """(as the pointer says, as it is); cheap when the rows describe the pointer's own version."""
    if seen.root == pointer.digest:
        return seen.changes()
    return list(_merged(project, seen, pointer))


def _merged(project: Project, seen: Scan, pointer: Pointer) -> "list[Pair]":
    """Both sides entry by entry, when no row tells what changed."""
    pairs: list[Pair] = []
    old_side = manifest.walk(project.store.read, pointer.digest)
    new_side = seen.entries()
    old, new = next(old_side, None), next(new_side, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.path < new.path):
            pairs.append((old, None))
            old = next(old_side, None)
        elif old is None or new.path < old.path:
            pairs.append((None, new))
            new = next(new_side, None)
        else:
            if old != new:
                pairs.append((old, new))
            old, new = next(old_side, None), next(new_side, None)
    return pairs


def _settle(project: Project, seen: Scan, progress: Progress, *, everything: bool = False) -> None:
    """Hash what its stat cannot vouch for; a new size alone says that it is modified.

    With `everything`, nothing is left out: the rows describe another version than the one that is compared with.
    """
    settle_links(project, seen)
    wanted = [folder for folder in seen.folders if len(folder.pending)]
    progress.begin("looking", count=sum(len(folder.pending) for folder in wanted))
    try:
        for folder in wanted:
            _settle_folder(project, seen, folder, progress, everything)
    finally:
        progress.end()


def _settle_folder(project: Project, seen: Scan, folder: Folder, progress: Progress, everything: bool) -> None:
    with project.gate.directory(seen.place(folder)) as fd:
        for item in folder.items():
            if not everything and seen.kind == "directory" and item.why in ("resized", "new") and seen.root is not None:
                continue
            if item.stat.size < SMALL:
                digest = digest_of(read_small(fd, item.name, item.stat, path=seen.shown(item)))
            else:
                with open_checked(fd, item.name, item.stat, path=seen.shown(item)) as content:
                    digest = hash_fd(content, item.stat.size, Counted(progress))
            folder.settle(item.number, digest)
            progress.advance(count=1)
