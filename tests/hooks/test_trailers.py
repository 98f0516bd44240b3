"""`commit-msg` names the runs whose records a commit adds, and nothing else; it stops no commit and makes none."""

import os
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import Hooked
from support.repositories import git
from track.flows.run_start import Wishes
from track.project import Project
from track.verbs.run import run


def executed(here: Hooked, count: int = 1) -> list[str]:
    """The ids of so many runs, whose records are staged."""
    with Project.open(here.root) as project:
        return [run(project, ["true"], Wishes(), echo=lambda number, block: None).record.id for _ in range(count)]


def trailers(here: Hooked, rev: str = "HEAD") -> list[str]:
    shown = git("log", "-1", "--format=%(trailers:only)", rev, cwd=here.root)
    return [line for line in shown.splitlines() if line.startswith("Track-")]


def test_each_run_that_a_commit_adds_is_named_and_an_amend_names_it_once(here: Hooked) -> None:
    runs = executed(here, 2)
    here.git("commit", "--quiet", "-m", "subject\n\nbody\n---\nmore")
    assert sorted(trailers(here)) == sorted(f"Track-Run: {one}" for one in runs)
    here.git("commit", "--quiet", "--amend", "--no-edit")
    assert sorted(trailers(here)) == sorted(f"Track-Run: {one}" for one in runs)
    (here.root / "code.py").write_text("x = 1\n")
    here.git("add", "code.py")
    here.git("commit", "--quiet", "-m", "nothing ran")
    assert trailers(here) == []


def test_of_more_than_twenty_the_number_is_said(here: Hooked) -> None:
    first = executed(here)
    record = next((here.root / ".track/runs").rglob("*.toml"))
    for number in range(21):
        other = record.with_name(f"20260101T0000{number:02}Z-0000{number:04}.toml")
        other.write_text(record.read_text().replace(first[0][-4:], f"{number:04}"))
    here.git("add", ".track/runs")
    here.git("commit", "--quiet", "-m", "a sweep")
    assert trailers(here) == ["Track-Runs: 22"]


def test_a_commit_of_one_path_and_a_first_commit_are_about_what_they_add(here: Hooked, tmp_path: Path) -> None:
    executed(here)
    (here.root / "code.py").write_text("y = 1\n")
    here.git("add", "code.py")
    here.git("commit", "--quiet", "-m", "code alone", "code.py")
    assert trailers(here) == []
    new = Hooked(tmp_path / "new")
    new.root.mkdir()
    git("init", "--quiet", "-b", "main", cwd=new.root)
    track("init", cwd=new.root).ok()
    track("hooks", "install", cwd=new.root).ok()
    (one,) = executed(new)
    new.git("commit", "--quiet", "-m", "first of all")
    assert trailers(new) == [f"Track-Run: {one}"]


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "# ------------------------ >8 ------------------------\ndiff\n"]
)
def test_a_commit_without_a_message_stays_none(here: Hooked, tmp_path: Path, text: str) -> None:
    executed(here)
    editor = tmp_path / "editor"
    editor.write_text(f"#!{sys.executable}\nimport sys\nopen(sys.argv[1], 'w').write({text!r})\n")
    editor.chmod(0o755)
    before = git("rev-parse", "HEAD", cwd=here.root)
    said = here.git("commit", "--verbose", check=False, env={**os.environ, "GIT_EDITOR": os.fspath(editor)})
    assert said.code != 0 and git("rev-parse", "HEAD", cwd=here.root) == before


def test_switched_off_or_without_track_nothing_is_written_or_something_is(here: Hooked) -> None:
    executed(here)
    here.git("commit", "--quiet", "-m", "off", env={**os.environ, "TRACK_SKIP": "1"})
    assert trailers(here) == []
    (one,) = executed(here)
    here.git("commit", "--quiet", "-m", "no track in PATH", env={**os.environ, "PATH": "/usr/bin:/bin"})
    assert trailers(here) == [f"Track-Run: {one}"]


def test_a_merge_names_none_for_its_sides_have_them(here: Hooked) -> None:
    git("checkout", "--quiet", "-b", "side", cwd=here.root)
    executed(here)
    here.git("commit", "--quiet", "-m", "ran")
    git("checkout", "--quiet", "-", cwd=here.root)
    here.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    assert trailers(here) == []
