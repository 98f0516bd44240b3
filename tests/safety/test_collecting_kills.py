"""A collection at a remote, and a purge, are killed at the calls with which they change files; the same finishes."""

import os
import random
import shutil
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.scene import duplicate, two_versions
from support.sweep import Work, kill_everywhere
from support.trees import read_tree
from support.troubles import share

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

DAY_S = 86_400


def age(scene: Path, days: float = 2) -> None:
    """So much time passes at the remote."""
    for path in (scene / "remote").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * DAY_S
            os.utime(path, (then, then))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` pushed two versions, of which nothing names the first one any more."""
    scene = tmp_path_factory.mktemp("pushed")
    repo = scene / "repo"
    two_versions(repo)
    share(repo)
    commit_all(repo, "remote")
    track("push", "--all", cwd=repo).ok()
    git("tag", "--delete", *git("tag", cwd=repo).split(), cwd=repo)
    git("checkout", "--quiet", "--orphan", "other", cwd=repo)
    commit_all(repo, "the last version alone")
    git("branch", "--quiet", "-M", "other", "main", cwd=repo)
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    for name in ("ORIG_HEAD", "FETCH_HEAD"):
        (repo / ".git" / name).unlink(missing_ok=True)
    age(scene)
    return scene


def files(scene: Path) -> int:
    return sum(1 for kind in ("packs", "objects") for path in (scene / "remote" / kind).rglob("*") if path.is_file())


def everything_needed_is_there(scene: Path) -> None:
    """Every byte of the last version comes into a fresh clone, and nothing is being deleted."""
    track("verify", "--remote", "origin", cwd=scene / "repo").ok()
    shutil.rmtree(scene / "witness", ignore_errors=True)
    git("clone", "--quiet", "repo", "witness", cwd=scene)
    track("pull", cwd=scene / "witness").ok()
    ours = (b".git", b".store", b".track")
    assert read_tree(scene / "witness", leave_out=ours) == read_tree(scene / "repo", leave_out=ours)
    assert not any(b"deleting" in path.read_bytes() for path in (scene / "remote/tombstones").iterdir())


def test_condemning_survives_a_kill_at_any_change(pushed: Path, tmp_path: Path) -> None:
    work = Work(pushed, "repo", ("gc", "--remote"), everything_needed_is_there)
    assert kill_everywhere(work, tmp_path, most=6) > 3


def test_deleting_survives_a_kill_at_any_change(pushed: Path, tmp_path: Path) -> None:
    scene = duplicate(pushed, tmp_path / "scene")
    track("gc", "--remote", cwd=scene / "repo").ok()
    age(scene)
    before = files(scene)

    def proof(after: Path) -> None:
        everything_needed_is_there(after)
        assert files(after) < before

    assert kill_everywhere(Work(scene, "repo", ("gc", "--remote"), proof), tmp_path, most=8) > 4


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` pushed two versions of a large file, of which the one that is needed shares a third."""
    scene = tmp_path_factory.mktemp("scattered")
    repo = scene / "repo"
    new_repository(repo)
    track("init", cwd=repo).ok()
    share(repo)
    first = random.Random(1).randbytes(3 << 20)
    for content in (first, first[: 1 << 20] + random.Random(2).randbytes(1 << 20)):
        (repo / "big.bin").write_bytes(content)
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, "a version")
        track("push", cwd=repo).ok()
    git("checkout", "--quiet", "--orphan", "other", cwd=repo)
    commit_all(repo, "the last version alone")
    git("branch", "--quiet", "-M", "other", "main", cwd=repo)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    (repo / ".git/ORIG_HEAD").unlink(missing_ok=True)
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)
    age(scene)
    return scene


def remote_bytes(scene: Path) -> int:
    return sum(path.stat().st_size for path in (scene / "remote/packs").rglob("*") if path.is_file())


def test_moving_chunks_survives_a_kill_at_any_change(scattered: Path, tmp_path: Path) -> None:
    """However often it was killed on the way, after two more days nothing dead is left, and nothing is there twice."""

    def proof(after: Path) -> None:
        for _ in range(2):
            age(after)
            track("gc", "--remote", cwd=after / "repo").ok()
        everything_needed_is_there(after)
        assert remote_bytes(after) < (2 << 20) + 100_000

    work = Work(scattered, "repo", ("gc", "--remote"), proof)
    assert kill_everywhere(work, tmp_path, most=3) >= 2


def test_taking_away_where_chunks_were_survives_a_kill_at_any_change(scattered: Path, tmp_path: Path) -> None:
    scene = duplicate(scattered, tmp_path / "scene")
    track("gc", "--remote", cwd=scene / "repo").ok()
    age(scene)
    before = remote_bytes(scene)

    def proof(after: Path) -> None:
        everything_needed_is_there(after)
        assert remote_bytes(after) < before - (2 << 20)

    assert kill_everywhere(Work(scene, "repo", ("gc", "--remote"), proof), tmp_path, most=2) >= 1


def test_a_purge_survives_a_kill_at_any_change(pushed: Path, tmp_path: Path) -> None:
    scene = duplicate(pushed, tmp_path / "scene")
    secret = (scene / "repo/model.bin").read_bytes()

    def proof(after: Path) -> None:
        for folder in (after / "remote", after / "repo/.git/track/store"):
            assert not any(secret in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        track("verify", "--remote", "origin", cwd=after / "repo")

    command = ("purge", "--yes", "model.bin", "--because", "asked for")
    work = Work(
        scene, "repo", command, proof, between=(0, 1, 4), again=lambda after: track(*command, cwd=after / "repo")
    )
    assert kill_everywhere(work, tmp_path, most=6) > 3


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` pushed two versions of a large file, of which two thirds are the same."""
    scene = tmp_path_factory.mktemp("sharing")
    repo = scene / "repo"
    new_repository(repo)
    track("init", cwd=repo).ok()
    share(repo)
    for content in (SHARED + ALONE, SHARED + random.Random(13).randbytes(1 << 20)):
        (repo / "big.bin").write_bytes(content)
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, "a version")
        track("push", cwd=repo).ok()
    return scene


SHARED, ALONE = random.Random(11).randbytes(2 << 20), random.Random(12).randbytes(1 << 20)


def test_taking_pieces_out_of_packs_that_others_need_survives_a_kill_at_any_change(
    sharing: Path, tmp_path: Path
) -> None:
    """However often it was killed on the way, in the end nothing of it is left, and nothing else is there twice."""
    scene = duplicate(sharing, tmp_path / "scene")
    piece = ALONE[1 << 19 :][:400]

    def proof(after: Path) -> None:
        everything_needed_is_there(after)
        age(after)
        for _ in range(2):  # packs that a killed one sent, and never named
            track("gc", "--remote", cwd=after / "repo").ok()
            age(after)
        for folder in (after / "remote", after / "repo/.git/track/store"):
            assert not any(piece in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert remote_bytes(after) < (3 << 20) + 100_000
        everything_needed_is_there(after)

    command = ("purge", "--yes", "big.bin@HEAD~", "--because", "asked for")
    work = Work(
        scene, "repo", command, proof, between=(0, 1, 4), again=lambda after: track(*command, cwd=after / "repo")
    )
    assert kill_everywhere(work, tmp_path, most=4) > 2


def test_hearing_of_a_purge_survives_a_kill_at_any_change(pushed: Path, tmp_path: Path) -> None:
    """Whoever was killed while it heard of a purge that was made elsewhere hears of it the next time."""
    scene = duplicate(pushed, tmp_path / "scene")
    git("clone", "--quiet", "repo", "clone", cwd=scene)
    track("pull", cwd=scene / "clone").ok()
    track("purge", "--yes", "model.bin", "--because", "asked for", cwd=scene / "repo").ok()

    def proof(after: Path) -> None:
        assert "still here" in track("status", cwd=after / "clone").ok().err

    assert kill_everywhere(Work(scene, "clone", ("pull",), proof), tmp_path, most=10) > 6
