"""Each command is killed at the calls with which it changes files; nothing is lost, and the same command finishes.

A spread of the points is tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_kill_sweep.py` tries all.
"""

from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git
from support.scene import (
    FULL,
    duplicate,
    first_version,
    leftovers,
    only_garbage_went,
    second_version,
    two_versions,
    with_garbage,
)
from support.sweep import Work, kill_everywhere
from support.trees import read_tree
from support.troubles import share

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` has two versions of its data."""
    scene = tmp_path_factory.mktemp("versions")
    two_versions(scene / "repo")
    return scene


@pytest.fixture(scope="module")
def published(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` names a folder remote beside it, to which nothing has been pushed."""
    scene = duplicate(versions, tmp_path_factory.mktemp("published") / "scene")
    share(scene / "repo")
    commit_all(scene / "repo", "remote")
    return scene


@pytest.fixture(scope="module")
def cloned(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `clone` has pointers and no data, and whose remote has it all."""
    scene = duplicate(published, tmp_path_factory.mktemp("cloned") / "scene")
    track("push", cwd=scene / "repo").ok()
    git("clone", "--quiet", "repo", "clone", cwd=scene)
    return scene


def test_a_first_add_survives_a_kill_at_any_change(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    first_version(scene / "repo")
    assert kill_everywhere(Work(scene, "repo", ("add", "data", "model.bin")), tmp_path, most=14) > 8


def test_adding_again_survives_a_kill_at_any_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    (scene / "repo/data/a.txt").write_bytes(b"edited once more\n")
    (scene / "repo/model.bin").write_bytes(b"weights, third version")
    (scene / "repo/data/link").unlink()
    assert kill_everywhere(Work(scene, "repo", ("add", "data", "model.bin")), tmp_path, most=14) > 8


def test_a_checkout_of_other_versions_survives_a_kill_at_any_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    git("checkout", "--quiet", "v1", cwd=scene / "repo")
    assert kill_everywhere(Work(scene, "repo", ("checkout",)), tmp_path, most=14) > 8


def test_a_checkout_into_an_empty_tree_survives_a_kill_at_any_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    git("clean", "-fdxq", cwd=scene / "repo")
    (scene / "repo/data").mkdir(exist_ok=True)
    (scene / "repo/data").rmdir()
    assert kill_everywhere(Work(scene, "repo", ("checkout",)), tmp_path, most=14) > 8


def everything_is_at_the_remote(scene: Path) -> None:
    """The remote is whole; in the full form a fresh clone gets every version from it, byte for byte."""
    track("verify", "--remote", "origin", cwd=scene / "repo").ok()
    assert leftovers(scene / "remote") == []
    if not FULL:
        return
    git("clone", "--quiet", "repo", "witness", cwd=scene)
    track("pull", cwd=scene / "witness").ok()
    ours = (b".git", b".store", b".track")
    assert read_tree(scene / "witness", leave_out=ours) == read_tree(scene / "repo", leave_out=ours)


def test_a_push_survives_a_kill_at_any_change(published: Path, tmp_path: Path) -> None:
    work = Work(published, "repo", ("push",), everything_is_at_the_remote)
    assert kill_everywhere(work, tmp_path, most=14) > 8


def test_a_pull_survives_a_kill_at_any_change(cloned: Path, tmp_path: Path) -> None:
    assert kill_everywhere(Work(cloned, "clone", ("pull",), between=(0, 1, 4)), tmp_path, most=14) > 8


def test_a_collection_survives_a_kill_at_any_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    with_garbage(scene / "repo")
    work = Work(scene, "repo", ("gc", "--grace", "0"), only_garbage_went)
    assert kill_everywhere(work, tmp_path, most=14) > 8


def test_letting_go_of_what_a_remote_holds_survives_a_kill_at_any_change(published: Path, tmp_path: Path) -> None:
    scene = duplicate(published, tmp_path / "scene")
    track("push", "--all", cwd=scene / "repo").ok()

    def proof(after: Path) -> None:
        """What is here is whole, what is not comes back, and the first version did leave."""
        track("verify", cwd=after / "repo").ok()
        assert track("checkout", "v1", cwd=after / "repo").code == 4
        track("fetch", "origin", "v1", cwd=after / "repo").ok()
        track("checkout", "v1", cwd=after / "repo").ok()

    work = Work(scene, "repo", ("gc", "--max-size", "1MiB"), proof, between=(0, 1, 4))
    assert kill_everywhere(work, tmp_path, most=3) > 1


def test_the_second_version_differs_from_the_first(tmp_path: Path) -> None:
    first_version(tmp_path / "repo")
    before = read_tree(tmp_path / "repo")
    second_version(tmp_path / "repo")
    assert read_tree(tmp_path / "repo") != before
