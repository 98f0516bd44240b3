"""Run: in isolation only what is declared is there and survives; a commit of a run is its record and pointers alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import Conflict, GitFailed, UsageError
from track.flows.run_commit import committing
from track.flows.run_journal import journal_of
from track.model.names import is_record_path
from track.project import Project
from track.verbs.run import Asked, Ran, run

# the list is there before anybody looks: of a pipe's two sides, either may be the first
LIST = (
    "mkdir out; : > out/list; find . -name .git -prune -o -type f -print | sort > out/list; "
    "cat a.csv d/x > out/all; echo no > stray"
)

RIGHTS = "-dac_override,-dac_read_search,-fowner"
UNPRIVILEGED = ("setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}", "--") if os.geteuid() == 0 else ()
"""Rights count for root, too."""


@pytest.fixture
def here(repo: Path) -> Path:
    """Three artifacts, committed; a changed script, an untracked one and an ignored file."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"main.sh": b"old\n", "a.csv": b"1\n", "b.csv": b"2\n", "d/x": b"x", "d/y": b"y"})
    track("add", "a.csv", "b.csv", "d", cwd=repo).ok()
    commit_all(repo, "data")
    write_tree(repo, {"main.sh": LIST.encode(), "new.sh": b"untracked\n", "sub/keep": b"", "scratch.tmp": b"ignored"})
    with open(repo / ".git/info/exclude", "a") as file:
        file.write("*.tmp\n")
    return repo


def done(here: Path, *words: str, cwd: str = "", **asked: object) -> Ran:
    with Project.open(here / cwd) as project:
        return run(project, words, None, Asked(**asked), echo=lambda number, block: None)  # type: ignore[arg-type]


def worktrees(here: Path) -> int:
    return len(git("worktree", "list", cwd=here).splitlines())


def scratch() -> list[str]:
    folder = Path(os.environ["HOME"]) / ".cache/track/isolated"
    return os.listdir(folder) if folder.is_dir() else []


def test_only_code_and_declared_inputs_are_there_and_only_outputs_survive(here: Path) -> None:
    ran = done(here, "sh", "main.sh", inputs=["a.csv", "d/x"], outputs=["out"], isolated=True)
    assert (ran.code, ran.why_not) == (0, None)
    listed = (here / "out/list").read_text().split()
    assert [name for name in listed if not name.endswith(".track")] == [
        "./a.csv", "./d/x", "./main.sh", "./new.sh", "./out/list", "./sub/keep",
    ]  # fmt: skip
    assert (here / "out/all").read_bytes() == b"1\nx" and not (here / "stray").exists()
    assert (here / "a.csv").read_bytes() == b"1\n" and (here / "scratch.tmp").exists()
    assert [(used.path, used.how) for used in ran.record.of("input")] == [(b"a.csv", "declared"), (b"d", "declared")]
    assert [used.path for used in ran.record.of("output")] == [b"out"]
    assert b"out.track" in ran.staged and worktrees(here) == 1 and scratch() == []
    assert "A new  out" in track("status", cwd=here).ok().out


def test_nothing_is_left_of_a_command_that_fails_or_changes_its_input(here: Path) -> None:
    ran = done(here, "sh", "-c", "echo 9 > a.csv; exit 3", inputs=["a.csv"], isolated=True)
    assert (ran.code, ran.record.status) == (3, "failed") and ran.record.of("output") == ()
    assert (here / "a.csv").read_bytes() == b"1\n" and worktrees(here) == 1 and scratch() == []


def test_a_file_that_was_looked_for_and_not_there_is_no_input(here: Path) -> None:
    """Python's hook sees an attempt to open, before it is known that there is no such file."""
    looking = "import os\ntry:\n    open('b.csv')\nexcept FileNotFoundError:\n    print(open('a.csv').read())"
    ran = done(here, sys.executable, "-c", looking, inputs=["a.csv"], isolated=True)
    assert ran.code == 0 and [used.path for used in ran.record.of("input")] == [b"a.csv"]


def test_it_stands_in_the_same_folder_and_inputs_that_were_not_saved_are(here: Path) -> None:
    write_tree(here, {"a.csv": b"unsaved\n"})
    ran = done(here, "sh", "-c", "pwd > ../where; cat ../a.csv >> ../where", cwd="sub", inputs=["../a.csv"],
               outputs=["../where"], isolated=True)  # fmt: skip
    assert ran.code == 0 and ran.record.cwd == "sub"
    told = (here / "where").read_text().splitlines()
    assert told[0].endswith("/repo/sub") and told[0] != str(here / "sub") and told[1] == "unsaved"
    with Project.open(here) as project:
        assert project.store.read(ran.record.of("input")[0].digest) == b"unsaved\n"


def test_outputs_replace_what_is_saved_and_nothing_else(here: Path) -> None:
    done(here, "sh", "-c", "echo new > b.csv", inputs=["a.csv"], outputs=["b.csv"], isolated=True)
    assert (here / "b.csv").read_bytes() == b"new\n"
    write_tree(here, {"b.csv": b"unsaved\n"})
    ran = done(here, "sh", "-c", "echo newer > b.csv", outputs=["b.csv"], isolated=True)
    assert ran.why_not is not None and (here / "b.csv").read_bytes() == b"unsaved\n"
    assert ran.staged == () and ran.record.of("output")[0].path == b"b.csv"
    with pytest.raises(Conflict, match="would not be there in isolation"):
        done(here, "true", outputs=["d/new"], isolated=True)


def test_a_repository_without_a_commit_has_isolated_runs(repo: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git("init", "-q", "-b", "main", fresh, cwd=tmp_path)
    track("init", cwd=fresh).ok()
    write_tree(fresh, {"main.sh": b"echo made > made\n"})
    ran = done(fresh, "sh", "main.sh", outputs=["made"], isolated=True)
    assert ran.code == 0 and (fresh / "made").read_bytes() == b"made\n"


def test_what_a_killed_one_left_goes_with_the_next(here: Path) -> None:
    script = "kill -9 $PPID; sleep 1"
    command = [sys.executable, "-m", "track", "run", "--observe", "off", "--isolated", "--", "sh", "-c", script]
    assert subprocess.run(command, cwd=here, check=False, capture_output=True).returncode == -9
    assert len(scratch()) == 1 and worktrees(here) == 2
    assert done(here, "true", isolated=True).code == 0
    assert scratch() == [] and worktrees(here) == 1


def test_a_linked_working_tree_on_a_disk_that_is_away_is_not_forgotten(here: Path, tmp_path: Path) -> None:
    away, put = tmp_path / "away", tmp_path / "put"
    git("worktree", "add", "-q", away, cwd=here)
    write_tree(away, {"staged.txt": b"mine"})
    git("add", "staged.txt", cwd=away)
    away.rename(put)
    assert done(here, "true", isolated=True).code == 0
    put.rename(away)
    assert "A  staged.txt" in git("status", "--short", cwd=away)


@pytest.mark.needs("setpriv")
def test_a_command_may_take_the_rights_from_folders_that_it_made(here: Path) -> None:
    script = "mkdir -p mod/x; echo 1 > mod/x/f; chmod 555 mod/x mod; echo result > out.txt"
    words = ("run", "--isolated", "--name", "x", "-o", "out.txt", "--", "sh", "-c", script)
    ran = subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-m", "track", *words], cwd=here, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert (here / "out.txt").read_bytes() == b"result\n" and worktrees(here) == 1 and scratch() == []


def test_a_commit_is_the_record_and_the_pointers_and_nothing_else_that_is_staged(here: Path) -> None:
    write_tree(here, {"staged.txt": b"mine"})
    git("add", "staged.txt", cwd=here)
    ran = done(here, "sh", "-c", "echo 5 > made", outputs=["made"], commit=committing)
    names = git("show", "--name-only", "--format=%s", ran.commit or "", cwd=here).split("\n")
    assert names[0] == f"run {ran.record.name}: sh -c echo 5 > made"
    assert names[2] == ".gitignore" and is_record_path(names[3].encode()) and names[4:] == ["made.track", ""]
    assert git("diff", "--cached", "--name-only", cwd=here).split() == ["staged.txt"]
    assert git("rev-parse", "HEAD", cwd=here).strip() == ran.commit
    assert track("why", "made", cwd=here).ok().out.count(f"recorded in {(ran.commit or '')[:12]}") == 1


def test_edits_of_an_ignore_file_are_not_committed_with_a_run(here: Path) -> None:
    with open(here / ".gitignore", "a") as file:
        file.write("mine\n")
    ran = done(here, "sh", "-c", "echo 5 > made", outputs=["made"], commit=committing)
    assert ".gitignore" not in git("show", "--name-only", "--format=", ran.commit or "", cwd=here)
    assert b"mine\n" in (here / ".gitignore").read_bytes() and b"made\n" in (here / ".gitignore").read_bytes()


def test_a_commit_that_a_hook_refuses_leaves_the_record_staged(here: Path) -> None:
    hook = here / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailed):
        done(here, "sh", "-c", "echo 5 > made", outputs=["made"], commit=committing)
    assert "made.track" in git("diff", "--cached", "--name-only", cwd=here)
    with Project.open(here) as project:
        assert [record.status for record in journal_of(project).ended()] == ["completed"]
    with pytest.raises(UsageError, match="not kept"):
        done(here, "true", commit=committing, keep=False)
