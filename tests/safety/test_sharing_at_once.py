"""Many runs at once, some killed, while they are shared and reaped again and again: all are seen as they were.

`TRACK_TESTS_RUNS=64 python -m pytest tests/safety/test_sharing_at_once.py` is the long form.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from safety.test_run_kills import DRIVER, check
from support.cli import track
from support.cli import track_here as here_track
from support.repositories import commit_all, git
from support.sharing import opened
from track.flows.run_find import every_run
from track.flows.run_series import EVENTS, METRICS, have_series
from track.runs.journal import LOST_AFTER_S
from track.verbs.fetch import fetch
from track.verbs.push import push
from track.verbs.runs_reap import runs_reap

COUNT = int(os.environ.get("TRACK_TESTS_RUNS", "12"))


def test_runs_that_are_shared_and_reaped_while_they_go_on_are_seen_as_they_were(repo: Path) -> None:
    here_track("init", cwd=repo).ok()
    (repo / ".gitignore").write_text("/.store\n/told\n")
    here_track("remote", "add", "origin", "../remote", cwd=repo).ok()
    commit_all(repo, "init")
    (repo / "told").mkdir()
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(COUNT), "2"], cwd=repo, stderr=subprocess.PIPE)
    shared = 0
    while driver.poll() is None:
        for command in (("push", "--runs", "-q"), ("runs", "reap")):
            done = track(*command, cwd=repo)
            assert done.code == 0, done.err
        shared += 1
    assert driver.returncode == 0, driver.communicate()[1].decode()
    driver.communicate()
    assert shared
    with opened(repo) as project:
        runs_reap(project, now=time.time() + LOST_AFTER_S + 60)
        push(project, runs=True)
        before = {found.record.id: found.record for found in every_run(project).found}
    clone = repo.parent / "clone"
    git("clone", "--quiet", repo, clone, cwd=repo.parent)
    told = {int(path.name): path.read_text().split() for path in (repo / "told").iterdir()}
    with opened(clone) as project:
        fetch(project, runs=True)
        seen = {found.record.id: found for found in every_run(project).found}
        assert {id: found.record for id, found in seen.items()} == before and len(before) >= COUNT // 2
        for number, lines in told.items():
            if not lines:
                continue  # killed before it could say which run it is
            found = seen[lines[0]]
            have_series(project, found, (METRICS, EVENTS), fetch=True)
            check(project, found, number, lines)
