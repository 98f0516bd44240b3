"""Traversal: reading a manifest without reading more of it than the question needs."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple

from track.errors import MalformedManifest
from track.model.digest import Digest
from track.model.names import display
from track.model.node import Child, Entry, Inner, Leaf, parse_beside, parse_node, refuse_below

Read = Callable[[bytes], bytes]
"""Gives the bytes of the node with this digest, already verified against it."""


class Subtree(NamedTuple):
    """A node that was not read yet: what its parent says of it, and its level."""

    child: Child
    level: int


class Reader:
    """Reads nodes in order and holds each against its parent's line and against what came before it."""

    def __init__(self, read: Read) -> None:
        """Read with `read`."""
        self._read = read
        self.last = b""
        """The last path of what was read or passed; whatever comes lies behind it."""
        self._chain: list[bytes] = []

    def root(self, digest: bytes) -> Leaf | Inner:
        """The top node; one that has a single node below it is no root."""
        node = parse_node(self._read(digest))
        if isinstance(node, Inner) and len(node.children) < 2:
            raise MalformedManifest("the root of a manifest has a single node below it")
        if isinstance(node, Leaf):
            self._follow(node)
        return node

    def node(self, subtree: Subtree) -> Leaf | Inner:
        """A node below the root; call it in the order of paths.

        Raises:
            MalformedManifest: it is not what its parent says, or does not follow what came before.
        """
        node = parse_node(self._read(subtree.child.digest))
        self._check(subtree, node)
        return node

    def bytes_of(self, subtree: Subtree) -> bytes:
        """The bytes of a node, for `leaf`."""
        return self._read(subtree.child.digest)

    def leaf(self, subtree: Subtree, node: Leaf | Inner) -> Leaf:
        """A leaf that was read already, checked as `node` does."""
        self._check(subtree, node)
        assert isinstance(node, Leaf)
        return node

    def _check(self, subtree: Subtree, node: Leaf | Inner) -> None:
        child, level = subtree
        found_level = node.level if isinstance(node, Inner) else 0
        last = _last_path(node)
        if found_level != level or last != child.path or (node.files, node.size) != (child.files, child.size):
            raise MalformedManifest(
                f"a manifest node is not what its parent says, near {display(child.path)}",
                details=(
                    f"said: level {level}, {child.files} files, {child.size} bytes",
                    f"found: level {found_level}, {node.files} files, {node.size} bytes, up to {display(last)}",
                ),
            )
        if isinstance(node, Leaf):
            self._follow(node)

    def skip(self, subtree: Subtree) -> None:
        """Go past a node without reading it."""
        self.last = subtree.child.path

    def _follow(self, leaf: Leaf) -> None:
        if not leaf.entries:
            return
        first = leaf.entries[0].path
        if first <= self.last:
            raise MalformedManifest(f"manifest entries are not sorted: {display(first)} after {display(self.last)}")
        last = leaf.entries[-1].path
        if self._chain and first.startswith(self._chain[0]):
            for entry in self._chain:
                place = bisect_left(leaf.entries, entry + b"/", key=_path_of)
                if place < len(leaf.entries):
                    refuse_below((entry,), leaf.entries[place].path)
        kept = [entry for entry in self._chain if last.startswith(entry)]
        self._chain = kept + leaf.chain
        self.last = last


def walk(read: Read, root: bytes, under: bytes = b"") -> Iterator[Entry]:
    """The entries, sorted by path; with `under` the entry of that path or those in that directory.

    Raises:
        MalformedManifest: order, counts, sizes or names break the rules.
    """
    reader = Reader(read)
    end = under + b"0" if under else b""
    stack = _below(reader.root(root))
    before = b""
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            yield from _within(item, under) if under else item
            before = item[-1].path if item else b""
        elif not under or (item.child.path >= under and before < end):
            stack.extend(_below(reader.node(item)))
        else:
            reader.skip(item)
            before = item.child.path


def find(read: Read, root: bytes, path: bytes) -> Entry | None:
    """The entry with exactly this path.

    Raises:
        MalformedManifest: a node on the way breaks the rules.
    """
    reader = Reader(read)
    node = reader.root(root)
    while isinstance(node, Inner):
        place = bisect_left(node.children, path, key=_path_of)
        if place == len(node.children):
            return None
        node = reader.node(Subtree(node.children[place], node.level - 1))
    place = bisect_left(node.entries, path, key=_path_of)
    if place < len(node.entries) and node.entries[place].path == path:
        return node.entries[place]
    return None


def nodes(read: Read, root: bytes) -> Iterator[tuple[Digest, bytes]]:
    """Every node as (digest, bytes), parents before what lies below them.

    Raises:
        MalformedManifest: as `walk`.
    """
    seen: list[bytes] = []

    def noted(digest: bytes) -> bytes:
        seen.append(read(digest))
        return seen[-1]

    reader = Reader(noted)
    stack = _below(reader.root(root))
    yield Digest(root), seen.pop()
    while stack:
        item = stack.pop()
        if isinstance(item, Subtree):
            stack.extend(_below(reader.node(item)))
            yield Digest(item.child.digest), seen.pop()


def compare(read: Read, a: bytes | None, b: bytes | None) -> Iterator[tuple[Entry | None, Entry | None]]:
    """What differs, as (entry in a, entry in b), sorted by path; None is no manifest, and no entry.

    Reads only nodes whose digests differ, and where both have the same entries at other boundaries.

    Raises:
        MalformedManifest: order, counts, sizes or names break the rules.
    """
    if a == b:
        return
    left, right = _Side(read, a), _Side(read, b)
    while True:
        old, new = left.top, right.top
        if isinstance(old, Subtree) or isinstance(new, Subtree):
            if isinstance(new, Entry) and left.is_past(new.path):
                yield None, right.take()
            elif isinstance(old, Entry) and right.is_past(old.path):
                yield left.take(), None
            else:
                _descend(left, right)
        elif old is None and new is None:
            return
        elif new is None or (old is not None and old.path < new.path):
            yield left.take(), None
        elif old is None or new.path < old.path:
            yield None, right.take()
        else:
            left.take()
            right.take()
            if old != new:
                yield old, new


class _Side:
    """One of two manifests that are compared: a stack of what is still to come, its next item at the end."""

    def __init__(self, read: Read, root: bytes | None) -> None:
        self._reader = Reader(read)
        self._stack: list[Entry | Subtree] = []
        if root is not None:
            self._push(self._reader.root(root))

    @property
    def top(self) -> Entry | Subtree | None:
        return self._stack[-1] if self._stack else None

    def is_past(self, path: bytes) -> bool:
        """Whether all that is still to come lies behind `path`, so that no node has to be read to know it."""
        return path <= self._reader.last

    def take(self) -> Entry:
        item = self._stack.pop()
        assert isinstance(item, Entry)
        return item

    def skip(self) -> None:
        item = self._stack.pop()
        assert isinstance(item, Subtree)
        self._reader.skip(item)

    def expand(self) -> None:
        item = self._stack.pop()
        assert isinstance(item, Subtree)
        self._push(self._reader.node(item))

    def open(self) -> tuple[Subtree, Reader]:
        """The next leaf, taken off the stack, and what reads it."""
        item = self._stack.pop()
        assert isinstance(item, Subtree)
        return item, self._reader

    def wait_for(self, entries: list[Entry]) -> None:
        self._stack.extend(reversed(entries))

    def _push(self, node: Leaf | Inner) -> None:
        if isinstance(node, Leaf):
            self.wait_for(node.entries)
        else:
            self._stack.extend(Subtree(child, node.level - 1) for child in reversed(node.children))


def _descend(left: _Side, right: _Side) -> None:
    """One step where at least one side has a node before it: past equal nodes, or into the larger one or both."""
    old, new = left.top, right.top
    old_level = old.level if isinstance(old, Subtree) else -1
    new_level = new.level if isinstance(new, Subtree) else -1
    if isinstance(old, Subtree) and isinstance(new, Subtree) and old.child.digest == new.child.digest:
        left.skip()
        right.skip()
    elif old_level == new_level == 0:
        _meet(left, right)
    else:
        if old_level >= new_level:
            left.expand()
        if new_level >= old_level:
            right.expand()


def _meet(left: _Side, right: _Side) -> None:
    """Read a leaf of each side, and go past the lines that both begin and end with."""
    (old_subtree, old_reader), (new_subtree, new_reader) = left.open(), right.open()
    old_bytes, new_bytes = old_reader.bytes_of(old_subtree), new_reader.bytes_of(new_subtree)
    new = new_reader.leaf(new_subtree, parse_node(new_bytes))
    old, head, tail = parse_beside(old_bytes, new_bytes, new)
    old_reader.leaf(old_subtree, old)
    left.wait_for(old.entries[head : len(old.entries) - tail])
    right.wait_for(new.entries[head : len(new.entries) - tail])


def _below(node: Leaf | Inner) -> list[Subtree | list[Entry]]:
    if isinstance(node, Leaf):
        return [node.entries]
    return [Subtree(child, node.level - 1) for child in reversed(node.children)]


def _within(entries: list[Entry], under: bytes) -> Iterator[Entry]:
    inside = under + b"/"
    for entry in entries[bisect_left(entries, under, key=_path_of) :]:
        if entry.path.startswith(inside) or entry.path == under:
            yield entry
        elif entry.path > inside:
            return


def _path_of(item: Entry | Child) -> bytes:
    return item.path


def _last_path(node: Leaf | Inner) -> bytes:
    if isinstance(node, Inner):
        return node.children[-1].path
    return node.entries[-1].path if node.entries else b""
