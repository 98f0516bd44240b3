"""Two branches that change the same data, and Git with the drivers in reach."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.cli import Completed, track_here
from support.repositories import commit_all, git, new_repository
from support.trees import Node, write_tree

HOOK = """#!{python}
import sys
from track.cli.hook import main
sys.exit(main())
"""


def with_drivers(folder: Path) -> dict[str, str]:
    """An environment in which Git finds `track-hook`, made in `folder`."""
    folder.mkdir(exist_ok=True)
    program = folder / "track-hook"
    program.write_text(HOOK.format(python=sys.executable))
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def without_drivers() -> dict[str, str]:
    """An environment in which Git finds no `track-hook`."""
    folders = os.environ["PATH"].split(":")
    return {**os.environ, "PATH": ":".join(one for one in folders if not (Path(one) / "track-hook").exists())}


def git_says(*words: str, cwd: Path, env: Mapping[str, str]) -> Completed:
    """What `git WORDS` said and how it ended, with an environment of its own."""
    done = subprocess.run(["git", *words], cwd=cwd, env=env, capture_output=True, check=False, timeout=240)
    return Completed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def project(path: Path) -> Path:
    """A repository in which track is set up, committed."""
    new_repository(path)
    track_here("init", cwd=path).ok()
    commit_all(path, "init")
    return path


def save(repo: Path, tree: Mapping[bytes | str, Node | None], message: str = "more") -> str:
    """Write these files (None removes), add the artifacts they lie in, commit; the id of the commit."""
    for name, node in tree.items():
        path = repo / os.fsdecode(name)
        path.unlink(missing_ok=True)
        if node is not None:
            write_tree(repo, {name: node})
    artifacts = sorted({os.fsdecode(name).split("/")[0] for name in tree})
    track_here("add", *artifacts, cwd=repo).ok()
    return commit_all(repo, message)


def fork(
    repo: Path,
    base: Mapping[bytes | str, Node | None],
    ours: Mapping[bytes | str, Node | None],
    theirs: Mapping[bytes | str, Node | None],
) -> Path:
    """A branch `theirs` and `main`, checked out, that each changed what `base` has."""
    if base:
        save(repo, base, "base")
    git("checkout", "--quiet", "-b", "theirs", cwd=repo)
    save(repo, theirs, "theirs")
    git("checkout", "--quiet", "main", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, ours, "ours")
    return repo
