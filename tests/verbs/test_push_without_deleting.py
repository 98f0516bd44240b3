"""Whoever may write at a remote and not delete can push: no push needs that, and what stays there is told."""

from pathlib import Path

import pytest

from support.azurite import ACCOUNT, CONTAINER, Azure, signature
from support.cli import track
from support.repositories import commit_all
from support.sharing import cloned
from support.sshd import introduce, sshd
from support.trees import write_tree


def pushes(repo: Path, *address: str) -> None:
    """Two pushes and a third with nothing to do, and a pull of all."""
    track("remote", "add", "origin", *address, "--clone", cwd=repo).ok()
    for number in range(2):
        write_tree(repo, {f"{number}.bin": b"%d" % number * 100})
        track("add", f"{number}.bin", cwd=repo).ok()
        commit_all(repo, "more")
        done = track("push", cwd=repo).ok()
        assert f"{number}.bin" in done.out and done.err.count("warning: ") == 1, done.err
        assert "what was pushed is complete, but " in done.err and "may not delete" in done.err, done.err
        assert "track remote check origin" in done.err
    assert "has everything" in track("push", cwd=repo).ok().err
    done = track("remote", "check", "--json", cwd=repo)
    problems = {step["name"] for step in done.json["steps"] if step["problem"]}
    assert done.code == 5 and problems == {"delete"}
    clone = cloned(repo)
    track("remote", "add", "origin", *address, "--clone", cwd=clone).ok()
    track("pull", cwd=clone).ok()
    assert (clone / "1.bin").read_bytes() == b"1" * 100
    track("verify", "--remote", "origin", cwd=clone).ok()


@pytest.fixture
def project(repo: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    return repo


def test_at_a_server_of_ssh(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with sshd(tmp_path / "sshd", more="ForceCommand internal-sftp -P remove") as server:
        introduce(server, tmp_path / "home")
        pushes(project, server.url(tmp_path / "shared"))


def test_in_a_container_of_azure(
    project: Path, tmp_path: Path, azure_server: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature("rlcw"))
    pushes(project, f"az://{CONTAINER}/undeleted-{tmp_path.name}", "--endpoint", azure_server.endpoint)
