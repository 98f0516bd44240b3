"""Repositories that share data through a folder remote."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import Executable, Link, Node, write_tree
from track.project import Project

TREE: dict[bytes | str, Node] = {
    "data/a.txt": b"first\n",
    "data/deep/er/b.bin": bytes(range(256)) * 5000,
    "data/run.sh": Executable(b"#!/bin/sh\n"),
    "data/link": Link(b"deep/er/b.bin"),
    "data/empty": b"",
    b"data/caf\xe9": b"not UTF-8",
    "model.bin": b"weights" * 300_000,
    "table.csv": b"a,b\n1,2\n",
}


def shared(folder: Path, *, remote: str = "../remote") -> Path:
    """`folder/repo`: data committed, the remote `origin` named and committed, nothing pushed."""
    repo = new_repository(folder / "repo")
    track("init", cwd=repo).ok()
    write_tree(repo, TREE)
    track("add", "data", "model.bin", "table.csv", cwd=repo).ok()
    track("remote", "add", "origin", remote, cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def cloned(repo: Path, name: str = "clone") -> Path:
    """A Git clone beside the repository: pointers, and no data."""
    git("clone", "--quiet", str(repo), str(repo.parent / name), cwd=repo.parent)
    return repo.parent / name


def consented(clone: Path) -> Path:
    """The clone, allowed to send to `origin`."""
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    return clone


@contextlib.contextmanager
def opened(repo: Path) -> Iterator[Project]:
    """The project at `repo`, opened from there."""
    with Project.open(repo) as project:
        yield project


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {os.path.relpath(path, folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
