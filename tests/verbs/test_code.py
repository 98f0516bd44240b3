"""Code, env and checkout --inputs: what a run saw, ran in and used comes back, here and in another clone."""

import json
import os
import sys
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import Conflict, MissingObject, UnknownPath, UnsavedWork, UsageError
from track.project import Project
from track.verbs.checkout_inputs import checkout_inputs
from track.verbs.code import code
from track.verbs.env_show import env_show

TOOL = bytes(range(256))


@pytest.fixture
def here(repo: Path) -> Path:
    """A run `first` with an uncommitted change, an untracked binary, a file and a directory as inputs; all moved on."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"main.py": b"one\n", "sub/run.sh": b"#!/bin/sh\n", "in.csv": b"1\n", "d/a": b"x", "d/b": b"y"})
    (repo / "sub/run.sh").chmod(0o755)
    track("add", "in.csv", "d", cwd=repo).ok()
    commit_all(repo, "data and code")
    write_tree(repo, {"main.py": b"two\n", "tool.bin": TOOL})
    (repo / "link").symlink_to("main.py")
    track("run", "--name", "first", "-i", "in.csv", "-i", "d", "--", sys.executable, "-c", "0", cwd=repo).ok()
    write_tree(repo, {"main.py": b"three\n"})
    os.unlink(repo / "tool.bin")
    os.unlink(repo / "link")
    commit_all(repo, "run")
    return repo


def files_below(top: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(top).parts
    }


WANTED = {"link": b"two\n", "main.py": b"two\n", "sub/run.sh": b"#!/bin/sh\n", "tool.bin": TOOL}


def moved_on(here: Path) -> None:
    """Other data under the same names, committed."""
    write_tree(here, {"in.csv": b"2\n", "d/a": b"other", "d/c": b"new"})
    track("add", "in.csv", "d", cwd=here).ok()
    commit_all(here, "other data")


def other_clone(here: Path, tmp_path: Path) -> Path:
    (tmp_path / "remote").mkdir()
    track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
    commit_all(here, "remote")
    track("push", cwd=here).ok()
    other = tmp_path / "other"
    git("clone", "-q", here, other, cwd=tmp_path)
    track("remote", "add", "origin", tmp_path / "remote", cwd=other)
    track("pull", "--yes", cwd=other).ok()
    return other


def test_the_code_of_a_run_is_laid_in_a_folder_to_the_byte(here: Path, tmp_path: Path) -> None:
    done = track("code", "first", "-o", tmp_path / "as it was", cwd=here).ok()
    assert "(4 files)" in done.err
    assert files_below(tmp_path / "as it was") == WANTED
    assert os.readlink(tmp_path / "as it was/link") == "main.py"
    assert os.access(tmp_path / "as it was/sub/run.sh", os.X_OK) and not os.access(
        tmp_path / "as it was/main.py", os.X_OK
    )


def test_it_is_there_when_its_commit_is_gone(here: Path, tmp_path: Path) -> None:
    git("checkout", "-q", "--orphan", "fresh", cwd=here)
    git("commit", "-q", "-m", "all in one", cwd=here)
    git("branch", "-q", "-D", "main", cwd=here)
    git("reflog", "expire", "--expire=now", "--all", cwd=here)
    git("gc", "-q", "--prune=now", cwd=here)
    track("code", "first", cwd=here).ok()
    with Project.open(here) as project:
        (folder,) = here.glob("code-*")
        assert files_below(folder) == WANTED
        laid = code(project, "first", str(tmp_path / "tree"), worktree=True)
    assert files_below(laid.target) == WANTED
    assert git("log", "--format=%s", cwd=laid.target) == "the code of a run\n"


def test_as_a_working_tree_git_shows_what_was_not_committed(here: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    track("code", "first", "--worktree", "-o", tree, cwd=here).ok()
    assert files_below(tree) == WANTED
    shown = git("status", "--short", cwd=tree).splitlines()
    assert " M main.py" in shown and "?? tool.bin" in shown and not [line for line in shown if "run.sh" in line]
    git("worktree", "remove", "--force", tree, cwd=here)
    assert not tree.exists()


def test_the_patch_is_printed_as_git_applies_it(here: Path, tmp_path: Path) -> None:
    patch = track("code", "first", "--patch", cwd=here).ok().out
    assert "+two" in patch and "tool.bin" in patch
    git("worktree", "add", "-q", tmp_path / "t", "HEAD~1", cwd=here)
    (tmp_path / "p").write_text(patch)
    git("apply", tmp_path / "p", cwd=tmp_path / "t")
    assert (tmp_path / "t/tool.bin").read_bytes() == TOOL and (tmp_path / "t/main.py").read_bytes() == b"two\n"


def test_code_goes_nowhere_where_something_is(here: Path, tmp_path: Path) -> None:
    with Project.open(here) as project:
        with pytest.raises(Conflict, match="there already"):
            code(project, "first", str(tmp_path))
        with pytest.raises(UsageError, match="no folder"):
            code(project, "first", str(tmp_path / "no/where"))
    inside = track("code", "first", "-o", ".git/x", cwd=here)
    assert inside.code == 2 and "Git's or track's own" in inside.err
    assert track("code", "first", "--patch", "-o", "x", cwd=here).code == 2
    assert track("code", "nobody", cwd=here).code == 2


def test_in_another_clone_it_is_fetched_when_asked_for(here: Path, tmp_path: Path) -> None:
    moved_on(here)
    other = other_clone(here, tmp_path)
    refused = track("code", "first", "-o", tmp_path / "x", cwd=other)
    assert refused.code == 4 and "--fetch" in refused.err and not (tmp_path / "x").exists()
    track("code", "first", "-o", tmp_path / "x", "--fetch", cwd=other).ok()
    assert files_below(tmp_path / "x") == WANTED
    with Project.open(other) as project, pytest.raises(MissingObject, match="not all of run first is here"):
        checkout_inputs(project, "first")
    assert (other / "in.csv").read_bytes() == b"2\n"
    track("checkout", "--inputs", "first", "--fetch", cwd=other).ok()
    assert (other / "in.csv").read_bytes() == b"1\n"
    assert files_below(other / "d") == {"a": b"x", "b": b"y"}


def test_inputs_come_back_with_their_pointers_and_nothing_else_moves(here: Path) -> None:
    before = {name: (here / name).read_bytes() for name in ("in.csv.track", "d.track")}
    moved_on(here)
    write_tree(here, {"else.csv": b"5\n"})
    track("add", "else.csv", cwd=here).ok()
    done = track("checkout", "--inputs", "first", cwd=here).ok()
    assert "2 pointers written" in done.err
    assert (here / "in.csv").read_bytes() == b"1\n" and files_below(here / "d") == {"a": b"x", "b": b"y"}
    assert {name: (here / name).read_bytes() for name in before} == before
    assert (here / "else.csv").read_bytes() == b"5\n"
    track("restore", "4", cwd=here).ok()
    assert (here / "in.csv").read_bytes() == b"2\n" and (here / "d/c").read_bytes() == b"new"


def test_a_dry_run_and_unsaved_work_leave_inputs_as_they_are(here: Path) -> None:
    moved_on(here)
    assert "nothing was changed" in track("checkout", "--inputs", "first", "-n", cwd=here).ok().err
    write_tree(here, {"in.csv": b"not saved\n"})
    with Project.open(here) as project, pytest.raises(UnsavedWork):
        checkout_inputs(project, "first")
    assert (here / "in.csv").read_bytes() == b"not saved\n" and (here / "d/c").read_bytes() == b"new"
    assert track("checkout", "--inputs", "first", "HEAD", cwd=here).code == 2
    assert track("checkout", "--fetch", cwd=here).code == 2


def test_an_environment_is_shown_compared_and_frozen(here: Path) -> None:
    shown: Completed = track("env", "show", "first", cwd=here).ok()
    assert f"python = {'.'.join(map(str, sys.version_info[:3]))}" in shown.out and "pytest" in shown.out
    document = json.loads(track("env", "show", "first", "--json", cwd=here).ok().out)
    version = document["packages"]["pytest"]
    assert track("env", "show", "first", "PyTest", cwd=here).ok().out.split() == ["PyTest", version]
    assert f"pytest=={version}" in track("env", "freeze", "first", cwd=here).ok().out.splitlines()
    with Project.open(here) as project, pytest.raises(UnknownPath, match="was not installed"):
        env_show(project, "first", ["no-such"])
    assert track("env", "diff", "first", "--exit-code", cwd=here).ok().out == ""


def test_what_differs_here_is_told_line_by_line(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib/made_up-1.5.dist-info").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    found = track("env", "diff", "first", "--exit-code", cwd=here)
    assert (found.code, found.out) == (1, "+ made-up 1.5\n")
    track("run", "--name", "second", "--", sys.executable, "-c", "0", cwd=here).ok()
    (tmp_path / "lib/made_up-1.5.dist-info").rename(tmp_path / "lib/made_up-1.6.dist-info")
    assert track("env", "diff", "second", cwd=here).ok().out == "- made-up 1.5\n+ made-up 1.6\n"
    told = json.loads(track("env", "diff", "second", "first", "--json", cwd=here).ok().out)
    assert told["packages"] == {"made-up": ["1.5", None]} and told["facts"] == {}


def test_a_run_without_python_freezes_nothing(here: Path) -> None:
    track("run", "--name", "shell", "--", "true", cwd=here).ok()
    refused = track("env", "freeze", "shell", cwd=here)
    assert refused.code == 2 and "no packages are known" in refused.err
