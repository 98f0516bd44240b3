"""What the pages about buckets and CI tell people to type works, from nothing, at a real server."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed
from support.servers import closed_port
from support.trees import read_tree

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
OURS = (b".git", b".store", b".track")
LEFT_OUT = ("pip install", "aws s3 mb")
"""What is done already when the tests run."""


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
        ["sh", "-e", "-c", script], cwd=cwd, env=everything, capture_output=True, text=True, check=False, timeout=240
    )


def ignore_programs(repo: Path) -> None:
    path = repo / ".git" / "info" / "exclude"
    path.parent.mkdir(exist_ok=True)
    path.write_text("/.programs\n")


def test_from_nothing_to_git_push_as_the_page_tells(
    tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        f"[work]\naws_access_key_id = {OWNER.key}\naws_secret_access_key = {OWNER.secret}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    person = {**OWNER.environment, "AWS_ENDPOINT_URL": s3_server.endpoint}
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=tmp_path)
    repo = new_repository(tmp_path / "repo")
    (repo / "data").mkdir()
    (repo / "data" / "a.csv").write_text("id,name\n1,one\n")
    git("remote", "add", "origin", tmp_path / "origin.git", cwd=repo)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
    assert typed("track init && git commit --quiet -m track", cwd=repo, env=person).returncode == 0
    ignore_programs(repo)
    replaced = {
        "s3://our-data/project": f"s3://{BUCKET}/pages/{tmp_path.parent.name}-{tmp_path.name}",
        "https://minio.example.org": s3_server.endpoint,
        "git@example.org:team/project.git": str(tmp_path / "origin.git"),
    }
    clone = ""
    for block in blocks("s3.md", replaced):
        if block.startswith("track clone"):
            clone = block
            continue
        if block.startswith("track remote add"):  # each is a way of its own to name the remote
            typed("track remote remove origin", cwd=repo, env=person)
        done = typed(block, cwd=repo, env=person)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    colleague = tmp_path / "colleague"
    colleague.mkdir()
    assert (done := typed(clone, cwd=colleague, env=person)).returncode == 0, done.stderr
    assert read_tree(colleague / "origin" / "data") == read_tree(repo / "data")


def test_a_job_with_read_only_credentials_pulls_and_the_next_one_needs_no_network(
    tmp_path: Path, s3_server: Seaweed
) -> None:
    ada = {**OWNER.environment, "AWS_ENDPOINT_URL": s3_server.endpoint}
    repo = new_repository(tmp_path / "project.git")
    (repo / "data").mkdir()
    for number in range(50):
        (repo / "data" / f"{number}.txt").write_text(f"file {number}\n" * 100)
    url = f"s3://{BUCKET}/ci/{tmp_path.parent.name}-{tmp_path.name}"
    setup = f"track init\ntrack remote add origin {url}\ntrack add data\ngit commit --quiet -m data\ntrack push"
    ignore_programs(repo)
    assert (done := typed(setup, cwd=repo, env=ada)).returncode == 0, done.stderr
    commit_all(repo, "all")
    (script,) = blocks("ci.md", {"https://example.org/team/project.git": f"file://{repo} project"})
    home = tmp_path / "home"
    home.mkdir()
    job = {**NO_WRITE.environment, "AWS_ENDPOINT_URL": s3_server.endpoint, "HOME": str(home)}
    for name, endpoint in (("first", s3_server.endpoint), ("second", closed_port())):
        folder = tmp_path / name
        folder.mkdir()
        done = typed(script, cwd=folder, env={**job, "AWS_ENDPOINT_URL": endpoint})
        assert done.returncode == 0, f"the {name} job: {done.stdout}{done.stderr}"
        assert read_tree(folder / "project" / "data") == read_tree(repo / "data")
    assert (home / "track-store" / "store.toml").is_file()
    (folder / "project" / "data" / "new.txt").write_text("new")
    push = "cd project\ntrack add data\ntrack trust --yes\ntrack push"
    done = typed(push, cwd=folder, env={**job, "TRACK_STORE_PATH": str(home / "track-store")})
    assert done.returncode == 5 and "may not write" in done.stderr and "s3:PutObject" in done.stderr
