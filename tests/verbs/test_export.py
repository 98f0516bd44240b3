"""Export: artifacts as plain files in any folder, whole, checked, and never over something else."""

import os
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import Empty, Executable, Link, read_tree, write_tree

BIG = bytes(range(256)) * (5 * 1024)
OLD = {b"d/a": b"a", b"d/s/l": Link(b"../a"), b"d/s/run": Executable(b"r"), b"d/void": Empty(), b"f \xff.csv": b"1\n"}
NEW = {**OLD, b"d/a": b"edited", b"d/big": BIG}
TOOL = Executable(b"#!/bin/sh\n")


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions, the older one tagged; the data is as the newer one, and then edited without being added."""
    track("init", cwd=repo).ok()
    write_tree(repo, {**OLD, "tool": TOOL, "code.py": b"pass\n"})
    track("add", "d", os.fsdecode(b"f \xff.csv"), "tool", cwd=repo).ok()
    track("put", "rides", "code.py", cwd=repo).ok()
    commit_all(repo, "old")
    git("tag", "v1", cwd=repo)
    write_tree(repo, {"d/a": b"edited", "d/big": BIG})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "new")
    (repo / "d" / "a").write_bytes(b"not added")
    return repo


def whole(root: Path) -> dict[bytes, object]:
    return dict(read_tree(root, leave_out=()))


def test_a_folder_appears_with_everything_as_the_pointers_say(here: Path) -> None:
    target = here.parent / "out"
    said = track("export", "--to", str(target), cwd=here).ok()
    assert whole(target) == {**NEW, b"tool": TOOL}
    assert "1 named artifact left out" in said.err
    assert not [path for path in target.rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    assert sorted(os.listdir(here.parent)) == ["out", "repo"]


def test_what_was_committed_once_comes_with_its_revision(here: Path) -> None:
    track("export", "--to", "../out", "--rev", "v1", cwd=here).ok()
    assert whole(here.parent / "out") == {**OLD, b"tool": TOOL}


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (("d/s",), {b"d/s/l", b"d/s/run"}),
        (("tool", "d/a"), {b"tool", b"d/a"}),
        (("d/*/run",), {b"d/s/run"}),
        (("d.track",), {path for path in NEW if path.startswith(b"d/")}),
    ],
)
def test_paths_choose_what_is_exported(here: Path, paths: tuple[str, ...], found: set[bytes]) -> None:
    track("export", *paths, "--to", "../out", cwd=here).ok()
    assert set(whole(here.parent / "out")) == found


def test_in_a_folder_that_is_there_what_is_right_stays_and_the_rest_is_added(here: Path) -> None:
    target = write_tree(here.parent / "out", {"d/a": b"edited", "theirs": b"x"})
    before = os.stat(target / "d" / "a")
    assert "1 file of these was there" in track("export", "--to", str(target), cwd=here).ok().err
    assert whole(target) == {**NEW, b"tool": TOOL, b"theirs": b"x"}
    assert os.stat(target / "d" / "a").st_ino == before.st_ino
    track("export", "--to", str(target), cwd=here).ok()


@pytest.mark.parametrize(
    "theirs",
    [{"d/a": b"theirs"}, {"d": b"a file"}, {"tool/x": b"a folder"}, {"d/a": Link(b"edited")}, {"d/s": Link(b"/tmp")}],
)
def test_nothing_is_overwritten_and_nothing_written_beside_it(here: Path, theirs: dict[bytes | str, bytes]) -> None:
    target = write_tree(here.parent / "out", theirs)
    before = whole(target)
    refused = track("export", "--to", str(target), cwd=here)
    assert refused.code in (6, 7) and "--force" not in refused.err  # there is none
    assert whole(target) == before


@pytest.mark.parametrize(
    "others",
    [
        {"tool/x": b"x"},  # below a file
        {"d/a": b"another"},  # what a directory has, too
        {"d/s/l/x": b"x"},  # below a link of a directory
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_artifacts_of_a_hostile_tree_that_claim_one_place_are_refused_before_anything_is_written(
    here: Path, others: dict[str, bytes], is_there: bool
) -> None:
    """Such pointers no add makes, and Git keeps them."""
    shutil.rmtree(here / "d")
    (here / "tool").unlink()
    [(path, content)] = others.items()
    write_tree(here, {"made": content})
    track("add", "made", cwd=here).ok()
    (here / path).parent.mkdir(parents=True, exist_ok=True)
    (here / f"{path}.track").write_bytes((here / "made.track").read_bytes())
    git("add", "--force", f"{path}.track", cwd=here)
    commit_all(here, "hostile")
    target = here.parent / "out"
    if is_there:
        write_tree(target, {"theirs": b"x"})
    refused = track("export", "--to", str(target), "--rev", "HEAD", cwd=here)
    assert refused.code == 6
    assert "claim one place" in refused.err and "track ls" in refused.err
    assert (whole(target) if is_there else os.listdir(here.parent)) == ({b"theirs": b"x"} if is_there else ["repo"])


def test_a_file_of_the_right_content_gets_the_right_mode(here: Path) -> None:
    target = write_tree(here.parent / "out", {"tool": TOOL[0], "d/a": Executable(b"edited"), "d/big": BIG})
    said = track("export", "--to", str(target), cwd=here).ok()
    assert "1 file of these was there" in said.err
    assert whole(target) == {**NEW, b"tool": TOOL}


def test_a_dry_run_writes_nothing(here: Path) -> None:
    said = track("export", "--to", "../out", "-n", "--json", cwd=here).ok().json
    assert (said["files"], said["artifacts"]) == (6, ["d", "f \\xff.csv", "tool"])
    assert not (here.parent / "out").exists()


def test_bytes_that_are_not_here_stop_it_before_anything_is_written(here: Path) -> None:
    for one in (here / ".git" / "track" / "store" / "objects").rglob("*"):
        if one.is_file():
            one.unlink()
    refused = track("export", "--to", "../out", cwd=here)
    assert refused.code == 4
    assert "d/big" in refused.err
    assert os.listdir(here.parent) == ["repo"]


def test_damage_in_the_store_is_found_and_leaves_nothing(here: Path) -> None:
    (one,) = [path for path in (here / ".git" / "track" / "store" / "objects").rglob("*") if path.is_file()]
    one.chmod(0o644)
    with open(one, "r+b") as file:
        file.write(b"x")
    assert track("export", "--to", "../out", cwd=here).code in (4, 7)
    assert os.listdir(here.parent) == ["repo"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nothing", "--to", "../out"), 2, "nothing"),
        (("--rev", "v9", "--to", "../out"), 2, "v9"),
        (("--to", ""), 2, "track export --to"),
        (("--to", ".git/out"), 2, "Git's or track's own"),
        (("--to", "../no/out"), 1, "mkdir -p"),
        (("--to", "code.py"), 6, "no folder"),
    ],
)
def test_what_cannot_be_is_refused(here: Path, words: tuple[str, ...], code: int, says: str) -> None:
    refused = track("export", *words, cwd=here)
    assert refused.code == code
    assert says in refused.err
