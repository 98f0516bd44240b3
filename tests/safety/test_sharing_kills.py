"""Sharing runs through a bucket, killed at each request: nobody sees half of it, and the same command finishes it."""

from pathlib import Path

import pytest

from safety.test_s3_kills import killed_at
from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import proxy
from support.sharing import opened
from track.flows.run_find import every_run

TOO_MANY = 40


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a run that ended, and one that lives."""
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    repo = new_repository(tmp_path / "repo")
    track("init", cwd=repo).ok()
    commit_all(repo, "set up")
    track("run", "--no-keep", "--name", "ended", "--", "sh", "-c", "echo said", cwd=repo).ok()
    run = track("runs", "create", "--start", "--name", "living", cwd=repo).ok().out.strip()
    track("log", "metric", "--run", run, "loss=0.5", cwd=repo).ok()
    return repo


def seen(clone: Path) -> set[str]:
    with opened(clone) as project:
        return {found.record.name for found in every_run(project).found}


def test_a_push_of_runs_that_is_killed_at_any_request_is_finished_by_the_next(
    source: Path, tmp_path: Path, s3_server: Seaweed
) -> None:
    with proxy(s3_server.endpoint) as between:
        for number in range(1, TOO_MANY, 1 if FULL else 5):
            url = f"s3://{BUCKET}/sharing/{tmp_path.parent.name}-{tmp_path.name}/{number}"
            track("remote", "add", f"r{number}", url, "--clone", "--endpoint", between.endpoint, cwd=source).ok()
            command = ("push", "--runs", f"r{number}")
            was_killed = killed_at(number, between, *command, cwd=source, answered=bool(number % 2))
            clone = tmp_path / f"clone-{number}"
            git("clone", "--quiet", source, clone, cwd=tmp_path)
            track("remote", "add", "origin", url, "--clone", "--endpoint", s3_server.endpoint, cwd=clone).ok()
            track("fetch", "--runs", cwd=clone).ok()
            assert seen(clone) in (set(), {"ended", "living"}), f"killed at request {number}"
            for run in seen(clone):
                track("code", run, "--fetch", "-o", f"code of {run}", cwd=clone).ok()
            track(*command, cwd=source).ok()
            track("fetch", "--runs", cwd=clone).ok()
            assert seen(clone) == {"ended", "living"}
            shown = track("metrics", "show", "living", "--csv", "--fetch", cwd=clone).ok()
            assert shown.out.splitlines()[-1].endswith("0.5")
            assert track("verify", "--remote", f"r{number}", cwd=source).code == 0
            if not was_killed:
                break
            track("remote", "remove", f"r{number}", cwd=source).ok()
        assert 8 <= number < TOO_MANY, "every request of a push was a point at which it was killed"
