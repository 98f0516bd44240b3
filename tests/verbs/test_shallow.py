"""A shallow clone has pointers only: what asks works in it, and what was never asked for is not missed."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below, shared
from support.trees import write_tree


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Two versions of everything, pushed."""
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    git("tag", "v1", cwd=repo)
    write_tree(repo, {"data/new.txt": b"new\n", "table.csv": b"a,b\n1,2\n3,4\n"})
    track("add", "data", "table.csv", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    return repo


@pytest.fixture
def clone(repo: Path) -> Path:
    done = track("clone", "--shallow", str(repo), "clone", cwd=repo.parent).ok()
    assert "3 artifacts, pointers only" in done.out and "pull PATH" in done.err
    return repo.parent / "clone"


def test_verify_says_that_no_remote_was_asked(repo: Path, clone: Path) -> None:
    done = track("verify", cwd=clone).ok()
    assert "objects not here, never asked for; no remote was asked" in done.err and "but at a remote" not in done.err
    assert "track pull PATH" in done.err and "track verify --remote NAME" in done.err
    found = track("verify", "--json", cwd=clone).json
    assert found["never_asked"] > 0 and found["fetchable"] == 0 and found["problems"] == []
    assert track("verify", "--remote", "origin", cwd=clone).ok()
    told = track("verify", cwd=clone).ok().err
    assert "but at a remote" in told and "never asked" not in told, "now it is known"


def offline(repo: Path) -> None:
    (repo.parent / "remote").rename(repo.parent / "away")


def test_a_shallow_clone_brings_no_byte_of_data(clone: Path) -> None:
    assert not any(path.suffix == ".pack" for path in (clone / ".git/track").rglob("*"))
    assert not (clone / "data").exists() and not (clone / "table.csv").exists()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("ls", "-l"), "data/"),
        (("ls", "v1:"), "table.csv"),
        (("show", "data"), "not in the store"),
        (("show", "v1:table.csv"), "8 bytes"),
        (("diff",), "nothing differs"),
        (("diff", "--name-status", "v1", "HEAD", "--", "table.csv"), "table.csv"),
        (("log", "data"), "second"),
        (("status",), "not here, never asked for"),
        (("status", "--exit-code"), "nothing differs"),
        (("verify",), "nothing is wrong"),
        (("du", "table.csv"), "table.csv"),
        (("whereis", "data"), "not known"),
    ],
)
def test_what_asks_answers_without_a_network(repo: Path, clone: Path, command: tuple[str, ...], shown: str) -> None:
    offline(repo)
    assert shown in track(*command, cwd=clone).ok().out


def test_what_needs_a_manifest_says_so_and_how_to_get_it(repo: Path, clone: Path) -> None:
    offline(repo)
    listed = track("ls", "data", cwd=clone)
    assert listed.code == 4 and "track fetch --manifests origin -- data" in listed.err
    inner = track("show", "data/a.txt", cwd=clone)
    assert inner.code == 4 and "--manifests" in inner.err
    differing = track("diff", "v1", cwd=clone)
    assert differing.code == 4 and "table.csv" in differing.out and "hint: the same with --fetch" in differing.err
    sizes = track("du", cwd=clone).ok()
    assert "the manifests of 2 versions are not here" in sizes.err and "track du --fetch" in sizes.err
    assert track("ls", "--fetch", "data", cwd=clone).code == 5


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("ls", "-R", "data"), "data/new.txt"),
        (("ls", "v1:data/deep"), "data/deep/er/"),
        (("show", "data/a.txt"), "6 bytes"),
        (("diff", "v1", "HEAD"), "new.txt"),
        (("du",), "data"),
        (("whereis", "data"), "everything"),
    ],
)
def test_with_fetch_only_the_manifests_come(clone: Path, command: tuple[str, ...], shown: str) -> None:
    asked = track(command[0], "--fetch", *command[1:], cwd=clone).ok()
    assert shown in asked.out and "manifest" in asked.err, asked
    again = track(*command, cwd=clone).ok()
    assert again.out == asked.out
    stored = sum(path.stat().st_size for path in (clone / ".git/track/store").rglob("*.pack"))
    assert 0 < stored < 10_000 and not (clone / "data").exists()


def test_fetch_manifests_brings_them_for_every_artifact_and_ref(repo: Path, clone: Path) -> None:
    track("fetch", "--manifests", "--all", cwd=clone).ok()
    offline(repo)
    assert "new.txt" in track("diff", "v1", "HEAD", cwd=clone).ok().out
    assert track("checkout", "data", cwd=clone).code == 4


def test_what_was_pulled_once_is_looked_after_and_nothing_else(repo: Path, clone: Path) -> None:
    nothing = track("pull", cwd=clone).ok()
    assert "nothing was ever placed in this shallow clone" in nothing.err
    assert track("checkout", cwd=clone).code == 0
    for command in (("fetch",), ("fetch", "-n")):
        fetched = track(*command, cwd=clone).ok()
        assert "nothing was ever placed in this shallow clone" in fetched.err and "everything" not in fetched.err
        assert "track fetch -- PATH" in fetched.err
    named = track("fetch", "data", cwd=clone)
    assert named.code == 2 and "`data` is a path" in named.err and "track fetch -- data" in named.err
    track("pull", "table.csv", cwd=clone).ok()
    (repo / "table.csv").write_bytes(b"third\n")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "third")
    track("push", cwd=repo).ok()
    git("pull", "--quiet", cwd=clone)
    track("pull", cwd=clone).ok()
    assert (clone / "table.csv").read_bytes() == b"third\n"
    assert not (clone / "data").exists() and not (clone / "model.bin").exists()
    (clone / "table.csv").unlink()
    missing = track("status", "--porcelain", cwd=clone).ok().out
    assert "..DP table.csv" in missing and "data" not in missing


def test_a_part_can_be_pulled_and_changed_and_added(clone: Path) -> None:
    track("pull", "data/deep", cwd=clone).ok()
    (clone / "data/deep/more.txt").write_bytes(b"more")
    track("add", "data", cwd=clone).ok()
    assert "partly checked out" in track("status", cwd=clone).ok().out
    listed = track("ls", "-R", "data", cwd=clone).ok().out
    assert "data/deep/more.txt" in listed and "data/new.txt" in listed


def test_what_is_said_to_bring_the_rest_brings_it(repo: Path, clone: Path) -> None:
    track("pull", "data", "--include", "*.txt", cwd=clone).ok()
    assert "track pull PATH brings the rest" in track("status", cwd=clone).ok().out
    refused = track("checkout", "data", cwd=clone)
    assert refused.code == 4 and "hint: track pull data\n" in refused.err
    track("pull", "data", cwd=clone).ok()
    assert files_below(clone / "data") == files_below(repo / "data")


def test_hooks_ask_for_nothing_that_was_never_here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACK_HOOKS_INSTALL", "true")
    track("clone", "--shallow", str(repo), "hooked", cwd=repo.parent).ok()
    hooked = repo.parent / "hooked"
    assert (hooked / ".git/hooks/post-checkout").exists()
    track("pull", "table.csv", cwd=hooked).ok()
    git("checkout", "--quiet", "v1", cwd=hooked)
    assert files_below(hooked).keys() >= {"table.csv"} and not (hooked / "data").exists()
    assert track("status", "--json", cwd=hooked).ok().json["artifacts"][0]["away"] is True


def test_git_depth_is_about_commits_and_goes_with_it(repo: Path) -> None:
    track("clone", "--shallow", "--depth", "1", repo.as_uri(), "thin", cwd=repo.parent).ok()
    thin = repo.parent / "thin"
    assert git("rev-list", "--count", "HEAD", cwd=thin).strip() == "1" and not (thin / "data").exists()
    assert "nothing differs" in track("status", cwd=thin).ok().out


def test_a_clone_with_no_data_still_misses_it(repo: Path) -> None:
    track("clone", "--no-data", str(repo), "bare", cwd=repo.parent).ok()
    assert "missing" in track("status", cwd=repo.parent / "bare").ok().out
    assert cloned(repo, "plain")
