"""`track run` is killed at the calls with which it changes files: the run is known, its data whole, and the next works.

A spread of the points is tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_run_kill_points.py` tries all.
"""

import time
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git
from support.scene import FULL, TRACK, duplicate, remove
from support.strace import Event, complaints, kill_at, record, spread
from support.trees import write_tree
from track.flows.run_find import every_run
from track.project import Project
from track.runs.journal import LOST_AFTER_S
from track.verbs.runs_reap import runs_reap

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

COMMAND = (
    *("run", "--name", "first", "--observe", "python", "-i", "in.csv", "-o", "out.txt", "--metrics", "m.csv", "--"),
    *("sh", "-c", "cat in.csv in.csv > out.txt; printf 'loss\\n1\\n' > m.csv; echo said"),
)
POINTS = 8


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    repo = tmp_path / "scene/repo"
    repo.mkdir(parents=True)
    git("init", "-q", "-b", "main", ".", cwd=repo)
    track("init", cwd=repo).ok()
    write_tree(repo, {"in.csv": b"1\n2\n", ".gitignore": b"/.store\nm.csv\n"})
    track("add", "in.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return tmp_path / "scene"


def test_a_run_that_is_killed_anywhere_is_known_and_the_next_one_works(scene: Path, tmp_path: Path) -> None:
    rehearsal = duplicate(scene, tmp_path / "rehearsal")
    outcome, events = record([*TRACK, *COMMAND], cwd=rehearsal / "repo", log=tmp_path / "log")
    assert outcome.code == 0 and len(events) > POINTS, outcome.err
    chosen = events if FULL else spread(events, POINTS)[::2]
    missed: list[Event] = []

    def check(event: Event) -> None:
        place = duplicate(scene, tmp_path / f"point-{chosen.index(event)}")
        outcome = kill_at(event, [*TRACK, *COMMAND], cwd=place / "repo", log=place / "log")
        if not outcome.killed:
            assert outcome.code == 0, f"was not killed: {outcome.code} {outcome.err}"
            missed.append(event)
        judge(place / "repo", event)
        remove(place)

    said = complaints(chosen, check)
    assert not said, "\n".join(said)
    assert len(missed) <= len(chosen) // 4, f"{len(missed)} of {len(chosen)} calls were never made"


def judge(repo: Path, event: Event) -> None:
    """What was tracked is whole, each run that began is told and can be ended, and the same command does its work."""
    assert (repo / "in.csv").read_bytes() == b"1\n2\n", event.text
    assert track("verify", cwd=repo).code in (0, 1), event.text
    with Project.open(repo) as project:
        before = [found.record for found in every_run(project).found]
        assert len(before) <= 1 and all(found.name == "first" for found in before), event.text
        runs_reap(project, now=time.time() + 2 * LOST_AFTER_S)
        after = [found.record for found in every_run(project).found]
        assert [found.id for found in after] == [found.id for found in before], event.text
        assert all(found.status in ("completed", "lost") for found in after), event.text
        named = {digest for found in after for digest, _, _ in found.named()}
        assert project.store.absent(named) == set(), event.text
    again = track(*COMMAND[:2], "second", *COMMAND[3:], cwd=repo)
    assert again.code == 0, again.err
    assert (repo / "out.txt").read_bytes() == b"1\n2\n1\n2\n" and "second" in track("why", "out.txt", cwd=repo).ok().out
    commit_all(repo, "the second")
    assert track("verify", cwd=repo).code == 0 and git("status", "--short", cwd=repo) == "", event.text
