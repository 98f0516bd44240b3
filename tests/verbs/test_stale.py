"""`track stale`: artifacts that runs made from something that is another by now."""

import json
import re
import sys
from pathlib import Path

import pytest

from support import strace
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    """raw -> clean -> model, and a report of the model by nobody."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"raw.csv": b"3\n1\n", "report.txt": b"by hand"})
    track("add", "raw.csv", "report.txt", cwd=repo).ok()
    commit_all(repo, "data")
    track(
        "run", "-q", "--name", "prepare", "-o", "clean.csv", "--", "sort", "-o", "clean.csv", "raw.csv", cwd=repo
    ).ok()
    track("run", "-q", "--name", "train", "-o", "model", "--", "sed", "-n", "wmodel", "clean.csv", cwd=repo).ok()
    commit_all(repo, "runs")
    return repo


def change(repo: Path) -> None:
    write_tree(repo, {"raw.csv": b"5\n4\n"})
    track("add", "raw.csv", cwd=repo).ok()


def test_nothing_is_stale_until_something_that_was_used_changes(here: Path):
    done = track("stale", "--exit-code", cwd=here).ok()
    assert (done.out, done.err) == ("", "nothing is stale: 2 artifacts that runs made\n")
    change(here)
    done = track("stale", "--exit-code", cwd=here)
    assert done.code == 1
    assert [line.split("  ")[0] for line in done.out.splitlines() if line[0] != " "] == ["clean.csv", "model"]
    assert "  clean.csv is stale\n" in done.out and "  raw.csv was " in done.out
    assert done.err == "2 of 2 that runs made are stale\n"


def test_what_is_made_again_is_not_stale_any_more(here: Path):
    change(here)
    track("run", "-q", "-o", "clean.csv", "--", "sort", "-o", "clean.csv", "raw.csv", cwd=here).ok()
    assert [one["path"] for one in json.loads(track("stale", "--json", cwd=here).ok().out)["artifacts"]] == ["model"]


def test_a_clone_without_data_says_the_same(here: Path, tmp_path: Path):
    change(here)
    commit_all(here, "changed")
    git("clone", "-q", here, tmp_path / "clone", cwd=tmp_path)
    assert track("stale", cwd=tmp_path / "clone").ok().out == track("stale", cwd=here).ok().out


def test_paths_limit_the_answer_and_unknown_ones_are_refused(here: Path):
    change(here)
    assert track("stale", "model", cwd=here).ok().err == "1 of 1 that runs made is stale\n"
    assert track("stale", "report.txt", cwd=here).ok().err == "nothing is stale: 0 artifacts that runs made\n"
    done = track("stale", "nothing", cwd=here)
    assert done.code == 2 and "nothing is tracked at `nothing`" in done.err


def test_a_pointer_that_cannot_be_read_is_told_after_the_rest(here: Path):
    change(here)
    (here / "report.txt.track").write_text("[artifact]\nkind = 'nothing'\n")
    done = track("stale", cwd=here)
    assert done.code == 7 and "clean.csv is stale" in done.out and "report.txt.track" in done.err


def test_a_path_that_moved_and_a_clone_without_history_say_the_same(here: Path, tmp_path: Path):
    (here / "data").mkdir()
    track("mv", "raw.csv", "data/raw.csv", cwd=here).ok()
    commit_all(here, "moved")
    assert track("stale", "--exit-code", cwd=here).ok().out == ""
    write_tree(here, {"data/raw.csv": b"5\n4\n"})
    track("add", "data/raw.csv", cwd=here).ok()
    commit_all(here, "changed")
    shown = track("stale", cwd=here).ok().out
    assert (
        "clean.csv  made by prepare (" in shown and "  raw.csv is gone\n" in shown and "  clean.csv is stale\n" in shown
    )
    for number in range(3):
        git("commit", "-q", "--allow-empty", "-m", f"{number}", cwd=here)
    git("clone", "-q", "--depth", "1", here.as_uri(), tmp_path / "shallow", cwd=tmp_path)
    assert track("stale", cwd=tmp_path / "shallow").ok().out == shown
    git("clone", "-q", "--no-checkout", here, tmp_path / "part", cwd=tmp_path)
    git("sparse-checkout", "set", "--no-cone", "/*", "!/model.track", cwd=tmp_path / "part")
    git("checkout", "-q", cwd=tmp_path / "part")
    assert not (tmp_path / "part/model.track").exists()
    assert track("stale", cwd=tmp_path / "part").ok().out == shown


@pytest.mark.needs("strace")
def test_no_history_is_walked_and_no_data_is_opened(here: Path, tmp_path: Path):
    change(here)
    command = [sys.executable, "-m", "track", "stale"]
    done = strace.run(command, cwd=here, log=tmp_path / "log", calls=("execve", "openat", "open"), follow=True)
    assert done.code == 0 and "clean.csv  made by prepare" in done.out
    started = [line.split(" = ")[0] for line in done.log.splitlines() if re.search(r'execve\("[^"]*/git"', line)]
    asked = [re.sub(r'"-c", "[^"]*", |"--[a-z-]+(=[^"]*)?", ', "", line) for line in started]
    assert 0 < len(asked) <= 6, asked
    assert not [line for line in asked if re.search('"(log|rev-list|diff-tree|show)"', line)], asked
    opened = [line for line in done.log.splitlines() if "open" in line and str(here) in line]
    assert not [line for line in opened if re.search(r'[/"](raw\.csv|clean\.csv)"', line)]
