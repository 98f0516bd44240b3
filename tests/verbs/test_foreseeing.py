"""Dry runs of fetch, pull and clone: what would come and from where, as it then comes; nothing is written."""

import os
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, consented, files_below, opened, shared
from support.trees import write_tree
from track.errors import Conflict, GitFailed, MissingObject, RemoteError
from track.flows.choice import choice_of
from track.verbs.clone import clone
from track.verbs.fetch import fetch
from track.verbs.pull import pull

MANY = {f"many/{number:05}.txt": f"{number}\n".encode() for number in range(1500)}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with everything pushed, a directory of several manifest nodes and large files among it."""
    repo = shared(tmp_path)
    write_tree(repo, MANY)
    track("add", "many", cwd=repo).ok()
    commit_all(repo, "many")
    track("push", cwd=repo).ok()
    return repo


def everything(folder: Path) -> dict[str, bytes]:
    """All that is there but what Git itself refreshes."""
    return {name: content for name, content in files_below(folder).items() if not name.startswith(".git/index")}


def seen(clone: Path) -> Path:
    """The clone, in which something was asked once, so that it has a store, and its caches are there."""
    for words in (("status",), ("fetch", "--dry-run", "--", "table.csv"), ("pull", "-n")):
        track(*words, cwd=clone)
    return clone


@pytest.mark.parametrize("paths", [(), ("many",), ("data/deep",), ("model.bin", "many/00007.txt")])
def test_a_fetch_brings_what_its_dry_run_said(repo: Path, paths: tuple[str, ...]) -> None:
    copy = seen(cloned(repo))
    before = everything(copy)
    with opened(copy) as project:
        given = [str(copy / path) for path in paths]
        foreseen = fetch(project, paths=given, dry_run=True)
    assert everything(copy) == before
    with opened(copy) as project:
        done = fetch(project, paths=given)
        assert foreseen.objects_count == done.objects_count > 0
        assert foreseen.remotes == done.remotes == (("origin", "../remote"),)
        assert sum(one.objects_count for one in foreseen.foreseen) >= done.objects_count
        again = fetch(project, paths=given, dry_run=True)
        assert (again.objects_count, again.fetched_bytes) == (0, 0)


def test_bytes_are_those_of_the_objects_and_files_those_of_the_pointer(repo: Path) -> None:
    copy = cloned(repo)
    with opened(copy) as project:
        found = {one.path: one for one in fetch(project, dry_run=True).foreseen}
    assert found[b"model.bin"] == (b"model.bin", 1, 1, len(b"weights") * 300_000)
    assert found[b"many"].files_count == 1500
    assert found[b"many"].size > sum(map(len, MANY.values())), "the manifest comes, too"
    assert found[b"many"].objects_count > 1500


def test_manifests_alone_and_a_choice_are_foreseen_too(repo: Path) -> None:
    copy = cloned(repo)
    with opened(copy) as project:
        only = choice_of(("*0.txt",), ())
        foreseen = fetch(project, paths=[str(copy / "many")], choice=only, dry_run=True)
        assert [one.files_count for one in foreseen.foreseen] == [None]
        manifests = fetch(project, manifests=True, dry_run=True)
        assert manifests.objects_count == fetch(project, manifests=True).objects_count
        left = fetch(project, paths=[str(copy / "many")], choice=only, dry_run=True)
        assert left.objects_count == 150 < foreseen.objects_count
        assert fetch(project, paths=[str(copy / "many")], choice=only).objects_count == 150


def test_a_pull_places_what_its_dry_run_said_and_that_writes_nothing(repo: Path) -> None:
    copy = seen(cloned(repo))
    with opened(copy) as project:
        fetch(project, paths=[str(copy / "table.csv")])
        pull(project, dry_run=True)
    before = everything(copy)
    with opened(copy) as project:
        foreseen = pull(project, dry_run=True)
    assert everything(copy) == before
    with opened(copy) as project:
        done = pull(project)
    assert foreseen.objects_count == done.objects_count and foreseen.remotes == done.remotes
    assert [one.path for one in foreseen.artifacts] == [b"table.csv"]
    assert {one.path for one in foreseen.foreseen} == {b"data", b"many", b"model.bin"}
    assert {one.path for one in done.artifacts} == {b"data", b"many", b"model.bin", b"table.csv"}


def test_what_no_remote_has_is_the_same_error(repo: Path) -> None:
    copy = cloned(repo)
    for path in (repo.parent / "remote/index").rglob("*"):
        if path.is_file():
            path.unlink()
    for attempt in (fetch, pull):
        with opened(copy) as project:
            with pytest.raises(MissingObject) as foreseen:
                attempt(project, dry_run=True)
            with pytest.raises(MissingObject) as real:
                attempt(project)
        assert foreseen.value.exit_code == real.value.exit_code == 4


def test_what_one_remote_lacks_would_come_from_the_next(repo: Path) -> None:
    git("commit", "--quiet", "--allow-empty", "-m", "x", cwd=repo)
    track("remote", "add", "lab", "../lab", cwd=repo).ok()
    track("push", "lab", "--", "table.csv", cwd=repo).ok()
    commit_all(repo, "lab")
    copy = consented(cloned(repo))
    track("config", "fetch.from", "lab origin", cwd=copy).ok()
    with opened(copy) as project:
        foreseen = fetch(project, dry_run=True)
        done = fetch(project)
    assert [name for name, _ in foreseen.remotes] == [name for name, _ in done.remotes]
    assert foreseen.objects_count == done.objects_count


def test_a_dead_remote_is_passed_over(repo: Path) -> None:
    track("remote", "add", "lab", "../lab", cwd=repo).ok()
    commit_all(repo, "lab")
    copy = consented(cloned(repo))
    shutil.rmtree(repo.parent / "lab")
    track("config", "fetch.from", "lab origin", cwd=copy).ok()
    done = track("fetch", "-n", cwd=copy).ok()
    assert "would be fetched from origin (../remote) (--dry-run)" in done.err and "lab" in done.err


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, by themselves."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_clone_brings_what_its_dry_run_said_and_that_leaves_nothing(repo: Path, temporary: Path) -> None:
    target = repo.parent / "copy"
    foreseen = clone(str(repo), target, dry_run=True)
    assert not target.exists() and list(temporary.iterdir()) == []
    done = clone(str(repo), target)
    assert foreseen.root == done.root == target
    assert foreseen.remotes == done.remotes and foreseen.artifacts_count == done.artifacts_count
    assert [path for path, _ in foreseen.placed] == [path for path, _ in done.placed]
    with opened(target) as project:
        assert fetch(project, dry_run=True).objects_count == 0
    with opened(cloned(repo)) as project:
        assert foreseen.objects_count == fetch(project).objects_count


def test_a_clone_that_would_fail_fails_alike(repo: Path, temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").write_bytes(b"")
    with pytest.raises(Conflict):
        clone(str(repo), tmp_path / "taken", dry_run=True)
    with pytest.raises(GitFailed):
        clone(str(tmp_path / "nowhere"), tmp_path / "new", dry_run=True)
    (tmp_path / "far").mkdir()
    with pytest.raises(RemoteError) as error:  # where it would be, nothing lies beside it
        clone(str(repo), tmp_path / "far" / "copy", dry_run=True)
    assert error.value.exit_code == 5 and "cloned in" not in f"{error.value.details}"
    assert f"{tmp_path}/far/copy/.track/config.toml" in f"{error.value.details}"
    assert list(temporary.iterdir()) == [] and os.listdir(tmp_path / "far") == []


def test_what_is_said(repo: Path) -> None:
    copy = cloned(repo)
    done = track("fetch", "-n", "--", "many", "model.bin", cwd=copy).ok()
    assert "model.bin  1 file, 1 object, 2.0 MiB, would be fetched\n" in done.out
    assert "would be fetched from origin (../remote) (--dry-run)" in done.err
    found = track("fetch", "-n", "--json", cwd=copy).ok().json
    assert found["dry_run"] and {one["path"] for one in found["lacking"]} == {"data", "many", "model.bin", "table.csv"}
    assert "many  1,500 files, " in track("pull", "-n", cwd=copy).ok().out
    made = track("clone", "-n", str(repo), "../new", cwd=copy).ok()
    assert made.out.startswith(f"would be cloned into {repo.parent / 'new'}\n") and "  many " in made.out
    assert not (repo.parent / "new").exists()
    assert "no data" in track("clone", "-n", "--shallow", str(repo), "../new", cwd=copy).ok().err
    assert "everything is here" in track("fetch", "-n", cwd=repo).ok().err
