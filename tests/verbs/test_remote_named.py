"""Remotes by name: what `remote add`, `list` and `remove` write, and what they refuse."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.sharing import cloned, files_below, opened, shared
from track.errors import Conflict, NewerFormat, NoRemote, NotAStore, RemoteUnreachable, StoreUnwritable, UsageError
from track.verbs.remote_add import RemoteAdded, remote_add
from track.verbs.remote_list import RemoteListed, remote_list
from track.verbs.remote_remove import RemoteRemoved, remote_remove


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = new_repository(tmp_path / "around" / "repo")
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def added(repo: Path, name: str = "origin", address: object = "../data", **options: bool) -> RemoteAdded:
    with opened(repo) as project:
        return remote_add(project, name, str(address), **options)


def listed(repo: Path) -> tuple[RemoteListed, ...]:
    with opened(repo) as project:
        return remote_list(project)


def removed(repo: Path, name: str = "origin") -> RemoteRemoved:
    with opened(repo) as project:
        return remote_remove(project, name)


def committed(repo: Path) -> str:
    return (repo / ".track/config.toml").read_text("utf-8")


def test_the_first_remote_makes_a_store_and_becomes_the_default(repo: Path) -> None:
    result = added(repo)
    assert (result.url, result.layer, result.made, result.is_new, result.is_default) == (
        "../data", "project", True, True, True,
    )  # fmt: skip
    assert (repo.parent / "data/store.toml").is_file()
    assert 'url = "../data"' in committed(repo) and 'remote = "origin"' in committed(repo)
    assert git("diff", "--cached", "--name-only", cwd=repo).split() == [".track/config.toml"]
    (one,) = listed(repo)
    assert one.is_default and one.may_send and one.may_fetch


def test_a_second_remote_leaves_the_default(repo: Path) -> None:
    added(repo)
    result = added(repo, "lab", repo.parent.parent / "lab")
    assert not result.is_default and result.url == str(repo.parent.parent / "lab")
    assert [(one.name, one.is_default) for one in listed(repo)] == [("lab", False), ("origin", True)]


def test_a_store_that_is_there_is_kept(repo: Path) -> None:
    added(repo)
    before = files_below(repo.parent / "data")
    again = added(repo, "other", "../data")
    assert not again.made and files_below(repo.parent / "data") == before


def test_an_empty_folder_becomes_a_store(repo: Path) -> None:
    (repo.parent / "data").mkdir()
    assert added(repo).made


def test_for_this_clone_alone_nothing_is_committed(repo: Path) -> None:
    result = added(repo, clone=True)
    assert (result.layer, result.staged) == ("clone", False)
    assert "data" not in committed(repo) and git("status", "--porcelain", cwd=repo) == ""
    assert listed(repo)[0].may_send


def test_an_address_is_meant_from_where_we_are(repo: Path) -> None:
    (repo / "sub").mkdir()
    with opened(repo / "sub") as project:
        assert remote_add(project, "origin", "../../data").url == "../data"


def test_a_relative_address_of_a_folder_far_away_becomes_absolute(repo: Path) -> None:
    assert added(repo, address="../../far").url == str(repo.parent.parent / "far")


def test_a_file_url_is_a_folder(repo: Path) -> None:
    assert added(repo, address=f"file://{repo.parent}/da%20ta").made
    assert (repo.parent / "da ta/store.toml").is_file()


def test_adding_it_again_is_consent(repo: Path) -> None:
    added(repo)
    commit_all(repo, "remote")
    clone = cloned(repo)
    assert (listed(clone)[0].may_send, listed(clone)[0].may_fetch) == (False, True)
    result = added(clone)
    assert (result.is_new, result.made, result.staged) == (False, False, False)
    assert listed(clone)[0].may_send and git("status", "--porcelain", cwd=clone) == ""


def test_consent_stays_in_the_clone(repo: Path) -> None:
    added(repo)
    commit_all(repo, "remote")
    first = cloned(repo, "first")
    added(first)
    assert not listed(cloned(first, "second"))[0].may_send


def test_a_name_stands_for_one_folder(repo: Path) -> None:
    added(repo)
    with pytest.raises(Conflict, match="origin") as caught:
        added(repo, "origin", "../other")
    assert "track remote remove origin" in str(caught.value.hint)
    assert not (repo.parent / "other").exists()


@pytest.mark.parametrize("name", ["", "-x", "a.b", "a/b", "../x", "a b", "x" * 65, "é", "a\n"])
def test_a_name_that_cannot_be_one_is_refused(repo: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        added(repo, name)
    assert not (repo.parent / "data").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(repo: Path) -> None:
    (repo.parent / "data").mkdir()
    (repo.parent / "data/holiday.jpg").write_bytes(b"x")
    with pytest.raises(NotAStore, match="not a store") as caught:
        added(repo)
    assert files_below(repo.parent / "data") == {"holiday.jpg": b"x"}
    assert "empty" in str(caught.value.hint) and "origin" not in committed(repo)


def test_a_folder_whose_parent_is_absent_is_not_made(repo: Path) -> None:
    with pytest.raises(RemoteUnreachable, match="not a folder") as caught:
        added(repo, address="../no/such/place")
    assert caught.value.hint and "mkdir -p" in caught.value.hint


def test_without_create_only_a_store_will_do(repo: Path) -> None:
    with pytest.raises(RemoteUnreachable):
        added(repo, create=False)
    (repo.parent / "data").mkdir()
    with pytest.raises(NotAStore):
        added(repo, create=False)
    assert list((repo.parent / "data").iterdir()) == []


def test_a_file_is_no_remote(repo: Path) -> None:
    (repo.parent / "data").write_bytes(b"x")
    with pytest.raises(NotAStore, match="file"):
        added(repo)


@pytest.mark.parametrize("address", [".", "data", ".git/data", ".git/track/store", "sub/../here"])
def test_a_folder_of_this_repository_is_no_remote(repo: Path, address: str) -> None:
    with pytest.raises(UsageError, match="lies in"):
        added(repo, address=repo / address)
    assert "origin" not in committed(repo)


def test_this_clones_own_store_is_no_remote(repo: Path) -> None:
    store = repo.parent / "own"
    track("config", "--clone", "store.path", str(store), cwd=repo).ok()
    track("status", cwd=repo).ok()
    with opened(repo) as project:
        assert project.store.path == store
    with pytest.raises(NotAStore, match="own store"):
        added(repo, address=store)


def test_a_name_that_is_not_utf8_cannot_be_configured(repo: Path) -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        added(repo, address="../caf\udce9")


def test_a_store_of_a_later_format_is_refused(repo: Path) -> None:
    added(repo)
    path = repo.parent / "data/store.toml"
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace("format = 1", "format = 7"), encoding="utf-8")
    with pytest.raises(NewerFormat):
        added(repo, "again")


def test_what_is_removed_is_forgotten_and_the_data_stays(repo: Path) -> None:
    added(repo)
    before = files_below(repo.parent / "data")
    result = removed(repo)
    assert (result.url, result.layers, result.was_default, result.staged) == ("../data", ("project",), True, True)
    assert listed(repo) == () and "origin" not in committed(repo)
    assert files_below(repo.parent / "data") == before
    with pytest.raises(NoRemote):
        removed(repo)


def test_a_removed_remote_is_no_longer_known(repo: Path) -> None:
    (repo / "a.bin").write_bytes(b"a")
    track("add", "a.bin", cwd=repo).ok()
    added(repo)
    commit_all(repo, "data")
    track("push", cwd=repo).ok()
    assert list((repo / ".git/track/remotes").glob("origin.db*"))
    removed(repo)
    assert not list((repo / ".git/track/remotes").glob("origin.db*"))


def test_a_remote_that_we_may_not_be_given_is_not_named_to_others(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise StoreUnwritable("no permission to write the consent")

    before = committed(repo)
    with monkeypatch.context() as patched:
        patched.setattr("track.verbs.remote_add.allow", refused)
        with pytest.raises(StoreUnwritable):
            added(repo)
    assert committed(repo) == before
    assert added(repo).is_new


def test_a_committed_relative_address_starts_from_the_top_of_each_clone(tmp_path: Path) -> None:
    repo = shared(tmp_path / "home")
    track("push", cwd=repo).ok()
    far = tmp_path / "far"
    far.mkdir()
    git("clone", "--quiet", str(repo), str(far / "clone"), cwd=far)
    clone = far / "clone"
    (clone / "notes").mkdir()
    done = track("pull", cwd=clone / "notes")
    assert done.code == 5 and str(far / "remote") in done.err, done
    config = clone / ".track/config.toml"
    number = next(at for at, line in enumerate(config.read_text().splitlines(), 1) if "url =" in line)
    assert f'{config}, line {number}: url = "../remote"' in done.err and f"here {clone}" in done.err
    assert "track config remote.origin.url FOLDER" in done.err
    track("config", "remote.origin.url", "../../home/remote", cwd=far / "clone").ok()
    said = track("pull", cwd=clone)
    assert said.code == 0, said
    assert (clone / "table.csv").read_bytes() == b"a,b\n1,2\n"


def test_a_committed_relative_address_resolves_beside_a_clone_elsewhere(tmp_path: Path) -> None:
    repo = shared(tmp_path / "home")
    track("push", cwd=repo).ok()
    shutil.copytree(repo.parent / "remote", tmp_path / "far/remote")
    git("clone", "--quiet", str(repo), str(tmp_path / "far/clone"), cwd=tmp_path)
    track("pull", cwd=tmp_path / "far/clone").ok()
    done = track("push", cwd=tmp_path / "far/clone")
    assert done.code == 5 and "track trust" in done.err  # reading from there is harmless, sending is not


def test_a_committed_relative_address_that_leaves_the_parent_waits_for_a_yes(tmp_path: Path) -> None:
    repo = shared(tmp_path / "home/deep")
    track("push", cwd=repo).ok()
    config = repo / ".track/config.toml"
    config.write_text(config.read_text().replace('"../remote"', '"../../deep/remote"'))
    commit_all(repo, "elsewhere")
    git("clone", "--quiet", str(repo), str(repo.parent / "clone"), cwd=tmp_path)
    track("pull", cwd=repo.parent / "clone").ok()
    (tmp_path / "home/other").mkdir()
    git("clone", "--quiet", str(repo), str(tmp_path / "home/other/clone"), cwd=tmp_path)
    done = track("pull", cwd=tmp_path / "home/other/clone")
    assert done.code == 5 and "track trust" in done.err and str(repo.parent / "remote") in done.err
