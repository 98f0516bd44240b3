"""A sparse checkout leaves files out that nobody removed: records of runs are read, pointers are counted."""

import json
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def whole(repo: Path) -> Path:
    """Two artifacts, one of which a run made, all of it committed."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/raw.csv": b"3\n1\n", "code/sort.sh": b"sort $1 > $2\n"})
    track("add", "data/raw.csv", cwd=repo).ok()
    commit_all(repo, "data")
    command = ("sh", "code/sort.sh", "data/raw.csv", "data/clean.csv")
    track("run", "-q", "--name", "prepare", "-o", "data/clean.csv", "--", *command, cwd=repo).ok()
    commit_all(repo, "run")
    return repo


def leave_out(repo: Path, *patterns: str) -> None:
    git("sparse-checkout", "set", "--no-cone", "/*", *patterns, cwd=repo)


def answers(repo: Path) -> list[str]:
    """What everything says that reads records."""
    asked = (
        ("runs", "list", "--json"),
        ("runs", "show", "prepare"),
        ("show", "prepare"),
        ("why", "data/clean.csv"),
        ("lineage", "data/clean.csv"),
        ("find", "--runs"),
        ("stale", "--json"),
        ("metrics", "show", "prepare"),
        ("events", "prepare"),
        ("env", "show", "prepare"),
    )
    return [track(*words, cwd=repo).ok().out for words in asked]


@pytest.mark.parametrize("how", ["in this clone", "in a new clone", "catalog built anew", "without journal"])
def test_records_that_are_left_out_are_read_from_the_index(whole: Path, tmp_path: Path, how: str) -> None:
    here = whole
    if how == "in a new clone":
        here = tmp_path / "clone"
        git("clone", "-q", whole, here, cwd=tmp_path)
    if how == "without journal":
        shutil.rmtree(whole / ".git/track/journal", ignore_errors=True)
    expected = answers(here)
    assert '"prepare"' in expected[0]
    leave_out(here, "!/.track/runs/")
    assert not (here / ".track/runs").exists()
    if how == "catalog built anew":
        (here / ".git/track/catalog.db").unlink()
    assert answers(here) == expected
    git("sparse-checkout", "disable", cwd=here)
    assert answers(here) == expected


def test_a_record_that_was_removed_is_not_there_though_others_are_left_out(whole: Path) -> None:
    track("run", "-q", "--name", "second", "--", "true", cwd=whole).ok()
    commit_all(whole, "second")
    leave_out(whole, "!/.track/runs/")
    record = next(iter(git("ls-files", ".track/runs", cwd=whole).split()))
    git("rm", "-q", "--sparse", "--cached", record, cwd=whole)
    shutil.rmtree(whole / ".git/track/journal", ignore_errors=True)
    names = {run["name"] for run in json.loads(track("runs", "list", "--json", cwd=whole).ok().out)["runs"]}
    assert len(names & {"prepare", "second"}) == 1


def test_pointers_that_are_left_out_are_not_deleted(whole: Path) -> None:
    leave_out(whole, "!/data/clean.csv.track")
    said = track("status", "--exit-code", cwd=whole).ok().out
    assert "deleted" not in said and "nothing differs" in said
    assert "this sparse checkout leaves out 1 pointer  (git sparse-checkout add FOLDER" in said
    document = json.loads(track("status", "--json", cwd=whole).ok().out)
    assert document["left_out"] == 1
    assert [artifact["path"] for artifact in document["artifacts"]] == ["data/raw.csv"]
    (whole / "data/raw.csv.track").unlink()
    assert "D deleted  data/raw.csv" in track("status", cwd=whole).ok().out


def test_an_ignore_file_that_is_left_out_keeps_its_lines(whole: Path) -> None:
    (whole / "data/.gitignore").write_text("/mine\n" + (whole / "data/.gitignore").read_text())
    commit_all(whole, "a line of one's own")
    leave_out(whole, "!/data/")
    assert not (whole / "data/.gitignore").exists()
    shutil.rmtree(whole / "data")
    track("checkout", "--inputs", "prepare", cwd=whole).ok()
    assert (whole / "data/raw.csv").is_file()
    git("sparse-checkout", "disable", cwd=whole)
    assert (whole / "data/.gitignore").read_text().startswith("/mine\n")
    assert git("status", "--porcelain", "data", cwd=whole) == ""


@pytest.mark.parametrize("is_new", [False, True])
def test_settings_that_are_left_out_hold_and_are_not_lost(whole: Path, tmp_path: Path, is_new: bool) -> None:
    track("remote", "add", "origin", str(tmp_path / "remote"), cwd=whole).ok()
    before = (whole / ".track/config.toml").read_text()
    commit_all(whole, "remote")
    here = whole
    if is_new:
        here = tmp_path / "clone"
        git("clone", "-q", whole, here, cwd=tmp_path)
    git("sparse-checkout", "set", "--cone", "data", cwd=here)
    assert not (here / ".track").exists()
    track("status", cwd=here).ok()
    assert "origin" in track("remote", "list", cwd=here).ok().out
    track("config", "--project", "runs.keep", "outputs", cwd=here).ok()
    assert (here / ".track/config.toml").read_text().startswith(before)


def test_init_where_settings_are_left_out_keeps_them(whole: Path, tmp_path: Path) -> None:
    track("remote", "add", "origin", str(tmp_path / "remote"), cwd=whole).ok()
    commit_all(whole, "remote")
    git("sparse-checkout", "set", "--cone", "data", cwd=whole)
    track("init", cwd=whole).ok()
    assert git("status", "--porcelain", cwd=whole) == ""


def test_an_artifact_whose_pointer_is_left_out_is_moved(whole: Path) -> None:
    leave_out(whole, "!/data/clean.csv.track")
    track("mv", "data/clean.csv", "data/other.csv", cwd=whole).ok()
    staged = git("diff", "--cached", "--name-status", cwd=whole).splitlines()
    assert "R100\tdata/clean.csv.track\tdata/other.csv.track" in staged
    assert (whole / "data/other.csv").exists() and not (whole / "data/clean.csv").exists()
