"""Repair: what is bad is told, kept and brought back; what is right nowhere is named; a dry run changes nothing."""

import shutil
from pathlib import Path

import pytest

from store.conftest import files, spoil
from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.project import Project
from track.store.backends.folder import open_folder
from track.store.roots import parse_roots

LARGE = bytes(range(256)) * (5 << 10)
FILES = {"d/a": b"one", "d/b": b"two", "x.csv": b"1,2\n", "big.bin": LARGE}


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", "x.csv", "big.bin", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    leave_uncut(open_folder(repo.parent / "origin"))
    commit_all(repo, "data")
    track("push", cwd=repo).ok()
    return repo


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def without_data(repo: Path) -> None:
    shutil.rmtree(repo / "d")
    (repo / "x.csv").unlink()
    (repo / "big.bin").unlink()


def pack_with(folder: Path, content: bytes) -> Path:
    return next(path for path in files(folder / "packs") if content in path.read_bytes())


def hurt(folder: Path, content: bytes) -> Path:
    """Flip a bit of an object inside its pack."""
    path = pack_with(folder, content)
    spoil(path, path.read_bytes().index(content))
    return path


def test_it_says_what_was_bad_where_it_is_now_and_where_the_good_one_came_from(here: Path) -> None:
    hurt(store_of(here), b"onetwo")

    done = track("repair", cwd=here).ok()

    assert "quarantine" in done.out and "1 of its" in done.out and "from the working tree" in done.out
    assert done.out.endswith("1 object restored\n")
    assert track("verify", cwd=here).ok()


def test_another_working_tree_is_looked_at(here: Path) -> None:
    git("worktree", "add", "-q", "../second", cwd=here)
    track("checkout", cwd=here.parent / "second").ok()
    track("remote", "remove", "origin", cwd=here).ok()
    without_data(here)
    (path,) = files(store_of(here) / "objects")
    spoil(path, 5)

    done = track("repair", cwd=here).ok()

    assert f"from the working tree at {here.parent / 'second'}" in done.out
    assert path.read_bytes() == LARGE


def test_a_working_file_that_is_itself_bad_is_no_source(here: Path) -> None:
    (here / "big.bin").write_bytes(LARGE[:-1] + b"x")
    (path,) = files(store_of(here) / "objects")
    spoil(path, 5)

    assert "from remote `origin`" in track("repair", cwd=here).ok().out
    assert path.read_bytes() == LARGE


def test_what_an_earlier_verify_put_aside_is_brought_back(here: Path) -> None:
    without_data(here)
    hurt(store_of(here), b"two")
    (path,) = files(store_of(here) / "objects")
    spoil(path, 5)
    assert track("verify", cwd=here).code == 7
    assert not path.exists()

    done = track("repair", cwd=here).ok()

    assert "2 from remote `origin`" in done.out
    track("remote", "remove", "origin", cwd=here).ok()
    track("checkout", cwd=here).ok()
    assert {name: (here / name).read_bytes() for name in FILES} == FILES
    assert track("repair", cwd=here).ok().out == "nothing to repair\n"


def test_what_another_command_found_cut_is_brought_back(here: Path) -> None:
    without_data(here)
    path = pack_with(store_of(here), b"two")
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-9])
    track("checkout", cwd=here)  # whatever it says: it is the first to see it

    track("repair", cwd=here).ok()

    track("remote", "remove", "origin", cwd=here).ok()
    track("checkout", cwd=here).ok()
    assert (here / "d/b").read_bytes() == b"two"


def test_what_was_never_fetched_is_not_brought(here: Path) -> None:
    clone = cloned(here)
    track("fetch", "--", "x.csv", cwd=clone).ok()
    before = files_below(store_of(clone) / "packs")
    hurt(store_of(clone), b"1,2\n")

    track("repair", cwd=clone).ok()

    assert len(files_below(store_of(clone) / "packs")) == len(before)
    assert not (store_of(clone) / "objects").exists() or not files(store_of(clone) / "objects")


def test_a_clone_of_pointers_alone_has_nothing_to_repair(here: Path) -> None:
    clone = here.parent / "shallow"
    track("clone", "--shallow", here, clone, cwd=here.parent).ok()

    assert track("verify", cwd=clone).code == 0
    assert track("repair", cwd=clone).ok().out == "nothing to repair\n"
    assert not files(store_of(clone) / "packs") if (store_of(clone) / "packs").exists() else True


@pytest.mark.parametrize("where", ["here", "remote"])
def test_a_dry_run_says_the_same_and_changes_nothing(here: Path, where: str) -> None:
    folder = store_of(here) if where == "here" else here.parent / "origin"
    remote = ("--remote", "origin") if where == "remote" else ()
    hurt(folder, b"two")
    spoil(files(folder / "objects")[0], 9)
    if where == "remote":
        spoil(files(folder / "index")[0], 40)
    parts = ("packs", "objects", "index", "roots", "quarantine")
    before = {part: files_below(folder / part) for part in parts}

    dry = track("repair", "-n", *remote, "--json", cwd=here).ok()

    assert {part: files_below(folder / part) for part in parts} == before
    assert dry.json["dry_run"] and dry.json["lost"] == 0
    assert "would be restored" in track("repair", "--dry-run", *remote, cwd=here).ok().out
    real = track("repair", *remote, "--json", cwd=here).ok()
    assert real.json["restored"] == dry.json["restored"] > 0
    assert [one["sources"] for one in real.json["mended"]] == [one["sources"] for one in dry.json["mended"]]
    track("verify", *remote, cwd=here).ok()


@pytest.mark.parametrize("where", ["here", "remote"])
def test_what_is_damaged_everywhere_is_seven_named_and_the_rest_comes_back(here: Path, where: str) -> None:
    for folder in (store_of(here), here.parent / "origin"):
        hurt(folder, b"two")
        path = pack_with(folder, b"one")
        spoil(path, path.read_bytes().index(b"1,2\n"))
    shutil.rmtree(here / "d")  # x.csv is still in place

    done = track("repair", *(("--remote", "origin") if where == "remote" else ()), cwd=here)

    assert done.code == 7
    assert "lost  d/b" in done.out and "x.csv" not in done.out and "hint: track push" in done.err
    again = track("verify", *(("--remote", "origin") if where == "remote" else ()), cwd=here)
    assert again.code in (4, 7)
    assert "x.csv" not in again.out


def test_what_is_missing_everywhere_is_four(here: Path) -> None:
    shutil.rmtree(here.parent / "origin")
    track("remote", "remove", "origin", cwd=here).ok()
    without_data(here)
    for path in files(store_of(here) / "objects"):
        path.unlink()

    done = track("repair", cwd=here)

    assert done.code == 4
    assert "lost  big.bin" in done.out


def test_a_remote_that_cannot_be_asked_is_named_and_the_others_are_asked(here: Path) -> None:
    track("remote", "add", "away", "../away", cwd=here).ok()
    shutil.rmtree(here.parent / "away")
    track("config", "core.remote", "away", cwd=here).ok()
    without_data(here)
    (path,) = files(store_of(here) / "objects")
    spoil(path, 5)

    done = track("repair", cwd=here).ok()

    assert "remote `away` could not be asked" in done.err and "from remote `origin`" in done.out


def test_a_remote_that_nobody_knows_is_five(here: Path) -> None:
    assert track("repair", "--remote", "nowhere", cwd=here).code == 5


@pytest.mark.parametrize("is_known", [True, False])
def test_what_another_clone_said_is_written_again_if_it_was_ever_read_here(here: Path, is_known: bool) -> None:
    clone = cloned(here)
    track("remote", "add", "origin", "../origin", cwd=clone).ok()
    track("pull", cwd=clone).ok()
    write_tree(clone, {"mine": b"of the clone alone"})
    track("add", "mine", cwd=clone).ok()
    commit_all(clone, "mine")
    before = files(here.parent / "origin/roots")
    track("push", cwd=clone).ok()
    (path,) = set(files(here.parent / "origin/roots")) - set(before)
    said = parse_roots(path.read_bytes(), str(path)).digests
    if is_known:
        track("fetch", cwd=here).ok()
        track("verify", "--remote", "origin", cwd=here).ok()
    spoil(path, 3)

    done = track("repair", "--remote", "origin", cwd=here)

    if is_known:
        done.ok()
        assert parse_roots(path.read_bytes(), str(path)).digests == said
    else:
        assert done.code == 7 and "roots/" in done.out
        assert path.exists()  # a collection stops at it: what it named is not taken for garbage
        assert track("repair", "--remote", "origin", cwd=clone).code == 0
        assert track("verify", "--remote", "origin", cwd=here).code == 0


@pytest.mark.parametrize("folder", ["packs", "objects", "index", "roots"])
def test_a_remote_is_repaired_by_a_clone_whose_record_of_it_is_gone(here: Path, folder: str) -> None:
    spoil(files(here.parent / "origin" / folder)[0], 33)
    for record in (here / ".git/track/remotes").glob("origin.*"):
        record.unlink()

    track("repair", "--remote", "origin", cwd=here).ok()

    track("verify", "--remote", "origin", "--deep", cwd=here).ok()
    with Project.open(here) as project:
        assert project.store.path == store_of(here)
