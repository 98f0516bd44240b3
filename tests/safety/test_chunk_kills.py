"""A store that keeps chunks: each command is killed at the calls with which it changes files, or these fail.

A spread of the points is tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_chunk_kills.py` tries all, and
more commands; of the fetch, which writes many pages into databases, those that tell something (`support.sweep`).
"""

import random
import shutil
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, duplicate
from support.sweep import Work, fail_everywhere, kill_everywhere

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

FIRST = random.Random(1).randbytes(3 << 20)
OTHER = random.Random(2).randbytes(2 << 20)
LONG = random.Random(3).randbytes(40 << 20) if FULL else OTHER
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EROFS")
MOST = 5
LONGER = ("checking_out", "merging") if FULL else ()


def scene_with(folder: Path, *versions: bytes) -> Path:
    """A scene whose `repo` keeps chunks, with these versions of a large file committed and tagged."""
    repo = folder / "repo"
    new_repository(repo)
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
    commit_all(repo, "init")
    for number, content in enumerate(versions, 1):
        (repo / "big.bin").write_bytes(content)
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, f"version {number}")
        git("tag", f"v{number}", cwd=repo)
    return folder


@pytest.fixture(scope="module")
def adding(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A new version of a file of which one is here."""
    scene = scene_with(tmp_path_factory.mktemp("adding"), FIRST)
    (scene / "repo" / "big.bin").write_bytes(FIRST[: 1 << 20] + b"edited" + FIRST[1 << 20 :])
    return Work(scene, "repo", ("add", "big.bin"))


@pytest.fixture(scope="module")
def checking_out(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """The first version again."""
    scene = scene_with(tmp_path_factory.mktemp("checkout"), FIRST, FIRST[: 1 << 20] + b"edited" + FIRST[1 << 20 :])
    git("-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "v1", cwd=scene / "repo")
    return Work(scene, "repo", ("checkout",))


@pytest.fixture(scope="module")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Most of a pack of chunks is dead, and what is alive moves, with its recipe."""
    scene = scene_with(tmp_path_factory.mktemp("gc"))
    repo = scene / "repo"
    for content in (FIRST, FIRST[: 1 << 20] + OTHER):
        (repo / "big.bin").write_bytes(content)
        track("add", "big.bin", cwd=repo).ok()
    commit_all(repo, "live")
    shutil.rmtree(repo / ".git" / "track" / "trash", ignore_errors=True)
    return Work(scene, "repo", ("gc", "--grace", "0"))


@pytest.fixture(scope="module")
def merging(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Every edit left a small pack of chunks, and a collection merges them."""
    versions = [FIRST[: number * 300_000] + b"edit %d" % number + FIRST[number * 300_000 :] for number in range(9)]
    return Work(scene_with(tmp_path_factory.mktemp("merge"), *versions), "repo", ("gc",))


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A new version of a file of which one is here, from a remote; it comes in several packs."""
    scene = scene_with(tmp_path_factory.mktemp("fetch"), FIRST)
    first, second = scene / "first", scene / "repo"
    second.rename(first)
    track("remote", "add", "origin", "../remote", cwd=first).ok()
    commit_all(first, "a remote")
    track("push", cwd=first).ok()
    git("clone", "--quiet", "first", "repo", cwd=scene)
    track("config", "--clone", "store.chunks", "true", cwd=second).ok()
    track("pull", cwd=second).ok()
    (first / "big.bin").write_bytes(FIRST[: 1 << 20] + LONG + FIRST[1 << 20 :])
    track("add", "big.bin", cwd=first).ok()
    commit_all(first, "version 2")
    track("push", cwd=first).ok()
    git("-c", "core.hooksPath=/dev/null", "pull", "--quiet", cwd=second)
    return Work(scene, "repo", ("fetch",), proof=_is_in_chunks, between=(0, 1, 4), is_long=True)


def _is_in_chunks(scene: Path) -> None:
    assert not list((scene / "repo" / ".git" / "track" / "store" / "objects").rglob("*"))


@pytest.mark.parametrize("name", ["adding", "collecting", "fetching", *LONGER])
def test_it_survives_a_kill_at_any_change(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert kill_everywhere(request.getfixturevalue(name), tmp_path, most=MOST) > 2


@pytest.mark.parametrize("name", ["adding", *LONGER, *(("collecting", "fetching") if FULL else ())])
def test_it_survives_any_failed_change(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert fail_everywhere(request.getfixturevalue(name), tmp_path, ERRORS, most=MOST) > 2


def test_the_collection_merges_small_packs(merging: Work, tmp_path: Path) -> None:
    repo = duplicate(merging.scene / "repo", tmp_path / "repo")
    packs = repo / ".git" / "track" / "store" / "packs"
    before = len(list(packs.rglob("*.pack")))
    track("gc", cwd=repo).ok()
    assert len(list(packs.rglob("*.pack"))) < before // 2


def test_the_collection_moves_what_is_alive(collecting: Work) -> None:
    dry = track("gc", "--grace", "0", "--dry-run", "--json", cwd=collecting.scene / "repo").ok()
    assert '"objects": 1' in dry.out
