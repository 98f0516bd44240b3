"""Verify and repair of what only older versions need: it is told by path and commit, and put right."""

import os
from pathlib import Path

import pytest

from store.conftest import files, spoil
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.model.digest import digest_of
from track.project import Project
from track.verbs.repair import repair
from track.verbs.verify import Verified, verify
from verbs.test_gc import forget_steps

OLD = b"what the first version says"
LARGE = os.urandom(3 << 20)


VERSIONS = [(OLD, LARGE), (b"second", LARGE[::-1]), (b"now", b"small now")]


@pytest.fixture(params=["whole", "chunks"])
def here(repo: Path, request: pytest.FixtureRequest) -> Path:
    """A project whose first two versions of everything are in its history alone, and at its remote `origin`."""
    track("init", cwd=repo).ok()
    if request.param == "chunks":
        track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
    track("remote", "add", "--clone", "origin", str(repo.parent / "remote"), cwd=repo).ok()
    for number, (small, large) in enumerate(VERSIONS):
        write_tree(repo, {"d/sub/small": small, "d/same": b"same in all", "big.bin": large})
        track("add", "d", "big.bin", cwd=repo).ok()
        commit_all(repo, f"version {number + 1}")
        track("push", cwd=repo).ok()
    return repo


def check(repo: Path, **options: object) -> Verified:
    with Project.open(repo) as project:
        return verify(project, **options)  # type: ignore[arg-type]  # as each test says


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def commit(here: Path, number: int) -> str:
    return git("log", "--format=%H", "--all", f"--grep=version {number}", cwd=here).split()[0][:8]


def with_bytes(place: Path, content: bytes) -> Path:
    """The pack or object that has these bytes."""
    every = [path for part in ("packs", "objects") for path in files(place / part)]
    return next(path for path in every if content in path.read_bytes())


def flip(place: Path, content: bytes) -> None:
    path = with_bytes(place, content)
    spoil(path, path.read_bytes().index(content))


def told(found: Verified) -> set[tuple[str, bytes, str]]:
    """Kind, path and commit of every problem of a file of an artifact."""
    inside = [one for one in found.problems if one.path.startswith((b"d", b"big.bin"))]
    return {(one.kind, one.path, one.what.rpartition("version of commit ")[2]) for one in inside}


def lose_remote(here: Path) -> None:
    track("remote", "remove", "origin", cwd=here).ok()


BIG = LARGE[100_000:100_050]


def test_damage_of_an_older_version_is_told_by_path_and_commit(here: Path) -> None:
    flip(store_of(here), OLD)
    flip(store_of(here), BIG)

    found = check(here)

    first = commit(here, 1)
    assert {("damaged", b"d/sub/small", first), ("damaged", b"big.bin", first)} == told(found)
    assert 7 == found.exit_code and {"track repair"} == {one.next_step for one in found.problems}
    again = check(here)
    assert (0, 2, 2) == (again.exit_code, again.fetchable_count, again.old_count)
    assert "2 objects of older versions not here any more, but at a remote (track repair)" in (
        track("verify", cwd=here).err
    )


@pytest.mark.parametrize("looks_first", [False, True])
def test_a_repair_puts_older_versions_right(here: Path, looks_first: bool) -> None:
    flip(store_of(here), OLD)
    flip(store_of(here), BIG)
    if looks_first:
        check(here)

    with Project.open(here) as project:
        done = repair(project)

    assert (2, 0, 0) == (done.restored_count, done.lost_count, done.exit_code)
    found = check(here)
    assert not found.problems and not found.fetchable_count
    git("checkout", "-q", commit(here, 1), cwd=here)
    track("checkout", cwd=here).ok()
    assert OLD == (here / "d/sub/small").read_bytes() and LARGE == (here / "big.bin").read_bytes()


def test_what_no_remote_has_is_told_again_until_it_is_there(here: Path) -> None:
    lose_remote(here)
    flip(store_of(here), OLD)
    check(here)

    for _ in range(2):
        found = check(here)
        assert {("missing", b"d/sub/small", commit(here, 1))} == told(found)
        assert 4 == found.exit_code
    done = track("repair", cwd=here)
    assert 7 == done.code and f"d/sub/small in the version of commit {commit(here, 1)}" in done.out
    git("checkout", "-q", commit(here, 1), cwd=here)
    (here / "d/sub").mkdir(parents=True, exist_ok=True)
    (here / "d/sub/small").write_bytes(OLD)
    track("add", "d", cwd=here).ok()
    git("checkout", "-q", "-", cwd=here)
    assert not {one for one in told(check(here)) if one[1] == b"d/sub/small" and one[0] != "modified"}


def test_a_pack_that_somebody_removed_is_told_by_the_older_versions_that_need_it(here: Path) -> None:
    lose_remote(here)
    pack = with_bytes(store_of(here), OLD)
    content = pack.read_bytes()
    pack.unlink()

    for _ in range(2):
        assert ("missing", b"d", commit(here, 1)) in told(check(here))  # its manifest is gone, too
    pack.write_bytes(content)
    assert not check(here).problems


def test_what_a_removed_pack_had_is_brought_back_below_its_manifest(here: Path) -> None:
    with_bytes(store_of(here), OLD).unlink()
    assert check(here).old_count

    with Project.open(here) as project:
        assert 0 == repair(project).exit_code
        assert OLD == project.store.read(digest_of(OLD))


@pytest.mark.parametrize("here", ["chunks"], indirect=True)
@pytest.mark.parametrize("damage", ["flip", "remove"])
def test_a_pack_of_chunks_is_told_by_the_artifact(here: Path, damage: str) -> None:
    lose_remote(here)
    if damage == "flip":
        flip(store_of(here), BIG)
    else:
        with_bytes(store_of(here), BIG).unlink()

    for kind in ("damaged" if damage == "flip" else "missing", "missing"):
        assert {(kind, b"big.bin", commit(here, 1))} == told(check(here))


def test_a_manifest_of_an_older_version_is_told_as_that(here: Path) -> None:
    flip(store_of(here), digest_of(OLD).hex().encode())

    found = check(here)

    first = commit(here, 1)
    whats = {one.what for one in found.problems if one.path == b"d"}
    assert {f"part of its manifest is damaged in the store, in the version of commit {first}"} == whats
    with Project.open(here) as project:
        assert 0 == repair(project).exit_code
    assert not check(here).fetchable_count


def test_damage_of_an_older_version_at_a_remote_is_told_and_put_right_in_one_step(here: Path) -> None:
    remote = here.parent / "remote"
    flip(remote, OLD)
    flip(remote, BIG)

    found = check(here, remote="origin")

    first = commit(here, 1)
    assert {("damaged", b"d/sub/small", first), ("damaged", b"big.bin", first)} == told(found)
    assert {"track repair --remote origin"} == {one.next_step for one in found.problems}
    track("repair", "--remote", "origin", cwd=here).ok()
    assert not check(here, remote="origin").problems


def test_what_a_collection_let_go_of_is_not_missed(here: Path) -> None:
    git("reflog", "expire", "--expire=now", "--all", cwd=here)
    forget_steps(here)
    track("gc", "--keep", "tips", "--grace", "0", cwd=here).ok()

    found = check(here)

    assert (0, 0) == (len(found.problems), found.fetchable_count)
    with Project.open(here) as project:
        assert project.store.absent([digest_of(LARGE)])


def test_what_there_was_no_room_for_is_not_missed(here: Path) -> None:
    forget_steps(here)
    track("gc", "--max-size", "1MiB", "--grace", "0", cwd=here).ok()

    found = check(here)

    assert (0, 0) == (len(found.problems), found.old_count)
    with Project.open(here) as project:
        assert 0 == repair(project).restored_count
        assert project.store.absent([digest_of(LARGE)])
