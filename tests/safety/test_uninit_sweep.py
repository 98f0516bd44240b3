"""Setting up and taking out are killed wherever they change files: no data is lost, the same command finishes.

A spread of the points is tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_uninit_sweep.py` tries all.
"""

import itertools
import os
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, TRACK, duplicate, remove
from support.strace import Event, complaints, kill_at, record, spread
from support.trees import Node, read_tree, write_tree
from track.project import Project

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

DATA: dict[bytes | str, Node] = {
    "data/a.csv": b"1,2\n",
    "data/deep/b.bin": bytes(3000),
    "linked.bin": bytes(range(256)) * 5000,
    "model.bin": b"weights",
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with data, one file of it a link into the store, and people's own lines in the shared files."""
    scene = tmp_path_factory.mktemp("scene")
    repo = new_repository(scene / "repo")
    write_tree(repo, {".gitignore": b"*.pyc\n"})
    track("init", cwd=repo).ok()
    write_tree(repo, DATA)
    track("add", "data", "linked.bin", "model.bin", cwd=repo).ok()
    commit_all(repo)
    with Project.open(repo) as project:
        whole = project.store.whole(project.pointers()[b"linked.bin.track"].digest)
        assert whole is not None
        (repo / "linked.bin").unlink()
        (repo / "linked.bin").symlink_to(os.path.relpath(whole, repo))
    return scene


def _content(repo: Path) -> dict[bytes, bytes]:
    """The bytes that each data file holds, through links too."""
    return {os.fsencode(name): (repo / os.fsdecode(name)).read_bytes() for name in DATA}


def test_taking_track_out_survives_a_kill_at_any_change(scene: Path, tmp_path: Path) -> None:
    command = (*TRACK, "uninit")
    peace = duplicate(scene, tmp_path / "peace")
    outcome, events = record(command, cwd=peace / "repo", log=peace / "log")
    assert outcome.code == 0, outcome.err
    after = read_tree(peace / "repo")
    before = _content(scene / "repo")
    assert _content(peace / "repo") == before

    def check(event: Event) -> None:
        here = duplicate(scene, tmp_path / f"point-{next(_numbers)}")
        repo = here / "repo"
        killed = kill_at(event, command, cwd=repo, log=here / "log")
        assert killed.killed, f"was not killed: {killed.code} {killed.err}"
        assert _content(repo) == before, "data was lost"
        again = track("uninit", cwd=repo)
        assert again.code == 0 or (again.code == 3 and "not set up" in again.err), again.err
        assert read_tree(repo) == after
        assert not (repo / ".git/track").exists()
        git("fsck", "--no-dangling", cwd=repo)
        remove(here)

    chosen = events if FULL else spread(events, 30)
    said = complaints(chosen, check)
    assert not said, f"{len(said)} of {len(chosen)} kills:\n" + "\n".join(one[:2000] for one in said[:12])
    assert len(chosen) > 20


def test_setting_up_survives_a_kill_at_any_change(tmp_path: Path) -> None:
    command = (*TRACK, "init")
    scene = tmp_path / "scene"
    new_repository(scene / "repo")
    write_tree(scene / "repo", {".gitignore": b"*.pyc\n", "code.py": b"x\n"})
    peace = duplicate(scene, tmp_path / "peace")
    outcome, events = record(command, cwd=peace / "repo", log=peace / "log")
    assert outcome.code == 0, outcome.err
    after, index = read_tree(peace / "repo"), git("ls-files", "--stage", cwd=peace / "repo")

    def check(event: Event) -> None:
        here = duplicate(scene, tmp_path / f"point-{next(_numbers)}")
        repo = here / "repo"
        killed = kill_at(event, command, cwd=repo, log=here / "log")
        assert killed.killed, f"was not killed: {killed.code} {killed.err}"
        assert (repo / ".gitignore").read_bytes() in (b"*.pyc\n", after[b".gitignore"])
        (repo / ".git/index.lock").unlink(missing_ok=True)  # Git's own, when Git itself was killed with it
        track("init", cwd=repo).ok()
        assert read_tree(repo) == after
        assert git("ls-files", "--stage", cwd=repo) == index
        assert track("doctor", cwd=repo).code == 0
        remove(here)

    chosen = events if FULL else spread(events, 15)
    said = complaints(chosen, check)
    assert not said, f"{len(said)} of {len(chosen)} kills:\n" + "\n".join(one[:2000] for one in said[:12])
