"""What the page about SSH tells people to type works, from nothing, at a real server."""

import os
import shutil
from pathlib import Path

from support.pages import blocks, ignore_programs, typed
from support.repositories import git, new_repository
from support.sshd import Sshd
from support.trees import read_tree


def test_a_machine_behind_ssh_as_the_page_tells(tmp_path: Path, ssh_server: Sshd) -> None:
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=tmp_path)
    repo = new_repository(tmp_path / "repo")
    (repo / "data").mkdir()
    (repo / "data" / "a.csv").write_text("id,name\n1,one\n")
    git("remote", "add", "origin", tmp_path / "origin.git", cwd=repo)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
    assert typed("track init && git commit --quiet -m track", cwd=repo, env={}).returncode == 0
    ignore_programs(repo)
    (tmp_path / "srv").mkdir()
    home = tmp_path / "home"
    shutil.copytree(Path(os.environ["HOME"]) / ".ssh", home / ".ssh")
    (home / ".ssh" / "config").write_text(f"Host data.example.org\n  HostName 127.0.0.1\n  Port {ssh_server.port}\n")
    (home / ".ssh" / "known_hosts").write_text(f"{ssh_server.name} {ssh_server.host_key}\n")
    person = {"HOME": str(home)}
    replaced = {
        "ada@data.example.org/srv/project": f"data.example.org{tmp_path}/srv/project",
        "ada@data.example.org:project-data": f"data.example.org:{tmp_path}/srv/project-data",
    }
    *ours, theirs = blocks("ssh.md", replaced)
    for block in ours:
        done = typed(block, cwd=repo, env=person)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    git("clone", "--quiet", "origin.git", "clone", cwd=tmp_path)
    ignore_programs(tmp_path / "clone")
    refused = typed("track pull", cwd=tmp_path / "clone", env=person)
    assert refused.returncode == 5 and "was named by the repository, not by you" in refused.stderr
    assert (done := typed(theirs, cwd=tmp_path / "clone", env=person)).returncode == 0, done.stderr
    assert read_tree(tmp_path / "clone" / "data") == read_tree(repo / "data")
