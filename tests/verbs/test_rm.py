"""Rm: pointer, ignore line and data go together, what is unsaved stays, and all of it can be taken back."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.scene import State, state
from support.trees import Executable, Link, read_tree, write_tree
from track.errors import UnknownPath, UnsavedWork, UsageError
from track.project import Project
from track.verbs.restore import restore
from track.verbs.rm import Removed, rm

BIG = bytes(range(256)) * (5 * 1024)


@pytest.fixture
def here(repo: Path) -> Path:
    """A directory, two files and a named artifact, committed; `code.py` is Git's own."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"code.py": b"pass\n", "d/a": b"a", "d/s/b": b"b", "d/s/c": Executable(b"c"), "d/big": BIG})
    write_tree(repo, {"d/s/deep/l": Link(b"../b"), "x.csv": b"1,2\n", "raw/y.csv": b"3,4\n", "raw/z.txt": b"z"})
    track("add", "d", "x.csv", "raw/y.csv", "raw/z.txt", cwd=repo).ok()
    track("add", "--name", "Model/a", "x.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def out(repo: Path, *paths: str, cached: bool = False, force: bool = False, stage: bool = True) -> Removed:
    with Project.open(repo) as project:
        return rm(project, paths, cached=cached, force=force, stage=stage)


def undo(repo: Path) -> None:
    with Project.open(repo) as project:
        restore(project)


def seen(repo: Path) -> State:
    git("update-index", "-q", "--refresh", cwd=repo, check=False)
    return state(repo)


def names(repo: Path) -> set[bytes]:
    return set(read_tree(repo, leave_out=(b".git", b".store", b".track")))


@pytest.mark.parametrize("word", ["d", "d.track", "./d/", "d/../d"])
def test_a_directory_goes_with_its_pointer_and_its_line_and_comes_back(here: Path, word: str) -> None:
    before = seen(here)
    done = out(here, word)
    assert [(one.path, one.removed_count, one.parts) for one in done.artifacts] == [(b"d", 5, ())]
    assert not any(name.startswith(b"d") for name in names(here))
    assert b"/d" not in (here / ".gitignore").read_bytes().splitlines()
    assert git("diff", "--cached", "--name-only", cwd=here).split() == [".gitignore", "d.track"]
    assert git("status", "--short", cwd=here).splitlines() == ["M  .gitignore", "D  d.track"]
    undo(here)
    assert seen(here) == before


def test_the_ignore_file_goes_with_its_last_line(here: Path) -> None:
    before = seen(here)
    out(here, "raw/*")
    assert not (here / "raw/.gitignore").exists()
    undo(here)
    assert seen(here) == before


def test_patterns_mean_artifacts_and_entries(here: Path) -> None:
    assert [one.path for one in out(here, "*.csv").artifacts] == [b"raw/y.csv", b"x.csv"]
    done = out(here, "d/s/*")
    assert [(one.path, one.parts) for one in done.artifacts] == [(b"d", (b"s/b", b"s/c", b"s/deep/l"))]
    assert sorted(read_tree(here / "d")) == [b"a", b"big"]
    assert "data that differs" not in track("status", cwd=here).ok().out


def test_a_part_leaves_a_version_without_it_and_nothing_is_hashed_again(here: Path) -> None:
    before = seen(here)
    done = out(here, "d/s/deep", "d/a")
    assert [(one.path, one.parts) for one in done.artifacts] == [(b"d", (b"a", b"s/deep"))]
    assert sorted(read_tree(here / "d")) == [b"big", b"s/b", b"s/c"]
    assert track("add", "d", cwd=here).ok().out.endswith("unchanged\n")
    listed = track("ls", "-r", "d", cwd=here)
    assert listed.code == 2 or b"deep" not in listed.out.encode()
    undo(here)
    assert seen(here) == before


def test_a_name_goes(here: Path) -> None:
    before = seen(here)
    done = out(here, "Model/a")
    assert [one.path for one in done.artifacts] == [b".track/artifacts/%4Dodel/a.track"]
    assert not (here / ".track/artifacts").exists()
    undo(here)
    assert seen(here) == before


def test_cached_leaves_the_file_to_git(here: Path) -> None:
    before = seen(here)
    out(here, "x.csv", "d", cached=True)
    assert (here / "x.csv").read_bytes() == b"1,2\n"
    assert sorted(git("ls-files", "--others", "--exclude-standard", cwd=here).split()) == [
        "d/a", "d/big", "d/s/b", "d/s/c", "d/s/deep/l", "x.csv",
    ]  # fmt: skip
    undo(here)
    assert seen(here) == before


def test_cached_makes_links_into_the_store_files_of_their_own(here: Path) -> None:
    track("config", "checkout.link", "symlink", cwd=here).ok()
    (here / "d/big").unlink()
    track("checkout", cwd=here).ok()
    assert (here / "d/big").is_symlink()
    out(here, "d", cached=True)
    assert not (here / "d/big").is_symlink()
    assert (here / "d/big").read_bytes() == BIG


@pytest.mark.parametrize("path", ["d", "d/s"])
def test_unsaved_work_stays_and_force_keeps_it_in_the_trash(here: Path, path: str) -> None:
    write_tree(here, {"d/s/b": b"unsaved", "d/s/new": b"never added"})
    before = seen(here)
    with pytest.raises(UnsavedWork) as raised:
        out(here, path)
    assert raised.value.details == ("d/s/b", "d/s/new")
    assert seen(here) == before
    done = out(here, path, force=True)
    assert done.given_up == (b"d/s/b", b"d/s/new")
    assert not (here / "d/s").exists()
    undo(here)
    assert seen(here) == before


def test_an_edit_elsewhere_stays_where_a_part_is_removed(here: Path) -> None:
    (here / "d/a").write_bytes(b"edited")
    out(here, "d/s")
    assert (here / "d/a").read_bytes() == b"edited"
    assert "data that differs" in track("status", cwd=here).ok().out


def test_the_index_is_left_alone_when_asked(here: Path) -> None:
    staged = git("ls-files", "--stage", cwd=here)
    done = out(here, "x.csv", stage=False)
    assert done.staged == ()
    assert git("ls-files", "--stage", cwd=here) == staged
    assert not (here / "x.csv.track").exists()
    undo(here)
    assert git("status", "--short", cwd=here) == ""


def test_what_only_the_index_knows_of_is_taken_out_of_it(here: Path) -> None:
    (here / "x.csv.track").unlink()
    out(here, "x.csv")
    assert not (here / "x.csv").exists()
    assert "x.csv.track" not in git("ls-files", cwd=here)


def test_data_that_is_not_here_is_no_hindrance(here: Path) -> None:
    (here / "x.csv").unlink()
    out(here, "x.csv")
    assert not (here / "x.csv.track").exists()
    undo(here)
    assert (here / "x.csv.track").exists()
    assert not (here / "x.csv").exists()


def test_a_broken_pointer_can_be_removed(here: Path) -> None:
    (here / "x.csv.track").write_bytes(b"[artifact]\nkind = 7\n")
    out(here, "x.csv")
    assert not (here / "x.csv.track").exists()
    undo(here)
    assert (here / "x.csv.track").read_bytes() == b"[artifact]\nkind = 7\n"


def test_the_same_again_says_that_it_was_done(here: Path) -> None:
    out(here, "x.csv")
    assert out(here, "x.csv") == Removed((), (), None, ())
    assert "removed already" in track("rm", "x.csv", cwd=here).ok().err
    out(here, "raw/z.txt")
    with pytest.raises(UnknownPath):
        out(here, "x.csv")


def test_what_trackignore_leaves_out_stays(here: Path) -> None:
    write_tree(here, {"d/.trackignore": b"*.log\n", "d/keep.log": b"noise"})
    track("add", "d", cwd=here).ok()
    out(here, "d")
    assert read_tree(here / "d") == {b"keep.log": b"noise"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "no artifact or path is called"),
        (("code.py",), "is not tracked by track"),
        (("raw",), "is a folder with 2 artifacts in it"),
        (("d/nothing",), "no artifact or path is called"),
        (("*.nothing",), "no artifact or path is called"),
        ((".",), "the top of the working tree"),
        ((), "nothing to remove was named"),
        (("x.csv", "nothing"), "no artifact or path is called"),
    ],
)
def test_what_is_no_artifact_is_said_before_anything_changes(here: Path, words: tuple[str, ...], said: str) -> None:
    before = seen(here)
    with pytest.raises((UnknownPath, UsageError), match=said) as raised:
        out(here, *words)
    assert raised.value.exit_code == 2
    assert seen(here) == before


@pytest.mark.parametrize("word", ["../outside", ".git/config", ".store/objects", "/etc/passwd"])
def test_what_is_not_ours_is_refused(here: Path, word: str) -> None:
    before = seen(here)
    assert track("rm", word, cwd=here).code in (2, 7)
    assert seen(here) == before


def test_a_link_in_the_way_is_not_followed(here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_tree(outside, {"y.csv": b"not ours"})
    for name in ("y.csv", "z.txt", ".gitignore", "y.csv.track", "z.txt.track"):
        (here / "raw" / name).unlink()
    (here / "raw").rmdir()
    os.symlink(outside, here / "raw")
    assert track("rm", "raw/y.csv", cwd=here).code == 7
    assert read_tree(outside) == {b"y.csv": b"not ours"}


def test_a_dry_run_changes_nothing(here: Path) -> None:
    before = seen(here)
    said = track("rm", "-n", "d", "x.csv", cwd=here).ok()
    assert said.out.splitlines() == ["d/  would be removed  5 files", "x.csv  would be removed  1 file"]
    assert seen(here) == before
    document = track("rm", "--json", "d/s", cwd=here).ok().json
    assert document["artifacts"][0]["parts"] == ["s"]
    assert document["step"] == 3
