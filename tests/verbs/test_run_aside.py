"""What track itself opens inside a run is no input of that run; what the program opens is one, before and after it."""

import os
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.project import Project
from track.verbs.run import Asked, run

MODES = ("auto", "python", pytest.param("trace", marks=pytest.mark.needs("strace")))
READ = "open('b.csv').read(); "
TRACK = f"{sys.executable} -m track"


@pytest.fixture
def here(repo: Path) -> Path:
    """Data of which no stat is known, so that whoever asks what changed reads all of it."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"a", "b.csv": b"b", "d/x": b"x", "mine/track/__init__.py": b""})
    write_tree(repo, {"mine/track/cli/__init__.py": b"", "mine/track/cli/main.py": b"open('b.csv').read()\n"})
    track("add", "a.csv", "b.csv", "d", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def inputs(here: Path, *command: str, observe: str = "auto") -> list[str]:
    for name in ("a.csv", "b.csv", "d/x"):
        os.utime(here / name)
    with Project.open(here) as project:
        ran = run(project, command, None, Asked(observe=observe, keep=False), echo=lambda number, block: None)
    assert ran.code == 0 and ran.warnings == (), ran
    return sorted(used.shown for used in ran.record.of("input"))


@pytest.mark.parametrize("observe", MODES)
def test_what_a_command_of_track_reads_is_no_input(here: Path, observe: str) -> None:
    python = (sys.executable, "-m", "track")
    assert inputs(here, *python, "status", observe=observe) == []
    assert inputs(here, *python, "add", "a.csv", "d", observe=observe) == []
    assert inputs(here, *python, "run", "--no-keep", "--", "true", observe=observe) == []


@pytest.mark.needs("strace")
def test_what_a_script_reads_beside_commands_of_track_is_one(here: Path) -> None:
    assert inputs(here, "sh", "-c", f"{TRACK} status; cat b.csv; {TRACK} status") == ["b.csv"]
    assert inputs(here, "sh", "-c", f"{TRACK} run --no-keep -- cat b.csv; {TRACK} status") == ["b.csv"]


@pytest.mark.parametrize("observe", MODES)
@pytest.mark.parametrize(
    "used", ["import track; track.Repo().status()", "from track.cli.main import run; run(['status'])"]
)
def test_a_program_that_calls_track_keeps_what_it_reads_itself(here: Path, used: str, observe: str) -> None:
    assert inputs(here, sys.executable, "-c", used, observe=observe) == []
    assert inputs(here, sys.executable, "-c", f"{used}; {READ}", observe=observe) == ["b.csv"]
    assert inputs(here, sys.executable, "-c", f"{READ}{used}", observe=observe) == ["b.csv"]
    library = "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'b.csv', 0)); "
    assert inputs(here, sys.executable, "-c", f"{library}{used}", observe=observe) == ["b.csv"]
    assert inputs(here, sys.executable, "-c", f"{used}; {library}", observe=observe) == ["b.csv"]


def test_what_another_thread_reads_while_track_is_at_work_is_an_input(here: Path) -> None:
    script = (
        "import sys, threading\n"
        "from track.project import Project\n"
        "with Project.open('.') as project, project.gate.directory(b''):\n"
        "    thread = threading.Thread(target=lambda: open('b.csv').read())\n"
        "    thread.start(); thread.join()\n"
    )
    assert inputs(here, sys.executable, "-c", script) == ["b.csv"]


@pytest.mark.parametrize("observe", MODES)
def test_a_package_that_is_only_called_track_keeps_its_inputs(
    here: Path, observe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert inputs(here, sys.executable, "-c", "import track.cli.main", observe=observe) == ["b.csv"]
