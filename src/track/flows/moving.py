"""Moving: what pointers say after data was moved about; a file, a whole artifact, or a part of a directory.

Nothing is changed here and nothing is hashed: a manifest without some entries, or with some more, is a version of its
own. The outcome depends on the pointers before and the moves alone, so that an interrupted move can go on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from track.errors import UnknownPath
from track.formats.media import type_of
from track.model import manifest
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, Root
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.worktree.trash import Move


class Place(NamedTuple):
    """A path as an artifact and what is in it: `inner` is empty for the artifact itself."""

    artifact: bytes
    inner: bytes

    @property
    def path(self) -> bytes:
        """The path from the top of the working tree."""
        return self.artifact + b"/" + self.inner if self.inner else self.artifact


class Passage(NamedTuple):
    """A move with both ends told apart. `before` and `after` are the pointers of both artifacts around it.

    Either has None where there is no such artifact.
    """

    source: Place
    target: Place
    source_before: Pointer
    source_after: Pointer | None
    target_before: Pointer | None
    target_after: Pointer | None

    @property
    def is_whole(self) -> bool:
        """Whether an artifact only gets another path."""
        return not self.source.inner and not self.target.inner


class Moving:
    """Pointers while moves are made one by one: `pointers` are as they are then, `nodes` are new manifests."""

    def __init__(self, read: manifest.Read, pointers: Mapping[bytes, Pointer]) -> None:
        """`pointers` are all that may matter, by artifact; `read` gives the nodes of their manifests."""
        self._stored = read
        self.pointers = dict(pointers)
        self.nodes: dict[Digest, bytes] = {}

    def pass_through(self, moves: Iterable[Move]) -> list[Passage]:
        """What each move means, in order.

        Raises:
            UnknownPath: a source is in no version of its artifact, or a link that cannot be an artifact itself.
            MissingObject: a manifest is not here.
        """
        return [self._pass(self.place(move.source), self.place(move.target)) for move in moves]

    def place(self, path: bytes) -> Place:
        """A path as artifact and what is in it: the directory that it lies in, else an artifact of its own."""
        for at in (at for at, byte in enumerate(path) if byte == 0x2F):
            pointer = self.pointers.get(path[:at])
            if pointer is not None and pointer.kind == "directory":
                return Place(path[:at], path[at + 1 :])
        return Place(path, b"")

    def _pass(self, source: Place, target: Place) -> Passage:
        before, there = self.pointers[source.artifact], self.pointers.get(target.artifact)
        if not source.inner and not target.inner:
            del self.pointers[source.artifact]
            self.pointers[target.artifact] = before
            return Passage(source, target, before, None, None, before)
        entries = self._entries(source, before)
        if source.artifact == target.artifact:
            changes = self._gone(source, entries) | self._put(target, before, entries)
            self.pointers[source.artifact] = after = self._updated(before, changes)
            return Passage(source, target, before, after, before, after)
        if source.inner:
            left: Pointer | None = self._updated(before, self._gone(source, entries))
        else:
            left = None
        if target.inner:
            assert there is not None
            joined = self._updated(there, self._put(target, there, entries))
            joined = joined if source.inner else _with_marks(joined, before)
        else:
            joined = self._apart(target, before, entries)
        self.pointers[target.artifact] = joined
        if left is None:
            del self.pointers[source.artifact]
        else:
            self.pointers[source.artifact] = left
        return Passage(source, target, before, left, there, joined)

    def _entries(self, source: Place, pointer: Pointer) -> list[Entry]:
        """What moves, relative to its place; a file is the entry with an empty path."""
        if pointer.kind == "file":
            return [Entry(b"", "x" if pointer.executable else "f", pointer.size, pointer.digest)]
        found = list(manifest.walk(self._read, pointer.digest, source.inner) if source.inner else self._all(pointer))
        if source.inner and not found:
            raise UnknownPath(
                f"`{display(source.path)}` is in no version of `{display(source.artifact)}` yet",
                hint=f"move it yourself: mv; or add it first: track add {typed(source.path)}",
            )
        start = len(source.inner)
        return [entry._replace(path=entry.path[start:].removeprefix(b"/")) for entry in found]

    def _all(self, pointer: Pointer) -> Iterable[Entry]:
        return manifest.walk(self._read, pointer.digest)

    def _gone(self, source: Place, entries: Iterable[Entry]) -> dict[bytes, Entry | None]:
        return {_below(source.inner, entry.path): None for entry in entries}

    def _put(self, target: Place, there: Pointer, entries: list[Entry]) -> dict[bytes, Entry | None]:
        """The entries at their new place, and without an empty folder that they fill."""
        inner = target.inner
        above = (inner[:at] for at, byte in enumerate(inner) if byte == 0x2F)
        changes: dict[bytes, Entry | None] = {
            folder: None for folder in above if manifest.find(self._read, there.digest, folder) is not None
        }
        if not entries:  # an empty directory artifact becomes an empty folder
            entries = [Entry(b"", "d", 0, digest_of(b""))]
        changes.update((_below(inner, entry.path), entry._replace(path=_below(inner, entry.path))) for entry in entries)
        return changes

    def _updated(self, pointer: Pointer, changes: Mapping[bytes, Entry | None]) -> Pointer:
        return _of_root(pointer, manifest.update(self._read, pointer.digest, dict(changes), self._keep))

    def _apart(self, target: Place, before: Pointer, entries: list[Entry]) -> Pointer:
        """A part of a directory as an artifact of its own, with what people said of the whole."""
        said = replace(
            before, kind="file", files=None, rows=None, type=None, run=None, schema={}, based_on={}, extra={}
        )
        first = entries[0]
        if first.path or first.mode == "d":
            root = manifest.build((entry for entry in entries if entry.path), self._keep)
            return replace(said, kind="directory", digest=Digest(root.digest), size=root.size, files=root.files)
        if first.mode == "l":
            raise UnknownPath(
                f"`{display(target.path)}` would be a symbolic link, which cannot be an artifact of its own",
                hint="move the file that it points to, or a folder with the link in it",
            )
        return replace(
            said,
            digest=Digest(first.digest),
            size=first.size,
            executable=first.mode == "x",
            type=type_of(target.path),
        )

    def _keep(self, digest: Digest, node: bytes) -> None:
        self.nodes[digest] = node

    def _read(self, digest: bytes) -> bytes:
        node = self.nodes.get(Digest(digest))
        return node if node is not None else self._stored(digest)


def _of_root(pointer: Pointer, root: Root) -> Pointer:
    return replace(pointer, digest=Digest(root.digest), size=root.size, files=root.files, run=None, rows=None)


def _with_marks(pointer: Pointer, joined: Pointer) -> Pointer:
    """With the labels and tags of an artifact that becomes a part of it; its own stay as they are."""
    tags = (*pointer.tags, *(tag for tag in joined.tags if tag not in pointer.tags))
    return replace(pointer, labels={**joined.labels, **pointer.labels}, tags=tags)


def _below(folder: bytes, path: bytes) -> bytes:
    return folder + b"/" + path if folder and path else folder or path
