"""What the page about encrypted remotes tells people to type works, from nothing to a colleague who is let in."""

from pathlib import Path

from support.pages import blocks, ignore_programs, typed
from support.repositories import git, new_repository
from support.trees import read_tree

COLLEAGUE = "age1tq8jalve5ftgvj0zkl9p7wfq95fkr9s0mrx7h8k8qx9yv8axg38spvx7dv"


def person(folder: Path) -> dict[str, str]:
    folder.mkdir()
    return {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}


def test_a_remote_is_encrypted_as_the_page_tells(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=tmp_path)
    repo = new_repository(tmp_path / "repo")
    (repo / "data").mkdir()
    (repo / "data" / "a.csv").write_text("id,name\n1,one\n")
    git("remote", "add", "origin", tmp_path / "origin.git", cwd=repo)
    assert typed("track init && track add data && git commit --quiet -m data", cwd=repo, env={}).returncode == 0
    ignore_programs(repo)
    (tmp_path / "share").mkdir()
    ada, grace = person(tmp_path / "ada"), person(tmp_path / "grace")
    theirs = typed("track remote identity --new", cwd=repo, env=grace).stdout.strip()
    replaced = {
        COLLEAGUE: theirs,
        "/mnt/share": str(tmp_path / "share"),
        "git@example.org:team/project.git": str(tmp_path / "origin.git"),
        "cd project": f"cd {tmp_path / 'clone'}",
    }

    for block in blocks("encrypt-a-remote.md", replaced):
        if block.startswith("git clone"):
            git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
            lines = block.replace("origin.git\n", f"origin.git {tmp_path / 'clone'}\n")
            assert (done := typed(lines, cwd=tmp_path, env=grace)).returncode == 0, done.stderr
            continue
        done = typed(block, cwd=repo, env=ada)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"

    assert read_tree(tmp_path / "clone" / "data") == read_tree(repo / "data")
    (kept,) = (tmp_path / "ada").glob("*.toml")
    assert theirs in kept.read_text()
    assert "safe" in typed("track whereis data", cwd=repo, env=ada).stdout
    assert typed("git commit -qam safe && git push -q", cwd=repo, env=ada).returncode == 0
    refused = typed("git pull -q && track verify --remote safe", cwd=tmp_path / "clone", env=grace)
    assert refused.returncode == 5 and "is one of its recipients" in refused.stderr
