"""Uninit: plain files stay, what track wrote goes, and no byte is given up unasked."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import Empty, Executable, Link, read_tree, write_tree
from track.errors import Conflict, DamagedObject, ProjectError, UnsavedWork
from track.flows.look import look
from track.project import Project
from track.store.clients import register
from track.verbs import uninit as module
from track.verbs.add import Marks, add
from track.verbs.checkout import checkout
from track.verbs.init import init
from track.verbs.trust import trust
from track.verbs.uninit import Uninitialised, uninit
from track.worktree.listing import packed

BIG = bytes(range(256)) * 5000
DATA = {
    "data/a.csv": b"1,2\n",
    "images/1.png": b"one",
    "images/deep/2.png": b"two",
    "images/run": Executable(b"#!/bin/sh\n"),
    "images/link": Link(b"1.png"),
    "images/hollow": Empty(),
    "big.bin": BIG,
}


@pytest.fixture
def bare(repo: Path) -> Path:
    """A repository with data files that track has never seen."""
    write_tree(repo, DATA)
    return repo


def _added(repo: Path, *paths: str, marks: Marks | None = None) -> None:
    with Project.open(repo) as project:
        add(project, paths, marks=marks)


@pytest.fixture
def here(bare: Path) -> Path:
    """The same repository with everything added and committed."""
    init(bare)
    _added(bare, "data/a.csv", "images", "big.bin")
    commit_all(bare)
    return bare


def _uninit(repo: Path, *, force: bool = False, keep_store: bool = False, dry_run: bool = False) -> Uninitialised:
    with Project.open(repo) as project:
        return uninit(project, force=force, keep_store=keep_store, dry_run=dry_run)


def test_a_store_that_another_clone_uses_stays(here: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git("clone", "--quiet", str(here), str(other), cwd=tmp_path)
    with Project.open(here) as project:
        store = project.store_path
    (other / ".git/track").mkdir()
    (other / ".git/track/config.toml").write_text(f'[store]\npath = "{store}"\n')
    with Project.open(other) as project:
        trust(project)
    with Project.open(other) as project:
        checkout(project)
    assert _uninit(here).store is None
    shutil.rmtree(other / "images")
    with Project.open(other) as project:
        checkout(project)
    assert (other / "images/1.png").read_bytes() == b"one"
    _uninit(other)
    assert list((store / "clients").iterdir()) == []


def test_a_store_goes_when_the_clones_that_used_it_are_gone(here: Path, tmp_path: Path) -> None:
    with Project.open(here) as project:
        register(project.store.rooms, tmp_path / "gone")
        store = project.store_path
    assert _uninit(here).store == store
    assert not store.exists()


def test_everything_is_as_it_was_before(bare: Path) -> None:
    before = read_tree(bare)
    exclude = (bare / ".git/info/exclude").read_bytes()
    init(bare)
    _added(bare, "data/a.csv", "images", "big.bin")
    done = _uninit(bare)
    assert read_tree(bare) == before
    assert done.store == bare / ".git/track/store"
    assert not (bare / ".git/track").exists()
    assert (bare / ".git/info/exclude").read_bytes() == exclude
    assert git("ls-files", cwd=bare) == ""


def test_lines_of_people_stay(bare: Path) -> None:
    write_tree(bare, {".gitignore": b"*.pyc\n", ".gitattributes": b"*.png binary\n"})
    init(bare)
    _added(bare, "big.bin")
    done = _uninit(bare)
    assert done.changed == (b".gitattributes", b".gitignore")
    assert (bare / ".gitignore").read_bytes() == b"*.pyc\n"
    assert (bare / ".gitattributes").read_bytes() == b"*.png binary\n"


def test_what_was_committed_is_not_staged(here: Path) -> None:
    done = _uninit(here)
    assert done.staged == ()
    assert git("diff", "--cached", "--name-only", cwd=here) == ""
    assert " D big.bin.track" in git("status", "--porcelain", cwd=here)


def test_what_was_staged_only_leaves_the_index_again(here: Path) -> None:
    write_tree(here, {"new.bin": b"new", "code.py": b"x\n"})
    git("add", "code.py", cwd=here)
    _added(here, "new.bin")
    done = _uninit(here)
    assert b"new.bin.track" in done.staged
    assert git("diff", "--cached", "--name-only", "--diff-filter=A", cwd=here) == "code.py\n"


def test_an_older_version_is_not_given_up_unasked(here: Path) -> None:
    write_tree(here, {"data/a.csv": b"3,4\n"})
    _added(here, "data/a.csv")
    before = read_tree(here)
    with pytest.raises(UnsavedWork) as raised:
        _uninit(here)
    assert raised.value.exit_code == 6
    assert "1 objects (4 bytes)" in raised.value.message
    assert "--force" in (raised.value.hint or "") and "--keep-store" in (raised.value.hint or "")
    assert read_tree(here) == before
    with Project.open(here) as project:
        assert project.store.read(project.pointers()[b"data/a.csv.track"].digest) == b"3,4\n"


@pytest.mark.parametrize("loss", ["edited", "deleted", "entry edited", "entry deleted", "folder deleted", "now a file"])
def test_a_working_file_that_lost_its_content_counts(here: Path, loss: str) -> None:
    if loss == "edited":
        (here / "data/a.csv").write_bytes(b"9,9\n")
    elif loss == "deleted":
        (here / "big.bin").unlink()
    elif loss == "entry edited":
        (here / "images/1.png").write_bytes(b"six")
    elif loss == "entry deleted":
        (here / "images/deep/2.png").unlink()
    else:
        shutil.rmtree(here / "images")
        if loss == "now a file":
            (here / "images").write_bytes(b"x")
    with pytest.raises(UnsavedWork):
        _uninit(here)


def test_the_push_that_the_refusal_names_brings_every_version_to_safety(here: Path) -> None:
    with pytest.raises(UnsavedWork, match="no working file") as raised:
        (here / "data/a.csv").unlink()
        _uninit(here)
    assert (raised.value.hint or "").startswith("track remote add origin FOLDER ")
    track("remote", "add", "origin", "../remote", cwd=here).ok()
    for content in (b"3,4\n", b"5,6\n"):
        write_tree(here, {"data/a.csv": content})
        _added(here, "data/a.csv")
        commit_all(here)
    track("push", cwd=here).ok()
    with pytest.raises(UnsavedWork) as raised:
        _uninit(here)
    assert (raised.value.hint or "").startswith("track push origin $(git rev-list --all) ")
    track("push", "origin", *git("rev-list", "--all", cwd=here).split(), cwd=here).ok()
    _uninit(here)
    assert not (here / ".git/track/store").exists()


def test_a_change_that_the_stat_cache_does_not_know_of_is_noticed(here: Path) -> None:
    (here / "data/a.csv").write_bytes(b"9,9\n")
    with sqlite3.connect(here / ".git/track/stat.db") as rows:
        stats = bytes(packed(os.stat(here / "data/a.csv")))
        old = "(SELECT id FROM artifact WHERE path = x'646174612f612e637376')"
        rows.execute(f"UPDATE folder SET stats = ?, written = 1 << 62 WHERE artifact = {old}", (stats,))
    rows.close()
    with Project.open(here) as project:
        believed = look(project, b"data/a.csv", project.pointers()[b"data/a.csv.track"])
    assert believed.state == "."
    with pytest.raises(UnsavedWork):
        _uninit(here)


def test_a_named_artifact_is_only_in_the_store(here: Path) -> None:
    _added(here, "big.bin", marks=Marks((), name="weights"))
    _uninit(here, dry_run=True)
    (here / "big.bin").unlink()
    (here / "big.bin.track").unlink()
    with pytest.raises(UnsavedWork):
        _uninit(here)


def test_content_that_is_elsewhere_under_another_name_is_not_lost(here: Path) -> None:
    write_tree(here, {"copy.csv": b"1,2\n", "data/a.csv": b"3,4\n"})
    _added(here, "copy.csv", "data/a.csv")
    assert _uninit(here).lost_count == 0


def test_force_gives_older_versions_up_and_says_how_much(here: Path) -> None:
    write_tree(here, {"data/a.csv": b"3,4\n"})
    _added(here, "data/a.csv")
    done = _uninit(here, force=True)
    assert (done.lost_count, done.lost_bytes) == (1, 4)
    assert not (here / ".git/track").exists()
    assert (here / "data/a.csv").read_bytes() == b"3,4\n"


def test_the_store_can_stay(here: Path) -> None:
    write_tree(here, {"data/a.csv": b"3,4\n"})
    _added(here, "data/a.csv")
    with Project.open(here) as project:
        everything = dict(project.store.objects())
    done = _uninit(here, keep_store=True)
    assert done.store is None
    assert not (here / ".store").is_symlink()
    with Project.open(here, set_up=False) as project:
        assert dict(project.store.objects()) == everything


def test_a_store_that_others_use_stays(here: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=here)
    done = _uninit(here)
    assert done.store is None
    with Project.open(tmp_path / "linked") as project:
        digest = project.pointers()[b"data/a.csv.track"].digest
        assert project.store.read(digest) == b"1,2\n"


def test_a_store_at_a_chosen_place_stays(bare: Path, tmp_path: Path) -> None:
    (bare / ".git/track").mkdir()
    (bare / ".git/track/config.toml").write_text(f'[store]\npath = "{tmp_path}/shared"\n')
    with Project.open(bare) as project:
        trust(project)
    init(bare)
    _added(bare, "big.bin")
    assert _uninit(bare).store is None
    assert (tmp_path / "shared/store.toml").exists()


def test_a_dry_run_changes_nothing_and_says_what_would_be_lost(here: Path) -> None:
    write_tree(here, {"data/a.csv": b"3,4\n"})
    _added(here, "data/a.csv")
    before = read_tree(here)
    done = _uninit(here, dry_run=True)
    assert (done.lost_count, done.lost_bytes) == (1, 4)
    assert b"data/a.csv.track" in done.removed
    assert read_tree(here) == before
    assert (here / ".git/track/store/store.toml").exists()


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_links_into_the_store_become_files_of_their_own(here: Path, kind: str) -> None:
    with Project.open(here) as project:
        whole = project.store.whole(project.pointers()[b"big.bin.track"].digest)
        assert whole is not None
        (here / "big.bin").unlink()
        if kind == "symlink":
            (here / "big.bin").symlink_to(os.path.relpath(whole, here))
        else:
            os.link(whole, here / "big.bin")
    done = _uninit(here)
    assert done.plain == (b"big.bin",)
    assert not (here / "big.bin").is_symlink()
    assert (here / "big.bin").read_bytes() == BIG
    assert (here / "big.bin").stat().st_mode & 0o200
    assert (here / "big.bin").stat().st_nlink == 1


def test_links_inside_a_directory_become_files_too(here: Path) -> None:
    write_tree(here, {"images/large.bin": BIG[::-1]})
    _added(here, "images")
    with Project.open(here) as project:
        for digest, path in project.store.wholes():
            if project.store.read(digest) == BIG[::-1]:
                (here / "images/large.bin").unlink()
                (here / "images/large.bin").symlink_to(path)
    done = _uninit(here, force=True)
    assert done.plain == (b"images/large.bin",)
    assert (here / "images/large.bin").read_bytes() == BIG[::-1]
    assert os.readlink(here / "images/link") == "1.png"


def test_a_link_to_a_damaged_object_stops_everything(here: Path) -> None:
    with Project.open(here) as project:
        whole = project.store.whole(project.pointers()[b"big.bin.track"].digest)
        assert whole is not None
    (here / "big.bin").unlink()
    (here / "big.bin").symlink_to(whole)
    whole.chmod(0o644)
    whole.write_bytes(b"rot" + BIG[3:])
    with pytest.raises(DamagedObject):
        _uninit(here)
    assert (here / "big.bin.track").exists()
    assert (here / ".git/track/store/store.toml").exists()


def test_interrupted_the_same_call_finishes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path: node for path, node in read_tree(here).items() if b".track" not in path}

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    for step in ("heed", "_remove_file", "_remove_link", "_remove_state"):
        with monkeypatch.context() as patch:
            patch.setattr(module, step, killed)
            with pytest.raises(Killed):
                _uninit(here)
    _uninit(here)
    assert not (here / ".git/track").exists()
    left = read_tree(here)
    ours = {b".gitignore", b".gitattributes", b"data/.gitignore", b".store"}
    assert left == {path: node for path, node in files.items() if path not in ours}
    with pytest.raises(ProjectError):
        Project.open(here)


def test_files_of_others_with_our_ending_stay(here: Path) -> None:
    write_tree(here, {"gps.track": b"<gpx/>\n"})
    _uninit(here)
    assert (here / "gps.track").read_bytes() == b"<gpx/>\n"


def test_a_link_of_others_called_store_stays(here: Path, tmp_path: Path) -> None:
    (here / ".store").unlink()
    (here / ".store").symlink_to(tmp_path)
    _uninit(here)
    assert os.readlink(here / ".store") == str(tmp_path)


def test_a_sparse_checkout_does_not_take_out_half_of_it(here: Path) -> None:
    write_tree(here, {"gpx/ride.track": b"<gpx/>\n"})
    commit_all(here)
    git("sparse-checkout", "set", "--cone", "images", cwd=here)
    with pytest.raises(
        Conflict, match=r"leaves out 2 files of track, such as .track/config.toml: .* stay in Git"
    ) as it:
        _uninit(here, force=True)
    assert "git sparse-checkout disable" in str(it.value.hint)
    assert git("status", "--porcelain", cwd=here) == "" and (here / "images.track").exists()
    git("sparse-checkout", "set", "--no-cone", "/*", "!/gpx", cwd=here)  # what is left out now is somebody else's
    assert b"images.track" in _uninit(here, force=True).removed
