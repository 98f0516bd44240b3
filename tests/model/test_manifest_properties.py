"""Manifests as properties: one content has one tree, however it came about."""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from track.errors import MalformedManifest
from track.model.digest import digest_of
from track.model.manifest import (
    Entry,
    Inner,
    build,
    compare,
    encode_leaf,
    find,
    levels_ended,
    nodes,
    parse_node,
    update,
    walk,
)
from track.model.names import check_entry_path
from track.model.node import checked_chain, parse_beside

EMPTY = bytes(digest_of(b""))
# Paths that end a node of level 0, and of levels 0 and 1: without them, small examples have a single leaf.
ENDS = [path for path in (b"end-%d" % number for number in range(60_000)) if levels_ended(path)]
DEEP_ENDS = [path for path in ENDS if levels_ended(path) > 1]


def component():
    """A part of a path: any bytes that may stand in one."""
    return st.binary(min_size=1, max_size=6).map(
        lambda raw: bytes(byte for byte in raw if byte not in b"/\0").lstrip(b".gG\xe2\xc2\xcc\xef") or b"n"
    )


def path_of_entry():
    """A path of an entry, often one that ends a node."""
    made = st.lists(component(), min_size=1, max_size=3).map(b"/".join)
    return st.one_of(made, st.sampled_from(ENDS), st.sampled_from(DEEP_ENDS), st.sampled_from(ENDS))


def entry_at(path):
    """An entry of this path."""

    def of(seed):
        mode = "fxld"[seed % 4]
        return Entry(path, mode, 0 if mode == "d" else seed, EMPTY if mode == "d" else bytes(digest_of(b"%d" % seed)))

    return st.integers(0, 9).map(of)


def without_clashes(paths):
    """These paths without those that lie below another."""
    kept = set(paths)
    return sorted(
        path for path in kept if not any(path[:place] in kept for place, byte in enumerate(path) if byte == 47)
    )


@st.composite
def contents(draw):
    """The entries of one artifact, sorted."""
    paths = without_clashes(draw(st.lists(path_of_entry(), max_size=40)))
    return [draw(entry_at(path)) for path in paths]


@st.composite
def versions(draw):
    """Two versions of an artifact: mostly the same."""
    old = draw(contents())
    changed = {entry.path: entry for entry in old}
    for path in draw(st.lists(path_of_entry(), max_size=8)):
        changed[path] = draw(entry_at(path))
    if old:
        for path in draw(st.lists(st.sampled_from([entry.path for entry in old]), max_size=8)):
            changed.pop(path, None)
    return old, [changed[path] for path in without_clashes(changed)]


def made(entries):
    """(root, nodes) of these entries."""
    kept = {}
    return build(entries, kept.__setitem__), kept


@given(contents())
def test_walk_gives_back_what_build_was_given(entries):
    root, kept = made(entries)
    assert list(walk(kept.__getitem__, root.digest)) == entries
    assert root.files == sum(entry.mode != "d" for entry in entries)
    assert root.size == sum(entry.size for entry in entries)


@given(contents())
def test_every_node_that_is_kept_is_reached_from_the_root_parents_first(entries):
    root, kept = made(entries)
    reached = list(nodes(kept.__getitem__, root.digest))
    assert dict(reached) == kept
    assert len(reached) == len(kept)
    assert reached[0][0] == root.digest
    assert all(digest_of(data) == digest for digest, data in reached)


@given(versions())
@settings(max_examples=300)
def test_update_gives_what_build_gives(pair):
    old, new = pair
    old_root, kept = made(old)
    new_root, expected = made(new)
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    changes = {path: after.get(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    added = {}
    assert update(kept.__getitem__, old_root.digest, changes, added.__setitem__) == new_root
    assert expected.keys() <= kept.keys() | added.keys()


@given(versions())
@settings(max_examples=300)
def test_compare_gives_exactly_what_differs_in_order(pair):
    old, new = pair
    old_root, kept = made(old)
    new_root, more = made(new)
    kept.update(more)
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    expected = [
        (before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    assert list(compare(kept.__getitem__, old_root.digest, new_root.digest)) == expected
    assert list(compare(kept.__getitem__, new_root.digest, old_root.digest)) == [(b, a) for a, b in expected]


@given(contents())
def test_compare_with_nothing_gives_every_entry(entries):
    root, kept = made(entries)
    assert list(compare(kept.__getitem__, None, root.digest)) == [(None, entry) for entry in entries]
    assert list(compare(kept.__getitem__, root.digest, None)) == [(entry, None) for entry in entries]
    assert list(compare(kept.__getitem__, root.digest, root.digest)) == []


@given(contents(), st.data())
def test_walk_under_gives_the_entry_or_what_is_in_the_directory(entries, data):
    root, kept = made(entries)
    places = [entry.path[:size] for entry in entries for size in range(1, len(entry.path) + 1)] or [b"x"]
    under = data.draw(st.sampled_from(places))
    expected = [entry for entry in entries if entry.path == under or entry.path.startswith(under + b"/")]
    assert list(walk(kept.__getitem__, root.digest, under)) == expected


@given(contents())
def test_find_gives_each_entry_and_nothing_else(entries):
    root, kept = made(entries)
    for entry in entries:
        assert find(kept.__getitem__, root.digest, entry.path) == entry
        assert find(kept.__getitem__, root.digest, entry.path + b"\xff") is None
    assert find(kept.__getitem__, root.digest, b"\xff\xff no such path") is None


@given(contents(), st.integers(0, 9))
def test_boundaries_depend_on_paths_alone(entries, seed):
    _, kept = made(entries)
    other = [entry._replace(mode="f", size=seed, digest=bytes(digest_of(b"other"))) for entry in entries]
    _, kept_other = made(other)

    def ends(some):
        leaves = (parse_node(data) for data in some.values() if data.startswith(b"track-manifest 1 0\n"))
        return {leaf.entries[-1].path for leaf in leaves if leaf.entries}

    assert ends(kept) == ends(kept_other)


def test_large_trees_keep_the_properties_that_small_ones_have():
    chance = random.Random(7)
    paths = sorted({b"%03d/%08d" % (chance.randrange(300), chance.randrange(10**8)) for _ in range(120_000)})
    old = [Entry(path, "f", len(path), bytes(digest_of(path))) for path in paths]
    root, kept = made(old)
    assert root.level == 2
    for count in (1, 30, 5_000):
        changes = dict.fromkeys(chance.sample(paths, count))
        for number in range(count):
            path = b"%03d/new%05d" % (chance.randrange(320), number)
            changes[path] = Entry(path, "x", number, bytes(digest_of(path)))
        result = {entry.path: entry for entry in old}
        for path, entry in changes.items():
            result.pop(path, None)
            if entry is not None:
                result[path] = entry
        new_root, expected = made([result[path] for path in sorted(result)])
        added, reads = {}, []

        def read(digest, reads=reads):
            reads.append(digest)
            return kept[digest]

        assert update(read, root.digest, changes, added.__setitem__) == new_root
        assert expected.keys() <= kept.keys() | added.keys()
        if count < 100:
            assert len(reads) < 8 * count + 10
            assert len(added) < 8 * count + 10
        both = {**kept, **added}
        assert len(list(compare(both.__getitem__, root.digest, new_root.digest))) == len(changes)


def test_compare_reads_no_node_that_both_have_where_no_boundary_moved():
    paths = sorted(path for path in (b"%05d" % number for number in range(20_000)))
    old = [Entry(path, "f", 1, EMPTY) for path in paths]
    root, kept = made(old)
    inside = [path for path in paths if not levels_ended(path)][::700]
    gone, came = inside[::2], [path + b"+" for path in inside[1::2] if not levels_ended(path + b"+")]
    new = sorted([entry for entry in old if entry.path not in gone] + [Entry(path, "f", 2, EMPTY) for path in came])
    new_root, more = made(new)
    reads = []

    def read(digest):
        reads.append(digest)
        return (kept | more)[digest]

    assert len(list(compare(read, root.digest, new_root.digest))) == len(gone) + len(came) > 20
    assert not set(reads) & kept.keys() & more.keys()
    assert len(reads) == len(set(reads))


def test_removing_all_but_one_subtree_gives_the_root_that_build_gives():
    paths = sorted(b"a%06d" % number for number in range(3_000))
    old = [Entry(path, "f", 1, EMPTY) for path in paths]
    root, kept = made(old)
    for low in range(0, 3_000, 97):
        for size in (1, 40, 400, 1_200):
            stay = old[low : low + size]
            changes = {entry.path: None for entry in old[:low] + old[low + size :]}
            assert update(kept.__getitem__, root.digest, changes, lambda *_: None) == made(stay)[0]


def test_a_node_ends_after_8192_entries_where_no_path_ends_it():
    paths = sorted(path for path in (b"p%06d" % number for number in range(20_000)) if not levels_ended(path))
    old = [Entry(path, "f", 1, EMPTY) for path in paths]
    root, kept = made(old)
    leaves = [parse_node(data) for data in kept.values() if data.startswith(b"track-manifest 1 0\n")]
    assert sorted(len(leaf.entries) for leaf in leaves)[-2:] == [8192, 8192]
    assert list(walk(kept.__getitem__, root.digest)) == old
    for place in (0, 5, 8_191, 8_192, 9_000, len(old) - 1):
        changed = old[:place] + old[place + 1 :]
        assert update(kept.__getitem__, root.digest, {old[place].path: None}, lambda *_: None) == made(changed)[0]
    more = Entry(b"q", "f", 1, EMPTY)
    assert update(kept.__getitem__, root.digest, {b"q": more}, lambda *_: None) == made([*old, more])[0]


def leaf_bytes():
    """The bytes of a leaf, sometimes with something wrong in it."""
    good = contents().map(encode_leaf)
    faults = st.sampled_from(
        [
            lambda data: data + b"f 0 zz x\n",
            lambda data: data[:-1],
            lambda data: data.replace(b" 1 ", b" 01 ", 1),
            lambda data: data + data[19:],
            lambda data: data[:19] + b"".join(reversed(data[19:].splitlines(keepends=True))),
            lambda data: data.replace(b"\nf ", b"\nq ", 1),
            lambda data: data.replace(b"1 0\n", b"1 1\n", 1),
        ]
    )
    return st.one_of(good, good, st.tuples(good, faults).map(lambda pair: pair[1](pair[0])))


def outcome(parse):
    """What came out, or that it was refused."""
    try:
        return parse()
    except MalformedManifest:
        return "refused"


@given(contents(), leaf_bytes())
@settings(max_examples=300)
def test_a_leaf_parsed_beside_another_is_what_it_is_alone(beside, data):
    other_data = encode_leaf(beside)
    other = parse_node(other_data)
    for text in (data, other_data, other_data + data[19:], data[:19] + other_data[19:] + data[19:]):
        alone = outcome(lambda text=text: parse_node(text))
        if isinstance(alone, Inner):
            alone = "refused"
        found = outcome(lambda text=text: parse_beside(text, other_data, other))
        assert (found if found == "refused" else found[0]) == alone
        if found != "refused":
            leaf, head, tail = found
            assert leaf.entries[:head] == other.entries[:head]
            assert not tail or leaf.entries[-tail:] == other.entries[-tail:]
            assert head + tail <= min(len(leaf.entries), len(other.entries))


@given(st.lists(st.text("a1-/", min_size=1, max_size=5), unique=True, min_size=1, max_size=12))
def test_what_lies_below_an_entry_is_found_wherever_it_stands(texts: list[str]):
    paths = sorted(text.encode() for text in texts if check_entry_path(text.encode()) is None)
    assume(paths)
    nested = any(path.startswith(entry + b"/") for entry in paths for path in paths)
    if nested:
        with pytest.raises(MalformedManifest, match="below a file or link"):
            checked_chain(paths)
    else:
        assert checked_chain(paths) == [path for path in paths if paths[-1].startswith(path)]
