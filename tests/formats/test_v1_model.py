"""Frozen files of format 1: every later version reads these pointers and manifests, and writes the same bytes."""

import json
from pathlib import Path

import pytest

from track.errors import MalformedManifest, MalformedPointer, NewerFormat, NotAPointer
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, Inner, build, nodes, parse_node, walk
from track.model.names import path_of
from track.model.pointer import dump_pointer, parse_pointer

V1 = Path(__file__).parent / "v1"
POINTERS = sorted((V1 / "pointers").glob("*.track"))
REFUSED = sorted((V1 / "pointers" / "refused").glob("*.track"))
GOLDEN = json.loads((V1 / "golden.json").read_text("utf-8"))
REASONS = {"malformed": MalformedPointer, "newer": NewerFormat, "theirs": NotAPointer}


@pytest.mark.parametrize("file", POINTERS, ids=lambda file: file.stem)
def test_a_frozen_pointer_is_read_and_written_as_it_is(file):
    data = file.read_bytes()
    pointer = parse_pointer(data, file.name)
    golden = GOLDEN["pointers"][file.name]
    assert str(digest_of(data)) == golden["file"]
    assert dump_pointer(pointer) == data
    facts = ("kind", "size", "executable", "files", "rows", "value", "type", "run")
    assert {name: getattr(pointer, name) for name in facts} == golden["facts"]
    assert str(pointer.digest) == golden["digest"]
    assert list(pointer.tags) == golden["tags"]
    assert {"schema": dict(pointer.schema), "partitions": dict(pointer.partitions)} == golden["tables"]
    assert {str(path): str(digest) for path, digest in pointer.based_on.items()} == golden["based_on"]
    assert sorted(pointer.extra) == golden["extra"]


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.stem)
def test_a_frozen_pointer_that_cannot_be_is_refused(file):
    with pytest.raises(REASONS[file.stem.partition("-")[0]]):
        parse_pointer(file.read_bytes(), file.name)


@pytest.mark.parametrize("name", GOLDEN["manifests"])
def test_a_frozen_manifest_is_read_and_built_as_it_is(name):
    golden = GOLDEN["manifests"][name]
    folder = V1 / "manifests" / name
    held = {digest_of(file.read_bytes()): file.read_bytes() for file in folder.glob("*.node")}
    assert {str(digest): f"{digest.hex()}.node" for digest in held} == {
        f"blake3:{file.stem}": file.name for file in folder.glob("*.node")
    }
    root = Digest.parse(golden["digest"])
    entries = list(walk(held.__getitem__, root))
    assert len(entries) == golden["entries"]
    assert [[entry.path.hex(), entry.mode, entry.size, entry.digest.hex()] for entry in entries[:8]] == golden["first"]
    rebuilt = {}
    made = build(entries, rebuilt.__setitem__)
    assert (made.digest, made.files, made.size, made.level) == (root, golden["files"], golden["size"], golden["level"])
    assert rebuilt == held == dict(nodes(held.__getitem__, root))


def test_the_boundaries_of_a_hundred_thousand_paths_are_frozen():
    golden = GOLDEN["boundaries"]
    content = bytes(digest_of(b"content"))
    ends = []

    def keep(digest, data):
        node = parse_node(data)
        if isinstance(node, Inner):
            ends.append((node.level, len(node.children), node.children[-1].path.decode()))

    root = build((Entry(b"folder-%03d/%06d" % (n // 500, n), "f", 7, content) for n in range(100_000)), keep)
    assert str(root.digest) == golden["digest"]
    assert [list(end) for end in ends] == golden["inner"]


@pytest.mark.parametrize("file", sorted((V1 / "manifests" / "refused").glob("*.node")), ids=lambda file: file.stem)
def test_a_frozen_node_that_breaks_a_rule_is_refused(file):
    with pytest.raises(NewerFormat if file.stem.startswith("newer") else MalformedManifest):
        parse_node(file.read_bytes())


def test_the_text_of_paths_is_frozen():
    for text, raw in GOLDEN["paths"].items():
        assert path_of(text).hex() == raw
