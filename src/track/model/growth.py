"""Growth: making a manifest, and making the next one from it without touching what did not change.

Where a node ends depends on the sorted paths alone: with h the first 8 bytes of BLAKE3(path), little-endian, a node of
level n ends after a path whose h has its lowest 8(n + 1) bits zero, or after 8,192 lines. So a tree has one shape for
one content, and a change rewrites one leaf and the nodes above it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from blake3 import blake3

from track.errors import MalformedManifest
from track.model.digest import Digest, digest_of
from track.model.names import display
from track.model.node import (
    NODE_LIMIT,
    Child,
    Entry,
    Inner,
    Leaf,
    Root,
    check_numbers,
    checked_chain,
    encode_inner,
    encode_leaf,
    parse_node,
    refuse_below,
)
from track.model.traversal import Read, Reader, Subtree, walk

Keep = Callable[[Digest, bytes], None]
"""Told of every node that is made: its digest and bytes, lower nodes before the ones above."""


def build(entries: Iterable[Entry], keep: Keep) -> Root:
    """The manifest of these entries, which are sorted by path; holds one node a level in memory.

    Raises:
        MalformedManifest: the entries are not sorted, repeat, or cannot stand in one artifact.
    """
    growth = _Growth(keep)
    for entry in entries:
        growth.add(entry)
    return growth.finish()


def update(
    read: Read, root: bytes, changes: Mapping[bytes, Entry | None] | Iterable[tuple[bytes, Entry | None]], keep: Keep
) -> Root:
    """The manifest of `root` with `changes` (path -> its new entry, None removes it): what `build` makes of the result.

    `keep` is told of the nodes on the way of the changes; all others are used as they are.

    Raises:
        MalformedManifest: as `build`, and as `walk` for what is read.
    """
    pairs = changes.items() if isinstance(changes, Mapping) else changes
    merge = _Merge(read, dict(pairs), keep)
    return merge.run(root)


def levels_ended(path: bytes) -> int:
    """How many levels of nodes end after this path: the zero bytes that BLAKE3(path) begins with, at most 8."""
    digest = blake3(path).digest()
    return 0 if digest[0] else 8 - len(digest[:8].lstrip(b"\0"))


class _Level:
    """The open node of one level: its lines, or (`held`) a whole older node that stands for it."""

    __slots__ = ("children", "complete", "entries", "held", "hidden", "sent")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.children: list[Child] = []
        self.held: Child | None = None
        self.complete = True
        self.sent = False
        self.hidden = False

    def is_empty(self) -> bool:
        return not (self.entries or self.children or self.held)


class _Growth:
    """Takes entries, and whole subtrees where they fit, in order; hands nodes upwards.

    A complete node is handed up only when the next one begins: the single node of a level is the root, and no
    node above it may come to be.
    """

    def __init__(self, keep: Keep, read: Read | None = None) -> None:
        self._keep = keep
        self._read = read
        self._levels = [_Level()]
        self._chain: list[bytes] = []
        self._last = b""

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        level = self._levels[0]
        if level.complete and not level.is_empty():
            self._hand_up(0)
        level.entries.append(entry)
        level.complete = levels_ended(entry.path) > 0 or len(level.entries) == NODE_LIMIT

    def fits(self, height: int) -> bool:
        """Whether the next thing may be a whole older node of this level: none up to there is half done."""
        for below in range(height + 1):
            level = self._at(below)
            if not level.complete:
                return False
            if not level.is_empty():
                self._hand_up(below)
        return True

    def graft(self, subtree: Subtree) -> None:
        """Take a whole older node, which ends by rule or is the last; `fits` has just said that it may come."""
        for level in range(subtree.level):
            self._levels[level].hidden = True
        self._levels[subtree.level].held = subtree.child
        self._chain = [entry for entry in self._chain if subtree.child.path.startswith(entry)]
        self._last = subtree.child.path

    def finish(self) -> Root:
        """The root, when everything was taken."""
        height = 0
        while True:
            level = self._at(height)
            is_above = any(not each.is_empty() for each in self._levels[height + 1 :])
            if not (level.sent or level.hidden or is_above):
                return self._root(height)
            if not level.is_empty():
                self._hand_up(height)
            height += 1

    def _root(self, height: int) -> Root:
        top = self._levels[height]
        held = top.held
        if held is None:
            child = self._node(height)
            return Root(Digest(child.digest), child.files, child.size, height)
        while height and self._read is not None:
            node = parse_node(self._read(held.digest))
            if not isinstance(node, Inner) or len(node.children) > 1:
                break
            held, height = node.children[0], height - 1
        return Root(Digest(held.digest), held.files, held.size, height)

    def _at(self, height: int) -> _Level:
        while len(self._levels) <= height:
            self._levels.append(_Level())
        return self._levels[height]

    def _hand_up(self, height: int) -> None:
        """End the node of this level and make it a line of the node above."""
        child = self._levels[height].held or self._node(height)
        level = self._levels[height]
        level.entries, level.children, level.held = [], [], None
        level.complete = level.sent = True
        above = self._at(height + 1)
        if above.complete and not above.is_empty():
            self._hand_up(height + 1)
        above.children.append(child)
        above.complete = levels_ended(child.path) > height + 1 or len(above.children) == NODE_LIMIT

    def _node(self, height: int) -> Child:
        level = self._levels[height]
        if height:
            data = encode_inner(height, level.children)
            files = sum(child.files for child in level.children)
            size = sum(child.size for child in level.children)
            last = level.children[-1].path
        else:
            self._check(level.entries)
            data = encode_leaf(level.entries)
            files = sum(1 for entry in level.entries if entry.mode != "d")
            size = sum(entry.size for entry in level.entries)
            last = level.entries[-1].path if level.entries else b""
        check_numbers(files, size)
        digest = digest_of(data)
        self._keep(digest, data)
        return Child(files, size, digest, last)

    def _check(self, entries: list[Entry]) -> None:
        if not entries:
            return
        paths = [entry.path for entry in entries]
        chain = checked_chain(paths)
        if paths[0] <= self._last:
            raise MalformedManifest(f"entries are not sorted: {display(paths[0])} after {display(self._last)}")
        if self._chain and paths[0].startswith(self._chain[0]):
            for path in paths:
                refuse_below(self._chain, path)
        self._last = paths[-1]
        self._chain = [entry for entry in self._chain if self._last.startswith(entry)] + chain


class _Merge:
    """One pass over an older manifest beside the sorted changes."""

    def __init__(self, read: Read, changes: dict[bytes, Entry | None], keep: Keep) -> None:
        self._read = lru_cache(maxsize=64)(read)
        self._reader = Reader(self._read)
        self._changes = changes
        self._paths = sorted(changes)
        self._place = 0
        self._growth = _Growth(keep, self._read)
        self._added: list[bytes] = []

    def run(self, root: bytes) -> Root:
        for path, entry in self._changes.items():
            if entry is not None and entry.path != path:
                raise MalformedManifest(f"a change of {display(path)} brings an entry for {display(entry.path)}")
        top = self._reader.root(root)
        if not self._paths:
            level = top.level if isinstance(top, Inner) else 0
            return Root(Digest(root), top.files, top.size, level)
        self._take(top, is_last=True)
        self._add_until(None)
        self._refuse_clashes(root)
        return self._growth.finish()

    def _take(self, node: Leaf | Inner, *, is_last: bool) -> None:
        if isinstance(node, Leaf):
            for entry in node.entries:
                self._add_until(entry.path)
                if entry.path not in self._changes:
                    self._growth.add(entry)
            return
        for place, child in enumerate(node.children):
            last_here = is_last and place == len(node.children) - 1
            self._merge(Subtree(child, node.level - 1), is_last=last_here)

    def _merge(self, subtree: Subtree, *, is_last: bool) -> None:
        left = self._place < len(self._paths)
        touched = left and self._paths[self._place] <= subtree.child.path
        reopened = left and is_last and levels_ended(subtree.child.path) <= subtree.level
        if touched or reopened:
            self._take(self._reader.node(subtree), is_last=is_last)
        else:
            self._graft(subtree)

    def _graft(self, subtree: Subtree) -> None:
        if self._growth.fits(subtree.level):
            self._reader.skip(subtree)
            self._growth.graft(subtree)
            return
        node = self._reader.node(subtree)
        if isinstance(node, Leaf):
            for entry in node.entries:
                self._growth.add(entry)
            return
        for child in node.children:
            self._graft(Subtree(child, node.level - 1))

    def _add_until(self, path: bytes | None) -> None:
        """Add the changes that come before `path`, or stand in its place; all that are left if it is None."""
        while self._place < len(self._paths):
            here = self._paths[self._place]
            if path is not None and here > path:
                return
            self._place += 1
            entry = self._changes[here]
            if entry is not None:
                self._growth.add(entry)
                if here != path:
                    self._added.append(here)

    def _refuse_clashes(self, root: bytes) -> None:
        """Refuse new paths that lie below an old entry, or have old entries below them, in nodes that were not read."""
        folders: set[bytes] = set()
        for path in self._added:
            folders.update(path[:place] for place, byte in enumerate(path) if byte == 47)
            for entry in walk(self._read, root, path):
                if entry.path != path and entry.path not in self._changes:
                    raise MalformedManifest(f"a manifest entry lies below a file or link: {display(entry.path)}")
        for folder in folders:
            if folder in self._changes:
                clashes = self._changes[folder] is not None
            else:
                clashes = any(entry.path == folder for entry in walk(self._read, root, folder))
            if clashes:
                raise MalformedManifest(f"manifest entries lie below a file or link: {display(folder)}")
