"""Clone: Git's part, the set-up of the new clone, and its data."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import Executable, Link, Node, read_tree, write_tree
from track.errors import Conflict, GitFailed, MissingObject, NewerFormat, NoRemote, RemoteError, TrackError, UsageError
from track.project import Project
from track.verbs.clone import clone, name_of

DATA: dict[bytes | str, Node] = {
    "data/a.csv": b"1,2\n",
    "images/1.png": b"one",
    "images/run": Executable(b"#!/bin/sh\n"),
    "images/link": Link(b"1.png"),
    "big.bin": bytes(range(256)) * 5000,
}


@pytest.fixture
def source(repo: Path, tmp_path: Path) -> Path:
    """A repository with data, pushed to a folder beside it."""
    track("init", cwd=repo).ok()
    write_tree(repo, DATA)
    track("add", "data/a.csv", "images", "big.bin", cwd=repo).ok()
    track("remote", "add", "origin", tmp_path / "remote", cwd=repo).ok()
    commit_all(repo)
    track("push", cwd=repo).ok()
    return repo


def _data(root: Path) -> dict[bytes, Node]:
    names = {os.fsencode(name).split(b"/")[0] for name in DATA}
    return {
        path: node
        for path, node in read_tree(root).items()
        if path.split(b"/")[0] in names and not path.endswith((b".track", b".gitignore"))
    }


def test_a_clone_has_the_data_of_its_source_to_the_bit(source: Path, tmp_path: Path) -> None:
    done = clone(str(source), tmp_path / "copy")
    assert _data(tmp_path / "copy") == _data(source) != {}
    assert done.root == tmp_path / "copy"
    assert done.artifacts_count == 3
    assert [path for path, _ in done.placed] == [b"big.bin", b"data/a.csv", b"images"]
    assert done.remotes[0][0] == "origin"
    assert git("status", "--porcelain", cwd=tmp_path / "copy") == ""
    assert "nothing" in track("status", cwd=tmp_path / "copy").ok().out + track("status", cwd=tmp_path / "copy").err


def test_the_new_clone_is_set_up(source: Path, tmp_path: Path) -> None:
    clone(str(source), tmp_path / "copy")
    assert os.readlink(tmp_path / "copy/.store") == ".git/track/store"
    with Project.open(tmp_path / "copy") as project:
        assert project.link_state() == "fine"
        assert project.store.id != Project.open(source).store.id


def test_without_data_the_clone_is_set_up_and_pull_goes_on(source: Path, tmp_path: Path) -> None:
    done = clone(str(source), tmp_path / "copy", data=False)
    assert (done.artifacts_count, done.fetched_bytes, done.placed) == (3, 0, ())
    assert _data(tmp_path / "copy") == {}
    assert (tmp_path / "copy/.store").is_symlink()
    track("pull", cwd=tmp_path / "copy").ok()
    assert _data(tmp_path / "copy") == _data(source)


def test_a_repository_without_track_is_cloned_and_left_as_it_is(repo: Path, tmp_path: Path) -> None:
    done = clone(str(repo), tmp_path / "copy")
    assert not done.is_project
    assert os.listdir(tmp_path / "copy") == [".git"]
    assert not (tmp_path / "copy/.git/track").exists()


def test_a_branch_can_be_chosen(source: Path, tmp_path: Path) -> None:
    git("switch", "--quiet", "-c", "side", cwd=source)
    write_tree(source, {"data/a.csv": b"3,4\n"})
    track("add", "data/a.csv", cwd=source).ok()
    commit_all(source)
    track("push", cwd=source).ok()
    git("switch", "--quiet", "main", cwd=source)
    clone(str(source), tmp_path / "copy", branch="side")
    assert (tmp_path / "copy/data/a.csv").read_bytes() == b"3,4\n"


def test_a_shallow_clone_has_its_data(source: Path, tmp_path: Path) -> None:
    clone(f"file://{source}", tmp_path / "copy", depth=1)
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "copy") == "1\n"
    assert _data(tmp_path / "copy") == _data(source)


def test_a_remote_elsewhere_that_only_the_repository_names_is_not_read(source: Path, tmp_path: Path) -> None:
    (tmp_path / "far/away").mkdir(parents=True)
    with pytest.raises(RemoteError) as raised:
        clone(str(source), tmp_path / "far/away/copy")
    assert raised.value.exit_code == 5
    assert _data(tmp_path / "far/away/copy") == {}
    assert any("is cloned in" in line for line in raised.value.details)


def test_pointers_without_any_remote_are_an_error_after_which_the_clone_stays(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"1\n"})
    track("add", "a.csv", cwd=repo).ok()
    commit_all(repo)
    with pytest.raises(NoRemote) as raised:
        clone(str(repo), tmp_path / "copy")
    assert any(str(tmp_path / "copy") in line for line in raised.value.details)
    assert (tmp_path / "copy/a.csv.track").exists()
    assert (tmp_path / "copy/.store").is_symlink()


def test_data_that_was_never_pushed_is_named(source: Path, tmp_path: Path) -> None:
    write_tree(source, {"data/a.csv": b"not pushed\n"})
    track("add", "data/a.csv", cwd=source).ok()
    commit_all(source)
    with pytest.raises(MissingObject) as raised:
        clone(str(source), tmp_path / "copy")
    assert "data/a.csv" in raised.value.message


def test_a_repository_of_a_later_format_is_cloned_and_refused(repo: Path, tmp_path: Path) -> None:
    write_tree(repo, {".track/config.toml": b"format = 2\n"})
    commit_all(repo)
    with pytest.raises(NewerFormat):
        clone(str(repo), tmp_path / "copy")
    assert (tmp_path / "copy/.git").is_dir()


def test_a_committed_store_link_and_path_are_not_followed(source: Path, tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()
    (source / ".store").unlink()
    (source / ".store").symlink_to(tmp_path / "trap")
    git("add", "--force", ".store", cwd=source)
    config = (source / ".track/config.toml").read_text()
    (source / ".track/config.toml").write_text(config + f'\n[store]\npath = "{tmp_path}/trap"\n')
    commit_all(source)
    done = clone(str(source), tmp_path / "copy")
    assert os.listdir(tmp_path / "trap") == []
    assert _data(tmp_path / "copy") == _data(source)
    assert len(done.warnings) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:hunter2@127.0.0.1:9/x.git?token=hunter2",
        "http://127.0.0.1:9/x.git?token=hunter2",
        "http://ada:hunter2@127.0.0.1:9/.git?token=hunter2",
        "ssh://ada:hunter2@127.0.0.1:9/x",
        "nowhere://ada:hunter2@127.0.0.1/x?token=hunter2",
    ],
)
def test_what_an_address_carries_is_not_shown(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(TrackError) as error:
            clone(url)
    assert "hunter2" not in "\n".join((error.value.message, *error.value.details, error.value.hint or ""))
    assert not list(tmp_path.glob("*hunter2*"))


def test_nothing_is_put_into_a_folder_with_files(source: Path, tmp_path: Path) -> None:
    write_tree(tmp_path / "copy", {"mine": b"x"})
    with pytest.raises(Conflict):
        clone(str(source), tmp_path / "copy")
    assert os.listdir(tmp_path / "copy") == ["mine"]


def test_a_repository_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitFailed):
        clone(str(tmp_path / "nowhere"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/acme/churn.git", "churn"),
        ("https://example.org/acme/churn/", "churn"),
        ("git@example.org:churn.git", "churn"),
        ("git@example.org:acme/churn", "churn"),
        ("/srv/git/churn/.git", "churn"),
        ("../churn.git/", "churn"),
        ("ssh://host:22/~ada/two words.git", "two words"),
    ],
)
def test_the_folder_is_called_as_git_would_call_it(url: str, name: str) -> None:
    assert name_of(url) == name


@pytest.mark.parametrize("url", ["", "/", "..", "https://", ".git"])
def test_a_url_without_a_name_needs_a_folder(url: str) -> None:
    with pytest.raises(UsageError):
        name_of(url)


def test_the_default_folder_is_made_where_we_are(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        new_repository(tmp_path / "elsewhere")
        git("clone", "--quiet", "--bare", source, tmp_path / "elsewhere/churn.git", cwd=tmp_path)
        done = clone(str(tmp_path / "elsewhere/churn.git"), data=False)
    assert done.root == tmp_path / "churn"
