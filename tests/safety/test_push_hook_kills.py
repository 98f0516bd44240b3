"""`git push` with its hook killed, or failing, as data goes: no commit goes without its data, and again ends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track
from support.hooked import SECOND, Hooked, as_bytes, hooked_project
from support.repositories import git
from support.scene import FULL, duplicate, remove
from support.strace import Event, complaints, fail_at, kill_at, record, spread

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

HOOK = [sys.executable, "-P", "-m", "track.cli.hook", "pre-push", "origin", "../code.git"]
ERRORS = ("EIO", "ENOSPC", "EACCES")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two versions to push, a bare repository, and a folder for data; the input waits in a file."""
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    folder = tmp_path / "scene"
    here = hooked_project(folder / "repo")
    git("init", "--quiet", "--bare", "-b", "main", "../code.git", cwd=here.root)
    here.git("remote", "add", "origin", "../code.git")
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "remote")
    head = git("rev-parse", "HEAD", cwd=here.root).strip()
    (folder / "pushed").write_text(f"refs/heads/main {head} refs/heads/main {'0' * 40}\n")
    return folder


def copied(scene: Path, target: Path) -> Path:
    """The scene in another place, with the yes to its remote that holds there."""
    duplicate(scene, target)
    track("trust", "--yes", "origin", cwd=target / "repo").ok()
    return target


def script() -> list[str]:
    """The hook with what Git says on its input, in one process."""
    return ["sh", "-c", 'exec "$@" <../pushed', "sh", *HOOK]


def everything_arrives(place: Path) -> None:
    """Git pushes now, and another clone has all of it."""
    here = Hooked(place / "repo")
    here.git("push", "--quiet", "origin", "main")
    git("clone", "--quiet", "code.git", "other", cwd=place)
    track("pull", "--yes", cwd=place / "other").ok()
    assert Hooked(place / "other").data() == as_bytes(SECOND)


def chosen(scene: Path, folder: Path, most: int) -> list[Event]:
    """Moments at which the hook changes files, spread over the whole of it."""
    rehearsal = copied(scene, folder / "rehearsal")
    outcome, events = record(script(), cwd=rehearsal / "repo", log=folder / "log")
    assert outcome.code == 0, outcome.err
    found = events if FULL else spread(events, most)
    assert len(found) >= min(most, 6)
    return found


def test_a_push_whose_hook_is_killed_is_refused_and_again_finishes_it(scene: Path, tmp_path: Path) -> None:
    moments = chosen(scene, tmp_path, 8)

    def check(event: Event) -> None:
        place = copied(scene, tmp_path / f"killed-{moments.index(event)}")
        kill_at(event, script(), cwd=place / "repo", log=place / "log")
        everything_arrives(place)
        remove(place)

    said = complaints(moments, check)
    assert not said, "\n".join(said)


def test_a_failure_stops_the_push_in_words_or_does_not_matter(scene: Path, tmp_path: Path) -> None:
    moments = chosen(scene, tmp_path, 6)

    def check(event: Event) -> None:
        number = moments.index(event)
        place = copied(scene, tmp_path / f"failed-{number}")
        outcome = fail_at(event, ERRORS[number % 3], script(), cwd=place / "repo", log=place / "log")
        assert outcome.code in (0, 1), outcome.err
        assert "Traceback" not in outcome.err and "a bug in track" not in outcome.err, outcome.err
        assert outcome.code == 0 or "nothing was pushed" in outcome.err
        everything_arrives(place)
        remove(place)

    said = complaints(moments, check)
    assert not said, "\n".join(said)


def test_git_takes_a_killed_hook_for_a_refusal(scene: Path) -> None:
    """Nothing is in the bare repository after a push whose `track-hook` was killed."""
    here = Hooked(scene / "repo")
    tools = scene / "tools"
    tools.mkdir()
    (tools / "track-hook").write_text('#!/bin/sh\n[ "$1" != pre-push ] || kill -9 $$\n')
    (tools / "track-hook").chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    assert here.git("push", "origin", "main", check=False, env=env).code == 1
    assert not subprocess.run(["git", "for-each-ref"], cwd=scene / "code.git", capture_output=True, check=True).stdout
    everything_arrives(scene)
