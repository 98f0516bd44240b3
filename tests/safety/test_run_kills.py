"""Many runs at once and random kills: no run is lost, nothing is mixed up, and what was logged is there."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from track.flows.run_find import Found, every_run
from track.flows.run_series import events_of_run, points_of_run
from track.model.digest import digest_of
from track.project import Project
from track.runs.journal import LOST_AFTER_S
from track.verbs.runs_reap import runs_reap

# Every child says in its own file how far it came: its id first, then the last number that was surely written.
DRIVER = """
import os, random, signal, sys, time
import track
from track.api.run import Run
from track.project import Project

def child(number):
    run = Run()
    run.config(suppress_errors=False)
    run.init(f"run-{number}", tags=[f"tag-{number}"])
    told = open(f"told/{number}", "w", buffering=1)
    print(run.id, file=told)
    run.save_object(f"made by {number}", "output", "note")
    print("saved", file=told)
    for step in range(40):
        run.log_metrics({"mine": float(number), "step": float(step)})
        if step % 10 == 9:
            run._writer.flush()
            print(step, file=told)
        time.sleep(0.01)
    run.log_event(f"end of {number}")
    run.close()
    print("closed", file=told)

random.seed(int(sys.argv[2]))
children = {}
for number in range(int(sys.argv[1])):
    process = os.fork()
    if not process:
        try:
            child(number)
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    children[process] = number
doomed = random.sample(sorted(children), len(children) // 2)
while children:
    ended, status = os.waitpid(-1, os.WNOHANG)
    if ended:
        number = children.pop(ended)
        if os.waitstatus_to_exitcode(status) not in (0, -9):
            sys.exit(f"run {number} failed")
    elif doomed and random.random() < 0.1:
        victim = doomed.pop()
        if victim in children:
            os.kill(victim, signal.SIGKILL)
    else:
        time.sleep(0.02)
"""


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    (repo / ".gitignore").write_text("/.store\n/told\n")
    commit_all(repo, "init")
    (repo / "told").mkdir()
    return repo


def check(project: Project, found: Found, number: int, told: list[str]) -> None:
    """A run has what it said it had, all of it its own, and its points are those it logged first, in their order."""
    record = found.record
    assert record.name == f"run-{number}" and record.tags == (f"tag-{number}",)
    points = points_of_run(project, found)
    steps = [int(step) for step in (points["step"].values if points else ())]
    assert steps == list(range(len(steps)))
    assert not points or set(points["mine"].values) == {float(number)}
    sure = [int(line) for line in told if line.isdigit()]
    assert not sure or len(steps) > sure[-1]
    events = [event.text for event in events_of_run(project, found)]
    assert events in ([], [f"end of {number}"])
    notes = [used.digest for used in record.artifacts if used.name == "note"]
    assert notes == [digest_of(f"made by {number}".encode())] or ("saved" not in told and not notes)
    if "closed" in told:
        assert record.status == "completed" and len(steps) == 40 and events


@pytest.mark.parametrize(("count", "seed"), [(int(os.environ.get("TRACK_TESTS_RUNS", "64")), 1)])
def test_many_runs_at_once_with_random_kills_lose_nothing(here: Path, count: int, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(count), str(seed)], cwd=here, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    told = {int(path.name): path.read_text().split() for path in (here / "told").iterdir()}
    assert sum("closed" in lines for lines in told.values()) >= count // 2  # those that were left alone, and some more
    assert any("closed" not in lines for lines in told.values())
    with Project.open(here) as project:
        before = {found.record.id: found for found in every_run(project).found}
        for number, lines in told.items():
            check(project, before[lines[0]], number, lines)
        runs_reap(project, now=time.time() + LOST_AFTER_S + 60)
        after = {found.record.id: found for found in every_run(project).found}
        assert after.keys() == before.keys() and all(found.record.has_ended for found in after.values())
        for number, lines in told.items():
            check(project, after[lines[0]], number, lines)
        digests = {digest for found in after.values() for digest, _, _ in found.record.named()}
        assert project.store.absent(digests) == set()
    listed = json.loads(track("runs", "list", "--json", cwd=here).ok().out)
    assert len(listed["runs"]) == len(after)
