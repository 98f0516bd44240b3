"""Manifests that a stranger made: refused on read, whatever they break."""

import pytest

from track.errors import MalformedManifest, NewerFormat
from track.model.digest import digest_of
from track.model.manifest import (
    Child,
    Entry,
    build,
    compare,
    encode_inner,
    encode_leaf,
    find,
    levels_ended,
    nodes,
    parse_node,
    update,
    walk,
)

EMPTY = bytes(digest_of(b""))
HEX = EMPTY.hex().encode()
LEAF = b"track-manifest 1 0\n"


def line(path=b"a", mode=b"f", size=b"0", digest=HEX):
    return b"%b %b %b %b\n" % (mode, size, digest, path)


def file(path, size=1, mode="f"):
    return Entry(path, mode, size, EMPTY)


def test_the_bytes_of_a_leaf_are_these():
    entries = [
        Entry(b"a", "f", 3, EMPTY),
        Entry(b"b\n\\c", "x", 0, EMPTY),
        Entry(b"d", "d", 0, EMPTY),
        Entry(b"\xff", "l", 9, EMPTY),
    ]
    data = encode_leaf(entries)
    assert data == LEAF + b"f 3 %b a\nx 0 %b b\\n\\\\c\nd 0 %b d\nl 9 %b \xff\n" % (HEX, HEX, HEX, HEX)
    leaf = parse_node(data)
    assert leaf.entries == entries
    assert (leaf.files, leaf.size) == (3, 12)


def test_an_empty_directory_is_a_header_alone():
    kept = {}
    root = build([], kept.__setitem__)
    assert kept == {root.digest: LEAF}
    assert (root.files, root.size, root.level) == (0, 0, 0)
    assert list(walk(kept.__getitem__, root.digest)) == []


MALFORMED = {
    "nothing": b"",
    "no header": line(),
    "another word": b"manifest 1 0\n",
    "no line feed after the header": b"track-manifest 1 0",
    "carriage return": b"track-manifest 1 0\r\n",
    "level with a zero before it": b"track-manifest 1 00\n",
    "negative level": b"track-manifest 1 -1\n",
    "a hundred levels": b"track-manifest 1 100\n",
    "sixteen levels": b"track-manifest 1 16\n",
    "format zero": b"track-manifest 0 0\n",
    "format with a zero before it": b"track-manifest 01 0\n",
    "inner node without lines": b"track-manifest 1 1\n",
    "leaf lines in an inner node": b"track-manifest 1 1\n" + line(),
    "inner lines in a leaf": LEAF + b"1 1 %b a\n" % HEX,
    "last line without its end": LEAF + line()[:-1],
    "garbage at the end": LEAF + line() + b"x",
    "empty line at the end": LEAF + line() + b"\n",
    "empty line between": LEAF + line() + b"\n" + line(b"b"),
    "garbage before a line": LEAF + b"zz " + line(),
    "unknown mode": LEAF + line(mode=b"s"),
    "capital mode": LEAF + line(mode=b"F"),
    "two spaces": LEAF + line().replace(b" ", b"  ", 1),
    "no path": LEAF + b"f 0 %b\n" % HEX,
    "empty path": LEAF + line(b""),
    "size with a zero before it": LEAF + line(size=b"01"),
    "size with a plus": LEAF + line(size=b"+1"),
    "negative size": LEAF + line(size=b"-1"),
    "size with an underscore": LEAF + line(size=b"1_0"),
    "hexadecimal size": LEAF + line(size=b"0x1"),
    "empty size": LEAF + line(size=b""),
    "size over 63 bits": LEAF + line(size=b"9223372036854775808"),
    "size of a thousand digits": LEAF + line(size=b"9" * 1000),
    "sizes whose sum is over 63 bits": LEAF + line(size=b"9223372036854775807") + line(b"b", size=b"1"),
    "capital hex": LEAF + line(digest=HEX.upper()),
    "short digest": LEAF + line(digest=HEX[:-2]),
    "long digest": LEAF + line(digest=HEX + b"00"),
    "repeated": LEAF + line() + line(),
    "repeated with another mode": LEAF + line() + line(mode=b"x"),
    "not sorted": LEAF + line(b"b") + line(b"a"),
    "sorted as text, not as bytes": LEAF + line(b"\xef\xbf\xbd") + line(b"\xed\x9f\xbf"),
    "NUL": LEAF + line(b"a\0b"),
    "unknown escape": LEAF + line(b"a\\tb"),
    "needless escape": LEAF + line(b"\\x61"),
    "backslash at the end": LEAF + line(b"a\\"),
    "content in an empty directory": LEAF + line(mode=b"d", size=b"3"),
    "digest of an empty directory": LEAF + line(mode=b"d", digest=b"0" * 64),
    "below a file": LEAF + line(b"a") + line(b"a/b"),
    "below a link": LEAF + line(b"a", mode=b"l") + line(b"a/b"),
    "below an empty directory": LEAF + line(b"a", mode=b"d") + line(b"a/b"),
    "far below a link": LEAF + line(b"a", mode=b"l") + line(b"a!") + line(b"a-b") + line(b"a/b/c/d"),
    "below a link that others begin with": LEAF + line(b"a/b", mode=b"l") + line(b"a/b!c") + line(b"a/b/c"),
    "parent": LEAF + line(b"../x"),
    "parent inside": LEAF + line(b"a/../../x"),
    "absolute": LEAF + line(b"/etc/passwd"),
    "git": LEAF + line(b".git/hooks/pre-commit"),
    "git in capitals": LEAF + line(b"a/.GIT/config"),
    "git by an ignored character": LEAF + line(b".g\xe2\x80\x8cit/config"),
    "git by a short name": LEAF + line(b"git~1/config"),
    "git by a stream": LEAF + line(b".git::$INDEX_ALLOCATION/config"),
    "git behind a line feed": LEAF + line(b"a\\n/.git/config"),
    "a slash at the end": LEAF + line(b"a/"),
    "two slashes": LEAF + line(b"a//b"),
    "too many lines": LEAF + b"".join(line(b"%05d" % number) for number in range(8_193)),
    "inner lines not sorted": b"track-manifest 1 1\n" + b"1 1 %b b\n1 1 %b a\n" % (HEX, HEX),
    "inner lines repeated": b"track-manifest 1 1\n" + b"1 1 %b a\n1 1 %b a\n" % (HEX, HEX),
    "inner sizes over 63 bits": b"track-manifest 1 1\n" + b"1 %d %b a\n1 1 %b b\n" % (2**63 - 1, HEX, HEX),
    "inner counts over 63 bits": b"track-manifest 1 1\n" + b"%d 1 %b a\n1 1 %b b\n" % (2**63 - 1, HEX, HEX),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_node_that_breaks_a_rule_is_refused(data):
    with pytest.raises(MalformedManifest):
        parse_node(data)


def test_a_node_of_a_later_format_is_refused_with_the_way_out():
    with pytest.raises(NewerFormat) as caught:
        parse_node(b"track-manifest 2 0\nanything")
    assert "format 2" in caught.value.message
    assert "upgrade" in caught.value.hint


def test_a_node_of_8192_lines_is_fine():
    entries = [file(b"%05d" % number) for number in range(8_192)]
    assert parse_node(encode_leaf(entries)).files == 8_192


class Forged:
    """A store of nodes that are what their digest says, and lie about what lies below them."""

    def __init__(self):
        self.kept = {}

    def leaf(self, *entries):
        return self.put(encode_leaf(entries)), entries

    def put(self, data):
        self.kept[digest_of(data)] = data
        return digest_of(data)

    def line(self, leaf, **lies):
        digest, entries = leaf
        told = {
            "files": len(entries),
            "size": sum(entry.size for entry in entries),
            "digest": digest,
            "path": entries[-1].path if entries else b"",
        }
        return Child(**{**told, **lies})

    def inner(self, *lines, level=1):
        return self.put(encode_inner(level, lines))

    def read(self, digest):
        return self.kept[digest]


FIRST = [file(b"a"), file(b"b", 5)]
SECOND = [file(b"c"), file(b"d")]


def lying_trees():
    """Trees whose nodes are each well formed, and do not go together."""
    for name, lies in {
        "count": {"files": 3},
        "size": {"size": 5},
        "last path": {"path": b"bb"},
        "count of zero": {"files": 0},
    }.items():
        forged = Forged()
        first, second = forged.leaf(*FIRST), forged.leaf(*SECOND)
        yield name, forged, forged.inner(forged.line(first, **lies), forged.line(second))
    forged = Forged()
    first, second = forged.leaf(file(b"a"), file(b"z")), forged.leaf(file(b"c"))
    yield "order across nodes", forged, forged.inner(forged.line(second), forged.line(first))
    forged = Forged()
    first, second = forged.leaf(file(b"a"), file(b"c")), forged.leaf(file(b"c"), file(b"d"))
    yield "the same entry in two nodes", forged, forged.inner(forged.line(first), forged.line(second))
    forged = Forged()
    first, second = forged.leaf(file(b"a", mode="l")), forged.leaf(file(b"a!"), file(b"a/b"))
    yield "below a link of another node", forged, forged.inner(forged.line(first), forged.line(second))
    forged = Forged()
    leaves = [forged.leaf(file(path, mode="l")) for path in (b"a", b"a!", b"a-", b"a/b")]
    yield "below a link of a far node", forged, forged.inner(*map(forged.line, leaves))
    forged = Forged()
    first, second = forged.leaf(*FIRST), forged.leaf(*SECOND)
    yield "wrong level", forged, forged.inner(forged.line(first), forged.line(second), level=2)
    forged = Forged()
    first = forged.leaf(*FIRST)
    yield "a root with one node below it", forged, forged.inner(forged.line(first))
    forged = Forged()
    first, empty = forged.leaf(*FIRST), forged.leaf()
    yield "an empty leaf below the root", forged, forged.inner(forged.line(first), forged.line(empty, path=b"c"))


LYING = {name: (forged, root) for name, forged, root in lying_trees()}


@pytest.mark.parametrize(("forged", "root"), LYING.values(), ids=LYING)
def test_a_tree_whose_nodes_do_not_go_together_is_refused_by_all_that_read_it_whole(forged, root):
    honest = build([file(b"0")], lambda digest, data: forged.kept.__setitem__(digest, data)).digest
    for reading in (
        lambda: walk(forged.read, root),
        lambda: nodes(forged.read, root),
        lambda: compare(forged.read, None, root),
        lambda: compare(forged.read, root, None),
        lambda: compare(forged.read, honest, root),
    ):
        with pytest.raises(MalformedManifest):
            list(reading())


def test_a_lie_on_the_way_to_an_entry_is_refused():
    forged = Forged()
    first, second = forged.leaf(*FIRST), forged.leaf(*SECOND)
    root = forged.inner(forged.line(first, size=7), forged.line(second))
    with pytest.raises(MalformedManifest):
        find(forged.read, root, b"a")
    with pytest.raises(MalformedManifest):
        list(walk(forged.read, root, b"a"))
    with pytest.raises(MalformedManifest):
        update(forged.read, root, {b"a": None}, lambda *_: None)


@pytest.mark.parametrize(
    "paths",
    [
        [b"b", b"a"],
        [b"a", b"a"],
        [b"a", b"a/b"],
        [b"a", b"a-", b"a/b"],
        [b"../a"],
        [b".git/x"],
        [b""],
        [b"a\0"],
        [b"x", b"x/../y"],
    ],
)
def test_build_refuses_what_no_reader_would_take(paths):
    with pytest.raises(MalformedManifest):
        build([file(path) for path in paths], lambda *_: None)


def test_build_refuses_across_nodes():
    end = next(path for path in (b"k%d" % number for number in range(9_999)) if levels_ended(path))
    with pytest.raises(MalformedManifest):
        build([file(end), file(b"a")], lambda *_: None)
    with pytest.raises(MalformedManifest):
        build([file(end), file(end + b"-"), file(end + b"/x")], lambda *_: None)


def test_update_refuses_what_build_would_refuse():
    ends = [path for path in (b"k%05d" % number for number in range(20_000)) if levels_ended(path)]
    entries = [file(path) for path in sorted([*ends, b"z/1", b"z/2"])]
    kept = {}
    root = build(entries, kept.__setitem__)
    assert root.level
    keep = kept.__setitem__
    for changes in (
        {ends[0] + b"/below": file(ends[0] + b"/below")},
        {b"z": file(b"z")},
        {b"z": file(b"z", mode="l"), b"z/1": None},
        {b"../x": file(b"../x")},
        {b"x": file(b"y")},
    ):
        with pytest.raises(MalformedManifest):
            update(kept.__getitem__, root.digest, changes, keep)
    become = {b"z": file(b"z"), b"z/1": None, b"z/2": None}
    expected = build([*entries[:-2], file(b"z")], lambda *_: None)
    assert update(kept.__getitem__, root.digest, become, keep) == expected


def test_update_without_changes_gives_the_same_root_and_keeps_nothing():
    kept, added = {}, {}
    root = build([file(b"%05d" % number) for number in range(2_000)], kept.__setitem__)
    assert update(kept.__getitem__, root.digest, {}, added.__setitem__) == root
    assert added == {}
