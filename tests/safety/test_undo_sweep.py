"""Removing, moving and restoring are killed, and failed, at the calls with which they change files.

Nothing is lost, and the same command finishes. A spread of the points is tried; `TRACK_SAFETY=full` tries all.
"""

import os
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all
from support.scene import duplicate, two_versions
from support.sweep import Work, fail_everywhere, kill_everywhere
from support.trees import write_tree

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EROFS")
BETWEEN = (0, 1, 4, 6)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` has two versions of a directory and a file, and an edit that is saved nowhere."""
    scene = tmp_path_factory.mktemp("versions")
    repo = two_versions(scene / "repo")
    write_tree(repo, {"other/one.bin": b"other", "other/two.bin": b"more"})
    track("add", "other", cwd=repo).ok()
    commit_all(repo, "other")
    (repo / "data/a.txt").write_bytes(b"saved nowhere\n")
    return scene


def the_edit_is_somewhere(scene: Path) -> None:
    """The content that is saved nowhere else is in the working tree or the trash."""
    assert b"saved nowhere\n" in _contents(scene / "repo"), "the unsaved edit is lost"


def _contents(repo: Path) -> set[bytes]:
    places = [repo / "data", repo / "moved", repo / "other", repo / ".git/track/trash"]
    files = (Path(folder) / name for place in places for folder, _, names in os.walk(place) for name in names)
    return {file.read_bytes() for file in files if file.is_file() and file.stat().st_size < 100}


def work(scene: Path, *command: str) -> Work:
    return Work(scene, "repo", command, the_edit_is_somewhere, BETWEEN)


@pytest.mark.parametrize(
    "command",
    [
        ("rm", "--force", "data", "model.bin"),
        ("rm", "data/new", "data/link", "data/whole.bin"),
        ("mv", "data", "moved"),
        ("mv", "model.bin", "data/whole.bin", "other"),
        ("mv", "data/new", "model"),
        ("checkout", "--force"),
    ],
    ids=lambda command: "-".join(command[:2]).replace("/", "-"),
)
def test_it_survives_a_kill_at_any_change(versions: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    assert kill_everywhere(work(scene, *command), tmp_path, most=14) > 8


@pytest.mark.parametrize(
    "command",
    [
        ("rm", "--force", "data", "model.bin"),
        ("mv", "data", "moved"),
        ("mv", "model.bin", "data/whole.bin", "other"),
        ("checkout", "--force"),
    ],
    ids=lambda command: "-".join(command[:2]).replace("/", "-"),
)
def test_taking_it_back_survives_a_kill_at_any_change(versions: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    track(*command, cwd=scene / "repo").ok()
    assert kill_everywhere(work(scene, "restore", "4"), tmp_path, most=14) > 8


@pytest.mark.parametrize(
    "command",
    [("rm", "--force", "data", "model.bin"), ("mv", "model.bin", "data/whole.bin", "other")],
    ids=lambda command: command[0],
)
def test_it_survives_any_failed_change_and_so_does_the_way_back(
    versions: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    assert fail_everywhere(work(scene, *command), tmp_path, ERRORS, most=12) > 8
    track(*command, cwd=scene / "repo").ok()
    assert fail_everywhere(work(scene, "restore", "4"), tmp_path, ERRORS, most=12) > 8
