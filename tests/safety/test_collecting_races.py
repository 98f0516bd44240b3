"""Pushes against collections, and pushes against each other, as processes at once: nothing that is needed is ever gone.

What is pushed is what is being collected: a version that one clone forgot, and another makes anew in that moment.
`TRACK_SAFETY=full python -m pytest tests/safety/test_collecting_races.py` plays many rounds.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, TRACK
from support.seaweed import BUCKET, OWNER, Seaweed
from support.trees import read_tree, write_tree

pytestmark = pytest.mark.timeout(7200)

ROUNDS = 60 if FULL else 1
DAY_S = 86_400
GRACE_S = 1.0
"""What a day of the server's clock is to the impatient."""
_HURRY = """
import sys
from track.flows import collecting
from track.store import deleting, survey
for module in (collecting, deleting, survey):
    module.GRACE_S = float(sys.argv.pop(1)) if module is collecting else collecting.GRACE_S
from track.__main__ import main
sys.exit(main())
"""
IMPATIENT = (sys.executable, "-c", _HURRY, str(GRACE_S))
"""The program, to which a day at a server of which nobody can set the clock is a second."""


class Remote(NamedTuple):
    """Where the data goes: how the remote is added, how a day passes there, and the program that then collects."""

    added: tuple[str, ...]
    day: Callable[[], None]
    program: tuple[str, ...]


@pytest.fixture(params=["folder", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    if request.param == "folder":
        return Remote(("../remote",), lambda: _age(tmp_path / "remote"), TRACK)
    server: Seaweed = request.getfixturevalue("s3_server")
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/races/{tmp_path.name}-{os.getpid()}"
    return Remote((url, "--endpoint", server.endpoint), lambda: time.sleep(1.2 * GRACE_S), IMPATIENT)


def _age(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 2 * DAY_S
            os.utime(path, (then, then))


@pytest.fixture
def keeper(tmp_path: Path, remote: Remote) -> Path:
    """A repository with one version that is kept for good, pushed; it is the one that collects."""
    repo = new_repository(tmp_path / "keeper")
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", *remote.added, cwd=repo).ok()
    track("config", "lock.timeout", "300", cwd=repo).ok()
    write_tree(repo, {"kept/a": b"kept for good", "kept/b": bytes(range(256)) * 5000})
    track("add", "kept", cwd=repo).ok()
    commit_all(repo, "kept")
    track("push", cwd=repo).ok()
    return repo


def cloned(repo: Path, name: str, remote: Remote) -> Path:
    git("clone", "--quiet", str(repo), name, cwd=repo.parent)
    clone = repo.parent / name
    track("remote", "add", "origin", *remote.added, cwd=clone).ok()
    track("pull", cwd=clone).ok()
    return clone


def version(number: int) -> dict[bytes | str, bytes]:
    """Small files in packs, and one that is large enough to go in chunks, most of them as in the version before."""
    generator = random.Random(number // 2)
    large = generator.randbytes(3 << 20)
    return {
        **{f"data/{name}": b"%d of %d" % (name, number) * 100 for name in range(30)},
        "data/large.bin": large + b"%d" % number,
    }


def forget(repo: Path, count: int) -> None:
    """The last commits are gone, and with them all that anything here knew of them."""
    git("reset", "--quiet", "--hard", f"HEAD~{count}", cwd=repo)
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)
    for name in ("data", "lost"):
        shutil.rmtree(repo / name, ignore_errors=True)
    (repo / ".git/track/stat.db").unlink(missing_ok=True)
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    for name in ("ORIG_HEAD", "FETCH_HEAD"):
        (repo / ".git" / name).unlink(missing_ok=True)


def at_once(generator: random.Random, *commands: tuple[Path, tuple[str, ...]]) -> list[Completed]:
    """Start every command in its folder, in any order and a moment apart, then wait for all."""
    started: dict[int, subprocess.Popen[str]] = {}
    for number in generator.sample(range(len(commands)), len(commands)):
        folder, command = commands[number]
        started[number] = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(generator.choice((0, 0, 0.2, 0.5, 0.8)))
    ends = []
    for number, _ in enumerate(commands):
        out, err = started[number].communicate(timeout=600)
        ends.append(Completed(started[number].returncode, out, err))
    return ends


def everything_is_there(clone: Path, remote: Remote) -> None:
    """Every version that any ref of the clone names is whole at the remote, and comes from it."""
    track("verify", "--remote", "origin", "--deep", cwd=clone).ok()
    fresh = cloned(clone, "fresh", remote)
    ours = (b".git", b".store", b".track")
    assert read_tree(fresh, leave_out=ours) == read_tree(clone, leave_out=ours)
    shutil.rmtree(fresh)


def test_a_push_of_what_is_being_collected_loses_nothing(keeper: Path, remote: Remote) -> None:
    other = cloned(keeper, "other", remote)
    generator = random.Random(7)
    condemned = deleted = 0
    for number in range(ROUNDS):
        lost = {"lost/small": os.urandom(900), "lost/large": os.urandom(2 << 20)}
        for name, contents in (("data", version(number)), ("lost", lost)):  # each in packs of its own
            write_tree(keeper, contents)
            track("add", name, cwd=keeper).ok()
            commit_all(keeper, "to be forgotten")
            track("push", cwd=keeper).ok()
        forget(keeper, 2)
        remote.day()
        for step in ("condemn", "delete"):
            contents = {**version(number), "data/own": f"{step} {number}".encode()}
            write_tree(other, contents)
            track("add", "data", cwd=other).ok()
            commit_all(other, f"{step} {number}")
            gc, push = at_once(
                generator,
                (keeper, (*remote.program, "gc", "--remote", "origin", "--json")),
                (other, (*TRACK, "push")),
            )
            assert push.code == 0, push.err
            assert gc.code == 0, gc.err
            condemned += json.loads(gc.out)["condemned"]["files"]
            deleted += json.loads(gc.out)["deleted"]["files"]
            everything_is_there(other, remote)
            remote.day()
    for _ in range(2):
        (done,) = at_once(generator, (keeper, (*remote.program, "gc", "--remote", "origin", "--json")))
        assert done.code == 0, done.err
        deleted += json.loads(done.out)["deleted"]["files"]
        remote.day()
    assert condemned and deleted, "something was collected all the time"
    everything_is_there(other, remote)
    everything_is_there(keeper, remote)


def test_two_clones_that_push_at_once_both_have_everything_there(keeper: Path, remote: Remote) -> None:
    clones = [cloned(keeper, name, remote) for name in ("ada", "bob")]
    generator = random.Random(8)
    for number in range(ROUNDS):
        for clone in clones:
            write_tree(clone, {**version(number), f"data/{clone.name}": clone.name.encode() * 100})
            track("add", "data", cwd=clone).ok()
            commit_all(clone, str(number))
        ends = at_once(generator, *[(clone, (*TRACK, "push")) for clone in clones])
        assert [end.code for end in ends] == [0, 0], ends
        for clone in clones:
            everything_is_there(clone, remote)
            again = track("push", cwd=clone).ok()
            assert "has everything" in again.err
