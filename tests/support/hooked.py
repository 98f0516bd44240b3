"""A project with its hooks at work, and what has to hold after every Git command in it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from support.cli import track_here
from support.repositories import git, new_repository
from support.trees import Node, read_tree, write_tree

FIRST: dict[bytes | str, Node] = {"d/a": b"one", "d/b": b"same", "d/s/c": b"three", "f.csv": b"1\n"}
SECOND: dict[bytes | str, Node] = {
    "d/a": b"ONE", "d/b": b"same", "d/t/x": b"new in d", "f.csv": b"2\n", "new": b"n" * 70,
}  # fmt: skip


class Said(NamedTuple):
    """How a Git command ended, and all that it and its hooks said."""

    code: int
    text: str


class Hooked:
    """A repository; `git` runs a command in it, hooks and all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *args: str, check: bool = True, env: Mapping[str, str] | None = None) -> Said:
        """Run `git args`, with stdout and stderr in one text."""
        done = subprocess.run(
            ["git", *args], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            stdin=subprocess.DEVNULL, env=None if env is None else dict(env), timeout=240,
        )  # fmt: skip
        said = Said(done.returncode, done.stdout.decode(errors="backslashreplace"))
        assert not check or said.code == 0, said.text
        assert "Traceback" not in said.text, said.text
        return said

    def data(self) -> dict[bytes, Node]:
        """Everything in the working tree that is neither a pointer nor a file of track's or Git's own."""
        tree = read_tree(self.root)
        return {
            path: node
            for path, node in tree.items()
            if not path.endswith(b".track") and not path.startswith((b".track/", b".git"))
        }

    def add(self, nodes: Mapping[bytes | str, Node], message: str, *names: str) -> str:
        """Write data, add the artifacts `names`, commit them, and return the commit."""
        write_tree(self.root, nodes)
        track_here("add", *names, cwd=self.root).ok()
        self.git("commit", "--quiet", "--message", message)
        return git("rev-parse", "HEAD", cwd=self.root).strip()

    def states(self) -> dict[str, str]:
        """What `track status` says of each artifact's data."""
        listed = track_here("status", "--json", cwd=self.root).ok().json
        return {one["path"]: one["data"] for one in listed["artifacts"]}

    def changes(self, name: str) -> list[dict[str, object]]:
        """What `track diff` says of the files of one artifact."""
        listed = track_here("diff", "--json", name, cwd=self.root).ok().json
        return [change for one in listed["artifacts"] for change in one["files"]]

    def in_step(self) -> bool:
        """Whether all data is as its pointer says."""
        return set(self.states().values()) <= {"."}


def hook_process(name: str, *args: str, cwd: Path, env: Mapping[str, str], given: bytes = b"") -> Said:
    """Run `track-hook name args` by itself, as a tool that manages hooks does."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "track.cli.hook", name, *args], cwd=cwd, env=dict(env), input=given,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=240,
    )  # fmt: skip
    return Said(done.returncode, done.stdout.decode(errors="backslashreplace"))


def as_bytes(nodes: Mapping[bytes | str, Node]) -> dict[bytes, Node]:
    """The mapping with every path as bytes, as `read_tree` has it."""
    return {path.encode() if isinstance(path, str) else path: node for path, node in nodes.items()}


def hooked_project(root: Path) -> Hooked:
    """`init`, then `FIRST` (tag `first`), then `SECOND` (tag `second`) on `main`, all with hooks at work."""
    new_repository(root)
    track_here("init", cwd=root).ok()
    here = Hooked(root)
    here.git("commit", "--quiet", "--message", "init")
    here.add(FIRST, "first", "d", "f.csv")
    here.git("tag", "first")
    (root / "d/s/c").unlink()
    (root / "d/s").rmdir()
    here.add(SECOND, "second", "d", "f.csv", "new")
    here.git("tag", "second")
    return here
