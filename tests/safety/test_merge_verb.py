"""`track merge` killed and failed at its changes; merges of two clones through a bucket, and with the hooks on."""

from pathlib import Path

import pytest

from support.cli import track, track_here
from support.merging import fork, git_says, project, save, with_drivers
from support.repositories import commit_all, git
from support.seaweed import BUCKET, OWNER, Seaweed
from support.sweep import Work, fail_everywhere, kill_everywhere
from support.trees import read_tree
from track.model.pointer import parse_pointer

BASE = {"images/a": b"a", "images/b": b"b", "images/c": b"c", "images/d": b"d"}
OURS = {"images/a": b"ours", "images/b": b"ours", "images/new": b"n"}
THEIRS = {"images/a": b"theirs", "images/c": b"theirs", "images/d": None}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A scene whose `repo` is in the middle of a merge with a conflict."""
    repo = project(tmp_path / "scene/repo")
    fork(repo, BASE, OURS, THEIRS)
    said = git_says("merge", "theirs", cwd=repo, env=with_drivers(tmp_path / "programs"))
    assert said.code == 1
    return tmp_path / "scene"


def settled(scene: Path) -> None:
    """The pointer is merged, staged, and the data is what it says."""
    repo = scene / "repo"
    assert git("ls-files", "--unmerged", cwd=repo) == ""
    parse_pointer(git("show", ":images.track", cwd=repo).encode(), "images.track")
    assert read_tree(repo / "images") == {b"a": b"theirs", b"b": b"ours", b"c": b"theirs", b"new": b"n"}
    assert track("status", "--porcelain", cwd=repo).ok().out in ("M..- images\n", "")


@pytest.mark.needs("strace")
@pytest.mark.timeout(1800)
def test_a_merge_survives_a_kill_at_any_change(scene: Path, tmp_path: Path) -> None:
    work = Work(scene, "repo", ("merge", "--take", "theirs"), settled, between=(0, 1))
    assert kill_everywhere(work, tmp_path, most=12) > 6


@pytest.mark.needs("strace")
@pytest.mark.timeout(1800)
def test_a_merge_survives_any_failed_change(scene: Path, tmp_path: Path) -> None:
    work = Work(scene, "repo", ("merge", "--take", "theirs"), settled, between=(0, 1))
    assert fail_everywhere(work, tmp_path, ("EIO", "ENOSPC", "EACCES"), most=6, seed=20) >= 5


def test_two_clones_merge_a_directory_through_a_bucket(
    tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    env = {**with_drivers(tmp_path / "programs"), "AWS_ENDPOINT_URL": s3_server.endpoint}
    git("init", "-q", "--bare", "--initial-branch=main", "hub.git", cwd=tmp_path)
    url = f"s3://{BUCKET}/merge/{tmp_path.parent.name}-{tmp_path.name}"
    ada, bob = project(tmp_path / "ada"), tmp_path / "bob"
    track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=ada).ok()
    save(ada, BASE, "base")
    git("remote", "add", "origin", "../hub.git", cwd=ada)
    track_here("push", cwd=ada).ok()
    git("push", "-q", "-u", "origin", "main", cwd=ada)
    git("clone", "-q", "hub.git", "bob", cwd=tmp_path)
    track_here("init", cwd=bob).ok()
    track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=bob).ok()
    track_here("pull", cwd=bob).ok()
    commit_all(bob, "set up")

    def give(repo: Path) -> None:
        track_here("push", cwd=repo).ok()
        git("push", "-q", "origin", "main", cwd=repo)

    def take(repo: Path) -> int:
        git("fetch", "-q", cwd=repo)
        track_here("fetch", "origin", "origin/main", cwd=repo).ok()
        return git_says("merge", "-m", "merged", "origin/main", cwd=repo, env=env).code

    save(ada, {"images/a": b"from ada", "images/ada": b"new"})
    give(ada)
    save(bob, {"images/b": b"from bob", "images/d": None})
    assert take(bob) == 0
    track_here("checkout", cwd=bob).ok()
    give(bob)
    assert take(ada) == 0
    track_here("checkout", cwd=ada).ok()
    assert read_tree(ada / "images") == read_tree(bob / "images")
    assert read_tree(ada / "images") == {b"a": b"from ada", b"ada": b"new", b"b": b"from bob", b"c": b"c"}

    save(ada, {"images/c": b"ada's c", "images/ada": b"newer"})
    give(ada)
    save(bob, {"images/c": b"bob's c", "images/bob": b"new"})
    assert take(bob) == 1
    track_here("merge", "images", "--take", "theirs", "c", cwd=bob).ok()
    git("commit", "-qm", "settled", cwd=bob)
    give(bob)
    assert take(ada) == 0
    track_here("checkout", cwd=ada).ok()
    assert read_tree(ada / "images") == read_tree(bob / "images")
    assert (bob / "images/c").read_bytes() == b"ada's c"
    for repo in (ada, bob):
        assert track_here("verify", cwd=repo).ok()
        assert git("status", "--porcelain", cwd=repo) == ""


def test_with_the_hooks_on_the_data_follows_a_merge_and_its_settling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACK_HOOKS_INSTALL", "true")
    env = with_drivers(tmp_path / "programs")
    repo = project(tmp_path / "repo")
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    git_says("merge", "-m", "merged", "theirs", cwd=repo, env=env).ok()
    assert (repo / "images/b").read_bytes() == b"theirs"
    git_says("checkout", "-q", "theirs", cwd=repo, env=env).ok()
    save(repo, {"images/a": b"again", "images/x": b"x"})
    git_says("checkout", "-q", "main", cwd=repo, env=env).ok()
    save(repo, {"images/a": b"here"})
    assert git_says("merge", "theirs", cwd=repo, env=env).code == 1
    blocked = git_says("commit", "-qam", "with the marks in it", cwd=repo, env=env)
    assert blocked.code != 0, "the marks of a conflict were committed"
    track_here("merge", "--take", "theirs", cwd=repo).ok()
    git_says("commit", "-qm", "settled", cwd=repo, env=env).ok()
    assert read_tree(repo / "images") == {b"a": b"again", b"b": b"theirs", b"c": b"c", b"d": b"d", b"x": b"x"}
