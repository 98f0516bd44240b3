"""Whoever may write at a remote and not delete can push: no push needs that, and what stays there is told."""

from pathlib import Path

import pytest

from support.azurite import ACCOUNT, CONTAINER, Azure, signature
from support.cli import track
from support.repositories import commit_all
from support.servers import Answer, proxy
from support.sharing import cloned
from support.sshd import introduce, sshd
from support.trees import write_tree
from support.webservers import PERSON, Web


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


@pytest.mark.parametrize("status", [403, 405])
def test_in_a_folder_of_webdav(
    project: Path, tmp_path: Path, nginx_server: Web, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    with proxy(nginx_server.endpoint) as between:
        between.faults.append(lambda request, ask: Answer(status) if request.method == "DELETE" else None)
        pushes(project, f"webdav://{Web(between.endpoint, Path()).host}/dav/undeleted-{status}-{tmp_path.name}")


@pytest.mark.parametrize("status", [403, 405])
def test_a_server_of_webdav_that_moves_nothing_is_refused_before_anything_is_made(
    project: Path, tmp_path: Path, nginx_server: Web, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    place = f"dav/unmoved-{status}-{tmp_path.name}"
    with proxy(nginx_server.endpoint) as between:
        between.faults.append(lambda request, ask: Answer(status) if request.method == "MOVE" else None)
        address = f"webdav://{Web(between.endpoint, Path()).host}/{place}"
        done = track("remote", "add", "origin", address, "--clone", cwd=project)
    assert done.code == 5 and "MOVE" in done.err, done.err
    assert [path for path in (nginx_server.folder / place).rglob("*") if path.is_file()] == []
    assert "no remote is named" in track("remote", "list", cwd=project).err
