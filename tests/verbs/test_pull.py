"""Fetch and pull: what pointers need comes, verified, and is placed; what is edited stays."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, git
from support.sharing import cloned, files_below, opened, shared
from support.trees import read_tree
from track.errors import DamagedObject, MissingObject, NoRemote, RemoteError, UnknownPath, UnknownRevision, UnsavedWork
from track.flows.reach import known_at_remotes
from track.store.backends.folder import open_folder
from track.verbs.fetch import Fetched, fetch
from track.verbs.pull import Pulled, pull

TOP = (b".git", b".store", b".track")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with everything pushed."""
    repo = shared(tmp_path)
    leave_uncut(open_folder(tmp_path / "remote"))
    track("push", cwd=repo).ok()
    return repo


def pulled(repo: Path, *paths: str, **options: object) -> Pulled:
    with opened(repo) as project:
        return pull(project, [str(repo / path) for path in paths], **options)  # type: ignore[arg-type]  # as given


def fetched(repo: Path, *args: object, **options: object) -> Fetched:
    with opened(repo) as project:
        return fetch(project, *args, **options)  # type: ignore[arg-type]  # passed through as given


def packs(repo: Path) -> list[Path]:
    return sorted(path for path in (repo.parent / "remote").rglob("*.pack"))


def wholes(repo: Path) -> list[Path]:
    return sorted(path for path in (repo.parent / "remote/objects").rglob("*") if path.is_file())


def spoil(path: Path, at: int = 3) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.chmod(0o644)
    path.write_bytes(bytes(content))


def test_a_clone_gets_identical_trees(repo: Path) -> None:
    clone = cloned(repo)
    result = pulled(clone)
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)
    assert result.remotes == (("origin", "../remote"),) and result.versions_count == 3
    assert {artifact.path for artifact in result.artifacts} == {b"data", b"model.bin", b"table.csv"}
    assert track("status", "--exit-code", cwd=clone).code == 0


def test_a_second_pull_needs_nobody_and_says_who_could_not_be_asked(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    assert pulled(clone).passed == ()
    shutil.rmtree(repo.parent / "remote")
    again = pulled(clone)
    assert (again.objects_count, again.remotes, again.artifacts) == (0, (), ())
    assert [one.name for one in again.passed] == ["origin"]
    track("pull", cwd=clone).ok()


class Told:
    """A progress that keeps what is begun, and what is ended."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        self.said.append(what)

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        pass

    def end(self) -> None:
        self.said.append("end")


def test_a_pull_with_nothing_to_fetch_shows_whom_it_waits_for(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    for _ in range(2):
        told = Told()
        pulled(clone, progress=told)
        assert told.said[-2:] == ["asking origin", "end"]
        shutil.rmtree(repo.parent / "remote", ignore_errors=True)


def test_a_pull_with_nothing_to_fetch_asks_no_remote_that_nobody_allowed(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    (settings,) = (
        path for path in (clone / ".track").rglob("*") if path.is_file() and b"../remote" in path.read_bytes()
    )
    settings.write_bytes(settings.read_bytes().replace(b"../remote", b"/nowhere/at/all"))
    assert pulled(clone).passed == ()
    with pytest.raises(NoRemote):
        pulled(clone, remote="nonesuch")


def test_a_missing_artifact_comes_back_without_a_remote(repo: Path) -> None:
    (repo / "table.csv").unlink()
    shutil.rmtree(repo / "data")
    shutil.rmtree(repo.parent / "remote")
    assert {artifact.path for artifact in pulled(repo).artifacts} == {b"data", b"table.csv"}
    assert (repo / "table.csv").read_bytes() == b"a,b\n1,2\n"


def test_a_part_of_a_directory_is_all_that_comes(repo: Path) -> None:
    clone = cloned(repo)
    result = pulled(clone, "data/deep")
    assert files_below(clone / "data") == {"deep/er/b.bin": bytes(range(256)) * 5000}
    assert result.fetched_bytes < 1_400_000 and not (clone / "model.bin").exists()
    assert pulled(clone, "data/a.txt").objects_count <= 1
    with pytest.raises(UnknownPath):
        pulled(clone, "nothing")


def test_fetching_places_nothing_and_status_then_knows(repo: Path) -> None:
    clone = cloned(repo)
    result = fetched(clone)
    assert result.objects_count == 9 and result.versions_count == 3
    assert not (clone / "data").exists() and not (clone / "model.bin").exists()
    with opened(clone) as project:
        digests = {pointer.digest for pointer in project.pointers().values()}
        assert project.store.absent(digests) == set()
        assert known_at_remotes(project, digests) == digests
    assert fetched(clone).objects_count == 0


def test_revisions_and_all_refs_can_be_fetched(repo: Path) -> None:
    git("tag", "v1", cwd=repo)
    (repo / "table.csv").write_bytes(b"second")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    clone = cloned(repo)
    assert fetched(clone, "origin", ["v1"], paths=[str(clone / "table.csv")]).objects_count == 1
    assert fetched(clone, None, (), paths=[str(clone / "table.csv")], every=True).objects_count == 1
    with pytest.raises(UnknownRevision):
        fetched(clone, "origin", ["nonesuch"])


def test_unsaved_edits_are_kept_unless_given_up(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    (clone / "table.csv").write_bytes(b"work of a day")
    (repo / "table.csv").write_bytes(b"second")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    git("pull", "--quiet", cwd=clone)
    with pytest.raises(UnsavedWork, match=r"table\.csv"):
        pulled(clone)
    assert (clone / "table.csv").read_bytes() == b"work of a day"
    pulled(clone, force=True)
    assert (clone / "table.csv").read_bytes() == b"second"


def test_edits_beside_a_pointer_that_did_not_move_stay_and_the_others_come(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    (clone / "data/a.txt").write_bytes(b"work of a day")
    (repo / "table.csv").write_bytes(b"second")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "second")
    track("push", cwd=repo).ok()
    git("pull", "--quiet", cwd=clone)
    said = track("pull", cwd=clone).ok()
    assert "data/  1 file edited, left alone\n" in said.out and "table.csv  6 B  1 file replaced\n" in said.out
    assert (clone / "data/a.txt").read_bytes() == b"work of a day"
    assert (clone / "table.csv").read_bytes() == b"second"
    assert track("pull", "data", cwd=clone).code == 6  # the edit is what was named
    assert (clone / "data/a.txt").read_bytes() == b"work of a day"


def test_a_dry_run_changes_nothing_and_fails_as_the_real_one_does(repo: Path) -> None:
    clone = cloned(repo)
    result = pulled(clone, dry_run=True)
    assert result.dry_run and {one.path for one in result.lacking} == {b"data", b"model.bin", b"table.csv"}
    assert not (clone / "data").exists()
    pulled(clone, "table.csv")
    shutil.rmtree(repo.parent / "remote")
    assert [one.path for one in pulled(clone, "table.csv", dry_run=True).lacking] == []  # and nobody is asked
    with pytest.raises(RemoteError) as foreseen:
        pulled(clone, dry_run=True)
    with pytest.raises(RemoteError) as real:
        pulled(clone)
    assert (foreseen.value.message, foreseen.value.exit_code) == (real.value.message, real.value.exit_code)


def test_what_is_damaged_at_the_remote_is_named_and_never_placed(repo: Path) -> None:
    (damaged,) = [path for path in wholes(repo) if path.stat().st_size == 1_280_000]
    spoil(damaged)
    clone = cloned(repo)
    with pytest.raises(DamagedObject) as caught:
        pulled(clone)
    assert caught.value.exit_code == 7 and "origin" in caught.value.message
    assert any("data/deep/er/b.bin" in line for line in caught.value.details)
    assert "track repair --remote origin" in str(caught.value.hint)
    assert not (clone / "data").exists()
    assert (clone / "model.bin").stat().st_size == 2_100_000
    assert "placed all the same: model.bin, table.csv" in caught.value.details


def test_what_is_missing_at_the_remote_is_named(repo: Path) -> None:
    for path in packs(repo):
        path.unlink()
    clone = cloned(repo)
    with pytest.raises(MissingObject) as caught:
        pulled(clone)
    assert caught.value.exit_code == 4 and "origin" in caught.value.message and "track push" in str(caught.value.hint)
    assert any(line.startswith("table.csv") for line in caught.value.details)
    assert not (clone / "table.csv").exists()


def test_a_push_after_a_check_repairs_the_remote(repo: Path) -> None:
    for path in (*packs(repo), *wholes(repo)):
        spoil(path)
    clone = cloned(repo)
    with pytest.raises(DamagedObject):
        pulled(clone)
    assert track("verify", "--remote", "origin", cwd=repo).code == 7
    track("push", "origin", cwd=repo).ok()
    pulled(clone)
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)
    assert track("verify", "--remote", "origin", cwd=repo).code == 0


@pytest.mark.parametrize("size", [8, 1_280_000])
def test_what_is_damaged_here_comes_again(repo: Path, size: int) -> None:
    """Nobody said so before; the pull that needs it finds out."""
    expected = read_tree(repo, leave_out=TOP)
    store = repo / ".git/track/store"
    paths = store.rglob("*.pack") if size == 8 else (store / "objects").rglob("*")
    for path in [path for path in paths if path.is_file()]:
        spoil(path, path.read_bytes().find(b"a,b\n1,2\n") if size == 8 else 5)
    (repo / "table.csv").unlink()
    shutil.rmtree(repo / "data")
    (repo / "model.bin").unlink()
    pulled(repo)
    assert read_tree(repo, leave_out=TOP) == expected


def test_another_remote_is_asked_for_what_the_first_lacks(repo: Path) -> None:
    track("remote", "add", "backup", "../backup", cwd=repo).ok()
    commit_all(repo, "backup")
    track("push", "backup", cwd=repo).ok()
    for path in packs(repo):
        path.unlink()
    clone = cloned(repo)
    with pytest.raises(MissingObject):
        pulled(clone, remote="origin")
    result = pulled(clone)
    assert [name for name, _ in result.remotes] == ["origin", "backup"]
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)


def test_what_is_lacking_needs_a_remote(repo: Path) -> None:
    track("remote", "remove", "origin", cwd=repo).ok()
    commit_all(repo, "no remote")
    with pytest.raises(NoRemote):
        pulled(cloned(repo))


def test_a_folder_far_from_the_repository_is_read_only_after_consent(tmp_path: Path) -> None:
    repo = shared(tmp_path / "one", remote=str(tmp_path / "store"))
    track("push", cwd=repo).ok()
    assert str(tmp_path / "store") in (repo / ".track/config.toml").read_text("utf-8")
    clone = cloned(repo)
    with pytest.raises(RemoteError, match="reads nothing"):
        pulled(clone)
    assert not (clone / "data").exists()
    track("remote", "add", "origin", str(tmp_path / "store"), cwd=clone).ok()
    pulled(clone)
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)


def test_a_pull_into_a_deleted_record_works(repo: Path) -> None:
    clone = cloned(repo)
    pulled(clone)
    shutil.rmtree(clone / ".git/track/remotes")
    shutil.rmtree(clone / ".git/track/store")
    shutil.rmtree(clone / "data")
    pulled(clone)
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)
