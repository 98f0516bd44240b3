"""Node: one piece of a manifest, as values and as the bytes of format 1.

A node begins with `track-manifest 1 <level>`. A line of a leaf (level 0) is `mode size digest path`, a line of an
inner node `count size digest last-path`, each ended by LF; `\\` and LF in a path are escaped. Reading is strict: every
fact has one spelling, so equal bytes and equal meaning are the same thing.
"""

import re
from binascii import hexlify, unhexlify
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import lt
from typing import NamedTuple, NoReturn

from track.errors import MalformedManifest, NewerFormat
from track.model.amounts import NUMBER_LIMIT
from track.model.digest import digest_of
from track.model.expressions import expression
from track.model.names import are_suspicious, check_entry_path, display

NODE_LIMIT = 8192
LEVEL_LIMIT = 15
MODES = "fxld"
"""What an entry is: file, executable file, symlink (its content is the target), directory without any entry."""

_HEADER = expression(rb"track-manifest ([1-9][0-9]{0,8}) (0|[1-9][0-9]?)\n")
_NUMBER = rb"(0|[1-9][0-9]{0,18})"
_LEAF_LINE = expression(rb"(?m)^([fxld]) " + _NUMBER + rb" ([0-9a-f]{64}) ([^\n\0]+)\n")
_INNER_LINE = expression(rb"(?m)^" + _NUMBER + rb" " + _NUMBER + rb" ([0-9a-f]{64}) ([^\n\0]+)\n")
_ESCAPED = expression(rb"\\(.?)", re.DOTALL)
_MODE_OF = {b"f": "f", b"x": "x", b"l": "l", b"d": "d"}
_LETTER_OF = {mode: letter for letter, mode in _MODE_OF.items()}
_EMPTY = bytes(digest_of(b""))


class Entry(NamedTuple):
    """One file, link or empty directory: `path` is raw and relative to the artifact, `size` in bytes."""

    path: bytes
    mode: str
    size: int
    digest: bytes


class Child(NamedTuple):
    """A line of an inner node: what lies below it (`files` counts links, no empty directory), and its last path."""

    files: int
    size: int
    digest: bytes
    path: bytes


class Leaf(NamedTuple):
    """A node of entries. `files` and `size` are its totals; `chain` are the entries its last path begins with."""

    entries: list[Entry]
    files: int
    size: int
    chain: list[bytes]


class Inner(NamedTuple):
    """A node of nodes of the level below; `files` and `size` are its totals."""

    level: int
    children: list[Child]
    files: int
    size: int


class Root(NamedTuple):
    """The top of a manifest: its digest is the artifact's; `files` counts files and links, `size` is their sum."""

    digest: bytes
    files: int
    size: int
    level: int


def encode_leaf(entries: Iterable[Entry]) -> bytes:
    """The bytes of a leaf; entries are as they come, see `checked_chain`."""
    lines = [
        b"%b %d %b %b\n" % (_LETTER_OF[mode], size, hexlify(digest), path)
        if b"\\" not in path and b"\n" not in path
        else b"%b %d %b %b\n" % (_LETTER_OF[mode], size, hexlify(digest), _escaped(path))
        for path, mode, size, digest in entries
    ]
    return b"track-manifest 1 0\n" + b"".join(lines)


def encode_inner(level: int, children: Iterable[Child]) -> bytes:
    """The bytes of an inner node."""
    lines = [
        b"%d %d %b %b\n" % (files, size, hexlify(digest), _escaped(path)) for files, size, digest, path in children
    ]
    return b"track-manifest 1 %d\n" % level + b"".join(lines)


def parse_node(data: bytes) -> Leaf | Inner:
    """The node in `data`, checked as far as one node can be.

    Raises:
        MalformedManifest: a line, a number, a path or the order is not what this format writes.
        NewerFormat: the header names another format.
    """
    header = _HEADER.match(data)
    if header is None:
        raise MalformedManifest("a manifest does not begin with 'track-manifest 1 <level>'")
    if header[1] != b"1":
        raise NewerFormat(
            f"a manifest has format {int(header[1])}; this version of track reads format 1",
            hint="upgrade track: pip install --upgrade track-data",
        )
    level = int(header[2])
    if level > LEVEL_LIMIT:
        raise MalformedManifest(f"a manifest says it has {level} levels; at most {LEVEL_LIMIT} are possible")
    line = _INNER_LINE if level else _LEAF_LINE
    rows: list[tuple[bytes, bytes, bytes, bytes]] = line.findall(data, header.end())
    lines_count = data.count(b"\n") - 1
    if len(rows) != lines_count or not data.endswith(b"\n"):
        raise MalformedManifest(_first_bad_line(data, line))
    if lines_count > NODE_LIMIT:
        raise MalformedManifest(f"a manifest node has {lines_count} lines; at most {NODE_LIMIT} are possible")
    if level:
        return _inner(level, rows)
    return _leaf(rows, b"\\" in data)


def parse_beside(data: bytes, other_data: bytes, other: Leaf) -> tuple[Leaf, int, int]:
    """The leaf in `data`, and how many entries it begins and ends with as `other` does, which was parsed already.

    What is the same in both is not parsed again; the result is what `parse_node` gives, and so is what it raises.
    """
    node_head = data.find(b"\n") + 1
    head_end = _common_head(data, other_data)
    if head_end < node_head:
        leaf = parse_node(data)
        return (leaf if isinstance(leaf, Leaf) else _not_a_leaf()), 0, 0
    tail_size = _common_tail(data[head_end:], other_data[head_end:])
    head = data.count(b"\n", 0, head_end) - 1
    tail = data.count(b"\n", len(data) - tail_size) if tail_size else 0
    middle = parse_node(data[:node_head] + data[head_end : len(data) - tail_size])
    if not isinstance(middle, Leaf):
        _not_a_leaf()
    replaced = other.entries[head : len(other.entries) - tail]
    entries = other.entries[:head] + middle.entries + other.entries[len(other.entries) - tail :]
    files = other.files + middle.files - sum(1 for entry in replaced if entry.mode != "d")
    size = other.size + middle.size - sum(entry.size for entry in replaced)
    check_numbers(size)
    if len(entries) > NODE_LIMIT:
        raise MalformedManifest(f"a manifest node has {len(entries)} lines; at most {NODE_LIMIT} are possible")
    if [entry.path for entry in middle.entries] == [entry.path for entry in replaced]:
        return Leaf(entries, files, size, other.chain), head, tail
    chain = checked_chain([entry.path for entry in entries]) if entries else []
    return Leaf(entries, files, size, chain), head, tail


def _not_a_leaf() -> NoReturn:
    raise MalformedManifest("a leaf of a manifest says it is none")


def _common_head(data: bytes, other: bytes) -> int:
    """How many bytes of whole lines both begin with."""
    low, high = 0, min(len(data), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if data[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return data.rfind(b"\n", 0, low) + 1


def _common_tail(data: bytes, other: bytes) -> int:
    """How many bytes of whole lines both end with."""
    low, high = 0, min(len(data), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if data[len(data) - middle : len(data) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    if low in (len(data), len(other)):
        begins = (low == len(data)) and (low == len(other) or other[len(other) - low - 1 : len(other) - low] == b"\n")
        begins = begins or (low == len(other) and data[len(data) - low - 1 : len(data) - low] == b"\n")
        if begins:
            return low
    start = data.find(b"\n", len(data) - low)
    return 0 if start < 0 else len(data) - start - 1


def checked_chain(paths: Sequence[bytes]) -> list[bytes]:
    """The paths that the last one begins with, itself the last; checks that all of them can stand in one artifact.

    Raises:
        MalformedManifest: a path may not be written, or they repeat, are not sorted, or one lies below another.
    """
    after = paths[1:]
    if not all(map(lt, paths, after)):
        first, second = next(pair for pair in pairwise(paths) if pair[0] >= pair[1])
        said = "is there twice" if first == second else f"comes after {display(first)}"
        raise MalformedManifest(f"manifest entries are not sorted: {display(second)} {said}")
    if are_suspicious(paths):
        for path in paths:
            why = check_entry_path(path)
            if why is not None:
                raise MalformedManifest(f"a manifest entry may not be written: {display(path)} {why}")
    if not any(map(bytes.startswith, after, paths)):  # sorted: what follows an entry would begin with it
        return [paths[-1]]
    entries = frozenset(paths)
    folders = {path.rpartition(b"/")[0] for path in paths}
    while folders:
        if not folders.isdisjoint(entries):
            path = next(path for path in paths for folder in folders & entries if path.startswith(folder + b"/"))
            refuse_below(entries, path)
        folders = {folder.rpartition(b"/")[0] for folder in folders} - {b""}
    return list(filter(paths[-1].startswith, paths))


def refuse_below(chain: Iterable[bytes], path: bytes) -> None:
    """Refuse a path that lies below one of the entries in `chain`, which are no directories.

    Raises:
        MalformedManifest: it does.
    """
    for entry in chain:
        if path.startswith(entry + b"/"):
            raise MalformedManifest(f"a manifest entry lies below a file or link: {display(path)}")


def check_numbers(*numbers: int) -> None:
    """Refuse numbers that no program could hold.

    Raises:
        MalformedManifest: one of them is over 2**63 - 1.
    """
    if max(numbers) > NUMBER_LIMIT:
        raise MalformedManifest("a manifest has a number over 2**63 - 1")


def _leaf(rows: list[tuple[bytes, bytes, bytes, bytes]], escaped: bool) -> Leaf:
    if not rows:
        return Leaf([], 0, 0, [])
    modes, numbers, digests, paths = zip(*rows, strict=True)
    if escaped:
        paths = tuple(map(_unescaped, paths))
    sizes = tuple(map(int, numbers))
    size = sum(sizes)
    check_numbers(size)
    entries = list(map(Entry, paths, map(_MODE_OF.__getitem__, modes), sizes, map(unhexlify, digests)))
    empty_count = modes.count(b"d")
    if empty_count and any(entry.size or entry.digest != _EMPTY for entry in entries if entry.mode == "d"):
        raise MalformedManifest("a manifest gives content to an empty directory")
    return Leaf(entries, len(entries) - empty_count, size, checked_chain(paths))


def _inner(level: int, rows: list[tuple[bytes, bytes, bytes, bytes]]) -> Inner:
    if not rows:
        raise MalformedManifest("an inner node of a manifest has no lines")
    children = [Child(int(files), int(size), unhexlify(digest), _unescaped(path)) for files, size, digest, path in rows]
    paths = [child.path for child in children]
    if not all(map(lt, paths, paths[1:])):
        raise MalformedManifest("the nodes of a manifest are not sorted")
    files = sum(child.files for child in children)
    size = sum(child.size for child in children)
    check_numbers(size, files)
    return Inner(level, children, files, size)


def _escaped(path: bytes) -> bytes:
    if b"\\" in path or b"\n" in path:
        return path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return path


def _unescaped(path: bytes) -> bytes:
    return _ESCAPED.sub(_unescape, path) if b"\\" in path else path


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1] == b"\\":
        return b"\\"
    if found[1] == b"n":
        return b"\n"
    raise MalformedManifest("a manifest has a backslash that escapes nothing")


def _first_bad_line(data: bytes, line: re.Pattern[bytes]) -> str:
    for number, text in enumerate(data.split(b"\n")[1:], start=2):
        if line.fullmatch(text + b"\n") is None and (text or number <= data.count(b"\n")):
            return f"line {number} of a manifest is not one: {display(text[:120])}"
    return "a manifest does not end with a line feed"
