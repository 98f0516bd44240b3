"""Provenance without discipline: programs that know nothing of track, and history that is rewritten."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.cli import track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.flows.run_journal import journal_of
from track.model.record import Record
from track.project import Project

ANALYSIS = b"""
import numpy as np
import pandas as pd

frame = pd.read_csv("data/people.csv").merge(pd.read_parquet("data/ages.parquet"), on="name")
weights = np.load("data/weights.npy")
frame["score"] = frame["age"] * weights[: len(frame)]
frame.to_csv("scores.csv", index=False)
np.save("result/mean.npy", frame["score"].to_numpy().mean())
"""

PROGRAM = b"""
#include <stdio.h>
int main(void) {
    FILE *in = fopen("data/people.csv", "r"), *out = fopen("lines.txt", "w");
    int c, lines = 0;
    while ((c = getc(in)) != EOF) lines += c == '\\n';
    fprintf(out, "%d\\n", lines);
    return fclose(out);
}
"""


@pytest.fixture
def here(repo: Path) -> Path:
    """Data that is tracked, of which nothing but some is used, and outputs of an earlier time."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"analysis.py": ANALYSIS, "data/people.csv": b"name,x\nann,1\nbob,2\n", "data/unused.csv": b"1\n"})
    pd.DataFrame({"name": ["ann", "bob"], "age": [30, 40]}).to_parquet(repo / "data/ages.parquet")
    np.save(repo / "data/weights.npy", np.array([1.0, 2.0, 3.0]))
    write_tree(repo, {"scores.csv": b"old\n", "result/mean.npy": b"old", "lines.txt": b"old\n", "sorted.txt": b"old\n"})
    data = ("data/people.csv", "data/unused.csv", "data/ages.parquet", "data/weights.npy")
    track("add", *data, "scores.csv", "result", "lines.txt", "sorted.txt", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def last(here: Path) -> Record:
    with Project.open(here) as project:
        return next(journal_of(project).ended())


def observed(record: Record, category: str) -> list[str]:
    return [used.shown for used in record.of(category) if used.path is not None and used.how == "observed"]


def test_a_script_with_pandas_and_numpy_is_understood_as_it_is(here: Path) -> None:
    track("run", "--", sys.executable, "analysis.py", cwd=here).ok()
    record = last(here)
    assert observed(record, "input") == ["data/ages.parquet", "data/people.csv", "data/weights.npy"]
    assert observed(record, "output") == ["result", "scores.csv"]
    assert {"pandas", "numpy"} <= {
        line.split("==")[0] for line in track("env", "freeze", record.id, cwd=here).out.split()
    }


def test_a_pipeline_of_a_shell_is_understood(here: Path) -> None:
    track("run", "--", "sh", "-c", "tail -n +2 data/people.csv | sort -r | cut -d, -f1 > sorted.txt", cwd=here).ok()
    assert (here / "sorted.txt").read_bytes() == b"bob\nann\n"
    assert observed(last(here), "input") == ["data/people.csv"] and observed(last(here), "output") == ["sorted.txt"]


def test_a_compiled_program_is_understood(here: Path, tmp_path: Path) -> None:
    (tmp_path / "count.c").write_bytes(PROGRAM)
    subprocess.run(["gcc", "-o", tmp_path / "count", tmp_path / "count.c"], check=True)
    track("run", "--", tmp_path / "count", cwd=here).ok()
    assert (here / "lines.txt").read_bytes() == b"3\n"
    assert observed(last(here), "input") == ["data/people.csv"] and observed(last(here), "output") == ["lines.txt"]


def step(number: int) -> bytes:
    return f"cat data/people.csv > out{number}.txt\necho {number} >> out{number}.txt\n".encode()


def told(here: Path, number: int) -> list[str]:
    """What `why` says, apart from which commits there are."""
    lines = track("why", f"out{number}.txt", cwd=here).ok().out.splitlines()
    return [line for line in lines if not line.strip().startswith(("recorded in", "matches"))]


def test_three_runs_that_are_squashed_are_known_in_a_fresh_clone_with_their_code(here: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
    commit_all(here, "remote")
    git("checkout", "--quiet", "-b", "work", cwd=here)
    for number in (1, 2, 3):
        write_tree(here, {"step.sh": step(number)})
        track("run", "--name", f"run {number}", "-o", f"out{number}.txt", "--", "sh", "step.sh", cwd=here).ok()
        commit_all(here, f"step {number}")
    before = [told(here, number) for number in (1, 2, 3)]
    assert all("data/people.csv" in "\n".join(lines) for lines in before)
    git("checkout", "--quiet", "main", cwd=here)
    git("merge", "--quiet", "--squash", "work", cwd=here)
    git("commit", "--quiet", "--message=all three", cwd=here)
    assert [told(here, number) for number in (1, 2, 3)] == before
    git("branch", "--quiet", "-D", "work", cwd=here)
    track("push", cwd=here).ok()
    fresh = tmp_path / "fresh"
    git("clone", "--quiet", "--single-branch", f"file://{here}", fresh, cwd=tmp_path)
    track("remote", "add", "origin", tmp_path / "remote", cwd=fresh)
    track("pull", "--yes", cwd=fresh).ok()
    assert [told(fresh, number) for number in (1, 2, 3)] == before
    track("code", "run 2", "--fetch", "-o", tmp_path / "second", cwd=fresh).ok()
    assert (tmp_path / "second/step.sh").read_bytes() == step(2)
    done = track("reproduce", "run 2", "--fetch", "--yes", cwd=fresh).ok()
    assert done.out == "same  out2.txt  the same bytes\n"
