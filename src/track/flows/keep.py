"""Keep: what a path holds goes into the store, and comes back as one digest."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from track.errors import MissingObject, PurgedObject, SpecialFile, TrackError, UnknownPath
from track.flows import leading
from track.flows.linked import settle_links, written_through
from track.flows.partly import compare, parts_here, parts_with, version_with
from track.flows.spread import WORTH_SPREADING, spread_out
from track.model import manifest
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, Root
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.progress import Counted, Progress, silent
from track.project import Project
from track.publish import make_directory, remove_tree, stage
from track.store.cutting import local_chunker, writing
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.store.writer import Writer
from track.worktree.parts import Parts, remember
from track.worktree.reading import stat_of
from track.worktree.scan import Folder, Item, Scan, open_checked, read_small, scan

_LISTED = 20
_NAMED = 3
_FEW = 1000
_NO_CHUNKER = (
    "`store.chunks` is on, and what cuts is not installed: large files are kept whole; pip install 'track-data[chunks]'"
)
Pair = tuple[Entry | None, Entry | None]


class Kept(NamedTuple):
    """What a path held. Sizes are in bytes; the counts compare files and links with the pointer that was there.

    `executable` is the bit of a file artifact; of files inside a directory the manifest knows.
    """

    kind: str
    digest: Digest
    size: int
    files: int | None
    executable: bool
    added_count: int
    modified_count: int
    removed_count: int
    ignored_count: int


class Keeper:
    """Keeps several artifacts with one commit of the store; made for a `with` block.

    With `dry_run` everything is read and hashed and nothing written. Leaving the block without `commit` keeps nothing.
    """

    def __init__(self, project: Project, *, dry_run: bool = False, progress: Progress = silent) -> None:
        """For the working tree and store of `project`."""
        self._project = project
        self._dry_run = dry_run
        self._progress = progress
        self._exits = ExitStack()
        self._writer: Writer | None = None
        self._nodes: dict[bytes, bytes] = {}
        self._finished: list[tuple[Scan, Digest]] = []
        self._parts: dict[bytes, Parts | None] = {}

    def __enter__(self) -> Self:
        """Take the store's lock, so that what is found there stays there."""
        if not self._dry_run:
            if self._project.store.wants_chunks and local_chunker(self._project.store) is None:
                self._project.warnings.append(_NO_CHUNKER)
            self._writer = self._exits.enter_context(writing(self._project.store))
        return self

    def __exit__(self, *raised: object) -> None:
        """Let go of the store."""
        self._exits.close()

    def commit(self) -> int:
        """Make everything kept durable; returns how many bytes were new to the store."""
        if self._writer is None:
            return 0
        self._writer.commit()
        for path, parts in self._parts.items():
            remember(self._project.worktree_state, path, *(parts or (None,)))
        return self._writer.new_bytes

    def note(self) -> None:
        """Remember the stats of everything kept; when pointers name it, for other rows say that Git moved a pointer."""
        if self._writer is not None:
            for seen, root in self._finished:
                seen.save(root)

    def keep(self, path: bytes, pointer: Pointer | None, *, parts: Sequence[bytes] = ()) -> Kept:
        """Store what `path` holds, or only the `parts` inside it (relative to it), on top of what `pointer` names.

        Raises:
            UnknownPath: nothing is there.
            SpecialFile, Unreadable, InsideArtifact, ChangedWhileAdding: what in it cannot be kept, all of it named.
            MissingObject: parts were named, and the manifest they belong to is not here.
        """
        if parts:
            return self._keep_parts(path, pointer, parts)
        seen = self._scan(path)
        pending = [len(folder.pending) for folder in seen.folders]
        few = sum(pending) <= _FEW  # of many, the count says enough
        size_bytes = sum(item.stat.size for _, item in seen.changed) if few else 0
        self._progress.begin(f"adding {display(path)}", size_bytes=size_bytes, count=sum(pending))
        try:
            self._settle(seen)
        finally:
            self._progress.end()
        return self._kept_file(seen, pointer) if seen.kind == "file" else self._kept_directory(seen, pointer)

    def _scan(self, path: bytes) -> Scan:
        """Look at everything; rows whose content the store has lost are not believed."""
        seen = self._look(path)
        if seen.root is not None and self._project.store.absent([seen.root]):
            self._project.stat_cache.forget(path)
            seen = self._look(path)
        if seen.kind not in ("file", "directory"):
            raise _not_data(path, seen.kind)
        if seen.errors:
            raise _together(path, seen.errors)
        return seen

    def _look(self, path: bytes) -> Scan:
        return scan_of(self._project, path)

    def _settle(self, seen: Scan) -> None:
        """Find the digest of everything that differs from its row, storing it on the way."""
        count = sum(len(folder.pending) for folder in seen.folders)
        if self._writer is not None and count >= WORTH_SPREADING:
            spread_out(self._project, seen, self._writer, self._room())
        if written := settle_links(self._project, seen):
            raise written_through(written)
        if (told := leading.leading_out(self._project, seen)) is not None:
            self._project.warnings.append(told)
        for folder in seen.folders:
            if len(folder.pending) and not folder.is_settled:
                self._settle_folder(seen, folder)

    def _room(self) -> Path:
        """A folder of this process for what others write on its behalf; removed when the keeper ends."""
        room = stage(self._project.store.rooms.staging)
        make_directory(room)
        self._exits.callback(remove_tree, room)
        return room

    def _settle_folder(self, seen: Scan, folder: Folder) -> None:
        with self._project.gate.directory(seen.place(folder)) as fd:
            for item in folder.items():
                if not folder.digest(item.number):
                    told = Counted(self._progress)
                    folder.settle(item.number, self._content(fd, seen, item, told))
                    self._progress.advance(size_bytes=item.stat.size - told.told_bytes, count=1)

    def _content(self, fd: int, seen: Scan, item: Item, told: Counted) -> Digest:
        path = seen.shown(item)
        try:  # no context manager: this is done for each of a hundred thousand files
            if item.stat.size < SMALL:
                data = read_small(fd, item.name, item.stat, path=path)
                return digest_of(data) if self._writer is None else self._writer.add(data)
            with open_checked(fd, item.name, item.stat, path=path) as content:
                if self._writer is None:
                    return hash_fd(content, item.stat.size, told)
                return self._writer.add_file(content, item.stat.size, told)
        except PurgedObject as error:
            raise _not_kept(path, error) from None

    def _kept_file(self, seen: Scan, pointer: Pointer | None) -> Kept:
        if not seen.folders:
            assert seen.recorded is not None
            entry = next(seen.entries())
        else:
            entry = next(entry for _, entry in seen.folders[0].entries())
        digest = Digest(entry.digest)
        self._refuse_purged(seen.path, digest)
        self._finished.append((seen, digest))
        counts = _file_counts(digest, pointer)
        return Kept("file", digest, entry.size, None, entry.mode == "x", *counts, seen.left_out)

    def _kept_directory(self, seen: Scan, pointer: Pointer | None) -> Kept:
        with _named(seen.path):
            root = self._root_of(seen)
        self._refuse_purged(seen.path, root.digest)
        self._finished.append((seen, Digest(root.digest)))
        parts = parts_here(self._project, seen.path, pointer)
        if parts is not None and pointer is not None:
            root = self._with_the_rest(seen, pointer, parts)
        else:
            self._parts[seen.path] = None
        # Where the rows are of the version in the pointer, the scan has said what changed: no manifest is read again.
        is_next = parts is None and pointer is not None and pointer.kind == "directory" and pointer.digest == seen.root
        counts = count(seen.changes()) if is_next else self._counts(pointer, root)
        return Kept("directory", Digest(root.digest), root.size, root.files, False, *counts, seen.left_out)

    def _refuse_purged(self, path: bytes, digest: bytes) -> None:
        """What was removed for good elsewhere may still be here: it is not kept, either."""
        if self._writer is not None:
            with _named(path):
                self._writer.refuse_purged((digest,))

    def _root_of(self, seen: Scan) -> Root:
        """The manifest of what was found: the one that the rows describe, with what changed since."""
        if seen.root is None:
            return manifest.build(seen.entries(), self._keep_node)
        changes = dict(map(_change, seen.changes()))
        return manifest.update(self.read, seen.root, changes, self._keep_node)

    def _with_the_rest(self, seen: Scan, pointer: Pointer, parts: Sequence[bytes]) -> Root:
        """The manifest of what is here and what was never placed here; only `parts` were."""
        try:
            partly = compare(self.read, pointer, parts, seen.entries())
        except PurgedObject:
            raise
        except MissingObject as error:
            named = [seen.path + b"/" + part for part in parts] if 0 < len(parts) <= _NAMED else [seen.path]
            error.hint = f"bring its manifest here first: track fetch -- {' '.join(map(typed, named))}"
            raise
        root = manifest.update(self.read, pointer.digest, dict(map(_change, partly.pairs)), self._keep_node)
        self._parts[seen.path] = Parts(partly.parts, Digest(root.digest))
        return root

    def _keep_parts(self, path: bytes, pointer: Pointer | None, parts: Sequence[bytes]) -> Kept:
        """Change the named parts of the manifest that `pointer` names, and nothing else of it."""
        if pointer is None or pointer.kind != "directory":
            raise UnknownPath(f"{display(path)} is not a directory artifact", hint=f"track ls {typed(path)}")
        try:
            changes = dict(change for part in parts for change in self._part(path, part, pointer.digest))
        except PurgedObject:
            raise
        except MissingObject as error:
            error.hint = f"bring its manifest here first: track fetch -- {typed(path)}"
            raise
        root = manifest.update(self.read, pointer.digest, changes, self._keep_node)
        if (together := parts_with(self._project, path, pointer, parts)) is not None:
            version = version_with(self._project, path, pointer, parts)
            self._parts[path] = Parts(together, Digest(root.digest) if version == pointer.digest else version)
        return Kept("directory", Digest(root.digest), root.size, root.files, False, *self._counts(pointer, root), 0)

    def _part(self, path: bytes, part: bytes, base: bytes) -> Iterator[tuple[bytes, Entry | None]]:
        """What becomes of the entries at and below `part`, and of an empty folder or file that stood in its way."""
        old = {entry.path for entry in manifest.walk(self.read, base, part)}
        new = {entry.path: entry for entry in self._part_entries(path, part)}
        if not old and not new:
            raise UnknownPath(
                f"nothing is there to add: `{display(path + b'/' + part)}`",
                hint=f"see what is in it: track ls {typed(path)}",
            )
        ends = [end for end, byte in enumerate(part) if byte == ord("/")]
        yield from ((part[:end], None) for end in ends if new and manifest.find(self.read, base, part[:end]))
        yield from ((gone, None) for gone in old - new.keys())
        yield from new.items()

    def _part_entries(self, path: bytes, part: bytes) -> Iterator[Entry]:
        whole = path + b"/" + part
        seen = self._look(whole)
        if seen.kind == "missing":
            return
        if seen.errors:
            raise _together(whole, seen.errors)
        if seen.kind == "link":
            yield self._link(whole, part)
            return
        self._settle(seen)
        prefix = part + b"/" if seen.kind == "directory" else part
        is_empty = True
        for entry in seen.entries():
            is_empty = False
            yield entry._replace(path=part if seen.kind == "file" else prefix + entry.path)
        if is_empty:
            yield Entry(part, "d", 0, digest_of(b""))

    def _link(self, whole: bytes, part: bytes) -> Entry:
        with self._project.gate.parent(whole) as (fd, name):
            target = read_small(fd, name, stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False)), path=whole)
        if leading.leads_out(part, target):
            self._project.warnings.append(leading.warning(whole[: -len(part) - 1], whole, target))
        digest = digest_of(target) if self._writer is None else self._writer.add(target)
        return Entry(part, "l", len(target), digest)

    def _counts(self, pointer: Pointer | None, root: Root) -> tuple[int, int, int]:
        """How many files were added, modified and removed since `pointer`."""
        if pointer is None or pointer.kind != "directory":
            return root.files, 0, 1 if pointer else 0
        if pointer.digest == root.digest:
            return 0, 0, 0
        try:
            return count(manifest.compare(self.read, pointer.digest, root.digest))
        except MissingObject:  # the old manifest was never here: nothing can be said of what it held
            return root.files, 0, 0

    def _keep_node(self, digest: Digest, node: bytes) -> None:
        self._nodes[digest] = node
        if self._writer is not None:
            self._writer.add_known(digest, node)

    def read(self, digest: bytes) -> bytes:
        """A node that this keeper made, or that the store has."""
        return self._nodes[digest] if digest in self._nodes else self._project.store.read(digest)


@contextmanager
def _named(path: bytes) -> Iterator[None]:
    """What cannot be kept because it was removed for good is told with its path."""
    try:
        yield
    except PurgedObject as error:
        raise _not_kept(path, error) from None


def _not_kept(path: bytes, error: PurgedObject) -> PurgedObject:
    error.message = f"`{display(path)}` is not kept: {error.message}"
    return error


def _change(pair: Pair) -> tuple[bytes, Entry | None]:
    old, new = pair
    if new is not None:
        return new.path, new
    assert old is not None
    return old.path, None


def scan_of(project: Project, path: bytes) -> Scan:
    """Look at the data at `path`: every name, no content."""
    return scan(project.gate, path, project.stat_cache, state=project.worktree_state)


def count(pairs: Iterable[Pair]) -> tuple[int, int, int]:
    """How many files and links of (old, new) pairs were added, modified and removed; empty folders do not count."""
    added = modified = removed = 0
    for old, new in pairs:
        was, is_now = old is not None and old.mode != "d", new is not None and new.mode != "d"
        added += is_now and not was
        removed += was and not is_now
        modified += was and is_now
    return added, modified, removed


def _file_counts(digest: Digest, pointer: Pointer | None) -> tuple[int, int, int]:
    if pointer is None:
        return 1, 0, 0
    return (0, 0, 0) if pointer.digest == digest else (0, 1, 0)


def _not_data(path: bytes, kind: str) -> TrackError:
    shown = display(path)
    if kind == "link":
        return SpecialFile(f"{shown} is a symbolic link", hint="add the file or folder that it points to")
    if kind == "missing":
        return UnknownPath(f"nothing is there to add: `{shown}`", hint="see what is there: ls")
    return SpecialFile(f"{shown} is neither a file nor a folder", hint="only files and folders can be added")


def _together(path: bytes, errors: Sequence[TrackError]) -> TrackError:
    """One error that names everything that stands in the way."""
    first = errors[0]
    if len(errors) == 1:
        return first
    listed = tuple(error.message for error in errors[:_LISTED])
    more = (f"and {len(errors) - _LISTED} more",) if len(errors) > _LISTED else ()
    message = f"{len(errors)} things in {display(path)} cannot be added"
    return type(first)(message, hint=first.hint, details=listed + more)
