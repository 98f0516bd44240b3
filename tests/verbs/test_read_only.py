"""Remotes that are only read, and what `remote add` and `check` write down of a server."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.webservers import PERSON, Web
from track.store.abilities import note_abilities
from track.store.backends.folder import open_folder
from track.store.description import parse_description


@pytest.fixture
def project(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    (repo / "a.bin").write_bytes(b"bytes")
    track("add", "a.bin", cwd=repo).ok()
    commit_all(repo, "first")
    return repo


def test_nothing_is_sent_to_what_is_only_read_and_the_next_step_is_said(project: Path) -> None:
    track("remote", "add", "origin", "../one", cwd=project).ok()
    track("config", "remote.origin.read-only", "true", cwd=project).ok()
    done = track("push", cwd=project)
    assert done.code == 5 and "is only read: nothing is sent to it" in done.err
    assert "track remote add NAME URL" in done.err and "read-only false" in done.err
    assert not any((project.parent / "one" / name).exists() for name in ("packs", "index", "roots"))
    track("remote", "add", "other", "../two", cwd=project).ok()
    assert "track push other" in track("push", cwd=project).err
    track("push", "other", cwd=project).ok()
    assert "only read" in track("remote", "list", cwd=project).ok().out
    for command in (("remote", "publish", "origin"), ("gc", "--remote", "origin")):
        assert track(*command, cwd=project).code == 5
    track("config", "remote.origin.read-only", "false", cwd=project).ok()
    track("push", "origin", cwd=project).ok()


def test_a_check_of_what_is_only_read_writes_nothing(project: Path) -> None:
    track("remote", "add", "origin", "../one", cwd=project).ok()
    track("config", "remote.origin.read-only", "true", cwd=project).ok()
    done = track("remote", "check", "--json", cwd=project).ok()
    assert [step["name"] for step in done.json["steps"]] == ["list", "read", "store"]
    assert not (project.parent / "one" / "probe").exists()


def test_a_mirror_on_the_web_is_verified_whole(project: Path, nginx_server: Web, tmp_path: Path) -> None:
    """Runs are not shared there, and it is not asked for them."""
    track("remote", "add", "origin", "../one", cwd=project).ok()
    track("push", cwd=project).ok()
    track("remote", "publish", "origin", cwd=project).ok()
    path = f"web/{tmp_path.parent.name}-{tmp_path.name}"
    shutil.copytree(project.parent / "one", nginx_server.folder / path)
    track("remote", "add", "mirror", f"{nginx_server.endpoint}/{path}", cwd=project).ok()
    assert "nothing is wrong" in track("verify", "--remote", "mirror", cwd=project).ok().out
    assert "nothing to repair" in track("repair", "-n", "--remote", "mirror", cwd=project).ok().out
    for pack in (nginx_server.folder / path).rglob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(bytes(pack.stat().st_size))
    done = track("verify", "--remote", "mirror", cwd=project)
    assert done.code == 7 and "a.bin" in done.out
    assert "from " in track("repair", "-n", "--remote", "mirror", cwd=project).ok().out
    refused = track("repair", "--remote", "mirror", cwd=project)
    assert refused.code == 5 and "is only read" in refused.err


def test_what_a_server_can_do_is_written_down_by_add_and_mended_by_check(
    project: Path, nginx_server: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    path = f"dav/abilities/{tmp_path.parent.name}-{tmp_path.name}"
    track("remote", "add", "origin", f"webdav://{nginx_server.host}/{path}", cwd=project).ok()
    there = nginx_server.folder / path / "store.toml"
    said = parse_description(there.read_bytes(), "there")
    assert said.abilities == (True, False, "")
    note_abilities(open_folder(there.parent), conditions=False)
    assert parse_description(there.read_bytes(), "there").abilities.conditions is False
    track("remote", "check", cwd=project).ok()
    assert parse_description(there.read_bytes(), "there") == said


def test_a_login_of_ones_own_is_shown_before_it_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = project.parent / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine data.example.org login ada password hunter2\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    (project / ".track" / "config.toml").write_text("[remote.origin]\nurl = 'https://data.example.org/x'\n")
    done = track("remote", "check", cwd=project)
    assert done.code == 5 and "`ada` and a password for data.example.org" in done.err and "hunter2" not in done.err
    (home / ".netrc").unlink()
    listed = track("remote", "list", "--json", cwd=project).ok().json["remotes"]
    assert [(one["may_fetch"], one["may_send"], one["read_only"]) for one in listed] == [(True, False, True)]
