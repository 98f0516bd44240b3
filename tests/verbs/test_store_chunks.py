"""`store.chunks`: every verb works with a store that keeps large files in chunks, on, off, and on again."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store.conftest import spoil
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.scene import TRACK
from support.sharing import cloned, consented
from track.model.digest import digest_of
from track.project import Project
from track.store import fastcdc
from track.store.footprint import footprint
from track.store.pack import CHUNK, read_table

MIB = 1 << 20
FIRST = random.Random(1).randbytes(3 * MIB)


def version(number: int) -> bytes:
    """The first, with a few bytes more in another place for each number."""
    return FIRST[: number * 300_000] + b"edit %d" % number + FIRST[number * 300_000 :]


@pytest.fixture
def here(repo: Path) -> Path:
    """A project that keeps chunks, with four versions of a large file in four commits, and a folder remote."""
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    for number in range(1, 5):
        (repo / "big.bin").write_bytes(version(number))
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, f"version {number}")
        git("tag", f"v{number}", cwd=repo)
    return repo


def push_all(repo: Path) -> None:
    """Send every version of the history."""
    track("push", "origin", *git("rev-list", "--all", cwd=repo).split(), cwd=repo).ok()


def size_of_store(repo: Path) -> int:
    with Project.open(repo) as project:
        return footprint(project.store)


def in_chunks(repo: Path) -> set[int]:
    """The versions that the store has in chunks, and nowhere as a file of its own."""
    with Project.open(repo) as project:
        assert not list(project.store.wholes()) or project.config.is_on("store.chunks") is False
        held = {held.digest for held in project.store.index.recipes()}
        return {number for number in range(1, 9) if digest_of(version(number)) in held}


def packs_of_chunks(repo: Path) -> list[Path]:
    with Project.open(repo) as project:
        return [path for _, path in project.store.packs() if all(one.flags == CHUNK for one in read_table(path))]


def test_versions_are_there_once_and_each_comes_back(here: Path) -> None:
    assert in_chunks(here) == {1, 2, 3, 4}
    assert size_of_store(here) < 4 * MIB
    for number in (1, 3, 4):
        track("checkout", f"v{number}", "--", "big.bin", cwd=here).ok()
        assert (here / "big.bin").read_bytes() == version(number)
    track("verify", cwd=here).ok()
    status = track("status", "--json", cwd=here).ok()
    assert json.loads(status.out)


def test_status_diff_cat_and_get_see_what_is_in_chunks(here: Path) -> None:
    assert track("status", "--exit-code", cwd=here).code == 0
    assert "big.bin" in track("diff", "v1", "v2", cwd=here).ok().out
    (here / "got").mkdir()
    git("checkout", "--quiet", "v2", cwd=here)
    track("checkout", "big.bin", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == version(2)
    (here / "big.bin").write_bytes(b"edited")
    track("checkout", "--force", "big.bin", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == version(2)
    track("restore", "last", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == b"edited"
    track("get", "v3:big.bin", "-o", "got/three", cwd=here).ok()
    assert (here / "got" / "three").read_bytes() == version(3)
    shown = subprocess.run([*TRACK, "cat", "v3:big.bin"], cwd=here, capture_output=True, check=True)
    assert shown.stdout == version(3)


def test_links_are_for_whole_objects_and_chunks_are_copied_out(here: Path) -> None:
    track("config", "--clone", "checkout.link", "hardlink", cwd=here).ok()
    (here / "big.bin").unlink()
    track("checkout", "big.bin", cwd=here).ok()
    assert (here / "big.bin").stat().st_nlink == 1 and (here / "big.bin").read_bytes() == version(4)


def test_push_and_pull_between_stores_that_do_and_do_not(here: Path, tmp_path: Path) -> None:
    push_all(here)
    sent = sum(path.stat().st_size for path in (here.parent / "remote").rglob("*") if path.is_file())
    assert sent < 4 * MIB
    plain = cloned(here, tmp_path / "plain")
    track("pull", cwd=plain).ok()
    assert (plain / "big.bin").read_bytes() == version(4)
    other = consented(cloned(here, tmp_path / "other"))
    track("config", "--clone", "store.chunks", "true", cwd=other).ok()
    track("pull", cwd=other).ok()
    track("fetch", "--all", cwd=other).ok()
    assert in_chunks(other) == {1, 2, 3, 4}
    assert size_of_store(other) < 4 * MIB
    assert (other / "big.bin").read_bytes() == version(4)
    track("verify", cwd=other).ok()
    (other / "big.bin").write_bytes(version(5))
    track("add", "big.bin", cwd=other).ok()
    commit_all(other, "version 5")
    pushed = json.loads(track("push", "--json", cwd=other).ok().out)
    assert pushed["sent_bytes"] < MIB, pushed


def waiting_for_version_4(here: Path, tmp_path: Path) -> Path:
    """A clone that keeps chunks, has those of version 1, and stands at version 4, which is at the remote."""
    git("checkout", "--quiet", "v1", cwd=here)
    track("push", cwd=here).ok()
    other = consented(cloned(here, tmp_path / "other"))
    track("config", "--clone", "store.chunks", "true", cwd=other).ok()
    track("pull", cwd=other).ok()
    git("checkout", "--quiet", "v4", cwd=here)
    track("push", cwd=here).ok()
    git("fetch", "--quiet", "--tags", "origin", cwd=other)
    git("checkout", "--quiet", "v4", cwd=other)
    return other


def test_a_pull_takes_chunks_that_are_here(here: Path, tmp_path: Path) -> None:
    other = waiting_for_version_4(here, tmp_path)
    fetched = json.loads(track("fetch", "--json", cwd=other).ok().out)
    assert fetched["fetched_bytes"] < MIB, fetched


def test_a_pull_of_a_new_version_writes_no_more_than_what_changed(here: Path, tmp_path: Path) -> None:
    """No file may become so large as the version that comes: the kernel would refuse it."""
    other = waiting_for_version_4(here, tmp_path)
    limited = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        "runpy.run_module('track', run_name='__main__')"
    )
    before = size_of_store(other)
    subprocess.run([sys.executable, "-c", limited, "fetch"], cwd=other, check=True, timeout=240)
    assert in_chunks(other) == {1, 4} and size_of_store(other) - before < MIB


def test_switched_on_and_off_both_kinds_mix(here: Path) -> None:
    track("config", "--clone", "store.chunks", "false", cwd=here).ok()
    (here / "big.bin").write_bytes(version(5))
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "version 5")
    assert in_chunks(here) == {1, 2, 3, 4}
    track("config", "--clone", "store.chunks", "true", cwd=here).ok()
    (here / "big.bin").touch()
    track("add", "big.bin", cwd=here).ok()
    (here / "big.bin").write_bytes(version(6))
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "version 6")
    for number, rev in ((1, "v1"), (5, "HEAD~1"), (6, "HEAD")):
        track("checkout", rev, "--", "big.bin", cwd=here).ok()
        assert (here / "big.bin").read_bytes() == version(number)
    track("verify", "--deep", cwd=here).ok()


def test_gc_says_what_would_go_and_takes_it(here: Path) -> None:
    (here / "big.bin").write_bytes(FIRST[:MIB] + random.Random(9).randbytes(6 * MIB))
    track("add", "big.bin", cwd=here).ok()
    git("reset", "--quiet", "--hard", cwd=here)
    track("checkout", "--force", "big.bin", cwd=here).ok()
    shutil.rmtree(here / ".git" / "track" / "trash", ignore_errors=True)
    steps = track("config", "--clone", "trash.steps", "0", cwd=here)
    assert steps.code == 0
    track("add", "big.bin", cwd=here).ok()
    before = size_of_store(here)
    dry = json.loads(track("gc", "--grace", "0", "--dry-run", "--json", cwd=here).ok().out)
    assert dry["objects"] == 1 and 6 * MIB < dry["object_bytes"] < 7 * MIB, dry
    assert size_of_store(here) == before
    track("gc", "--grace", "0", cwd=here).ok()
    track("gc", "--grace", "0", cwd=here).ok()
    assert size_of_store(here) < 4 * MIB
    for number in range(1, 5):
        track("checkout", f"v{number}", "--", "big.bin", cwd=here).ok()
        assert (here / "big.bin").read_bytes() == version(number)
    track("verify", "--deep", cwd=here).ok()


def test_gc_merges_the_small_packs_that_edits_left(here: Path) -> None:
    for number in range(5, 9):
        (here / "big.bin").write_bytes(version(number))
        track("add", "big.bin", cwd=here).ok()
    commit_all(here, "more")
    with Project.open(here) as project:
        before = len(list(project.store.packs()))
    track("gc", cwd=here).ok()
    with Project.open(here) as project:
        assert len(list(project.store.packs())) == 2 < before
    for name in ("v1", "v4", "main"):
        git("checkout", "--quiet", name, cwd=here)
        track("checkout", cwd=here).ok()
        assert (here / "big.bin").read_bytes() == version({"v1": 1, "v4": 4, "main": 8}[name])
    track("verify", cwd=here).ok()
    assert "nothing to take away" in track("gc", "--grace", "0", cwd=here).ok().out


def test_a_store_within_a_budget_lets_go_of_what_a_remote_has(here: Path) -> None:
    for number in range(2):
        (here / "big.bin").write_bytes(random.Random(number + 10).randbytes(3 * MIB))
        track("add", "big.bin", cwd=here).ok()
        commit_all(here, f"other {number}")
    push_all(here)
    track("gc", "--max-size", "8MB", cwd=here).ok()
    assert size_of_store(here) < 8_000_000
    track("verify", cwd=here).ok()
    git("checkout", "--quiet", "v1", cwd=here)
    track("pull", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == version(1)


def test_versions_that_share_their_chunks_stay_together_within_a_budget(here: Path) -> None:
    (here / "big.bin").write_bytes(random.Random(9).randbytes(3 * MIB))
    git("checkout", "--quiet", "--orphan", "other", cwd=here)
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "another history")
    git("checkout", "--quiet", "--force", "v4", cwd=here)
    track("checkout", "big.bin", cwd=here).ok()
    push_all(here)
    track("config", "--clone", "trash.steps", "0", cwd=here).ok()
    track("gc", "--max-size", "5MB", cwd=here).ok()
    assert in_chunks(here) >= {4}


def test_verify_finds_damage_and_repair_brings_it_back(here: Path) -> None:
    push_all(here)
    pack = max(packs_of_chunks(here), key=lambda path: path.stat().st_size)
    spoil(pack, 1000)
    found = track("verify", cwd=here)
    assert found.code == 7 and "big.bin" in found.out, found
    track("repair", cwd=here).ok()
    track("fetch", "--all", cwd=here).ok()
    track("verify", "--deep", cwd=here).ok()
    for number in range(1, 5):
        track("checkout", f"v{number}", "--", "big.bin", cwd=here).ok()
        assert (here / "big.bin").read_bytes() == version(number)


def test_a_damaged_remote_is_repaired_from_chunks(here: Path) -> None:
    push_all(here)
    remote = here.parent / "remote"
    spoil(max((remote / "packs").rglob("*.pack"), key=lambda path: path.stat().st_size), 1000)
    assert track("verify", "--remote", "origin", cwd=here).code == 7
    track("repair", "--remote", "origin", cwd=here).ok()
    track("verify", "--remote", "origin", cwd=here).ok()


def test_a_store_that_several_repositories_share(here: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    for repo in (here, cloned(here, tmp_path / "other")):
        track("config", "--clone", "store.path", str(shared), cwd=repo).ok()
        track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
        (repo / "big.bin").write_bytes(version(7 + (repo != here)))
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, "shared")
    assert size_of_store(here) < 4 * MIB
    track("gc", "--grace", "0", cwd=here).ok()
    for repo, number in ((here, 7), (tmp_path / "other", 8)):
        (repo / "big.bin").unlink()
        track("checkout", "big.bin", cwd=repo).ok()
        assert (repo / "big.bin").read_bytes() == version(number)


def test_without_the_chunker_large_files_are_kept_whole_and_it_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastcdc, "cutter", lambda: None)
    (here / "big.bin").write_bytes(version(6))
    done = track("add", "big.bin", cwd=here).ok()
    assert "pip install 'track-data[chunks]'" in done.err
    with Project.open(here) as project:
        assert [digest for digest, _ in project.store.wholes()] == [digest_of(version(6))]


def test_committed_configuration_does_not_choose_it(here: Path) -> None:
    (here / ".track" / "config.toml").write_text("[store]\nchunks = true\n")
    assert "`store.chunks`" in track("status", cwd=here).ok().err
