"""The how-to pages, typed: their shell blocks in order, in a real shell, from nothing to a colleague's clone."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.repositories import git, new_repository
from support.trees import read_tree

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
LEFT_OUT = ("pip install", "aws ", "az ", "gcloud ", "sudo ", "sftp ")
"""How lines begin that are done already when the tests run, or that are for another machine."""


def blocks(page: str, replaced: Mapping[str, str]) -> list[str]:
    """The shell blocks of a page in order, as they are typed here."""
    found = re.findall(r"^```sh\n(.*?)^```$", (HOW_TO / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    text = []
    for block in found:
        lines = [line for line in block.splitlines() if not line.startswith(LEFT_OUT)]
        joined = "\n".join(lines)
        for there, here in replaced.items():
            joined = joined.replace(there, here)
        text.append(joined)
    assert all(any(there in block for block in found) for there in replaced), "the page no longer says what is replaced"
    return [each for each in text if each]


def typed(script: str, *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run what a person types, in a shell that stops at the first failure; `track` is this one."""
    folder = cwd / ".programs"
    folder.mkdir(exist_ok=True)
    program = folder / "track"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m track "$@"\n')
    program.chmod(0o755)
    everything = {**os.environ, **env, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-e", "-c", script], cwd=cwd, env=everything, capture_output=True, text=True, check=False, timeout=120
    )


def ignore_programs(repo: Path) -> None:
    """Let Git see nothing of `.programs`."""
    path = repo / ".git" / "info" / "exclude"
    path.parent.mkdir(exist_ok=True)
    path.write_text("/.programs\n")


def follow(page: str, folder: Path, person: Mapping[str, str], replaced: Mapping[str, str]) -> Path:
    """Do all that a page about a place tells, from nothing to `git push`, and a colleague's part of it; the project."""
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=folder)
    repo = new_repository(folder / "repo")
    (repo / "data").mkdir()
    (repo / "data" / "a.csv").write_text("id,name\n1,one\n")
    git("remote", "add", "origin", folder / "origin.git", cwd=repo)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
    assert typed("track init && git commit --quiet -m track", cwd=repo, env=person).returncode == 0
    ignore_programs(repo)
    replaced = {**replaced, "git@example.org:team/project.git": str(folder / "origin.git")}
    clone = ""
    for block in blocks(page, replaced):
        if block.startswith("track clone"):
            clone = block
            continue
        if block.startswith("track remote add"):  # each is a way of its own to name the remote
            typed("track remote remove origin", cwd=repo, env=person)
        done = typed(block, cwd=repo, env=person)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    colleague = folder / "colleague"
    colleague.mkdir()
    done = typed(clone, cwd=colleague, env=person)
    assert done.returncode == 0, f"{clone}\n{done.stdout}{done.stderr}"
    assert read_tree(colleague / "origin" / "data") == read_tree(repo / "data")
    return repo
