"""Real Git repositories, made and asked by the real Git."""

import subprocess
from pathlib import Path


def git(*args: str | Path, cwd: Path, check: bool = True) -> str:
    """What `git args` printed in `cwd`; a failure is an error that shows what Git said."""
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, check=False)
    if check and done.returncode != 0:
        said = done.stderr.decode(errors="backslashreplace")
        raise AssertionError(f"git {' '.join(map(str, args))} ended with {done.returncode} in {cwd}:\n{said}")
    return done.stdout.decode(errors="surrogateescape")


def new_repository(path: Path, *, commit: bool = True) -> Path:
    """A repository at `path` on branch `main`, with one empty commit unless `commit` is false."""
    path.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", "--initial-branch=main", cwd=path)
    if commit:
        git("commit", "--quiet", "--allow-empty", "--message=start", cwd=path)
    return path


def commit_all(path: Path, message: str = "more") -> str:
    """Stage everything that is not ignored, commit it, and return the commit's id."""
    git("add", "--all", cwd=path)
    git("commit", "--quiet", "--allow-empty", f"--message={message}", cwd=path)
    return git("rev-parse", "HEAD", cwd=path).strip()
