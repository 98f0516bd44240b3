"""Hurt: what needs lost bytes is found below manifests that anybody may have made, too."""

from pathlib import Path

from support.cli import track_here as track
from support.hostile import leaf, pointer
from support.repositories import commit_all
from support.trees import write_tree
from track.flows.hurt import hurt_versions
from track.model.digest import digest_of
from track.model.node import Child, encode_inner
from track.project import Project

DEEP = 3000


def chain(repo: Path, end: bytes) -> bytes:
    """The last of many nodes of one level, each of which has the one before below it; all are in the store."""
    node = end
    with Project.open(repo) as project, project.store.writer() as writer:
        writer.add_known(digest_of(node), node)
        for _ in range(DEEP):
            node = encode_inner(1, [Child(1, 12, digest_of(node), b"x")])
            writer.add_known(digest_of(node), node)
        writer.commit()
    return node


def test_a_chain_of_nodes_without_end_is_no_manifest_and_stops_nothing(repo: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a": b"what is lost"})
    track("add", "data", cwd=repo).ok()
    lost = bytes(digest_of(b"what is lost"))
    line = b"f 12 %s x\n" % lost.hex().encode()
    write_tree(repo, {"a-gift.track": pointer(chain(repo, leaf(line)), kind="directory", files=1, size=12)})
    commit_all(repo, "a gift")
    with Project.open(repo) as project:
        assert [one.path for one in hurt_versions(project, {lost})] == [b"data/a"]
    for pack in (repo / ".git/track/store/packs").rglob("*.pack"):
        if b"what is lost" in (content := pack.read_bytes()):
            pack.chmod(0o600)
            pack.write_bytes(content.replace(b"what is lost", b"what was lost"[:12]))
    done = track("verify", cwd=repo)
    assert done.code == 7 and "data/a" in done.out + done.err, done.out + done.err
