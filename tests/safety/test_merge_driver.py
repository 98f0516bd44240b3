"""The merge driver when something is missing, hostile, or killed: Git can always go on, and nothing is lost."""

import os
import sys
from pathlib import Path
from subprocess import run

import pytest
from blake3 import blake3

from support import hostile
from support.cli import track_here
from support.merging import HOOK, fork, git_says, project, save, with_drivers, without_drivers
from support.repositories import commit_all, git
from support.scene import FULL, duplicate, leftovers, remove
from support.strace import CHANGING, Event, changing, complaints, spread
from support.trees import read_tree
from track.model.digest import Digest
from track.model.pointer import parse_pointer
from track.project import Project

BASE = {"images/a": b"a", "images/b": b"b", "images/c": b"c"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return with_drivers(tmp_path / "programs")


def test_a_manifest_that_is_not_here_leaves_a_conflict_that_a_pull_settles(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "repo")
    track_here("remote", "add", "origin", "../remote", cwd=repo).ok()
    save(repo, BASE, "base")
    track_here("push", cwd=repo).ok()
    fork(repo, {}, {"images/a": b"ours"}, {"images/b": b"theirs", "images/d": b"d"})
    track_here("push", "--all", cwd=repo).ok()
    git("clone", "-q", str(repo), str(tmp_path / "clone"), cwd=tmp_path)
    clone = tmp_path / "clone"
    track_here("init", cwd=clone).ok()
    said = git_says("merge", "origin/theirs", cwd=clone, env=env)
    assert said.code == 1
    assert "track: images changed on both sides, and a manifest is not here" in said.err
    assert "track pull, then: track merge images" in said.err
    assert "<<<<<<< ours" in (clone / "images.track").read_text()
    tried = track_here("merge", cwd=clone)
    assert (tried.code, "track pull, then: track merge images" in tried.err) == (4, True)
    track_here("pull", cwd=clone)
    track_here("merge", cwd=clone).ok()
    merged = {path.name: path.read_bytes() for path in (clone / "images").iterdir()}
    assert merged == {"a": b"ours", "b": b"theirs", "c": b"c", "d": b"d"}
    assert track_here("verify", cwd=clone).code == 0


HARM = {
    "leaves the folder": hostile.leaf(hostile.entry(b"../harm")),
    "an absolute path": hostile.leaf(hostile.entry(b"/tmp/harm")),
    "reaches into .git": hostile.leaf(hostile.entry(b".git/hooks/pre-commit")),
    "not sorted": hostile.leaf(hostile.entry(b"b"), hostile.entry(b"a")),
    "twice": hostile.leaf(hostile.entry(b"a"), hostile.entry(b"a")),
    "a file and what is in it": hostile.leaf(hostile.entry(b"a"), hostile.entry(b"a/b")),
    "not a manifest": b"hello\n",
    "of a later format": b"track-manifest 2 0\n",
    "an unknown kind": hostile.leaf(hostile.entry(b"a", mode="p")),
    "a root that names itself only": b"track-manifest 1 1\n1 1 " + b"0" * 64 + b" a\n",
    "a size beyond all bounds": hostile.leaf(b"f 99999999999999999999 " + b"0" * 64 + b" a\n"),
}


@pytest.mark.parametrize("what", list(HARM))
def test_a_hostile_manifest_is_refused_before_anything_is_written(
    tmp_path: Path, env: dict[str, str], what: str
) -> None:
    repo = project(tmp_path / "repo")
    node = HARM[what]
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    with Project.open(repo) as opened, opened.store.writer() as writer:
        writer.add(node)
        writer.commit()
    git("checkout", "-q", "theirs", cwd=repo)
    (repo / "images.track").write_bytes(hostile.pointer(node, kind="directory", size=4, files=node.count(b"\n") - 1))
    git("commit", "-qam", "harm", cwd=repo)
    git("checkout", "-q", "main", cwd=repo)
    refused_and_nothing_written(repo, env)


def test_a_pointer_that_lies_about_its_manifest_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "repo")
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    git("checkout", "-q", "theirs", cwd=repo)
    text = (repo / "images.track").read_text()
    (repo / "images.track").write_text(text.replace("files = 3", "files = 3000000"))
    git("commit", "-qam", "a lie", cwd=repo)
    git("checkout", "-q", "main", cwd=repo)
    refused_and_nothing_written(repo, env)


def refused_and_nothing_written(repo: Path, env: dict[str, str]) -> None:
    """The merge is a conflict that says why, and what is on disk is as it was."""
    outside = read_tree(repo.parent, leave_out=(b"repo",))
    files = read_tree(repo, leave_out=(b".git", b".store", b"images.track"))
    store = sorted(path for path in (repo / ".git/track/store").rglob("*") if path.suffix == ".pack")
    said = git_says("merge", "theirs", cwd=repo, env=env)
    assert (said.code, "track: images.track cannot be merged: " in said.err) == (1, True), said.err
    assert "Traceback" not in said.err and "bug" not in said.err
    assert (repo / "images.track").read_text().startswith("[artifact]\n")
    assert "<<<<<<< ours" in (repo / "images.track").read_text()
    assert read_tree(repo.parent, leave_out=(b"repo",)) == outside
    assert read_tree(repo, leave_out=(b".git", b".store", b"images.track")) == files
    assert sorted(path for path in (repo / ".git/track/store").rglob("*") if path.suffix == ".pack") == store
    settled = track_here("merge", "images", "--take", "theirs", cwd=repo)
    assert settled.code in (3, 7), settled.err
    track_here("merge", "images", "--take", "ours", "--whole", cwd=repo).ok()
    assert (repo / "images/a").read_bytes() == b"ours"


def test_a_damaged_manifest_is_a_conflict_that_says_so(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "repo")
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    for pack in (repo / ".git/track/store/packs").rglob("*.pack"):
        data = bytearray(pack.read_bytes())
        at = data.find(b"track-manifest")
        if at >= 0:
            pack.chmod(0o600)
            data[at + 20] ^= 1
            pack.write_bytes(data)
    said = git_says("merge", "theirs", cwd=repo, env=env)
    assert (said.code, "<<<<<<< ours" in (repo / "images.track").read_text()) == (1, True)
    assert "track: images" in said.err


def traced(folder: Path, options: list[str]) -> dict[str, str]:
    """An environment whose `track-hook` runs below strace with these options."""
    folder.mkdir()
    inner = folder / "inner.py"
    inner.write_text(HOOK.format(python=sys.executable))
    words = " ".join(f"'{word}'" for word in ["strace", "-qq", "-s", "48", *options, "--", sys.executable, str(inner)])
    (folder / "track-hook").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (folder / "track-hook").chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.needs("strace")
@pytest.mark.timeout(1800)
def test_killed_at_any_change_the_driver_leaves_what_git_can_go_on_with(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    repo = project(scene / "repo")
    fork(repo, BASE, {"images/a": b"ours", "images/new": b"n"}, {"images/b": b"theirs", "images/c": None})
    peaceful = duplicate(scene, tmp_path / "peace") / "repo"
    git_says("merge", "-m", "m", "theirs", cwd=peaceful, env=with_drivers(tmp_path / "programs")).ok()
    expected = (peaceful / "images.track").read_bytes()
    log = tmp_path / "log"
    calls = ",".join(f"?{name}" for name in CHANGING)
    rehearsal = duplicate(scene, tmp_path / "rehearsal") / "repo"
    env = traced(tmp_path / "record", ["-y", "-o", str(log), "-e", f"trace={calls}"])
    git_says("merge", "-m", "m", "theirs", cwd=rehearsal, env=env).ok()
    events = changing(log.read_text())
    assert any("rename" in event.call for event in events)
    chosen = events if FULL else spread(events, 14)

    def check(event: Event) -> None:
        folder = tmp_path / f"{event.call}-{event.nth}"
        here = duplicate(scene, folder) / "repo"
        clause = f"inject={event.call}:signal=KILL:when={event.nth}"
        env = traced(folder / "programs", ["-o", str(folder / "log"), "-e", f"trace={event.call}", "-e", clause])
        done = git_says("merge", "-m", "m", "theirs", cwd=here, env=env)
        assert "SIGKILL" in (folder / "log").read_text()
        assert (done.code, "fatal" in done.err) == (1, False), done.err
        assert "<<<<<<< ours" in (here / "images.track").read_text()
        assert "images.track" in git("ls-files", "--unmerged", cwd=here)
        assert (here / "images/a").read_bytes() == b"ours"
        track_here_in_a_process("merge", cwd=here)
        assert (here / "images.track").read_bytes() == expected
        assert {path.name for path in (here / "images").iterdir()} == {"a", "b", "new"}
        assert [path for path in leftovers(here) if "staging" not in path] == []
        track_here_in_a_process("verify", cwd=here)
        remove(folder)

    said = complaints(chosen, check)
    assert not said, "\n".join(said[:6])


def track_here_in_a_process(*words: str, cwd: Path) -> None:
    done = run([sys.executable, "-m", "track", *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"track {' '.join(words)}: {done.stdout}{done.stderr}"


def test_a_driver_that_cannot_write_leaves_it_to_git(tmp_path: Path, env: dict[str, str]) -> None:
    """A program that is broken, or ends with 1 before it did anything, never makes ours look merged."""
    repo = project(tmp_path / "repo")
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    broken = tmp_path / "broken"
    for code in (1, 2, 127, 139):
        broken.mkdir(exist_ok=True)
        (broken / "track-hook").write_text(f"#!/bin/sh\nexit {code}\n")
        (broken / "track-hook").chmod(0o755)
        said = git_says("merge", "theirs", cwd=repo, env={**env, "PATH": f"{broken}:{env['PATH']}"})
        assert said.code == 1
        assert "<<<<<<< ours" in (repo / "images.track").read_text()
        git("merge", "--abort", cwd=repo)
    git_says("merge", "-m", "m", "theirs", cwd=repo, env={**env, "TRACK_SKIP": "1"}).ok()
    assert track_here("ls", "-R", ":images", cwd=repo).ok().out.split() == ["images/a", "images/b", "images/c"]


def test_a_program_that_git_does_not_find_is_reached_through_its_python(tmp_path: Path) -> None:
    """As below a graphical client, which knows nothing of virtual environments."""
    repo = project(tmp_path / "repo")
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    git("config", "track.python", sys.executable, cwd=repo)
    git_says("merge", "-m", "m", "theirs", cwd=repo, env=without_drivers()).ok()
    git("reset", "-q", "--hard", "HEAD~1", cwd=repo)
    git("config", "track.python", str(tmp_path / "gone"), cwd=repo)
    assert git_says("merge", "-m", "m", "theirs", cwd=repo, env=without_drivers()).code == 1


def test_a_program_in_the_repository_is_not_taken_for_ours(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    (repo / "track-hook").write_text(f"#!/bin/sh\ntouch {tmp_path / 'harm'}\n")
    (repo / "track-hook").chmod(0o755)
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    env = without_drivers()
    git_says("merge", "theirs", cwd=repo, env={**env, "PATH": f".:{env['PATH']}"})
    assert not (tmp_path / "harm").exists()


def test_the_marks_of_a_merge_of_ancestors_are_as_long_as_git_wants(tmp_path: Path, env: dict[str, str]) -> None:
    texts = [hostile.pointer(content) for content in (b"1", b"2", b"3")]
    for name, text in zip(("base", "ours", "theirs"), texts, strict=True):
        (tmp_path / name).write_bytes(text)
    project(tmp_path / "repo")
    paths = [str(tmp_path / name) for name in ("base", "ours", "theirs")]
    done = run(["track-hook", "merge", *paths, "9", "x.track"], cwd=tmp_path / "repo", env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\n<<<<<<<<< ours\n" in (tmp_path / "ours").read_bytes()
    assert parse_pointer(texts[0], "x").digest == Digest(blake3(b"1").digest())


def test_somebody_elses_file_of_that_name_is_merged_as_text(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "repo")
    lines = [f"line {number}\n" for number in range(20)]
    for branch, number, word in (("main", 2, ""), ("theirs", 15, "theirs"), ("main", 2, "ours")):
        if branch == "theirs":
            git("checkout", "-qb", branch, cwd=repo)
        elif word:
            git("checkout", "-q", branch, cwd=repo)
        (repo / "song.track").write_text(
            "".join([*lines[:number], f"{word}\n", *lines[number:]]) if word else "".join(lines)
        )
        commit_all(repo)
    git_says("merge", "-m", "m", "theirs", cwd=repo, env=env).ok()
    assert {"ours", "theirs"} <= set((repo / "song.track").read_text().split())


def test_a_merge_needs_no_network_and_no_other_program_than_git(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "repo")
    save(repo, BASE, "base")
    fork(repo, {}, {"images/a": b"ours"}, {"images/b": b"theirs"})
    loaded = tmp_path / "loaded"
    probe = tmp_path / "programs/track-hook"
    probe.write_text(probe.read_text().replace("sys.exit(", "code = ("))
    with open(probe, "a") as file:
        file.write(f"open({str(loaded)!r}, 'w').write(' '.join(sys.modules))\nsys.exit(code)\n")
    git_says("merge", "-m", "m", "theirs", cwd=repo, env=env).ok()
    modules = set(loaded.read_text().split())
    assert "track.flows.merging" in modules
    assert not {"click", "git", "obstore", "fsspec", "dvc_objects", "rich", "socket", "asyncio"} & modules
