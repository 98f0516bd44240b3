"""Purge by a name, and what names the same bytes: it is told before anything goes."""

import random
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.flows.remotes import clone_id
from track.project import Project

SECRET = random.Random(5).randbytes(3000)
OTHER = random.Random(6).randbytes(3000)


@pytest.fixture
def here(repo: Path) -> Path:
    """A named artifact with two versions, the first of them under an alias, at a remote."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    write_tree(repo, {"one.bin": SECRET, "two.bin": OTHER})
    track("put", "rides", "one.bin", cwd=repo).ok()
    track("alias", "rides", "prod", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    track("put", "rides", "two.bin", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", "--all", cwd=repo).ok()
    for name in ("one.bin", "two.bin"):
        (repo / name).unlink()
    return repo


def is_anywhere(repo: Path, piece: bytes) -> bool:
    folders = (repo.parent / "remote", repo / ".git/track/store")
    return any(piece in content for folder in folders for content in files_below(folder).values())


@pytest.mark.parametrize("version", ["rides@v1", "rides@prod"])
def test_a_version_of_a_named_artifact_goes(here: Path, version: str) -> None:
    assert is_anywhere(here, SECRET)
    done = track("purge", "--yes", version, "--because", "asked for", cwd=here).ok()
    assert "1 object removed for good" in done.out
    assert not is_anywhere(here, SECRET) and is_anywhere(here, OTHER)
    told = track("get", "rides@prod", "-o", "out.bin", cwd=here)
    assert told.code != 0 and "asked for" in told.err


def test_the_latest_version_is_meant_where_none_is_named(here: Path) -> None:
    track("purge", "--yes", "rides", "--because", "asked for", cwd=here).ok()
    assert is_anywhere(here, SECRET) and not is_anywhere(here, OTHER)


def test_a_name_or_version_that_is_not_there_is_refused_and_nothing_goes(here: Path) -> None:
    for version in ("rides@nothing", "nothing", "nothing@v1"):
        done = track("purge", "--yes", version, "--because", "x", cwd=here)
        assert done.code == 2 and "hint:" in done.err, (version, done.err)
    assert is_anywhere(here, SECRET) and is_anywhere(here, OTHER)


def test_everything_that_names_the_same_bytes_is_told_before(here: Path) -> None:
    write_tree(here, {"copy.bin": SECRET})
    track("add", "copy.bin", cwd=here).ok()
    commit_all(here, "a copy")
    dry = track("purge", "-n", "rides@v1", "--because", "x", cwd=here).ok()
    assert "named by copy.bin: the working tree, the index, refs/heads/main" in dry.err
    assert "named by rides@prod: the working tree" in dry.err
    assert "named by rides: refs/tags/v1" in dry.err
    refused = track("purge", "rides@v1", "--because", "x", cwd=here)
    assert refused.code == 2 and "named by copy.bin" in refused.err and is_anywhere(here, SECRET)


def test_what_only_the_past_names_is_told_with_its_commit(here: Path) -> None:
    git("tag", "-d", "v1", cwd=here)
    git("rm", "-q", "--cached", "-r", ".track/artifacts/rides/@prod.track", cwd=here, check=False)
    dry = track("purge", "-n", "rides@prod", "--because", "x", "--json", cwd=here).ok().json
    (past,) = (one for one in dry["names"] if one["name"] == "rides")
    assert "in the past" in past["where"][0]


def test_other_clones_that_said_they_need_it_are_told(here: Path) -> None:
    clone = cloned(here, "clone")
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    git("checkout", "-q", "-b", "theirs", "v1", cwd=clone)
    track("pull", cwd=clone)
    write_tree(clone, {"more.bin": b"more"})
    track("add", "more.bin", cwd=clone).ok()
    commit_all(clone, "theirs")
    track("push", cwd=clone).ok()
    with Project.open(clone) as project:
        writer = clone_id(project)
    dry = track("purge", "-n", "rides@v1", "--because", "x", "--shared", cwd=here).ok()
    assert (
        "named by clone " in dry.err and "at origin: the index, refs/heads/theirs" in dry.err and writer[:8] in dry.err
    )


def test_a_quarantined_pack_that_nobody_can_read_is_told_with_the_command_that_removes_it(here: Path) -> None:
    quarantine = here / ".git/track/store/quarantine"
    quarantine.mkdir(exist_ok=True)
    bad = quarantine / ("ab" * 32 + ".pack")
    bad.write_bytes(SECRET + b"no table")
    (quarantine / ("cd" * 32)).write_bytes(b"an object of another name")
    done = track("purge", "--yes", "rides@v1", "--because", "x", cwd=here)
    assert done.code == 1 and "1 pack in quarantine here cannot be read" in done.err
    assert f"hint: rm {bad}" in done.err and bad.exists()
    bad.unlink()
    again = track("purge", "--yes", "rides@v1", "--because", "x", cwd=here)
    assert again.code == 0 and "quarantine" not in again.err


@pytest.mark.parametrize("is_here", [True, False])
@pytest.mark.parametrize("name", ["three.bin", "a@b.bin", "sub@1/three.bin"])
@pytest.mark.parametrize("branch", ["feature/x", "user@host/x", "v@1"])
def test_a_branch_and_a_path_may_have_slashes_and_at_signs(here: Path, name: str, branch: str, is_here: bool) -> None:
    write_tree(here, {name: b"on a branch" * 99})
    git("checkout", "-q", "-b", branch, cwd=here)
    track("add", name, cwd=here).ok()
    commit_all(here, "on a branch")
    if not is_here:
        git("checkout", "-q", "main", cwd=here)
    dry = track("purge", "-n", f"{name}@{branch}", "--because", "x", "--json", cwd=here).ok().json
    assert dry["path"] == name and dry["objects"] == 1
