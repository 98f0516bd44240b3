"""`track run --metrics`: what a command writes into its files of metrics becomes the run's, and nothing older."""

import os
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from track.project import Project
from track.verbs.metrics_show import metrics_show

SCRIPT = """
import json, os, subprocess, sys, time
with open("loss.csv", "a", buffering=1) as table, open("more.jsonl", "w", buffering=1) as lines:
    print("step,loss,note", file=table)
    for n in range(3):
        print(f"{n * 10},{1 / (n + 1)},fine", file=table)
        print(json.dumps({"deep": {"er": n}, "text": "x"}), file=lines)
    deadline = time.monotonic() + 60
    said = ""
    while "loss" not in said and time.monotonic() < deadline:
        command = [sys.executable, "-m", "track", "metrics", "show", os.environ["TRACK_RUN_ID"]]
        said = subprocess.run(command, capture_output=True, text=True).stdout
    print("seen while it ran:", "loss" in said)
    table.write("30,0.125,no end of line")
json.dump({"auc": 0.9, "bad": "high"}, open("end.json", "w"))
"""


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    (repo / "train.py").write_text(SCRIPT)
    commit_all(repo, "code")
    return repo


def test_metrics_are_read_from_files_while_the_command_runs_and_at_its_end(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "old.csv").write_text("old\n1\n")
    files = [word for name in ("loss.csv", "more.jsonl", "end.json", "old.csv") for word in ("--metrics", name)]
    ran = track("run", "--name", "x", *files, "--", sys.executable, "train.py", cwd=here).ok()
    assert "seen while it ran: True" in capfd.readouterr().out
    assert "no metrics came from old.csv" in ran.err and "something that is no number" in ran.err
    with Project.open(here) as project:
        points = metrics_show(project, "x").points
    assert list(points["loss"].values) == [1.0, 0.5, 1 / 3, 0.125] and list(points["loss"].steps) == [0, 10, 20, 30]
    assert list(points["deep/er"].values) == [0.0, 1.0, 2.0] and list(points["auc"].values) == [0.9]
    assert set(points) == {"loss", "deep/er", "auc"}


def test_what_a_former_run_wrote_is_not_this_one_s(here: Path) -> None:
    (here / "m.csv").write_text("loss\n9\n8\n")
    track("run", "--name", "appends", "--metrics", "m.csv", "--", "sh", "-c", "echo 7 >> m.csv", cwd=here).ok()
    track("run", "--name", "anew", "--metrics", "m.csv", "--", "sh", "-c", "printf 'acc\\n1\\n' > m.csv", cwd=here).ok()
    with Project.open(here) as project:
        assert list(metrics_show(project, "appends").points["loss"].values) == [7.0]
        assert list(metrics_show(project, "anew").points["acc"].values) == [1.0]


def test_a_file_that_is_none_of_metrics_is_refused_before_anything_runs(here: Path) -> None:
    refused = track("run", "--metrics", "model.bin", "--", "touch", "ran", cwd=here)
    assert refused.code == 2 and "is no file of metrics by its name" in refused.err and not (here / "ran").exists()


@pytest.mark.parametrize(
    ("after", "losses"),
    [
        ("loss\\n1\\n2\\n3\\n4\\n5\\n", [1.0, 2.0, 3.0, 4.0, 5.0]),
        ("loss\\n7\\n6\\n", [7.0, 6.0]),
        ("loss\\n9\\n8\\n", [9.0, 8.0]),
    ],
    ids=["longer", "of the same length", "the same"],
)
def test_a_file_that_is_written_anew_counts_from_its_beginning_whatever_its_length(
    here: Path, after: str, losses: list[float]
) -> None:
    (here / "m.csv").write_text("loss\n9\n8\n")
    track("run", "--name", "x", "--metrics", "m.csv", "--", "sh", "-c", f"printf '{after}' > m.csv", cwd=here).ok()
    with Project.open(here) as project:
        assert list(metrics_show(project, "x").points["loss"].values) == losses


def test_a_folder_in_the_place_of_a_file_of_metrics_breaks_nothing(here: Path) -> None:
    (here / "m.csv").mkdir()
    ran = track("run", "--metrics", "m.csv", "--", "sh", "-c", "echo done > ran.txt", cwd=here).ok()
    assert "no metrics came from m.csv" in ran.err and (here / "ran.txt").exists()


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.json"])
def test_a_pipe_without_a_writer_is_not_waited_for(here: Path, name: str) -> None:
    os.mkfifo(here / name)
    ran = track("run", "--metrics", name, "--", "true", cwd=here).ok()
    assert f"no metrics came from {name}" in ran.err


def test_what_is_written_into_a_pipe_is_read_from_each_writer(here: Path) -> None:
    os.mkfifo(here / "m.jsonl")
    script = """echo '{"loss": 2}' > m.jsonl; sleep 1; printf '{"loss": 1}\n{"loss": 0.5}' > m.jsonl"""
    ran = track("run", "--name", "x", "--metrics", "m.jsonl", "--", "sh", "-c", script, cwd=here).ok()
    assert "no metrics" not in ran.err
    with Project.open(here) as project:
        assert list(metrics_show(project, "x").points["loss"].values) == [2.0, 1.0, 0.5]


def test_a_pipe_that_the_command_makes_is_read_too(here: Path) -> None:
    script = """mkfifo m.csv; printf 'loss\n3\n4\n' > m.csv"""
    track("run", "--name", "x", "--metrics", "m.csv", "--", "sh", "-c", script, cwd=here).ok()
    with Project.open(here) as project:
        assert list(metrics_show(project, "x").points["loss"].values) == [3.0, 4.0]
