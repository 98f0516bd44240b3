"""`track clone`: what it says, in text and JSON, and its codes."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree


@pytest.fixture
def source(repo: Path, tmp_path: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"1\n" * 600})
    track("add", "a.csv", cwd=repo).ok()
    track("remote", "add", "origin", tmp_path / "remote", cwd=repo).ok()
    commit_all(repo)
    track("push", cwd=repo).ok()
    return repo


def test_a_clone_says_what_came_and_from_where(source: Path, tmp_path: Path) -> None:
    done = track("clone", source, "copy", cwd=tmp_path).ok()
    assert done.out.splitlines()[:2] == [f"cloned into {tmp_path}/copy", "  a.csv  1.2 KiB"]
    assert done.out.splitlines()[2].startswith("1 artifact, ")
    assert done.err == f"data from origin  {tmp_path}/remote\n"


def test_without_data_it_shows_the_line_that_brings_it(source: Path, tmp_path: Path) -> None:
    done = track("clone", "--no-data", source, "copy", cwd=tmp_path).ok()
    assert done.out == f"cloned into {tmp_path}/copy\n1 artifact, no data yet\n"
    [line] = done.err.splitlines()
    track(*line.removeprefix("hint: track ").split(), cwd=tmp_path).ok()
    assert (tmp_path / "copy/a.csv").read_bytes() == b"1\n" * 600


def test_a_repository_without_track_gets_the_line_that_sets_it_up(repo: Path, tmp_path: Path) -> None:
    done = track("clone", repo, "copy", cwd=tmp_path).ok()
    assert done.err == f"track is not set up in this repository\nhint: track -C {tmp_path}/copy init\n"


def test_clone_as_json(source: Path, tmp_path: Path) -> None:
    found = track("clone", "--json", source, "copy", cwd=tmp_path).ok().json
    assert (found["project"], found["artifacts"]) == (True, 1)
    assert found["placed"] == [{"path": "a.csv", "size": 1200}]
    assert found["remotes"] == [{"name": "origin", "url": f"{tmp_path}/remote"}]


def test_data_that_does_not_come_is_an_error_that_says_where_the_clone_is(source: Path, tmp_path: Path) -> None:
    (tmp_path / "far/away").mkdir(parents=True)
    done = track("clone", source, "far/away/copy", cwd=tmp_path)
    assert done.code == 5
    assert f"is cloned in {tmp_path}/far/away/copy" in done.err
    assert f"to go on there: cd {tmp_path}/far/away/copy\n" in done.err
    assert done.out == ""


def test_a_url_that_would_run_a_program_is_wrong_usage(tmp_path: Path) -> None:
    assert track("clone", "ext::sh -c x", "copy", cwd=tmp_path).code == 2
    assert track("clone", "--", "--upload-pack=x", "copy", cwd=tmp_path).code == 2
