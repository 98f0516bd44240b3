"""Run: the world around a command is not as it should be, and the command does not notice."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.flows.run_start import Wishes
from track.project import Project
from track.verbs.run import Asked, Ran, run


@pytest.fixture
def here(repo: Path) -> Path:
    """A tracked file and a script that Git has."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"main.sh": b"cat data.csv\n", "data.csv": b"1\n2\n"})
    track("add", "data.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def done(here: Path, *command: str, wishes: Wishes | None = None, **asked: object) -> Ran:
    with Project.open(here) as project:
        return run(project, command, wishes, Asked(**asked), echo=lambda number, block: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["auto", "trace"])
def test_where_tracing_is_forbidden_the_command_runs_all_the_same(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    write_tree(
        tmp_path, {"bin/strace": b"#!/bin/sh\necho 'ptrace(PTRACE_SEIZE): Operation not permitted' >&2\nexit 1\n"}
    )
    (tmp_path / "bin/strace").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    ran = done(here, "sh", "-c", "echo there > made", outputs=["made"], observe=mode)
    assert (ran.code, ran.record.status) == (0, "completed")
    assert [used.path for used in ran.record.of("output")] == [b"made"]
