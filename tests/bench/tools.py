"""The tools side by side: the same steps, each in the words of its tool, with its settings as it is installed."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.bench.measure import Broken, Command

import track

IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgSign=false")


def compile_package() -> None:
    """Compile `track` once, as an installer does: where Python may not write, every start would do it again."""
    compileall.compile_dir(Path(track.__file__).parent, quiet=1)


class Tool(Protocol):
    """How one tool does each step. A step is the commands that a person would type for it."""

    name: str
    env: Mapping[str, str]

    def version(self) -> str:
        """The version that is measured."""

    def start(self, repo: Path) -> None:
        """Make `repo` ready; not measured."""

    def hello(self) -> list[Command]:
        """Say the version: what start-up costs."""

    def add(self, *paths: str) -> list[Command]:
        """Take paths in, or take in what changed."""

    def commit(self, repo: Path, tag: str) -> None:
        """Commit what was added and tag it; not measured."""

    def status(self) -> list[Command]:
        """Ask what changed."""

    def diff(self, old: str, new: str) -> list[Command]:
        """Ask how two versions differ."""

    def differences(self, repo: Path, old: str, new: str) -> int:
        """How many files differ between two versions, in the tool's own words; not measured."""

    def switch(self, revision: str, path: str) -> list[Command]:
        """Make the working tree that of a revision."""

    def restore(self, path: str) -> list[Command]:
        """Bring back a path that was removed."""


class Track:
    """`track`, as installed."""

    name = "track"

    def __init__(self, program: Path | None = None) -> None:
        self._program: Path = program or Path(sys.executable).with_name("track")
        self.env: Mapping[str, str] = {}
        compile_package()

    def version(self) -> str:
        return _printed([self._program, "--version"]).split()[-1]

    def start(self, repo: Path) -> None:
        _git_init(repo)
        _quiet([self._program, "init"], repo)
        _git_commit(repo, "start")

    def hello(self) -> list[Command]:
        return [[self._program, "--version"]]

    def add(self, *paths: str) -> list[Command]:
        return [[self._program, "add", *paths]]

    def commit(self, repo: Path, tag: str) -> None:
        _git_commit(repo, tag)

    def status(self) -> list[Command]:
        return [[self._program, "status"]]

    def diff(self, old: str, new: str) -> list[Command]:
        return [[self._program, "diff", old, new]]

    def differences(self, repo: Path, old: str, new: str) -> int:
        lines = _printed([self._program, "diff", "--name-status", old, new], repo).splitlines()
        return sum(1 for line in lines if line[:1] in "AMDRT" and ".bin" in line)

    def switch(self, revision: str, path: str) -> list[Command]:
        """Git alone: the hooks that `track init` put in place bring the data."""
        return [["git", "checkout", "--quiet", revision]]

    def restore(self, path: str) -> list[Command]:
        return [[self._program, "checkout"]]


class Dvc:
    """DVC, with its default link types (reflink, then copy)."""

    name = "DVC"

    def __init__(self, program: Path, work: Path) -> None:
        self._program = program
        self.env = {
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(work / "dvc-site"),
            "DVC_GLOBAL_CONFIG_DIR": str(work / "dvc-global"),
            "DVC_SYSTEM_CONFIG_DIR": str(work / "dvc-system"),
        }

    def version(self) -> str:
        return _printed([self._program, "--version"], env=self.env).strip()

    def start(self, repo: Path) -> None:
        _git_init(repo)
        _quiet([self._program, "init", "--quiet"], repo, self.env)
        _git_commit(repo, "start")

    def hello(self) -> list[Command]:
        return [[self._program, "--version"]]

    def add(self, *paths: str) -> list[Command]:
        return [[self._program, "add", "--quiet", *paths]]

    def commit(self, repo: Path, tag: str) -> None:
        _git_commit(repo, tag)

    def status(self) -> list[Command]:
        return [[self._program, "status"]]

    def diff(self, old: str, new: str) -> list[Command]:
        return [[self._program, "diff", old, new]]

    def differences(self, repo: Path, old: str, new: str) -> int:
        found = json.loads(_printed([self._program, "diff", "--json", old, new], repo, self.env))
        paths = [entry["path"] for group in ("added", "deleted", "modified") for entry in found[group]]
        return sum(1 for path in paths if path.endswith(".bin"))

    def switch(self, revision: str, path: str) -> list[Command]:
        return [["git", "checkout", "--quiet", revision], [self._program, "checkout", "--quiet"]]

    def restore(self, path: str) -> list[Command]:
        return [[self._program, "checkout", "--quiet"]]


class Git:
    """Plain Git: the data in the repository itself."""

    name = "Git"
    env: Mapping[str, str] = {}

    def version(self) -> str:
        return _printed(["git", "--version"]).split()[-1]

    def start(self, repo: Path) -> None:
        _git_init(repo)
        _git_commit(repo, "start")

    def hello(self) -> list[Command]:
        return [["git", "--version"]]

    def add(self, *paths: str) -> list[Command]:
        return [["git", "add", *paths]]

    def commit(self, repo: Path, tag: str) -> None:
        _git_commit(repo, tag)

    def status(self) -> list[Command]:
        return [["git", "status"]]

    def diff(self, old: str, new: str) -> list[Command]:
        return [["git", "diff", "--name-status", old, new]]

    def differences(self, repo: Path, old: str, new: str) -> int:
        return len(_printed(["git", "diff", "--no-renames", "--name-only", old, new], repo).splitlines())

    def switch(self, revision: str, path: str) -> list[Command]:
        return [["git", "checkout", "--quiet", revision]]

    def restore(self, path: str) -> list[Command]:
        return [["git", "checkout", "--quiet", "--", path]]


def find_dvc(given: Path | None, work: Path, *, install: bool) -> Path | None:
    """DVC's program: the one given, one on the path, or one installed here into an environment of its own."""
    if given is not None:
        return given
    found = shutil.which("dvc")
    if found is not None or not install:
        return Path(found) if found else None
    folder = work / "dvc-venv"
    _quiet([sys.executable, "-m", "venv", folder], work)
    _quiet([folder / "bin" / "pip", "install", "--quiet", "dvc"], work)
    return folder / "bin" / "dvc"


def _git_init(repo: Path) -> None:
    repo.mkdir(parents=True)
    _quiet(["git", "init", "--quiet", "--initial-branch=main"], repo)


def _git_commit(repo: Path, tag: str) -> None:
    if (repo / ".gitignore").exists() or (repo / ".dvc").exists():
        _quiet(["git", "add", "--all"], repo)
    _quiet(["git", *IDENTITY, "commit", "--quiet", "--allow-empty", f"--message={tag}"], repo)
    _quiet(["git", "tag", tag], repo)


def _quiet(command: Command, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    _printed(command, cwd, env)


def _printed(command: Command, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="backslashreplace")[-2000:]
        raise Broken(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")
    return done.stdout.decode(errors="backslashreplace")
