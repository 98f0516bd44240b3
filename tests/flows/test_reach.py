"""Reach: every object below a version, and against an older one no more than what differs, and a little."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import MalformedManifest, MissingObject
from track.flows.reach import Version, inside, name_losses, objects_below
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, build, nodes, update
from track.model.pointer import Pointer


class Nodes(NamedTuple):
    """Manifests in memory, counting what is read."""

    kept: dict[bytes, bytes]
    asked: list[int]

    def read_many(self, digests: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
        self.asked.append(len(digests))
        for digest in digests:
            if digest not in self.kept:
                raise MissingObject("not here")
            yield digest, self.kept[digest]

    def keep(self, digest: bytes, data: bytes) -> None:
        self.kept[bytes(digest)] = data

    def make(self, paths: dict[bytes, bytes]) -> bytes:
        return bytes(build(entries(paths), self.keep).digest)

    def everything(self, root: bytes, paths: dict[bytes, bytes]) -> set[bytes]:
        found = {bytes(digest) for digest, _ in nodes(self.kept.__getitem__, root)}
        return found | {bytes(digest_of(content)) for content in paths.values()}


def entries(paths: dict[bytes, bytes]) -> list[Entry]:
    return [Entry(path, "f", len(content), digest_of(content)) for path, content in sorted(paths.items())]


def version(root: bytes, path: bytes = b"data") -> Version:
    return Version(path, Pointer(kind="directory", digest=Digest(root), size=0, files=0), ())


def many(count: int) -> dict[bytes, bytes]:
    return {b"d%02d/f%04d" % (number % 17, number): b"%d" % number for number in range(count)}


trees = st.dictionaries(
    st.sampled_from([b"%03d" % number for number in range(400)]), st.binary(max_size=2), max_size=80
)


@pytest.mark.parametrize("count", [0, 1, 300, 5000])
def test_every_node_and_file_is_reached(count: int) -> None:
    store, paths = Nodes({}, []), many(count)
    root = store.make(paths)
    assert objects_below(version(root), store.read_many) == store.everything(root, paths)


@given(trees, trees)
def test_nothing_new_is_left_out_beside_an_older_version(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
    store = Nodes({}, [])
    before, after = store.make(old), store.make(new)
    found = objects_below(version(after), store.read_many, beside=before)
    everything = store.everything(after, new)
    assert everything - store.everything(before, old) <= found <= everything


@pytest.mark.parametrize("size", [5000, 40_000])
def test_cost_follows_the_change(size: int) -> None:
    store, paths = Nodes({}, []), many(size)
    before = store.make(paths)
    changes = {b"d05/new": Entry(b"d05/new", "f", 3, digest_of(b"new"))}
    after = bytes(update(store.kept.__getitem__, before, changes, store.keep).digest)
    store.asked.clear()
    found = objects_below(version(after), store.read_many, beside=before)
    assert digest_of(b"new") in found and len(found) < 1500
    assert sum(store.asked) <= 10


def test_a_tree_that_grew_a_level_is_compared_too() -> None:
    store = Nodes({}, [])
    small, large = many(3), many(20_000)
    before, after = store.make(small), store.make(large)
    for new, old, paths, others in ((after, before, large, small), (before, after, small, large)):
        found = objects_below(version(new), store.read_many, beside=old)
        assert store.everything(new, paths) - store.everything(old, others) <= found <= store.everything(new, paths)


def test_the_same_version_needs_nothing() -> None:
    store = Nodes({}, [])
    root = store.make(many(10))
    assert objects_below(version(root), store.read_many, beside=root) == set() and store.asked == []


def test_a_part_needs_only_its_own() -> None:
    store, paths = Nodes({}, []), many(20_000)
    root = store.make(paths)
    store.asked.clear()
    found = objects_below(version(root), store.read_many, parts=[b"d03", b"d05/f0005"])
    wanted = {bytes(digest_of(c)) for p, c in paths.items() if p.startswith(b"d03/") or p == b"d05/f0005"}
    files = {bytes(digest_of(content)) for content in paths.values()}
    assert found & files == wanted
    assert sum(store.asked) < 20


def test_names_that_are_prefixes_of_each_other_are_told_apart() -> None:
    store = Nodes({}, [])
    paths = {b"a": b"1", b"a-b/x": b"2", b"ab/x": b"3", b"b/a": b"4"}
    root = store.make(paths)
    files = {bytes(digest_of(content)) for content in paths.values()}
    for part, content in ((b"a", b"1"), (b"a-b", b"2"), (b"ab", b"3"), (b"b", b"4")):
        found = objects_below(version(root), store.read_many, parts=[part])
        assert found & files == {digest_of(content)}


def test_files_and_values_need_themselves_or_nothing() -> None:
    store = Nodes({}, [])
    digest = digest_of(b"x")
    assert objects_below(Version(b"f", Pointer(kind="file", digest=digest, size=1), ()), store.read_many) == {digest}
    assert store.asked == []


@pytest.mark.parametrize(
    "lie",
    [
        b"track-manifest 1 0\nnot an entry\n",
        b"track-manifest 1 0\nf 1 " + b"0" * 64 + b" x",
        b"track-manifest 1 0\nf 1 " + b"G" * 64 + b" x\n",
        b"track-manifest 1 1\n",
        b"something else",
        b"",
    ],
)
def test_a_manifest_that_is_none_is_refused(lie: bytes) -> None:
    store = Nodes({bytes(digest_of(lie)): lie}, [])
    with pytest.raises(MalformedManifest):
        objects_below(version(digest_of(lie)), store.read_many)


def test_a_missing_node_is_said() -> None:
    with pytest.raises(MissingObject):
        objects_below(version(digest_of(b"nowhere")), Nodes({}, []).read_many)


def test_what_was_asked_for_inside_a_directory() -> None:
    one = version(digest_of(b""), b"data/images")
    assert inside(one, []) == ()
    assert inside(one, [b"data"]) == () and inside(one, [b""]) == () and inside(one, [b"data/images"]) == ()
    assert inside(one, [b"data/images/a", b"other", b"data/images/b/c"]) == (b"a", b"b/c")
    assert inside(one, [b"data/images/a", b"data"]) == ()


def test_losses_are_named_with_their_files() -> None:
    store = Nodes({}, [])
    paths = many(30)
    root = store.make(paths)
    lost = {bytes(digest_of(b"3")), bytes(digest_of(b"20"))}
    lines = name_losses([version(root)], lost, store.kept.__getitem__)
    assert [line.split("  ")[0] for line in lines] == ["data/d03/f0003", "data/d03/f0020"]
    assert len(name_losses([version(root)], {bytes(digest_of(c)) for c in paths.values()}, store.kept.__getitem__)) == 6
    assert name_losses([version(root)], {root}, store.kept.__getitem__) == (f"data  (object {root.hex()[:8]})",)
