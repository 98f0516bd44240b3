"""Purge where manifests are damaged: what can be read anywhere is enough, and no byte is missed."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.errors import MissingObject
from track.flows.reach import children_of, versions
from track.flows.remotes import choose, connected
from track.project import Project
from track.store.layout import pack_key
from track.verbs.purge import purge


def content(number: int) -> bytes:
    return b"a name and an address %05d " % number * 4


@pytest.fixture
def here(repo: Path) -> Path:
    """Two remotes with a version whose manifest has several leaves; nothing of it is here any more."""
    track("init", cwd=repo).ok()
    for name in ("origin", "second"):
        track("remote", "add", name, f"../{name}", cwd=repo).ok()
    track("config", "core.remote", "origin", cwd=repo).ok()
    write_tree(repo, {f"data/{number:05}": content(number) for number in range(2000)})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    for name in ("origin", "second"):
        track("push", name, "main", cwd=repo).ok()
    return repo


def leaves(repo: Path) -> list[bytes]:
    with Project.open(repo) as project:
        (version,) = versions(project, ["v1"], [b"data"]).versions
        nodes, _ = children_of(project.store.read(bytes(version.pointer.digest)))
        return sorted(nodes)


def damage_there(repo: Path, name: str, digest: bytes) -> None:
    """The bytes of an object at a remote are others, wherever they lie."""
    with Project.open(repo) as project, connected(project, choose(project, name), sending=False) as connection:
        held = connection.known.locate([digest])[digest]
    for one in held:
        assert one.pack is not None
        damage(repo.parent / name / pack_key(one.pack), one.offset, one.stored_length)


def damage(path: Path, offset: int, length: int) -> None:
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(os.urandom(length))


def clone_with_remotes(repo: Path) -> Path:
    clone = cloned(repo)
    for name in ("origin", "second"):
        track("remote", "add", name, f"../{name}", cwd=clone).ok()
    return clone


def left_of(folder: Path) -> set[int]:
    every = b"".join(files_below(folder).values())
    return {number for number in range(2000) if content(number) in every}


@pytest.mark.parametrize("order", [1, -1])
def test_a_damaged_part_of_a_manifest_at_each_of_two_remotes_stops_nothing(here: Path, order: int) -> None:
    first, *_, last = leaves(here)[::order]
    damage_there(here, "origin", first)
    damage_there(here, "second", last)
    clone = clone_with_remotes(here)
    with Project.open(clone) as project:
        done = purge(project, "data", "v1", reason="consent was withdrawn")
    assert [one.error for one in done.remotes] == [None, None] and done.shared_count == 0
    for name in ("origin", "second"):
        assert left_of(here.parent / name) == set()


@pytest.mark.parametrize("order", [1, -1])
def test_another_version_of_which_each_of_two_remotes_has_a_damaged_part_stays(here: Path, order: int) -> None:
    write_tree(here, {"data/00000": b"another"})
    track("add", "data", cwd=here).ok()
    commit_all(here, "second")
    for name in ("origin", "second"):
        track("push", name, "main", cwd=here).ok()
    first, *_, last = leaves(here)[::order]
    damage_there(here, "origin", first)
    damage_there(here, "second", last)
    clone = clone_with_remotes(here)
    with Project.open(clone) as project:
        done = purge(project, "data", "v1", reason="consent was withdrawn")
    assert done.objects_count == 3
    assert left_of(here.parent / "origin") == set(range(1, 2000))


def test_a_part_of_a_manifest_that_is_damaged_here_comes_from_a_remote(here: Path) -> None:
    damage_here(here, leaves(here)[1])
    with Project.open(here) as project:
        done = purge(project, "data", "v1", reason="consent was withdrawn")
    assert [one.error for one in done.remotes] == [None, None]
    for name in ("origin", "second"):
        assert left_of(here.parent / name) == set()
    assert left_of(here / ".git/track/store") == set()


def test_a_part_of_a_manifest_that_nobody_can_read_stops_it(here: Path) -> None:
    leaf = leaves(here)[1]
    damage_here(here, leaf)
    for name in ("origin", "second"):
        damage_there(here, name, leaf)
    with Project.open(here) as project, pytest.raises(MissingObject):
        purge(project, "data", "v1", reason="consent was withdrawn")
    assert left_of(here.parent / "origin") == set(range(2000))


def test_a_version_of_which_a_part_was_purged_with_another_goes(here: Path) -> None:
    write_tree(here, {"data/00000": b"another"})
    track("add", "data", cwd=here).ok()
    commit_all(here, "second")
    for name in ("origin", "second"):
        track("push", name, "main", cwd=here).ok()
    with Project.open(here) as project:
        purge(project, "data", "v1", reason="consent was withdrawn", shared=True)
        done = purge(project, "data", None, reason="consent was withdrawn")
    assert [one.error for one in done.remotes] == [None, None] and done.shared_count == 0
    assert b"another" not in b"".join(files_below(here.parent / "origin" / "packs").values())


def damage_here(repo: Path, digest: bytes) -> None:
    with Project.open(repo) as project:
        for held in list(project.store.index.held([digest])):
            path = project.store.rooms.pack(project.store.index.pack_name(held.pack))
            damage(path, held.offset, held.stored_length)
