"""A small project with one of everything, made once and copied for each experiment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.trees import Empty, Executable, Link, Node, read_tree, write_tree
from track.consents import Consents
from track.flows.reach import objects_below, versions
from track.model.digest import digest_of
from track.project import Project

TRACK = (sys.executable, "-m", "track")

FULL = os.environ.get("TRACK_SAFETY", "") == "full"
"""Whether every point is tried (`TRACK_SAFETY=full`), or a spread that fits into a coffee break."""

BIG = bytes(range(256)) * (5 * 1024)  # 1.25 MiB: kept whole, where smaller ones go into packs

FIRST: Mapping[bytes | str, Node] = {
    "data/a.txt": b"alpha\n",
    "data/empty": b"",
    "data/hollow": Empty(),
    "data/run.sh": Executable(b"#!/bin/sh\n"),
    "data/link": Link(b"a.txt"),
    "data/deep/er/c.bin": bytes(3000),
    b"data/caf\xe9.bin": b"a name that is not UTF-8",
    "data/whole.bin": BIG,
    "model.bin": b"weights, first version",
}

SECOND: Mapping[bytes | str, Node] = {
    "data/a.txt": b"alpha, edited\n",
    "data/new/d.bin": b"new in the second version",
    "data/run.sh": b"#!/bin/sh\n",
    "data/whole.bin": BIG[::-1],
    "model.bin": b"weights, second version",
}
GONE = ("data/deep/er/c.bin",)


class State(NamedTuple):
    """What a person would miss: the files of the working tree, and what is staged."""

    files: dict[bytes, Node]
    staged: str


def state(repo: Path) -> State:
    """The state of a working tree."""
    return State(read_tree(repo), git("ls-files", "--stage", cwd=repo))


def first_version(repo: Path) -> Path:
    """A project with the first version's files on disk, and nothing added yet."""
    new_repository(repo)
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    write_tree(repo, FIRST)
    return repo


def second_version(repo: Path) -> None:
    """The second version's files over the first's, by hand."""
    for name in GONE:
        (repo / name).unlink()
    for name in SECOND:
        path = repo / os.fsdecode(name)
        path.unlink(missing_ok=True)
    write_tree(repo, SECOND)


def two_versions(repo: Path) -> Path:
    """A project with both versions added and committed, tagged `v1` and `v2`, and the second checked out."""
    first_version(repo)
    track("add", "data", "model.bin", cwd=repo).ok()
    commit_all(repo, "first")
    git("tag", "v1", cwd=repo)
    second_version(repo)
    track("add", "data", "model.bin", cwd=repo).ok()
    commit_all(repo, "second")
    git("tag", "v2", cwd=repo)
    return repo


def with_garbage(repo: Path) -> None:
    """Versions of everything that nothing names any more: whole objects, a pack of them, and a pack half of them."""
    write_tree(repo, {"data/a.txt": b"nobody wants this", "data/whole.bin": BIG + b"nor this", "model.bin": b"garbage"})
    write_tree(repo, {f"half/{number}": bytes([number]) * 900 for number in range(40)})
    track("add", "data", "model.bin", "half", cwd=repo).ok()
    for number in range(2, 40):
        (repo / "half" / str(number)).unlink()
    track("add", "half", cwd=repo).ok()
    commit_all(repo, "half")
    git("checkout", "v2", "--", "data.track", "model.bin.track", cwd=repo)
    track("checkout", "--force", cwd=repo).ok()
    commit_all(repo, "as in the second version")
    git("checkout", "--quiet", "--orphan", "again", cwd=repo)
    commit_all(repo, "one commit")
    git("branch", "-D", "main", cwd=repo)
    git("reflog", "expire", "--expire=now", "--all", cwd=repo)
    shutil.rmtree(repo / ".git/track/trash", ignore_errors=True)


def only_garbage_went(scene: Path) -> None:
    """Every object that a tag or HEAD names is there, and what nothing names is not."""
    repo = scene / "repo"
    with Project.open(repo) as project:
        there = {digest for digest, _ in project.store.objects()}
        found, refused = versions(project, ("HEAD", "v1", "v2"))
        assert len(found) >= 5
        assert not refused
        for version in found:
            assert objects_below(version, project.store.read_many) <= there, f"lost: {version.path!r}"
    assert not there & {digest_of(BIG + b"nor this"), digest_of(b"garbage"), digest_of(bytes([9]) * 900)}
    assert digest_of(bytes([1]) * 900) in there
    if FULL:
        track("verify", cwd=repo).ok()


def duplicate(source: Path, target: Path) -> Path:
    """A copy of a whole scene: links stay links, times and modes stay, and what was allowed in it is allowed again."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    for mark in (*source.glob(".git/track/trust-id"), *source.glob("*/.git/track/trust-id")):
        place = mark.parent.parent
        Consents(target / place.relative_to(source)).give(Consents(place).here())
    for mark in (*target.glob(".git/track/clone-id"), *target.glob("*/.git/track/clone-id")):
        mark.write_text(f"{mark.read_text('ascii').split()[0]} {mark.parent.stat().st_ino}\n")  # the same clone, for us
    return target


def remove(path: Path) -> None:
    """Remove a scene, with the read-only objects in it."""
    shutil.rmtree(path)


def leftovers(repo: Path) -> list[str]:
    """What an interrupted command left behind and nobody tidied up: staged files, in the tree or in the store."""
    found = [str(path.relative_to(repo)) for path in repo.rglob(".*.track-*")]
    for staging in repo.rglob("staging"):
        found += [str(path.relative_to(repo)) for path in staging.rglob("*") if path.is_file()]
    return found


def said_by(done: Completed) -> str:
    """What a command printed, for a message."""
    return f"code {done.code}: {done.out}{done.err}"
