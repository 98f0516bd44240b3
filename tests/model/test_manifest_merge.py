"""Merging manifests by path: the same as merging dictionaries, and cheaper."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import MalformedManifest
from track.model.digest import digest_of
from track.model.manifest import Entry, build, encode_leaf, levels_ended, update, walk
from track.model.manifest_merge import ManifestMerge, merge_manifests, settled

EMPTY = bytes(digest_of(b""))
ENDS = [path for path in (b"end-%d" % number for number in range(20_000)) if levels_ended(path)]
NEAR = [b"a", b"a-", b"a/x", b"a/x/z", b"a/y", b"a0", b"b", b"b/x", b"b/x/y/z", b"c/" + ENDS[3], *ENDS[:8]]


def entry(path: bytes, seed: int) -> Entry:
    mode = "ffxxfld"[seed % 7]
    return Entry(
        path, mode, 0 if mode == "d" else seed // 3, EMPTY if mode == "d" else bytes(digest_of(b"%d" % (seed // 3)))
    )


def without_clashes(paths) -> list[bytes]:
    kept = set(paths)
    return sorted(
        path for path in kept if not any(path[:place] in kept for place, byte in enumerate(path) if byte == 47)
    )


def contents():
    return st.dictionaries(st.sampled_from(NEAR), st.integers(0, 13), max_size=10).map(
        lambda found: {path: entry(path, found[path]) for path in without_clashes(found)}
    )


@st.composite
def three(draw):
    """A base and two versions of it, which may have gone far."""
    base = draw(contents())
    filler = {path: entry(path, 0) for path in ENDS[8 : 8 + draw(st.sampled_from([0, 0, 30]))]}
    sides = []
    for _ in range(2):
        changed = {**base, **draw(contents())}
        for path in draw(st.lists(st.sampled_from(NEAR), max_size=6)):
            changed.pop(path, None)
        sides.append({path: changed[path] for path in without_clashes(changed)})
    return tuple({**filler, **one} for one in (base, *sides))


class Nodes:
    """Manifests in memory, and how many nodes were read."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.read_count = 0

    def read(self, digest: bytes) -> bytes:
        self.read_count += 1
        return self.kept[digest]

    def root(self, content: dict[bytes, Entry]) -> bytes:
        return build((content[path] for path in sorted(content)), self.kept.__setitem__).digest

    def merged(self, ours: bytes, found: ManifestMerge, theirs: bytes = b"", choices=None) -> dict[bytes, Entry]:
        changes = settled(self.read, (ours, theirs), found, choices or {})
        root = update(self.read, ours, changes, self.kept.__setitem__)
        return {each.path: each for each in walk(self.read, root.digest)}


def below(path: bytes, above: bytes) -> bool:
    return path.startswith(above + b"/")


def of_a_path(was, now, other):
    """(merged, whether it is a conflict) of one path."""
    if now == other or was == other:
        return now, False
    if was == now:
        return other, False
    if was and now and other and {was.mode, now.mode, other.mode} <= {"f", "x"}:
        modes = {now.mode, other.mode} - {was.mode}
        contents = {(one.size, one.digest) for one in (now, other)} - {(was.size, was.digest)}
        if len(modes) <= 1 and len(contents) <= 1:
            size, digest = contents.pop() if contents else (was.size, was.digest)
            return Entry(was.path, modes.pop() if modes else was.mode, size, digest), False
    return now, True


def brute(base, ours, theirs):
    """The merge by definition: (entries with conflicts as ours, the paths in conflict)."""
    moved = [{path for path in side if side[path] != base.get(path)} for side in (ours, theirs)]
    held = [set(side) & changed for side, changed in zip((ours, theirs), moved, strict=True)]
    clashes = [
        (above, side)
        for side, other in ((0, 1), (1, 0))
        for above in held[side]
        if above not in held[other] or (ours, theirs)[side][above] != (ours, theirs)[other][above]
        if any(below(path, above) for path in held[other] if ours.get(path) != theirs.get(path))
    ]
    hollow = {above for above, side in clashes if (ours, theirs)[side][above].mode == "d"}
    tops = {above for above, side in clashes if (ours, theirs)[side][above].mode != "d"}
    tops = {path for path in tops if not any(below(path, other) for other in tops)}
    merged, conflicts = {}, set(tops)
    for path in ours.keys() | theirs.keys():
        if any(path == top or below(path, top) for top in tops):
            result = ours.get(path)
        elif path in hollow:
            result = None
        else:
            result, clashed = of_a_path(base.get(path), ours.get(path), theirs.get(path))
            if clashed:
                conflicts.add(path)
        if result is not None:
            merged[path] = result
    return merged, conflicts


@settings(max_examples=200, deadline=None)
@given(three())
def test_it_is_the_merge_of_dictionaries(versions) -> None:
    nodes = Nodes()
    base, ours, theirs = (nodes.root(one) for one in versions)
    found = merge_manifests(nodes.read, base, ours, theirs)
    expected, conflicts = brute(*versions)
    assert {one.path for one in found.conflicts} == conflicts
    assert nodes.merged(ours, found, theirs) == expected


@settings(max_examples=120, deadline=None)
@given(three())
def test_sides_may_be_swapped(versions) -> None:
    nodes = Nodes()
    base, ours, theirs = (nodes.root(one) for one in versions)
    one, other = merge_manifests(nodes.read, base, ours, theirs), merge_manifests(nodes.read, base, theirs, ours)
    assert [conflict.path for conflict in one.conflicts] == [conflict.path for conflict in other.conflicts]
    everything = {conflict.path: "theirs" for conflict in one.conflicts}
    assert nodes.merged(ours, one, theirs, everything) == nodes.merged(theirs, other, ours)


@settings(max_examples=80, deadline=None)
@given(three())
def test_one_side_that_did_nothing_takes_the_other(versions) -> None:
    nodes = Nodes()
    base, ours, theirs = (nodes.root(one) for one in versions)
    for found, expected in (
        (merge_manifests(nodes.read, base, base, theirs), theirs),
        (merge_manifests(nodes.read, theirs, ours, theirs), ours),
        (merge_manifests(nodes.read, base, theirs, theirs), theirs),
    ):
        start = base if expected == theirs and found.taken else expected
        assert found.conflicts == ()
        assert update(nodes.read, start, found.taken, nodes.kept.__setitem__).digest == expected


@settings(max_examples=120, deadline=None)
@given(three(), st.data())
def test_settling_gives_what_the_chosen_side_has(versions, data) -> None:
    """Whatever is chosen is a manifest, and has in each conflict what the side has there."""
    nodes = Nodes()
    _, ours, theirs = versions
    roots = [nodes.root(one) for one in versions]
    found = merge_manifests(nodes.read, *roots)
    choices = {one.path: data.draw(st.sampled_from(["ours", "theirs"])) for one in found.conflicts}
    merged = nodes.merged(roots[1], found, roots[2], choices)
    for conflict in found.conflicts:
        side = ours if choices[conflict.path] == "ours" else theirs
        if conflict.why == "file and folder":
            inside = {path: one for path, one in side.items() if path == conflict.path or below(path, conflict.path)}
            assert inside == {path: one for path, one in merged.items() if path in inside or below(path, conflict.path)}
        elif not any(below(path, conflict.path) for path in merged):
            assert merged.get(conflict.path) == side.get(conflict.path)


@settings(max_examples=80, deadline=None)
@given(three())
def test_without_a_base_what_one_side_has_stays(versions) -> None:
    nodes = Nodes()
    _, ours, theirs = versions
    roots = [nodes.root(one) for one in versions]
    found = merge_manifests(nodes.read, None, *roots[1:])
    expected, conflicts = brute({}, ours, theirs)
    assert {one.path for one in found.conflicts} == conflicts
    assert nodes.merged(roots[1], found, roots[2]) == expected


def file(path: bytes, content: bytes, mode: str = "f") -> Entry:
    return Entry(path, mode, len(content), bytes(digest_of(content)))


def conflicts_of(base, ours, theirs) -> list[tuple[bytes, str]]:
    nodes = Nodes()
    roots = [nodes.root({one.path: one for one in side}) for side in (base, ours, theirs)]
    return [(one.path, one.why) for one in merge_manifests(nodes.read, *roots).conflicts]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ([file(b"a", b"0")], [file(b"a", b"1")], [file(b"a", b"2")], [(b"a", "both changed it")]),
        ([], [file(b"a", b"1")], [file(b"a", b"2")], [(b"a", "both added it")]),
        ([file(b"a", b"0")], [], [file(b"a", b"2")], [(b"a", "ours removed it")]),
        ([file(b"a", b"0")], [file(b"a", b"1")], [], [(b"a", "theirs removed it")]),
        ([], [file(b"a", b"1")], [file(b"a", b"1", "x")], [(b"a", "mode")]),
        ([], [file(b"a", b"1")], [file(b"a/b", b"1"), file(b"a/c", b"1")], [(b"a", "file and folder")]),
        ([file(b"a", b"0")], [file(b"a/b", b"0")], [file(b"a", b"1")], [(b"a", "file and folder")]),
        ([file(b"a", b"0")], [file(b"a", b"0", "x")], [file(b"a", b"2")], []),
        ([file(b"a", b"0")], [file(b"a", b"1", "x")], [file(b"a", b"0", "x")], []),
    ],
)
def test_a_conflict_says_why(base, ours, theirs, expected) -> None:
    assert conflicts_of(base, ours, theirs) == expected


def test_a_change_on_each_side_of_many_files_reads_a_few_nodes() -> None:
    nodes = Nodes()
    base = {path: file(path, path) for path in (b"dir/%07d" % number for number in range(60_000))}
    ours, theirs = dict(base), dict(base)
    ours[b"dir/0000007"] = file(b"dir/0000007", b"edited")
    theirs[b"dir/0050000"] = file(b"dir/0050000", b"edited too")
    roots = [nodes.root(one) for one in (base, ours, theirs)]
    nodes.read_count = 0
    found = merge_manifests(nodes.read, *roots)
    root = update(nodes.read, roots[1], found.taken, nodes.kept.__setitem__)
    assert nodes.read_count < 30
    assert root.digest == nodes.root({**ours, b"dir/0050000": theirs[b"dir/0050000"]})


def test_a_manifest_that_breaks_the_rules_is_refused() -> None:
    nodes = Nodes()
    base = nodes.root({b"a": file(b"a", b"0")})
    harm = encode_leaf([file(b"../harm", b"1")])
    nodes.kept[digest_of(harm)] = harm
    with pytest.raises(MalformedManifest):
        merge_manifests(nodes.read, base, base, digest_of(harm))
