"""A folder behind SSH as a remote: named, checked, pushed to and pulled from; and each thing that may be wrong."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.powercut import small_disk
from support.repositories import commit_all, git
from support.servers import Answer, answering, closed_port, hanging
from support.sshd import Sshd, introduce, new_key, sshd
from support.trees import read_tree
from track.store.backends import ssh_connection, ssh_settings


@pytest.fixture
def project(repo: Path) -> Path:
    """A project with a file and a folder that are committed."""
    track("init", cwd=repo).ok()
    (repo / "data").mkdir()
    for number in range(30):
        (repo / "data" / f"{number}.bin").write_bytes(os.urandom(3000))
    (repo / "model.bin").write_bytes(os.urandom(5 << 20))
    track("add", "data", "model.bin", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody whom no server knows, and who knows none."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    return place


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is given up sooner than usual, which is within a minute."""
    assert 2 * ssh_settings.CONNECT_S + ssh_connection.SILENCE_S < 60, "asked, and twice over a new line"
    assert ssh_settings.CONNECT_S + 2 * ssh_connection.SILENCE_S < 60
    monkeypatch.setattr(ssh_settings, "CONNECT_S", 2.0)
    monkeypatch.setattr(ssh_connection, "CONNECT_S", 2.0)
    monkeypatch.setattr(ssh_connection, "SILENCE_S", 2.0)
    monkeypatch.setattr(ssh_connection, "_LOOK_S", 0.2)


def of(url: str, path: Path | str) -> str:
    """The SSH address of a folder at the host of a web address."""
    return url.replace("http://", "ssh://") + str(path)


def test_what_one_pushes_another_pulls(project: Path, tmp_path: Path, ssh_server: Sshd) -> None:
    url = ssh_server.url(tmp_path / "shared")
    added = track("remote", "add", "origin", url, cwd=project).ok()
    assert "new store" in added.out and (tmp_path / "shared" / "store.toml").is_file()
    checked = track("remote", "check", "--json", cwd=project).ok()
    assert f"at 127.0.0.1, port {ssh_server.port}, by a key of a file, track; " in checked.json["identity"]
    assert "its key is SHA256:" in checked.json["identity"]
    assert all(step["problem"] is None for step in checked.json["steps"]) and checked.json["conditional"] is True
    git("commit", "--quiet", "--message=remote", cwd=project)
    track("push", cwd=project).ok()
    assert "has everything" in track("push", cwd=project).ok().err
    assert os.listdir(tmp_path / "shared" / "staging") == []
    git("clone", "--quiet", project, "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    track("remote", "add", "origin", url, cwd=clone).ok()
    track("pull", cwd=clone).ok()
    assert read_tree(clone / "data") == read_tree(project / "data")
    assert (clone / "model.bin").read_bytes() == (project / "model.bin").read_bytes()
    track("verify", "--remote", "origin", cwd=clone).ok()


def test_files_at_the_server_have_the_rights_of_the_folder(project: Path, tmp_path: Path, ssh_server: Sshd) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    track("remote", "add", "origin", ssh_server.url(shared), cwd=project).ok()
    track("push", cwd=project).ok()
    for path in shared.rglob("*"):
        mode = path.stat().st_mode & 0o7777
        assert mode == 0o2770 if path.is_dir() else mode & 0o557 == 0o440, f"{path}: {mode:o}"


def test_a_server_that_is_not_known_is_refused_with_the_line_that_makes_it_known(
    project: Path, tmp_path: Path, ssh_server: Sshd, home: Path
) -> None:
    introduce(ssh_server, home, host_key=False)
    url = ssh_server.url(tmp_path / "shared")
    done = track("remote", "add", "origin", url, cwd=project)
    assert done.code == 5 and "is not known here" in done.err and not (tmp_path / "shared").exists()
    (line,) = re.findall(r"mkdir -p ~/\.ssh && echo .*", done.err)
    assert ssh_server.host_key in line
    subprocess.run(["sh", "-c", line], check=True)
    track("remote", "add", "origin", url, cwd=project).ok()


def test_a_configuration_that_believes_everybody_is_not_followed(
    project: Path, tmp_path: Path, ssh_server: Sshd, home: Path
) -> None:
    introduce(ssh_server, home, host_key=False)
    (home / ".ssh" / "config").write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n")
    done = track("remote", "add", "origin", ssh_server.url(tmp_path / "shared"), cwd=project)
    assert done.code == 5 and "is not known here" in done.err


def test_a_server_that_shows_another_key_is_refused(
    project: Path, tmp_path: Path, ssh_server: Sshd, home: Path
) -> None:
    new_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    introduce(ssh_server._replace(host_key=other), home)
    done = track("remote", "add", "origin", ssh_server.url(tmp_path / "shared"), cwd=project)
    assert done.code == 5 and "shows another key" in done.err and "ssh-keygen -R '[127.0.0.1]" in done.err
    assert "Accepted" not in done.err


def test_a_person_whom_the_server_does_not_know_is_told_so(
    project: Path, tmp_path: Path, ssh_server: Sshd, home: Path
) -> None:
    introduce(ssh_server, home, person=False)
    url = ssh_server.url(tmp_path / "shared")
    done = track("remote", "add", "origin", url, cwd=project)
    assert done.code == 5 and "by any key" in done.err and "ssh-copy-id" in done.err
    new_key(home / ".ssh" / "id_ed25519")
    done = track("remote", "add", "origin", url, cwd=project)
    assert done.code == 5 and "by any key" in done.err


def test_the_persons_own_configuration_and_agent_are_used(
    project: Path, tmp_path: Path, ssh_server: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    introduce(ssh_server, home, person=False)
    hashed = home / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(hashed)], check=True, capture_output=True)
    assert "127.0.0.1" not in hashed.read_text()
    (home / ".ssh" / "config").write_text(
        f"Host data\n  HostName 127.0.0.1\n  Port {ssh_server.port}\n"
        "  IdentityFile ~/.ssh/gone\n  IdentityFile ~/.ssh/mine\n"
    )
    shutil.copy(ssh_server.person, home / ".ssh" / "mine")
    url = f"ssh://data{tmp_path}/shared"
    track("remote", "add", "origin", url, cwd=project).ok()
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret words", "-f", str(home / ".ssh" / "mine")], check=True)
    assert track("remote", "check", cwd=project).code == 5, "a passphrase is never asked for"
    with agent(tmp_path / "agent", ssh_server.person, monkeypatch):
        track("remote", "check", cwd=project).ok()


@contextmanager
def agent(socket: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that holds a key."""
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        for _ in range(200):
            if subprocess.run(["ssh-add", "-q", str(key)], capture_output=True, check=False).returncode == 0:
                break
        yield
    finally:
        process.terminate()
        process.wait()


def test_a_folder_that_is_not_there(project: Path, tmp_path: Path, ssh_server: Sshd) -> None:
    done = track("remote", "add", "origin", ssh_server.url(tmp_path / "no" / "where"), cwd=project)
    assert done.code == 5 and f"{tmp_path / 'no'} is not a folder on 127.0.0.1" in done.err and "mkdir -p" in done.err
    track("remote", "add", "origin", ssh_server.url(tmp_path / "shared"), cwd=project).ok()
    shutil.rmtree(tmp_path / "shared")
    done = track("push", cwd=project)
    assert done.code == 5 and f"the folder {tmp_path / 'shared'} is not there on 127.0.0.1" in done.err


def test_a_folder_of_something_else_is_left_alone(project: Path, tmp_path: Path, ssh_server: Sshd) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"sea")
    done = track("remote", "add", "origin", ssh_server.url(tmp_path / "photos"), cwd=project)
    assert done.code == 5 and "is not a store of track" in done.err
    assert os.listdir(tmp_path / "photos") == ["holiday.jpg"]
    done = track("remote", "add", "origin", ssh_server.url(tmp_path / "photos" / "holiday.jpg"), cwd=project)
    assert done.code == 5 and "is a file, not a folder" in done.err


@pytest.mark.needs("root")
def test_each_right_that_is_missing_is_named(project: Path, ssh_server: Sshd, tmp_path: Path) -> None:
    shared = Path("/tmp") / f"track-ssh-{os.getpid()}"
    shared.mkdir(mode=0o755)
    try:
        track("remote", "add", "origin", ssh_server.url(shared), cwd=project).ok()
        track("remote", "add", "mine", ssh_server.url(shared, user="nobody"), "--clone", cwd=project).ok()
        done = track("remote", "check", "mine", "--json", cwd=project)
        problems = {step["name"]: step["problem"] for step in done.json["steps"] if step["problem"]}
        assert done.code == 5 and problems.keys() <= {"write", "delete"} and "write" in problems
        assert "nobody may not write at ssh://nobody@127.0.0.1" in problems["write"]
        done = track("push", "mine", cwd=project)
        assert done.code == 5 and "nobody may not write" in done.err and "track remote check" in done.err
        assert "has to give nobody `w` and `x` on the folders there" in done.err
        shared.chmod(0o700)
        done = track("remote", "check", "mine", cwd=project)
        assert done.code == 5 and "nobody may not" in done.err
    finally:
        shutil.rmtree(shared)


def test_a_missing_right_to_delete_is_told_alone(project: Path, tmp_path: Path, home: Path) -> None:
    with sshd(tmp_path / "sshd", more="ForceCommand internal-sftp -P remove") as server:
        introduce(server, home)
        track("remote", "add", "origin", server.url(tmp_path / "shared"), cwd=project).ok()
        done = track("remote", "check", "--json", cwd=project)
        problems = {step["name"]: step["problem"] for step in done.json["steps"] if step["problem"]}
        assert done.code == 5 and problems.keys() == {"delete"}, problems
        assert "may not delete at ssh://127.0.0.1" in problems["delete"]


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("closed", "mode", "what", "needed"),
    [
        (("store.toml",), 0o600, "nobody may not read at", "`r` on the files, and `x` on the folders"),
        (("index", "roots", "."), 0o333, "nobody may not list what is in it at", "`r` and `x` on the folders"),
    ],
)
def test_reading_and_listing_that_the_modes_there_forbid_are_named(
    project: Path, ssh_server: Sshd, tmp_path: Path, closed: tuple[str, ...], mode: int, what: str, needed: str
) -> None:
    shared = Path("/tmp") / f"track-ssh-modes-{os.getpid()}"
    shared.mkdir()
    shared.chmod(0o777)
    try:
        track("remote", "add", "origin", ssh_server.url(shared), cwd=project).ok()
        track("remote", "add", "mine", ssh_server.url(shared, user="nobody"), "--clone", cwd=project).ok()
        track("push", "origin", cwd=project).ok()
        for name in closed:
            (shared / name).chmod(mode)
        for command in (("remote", "check", "mine"), ("fetch", "mine"), ("push", "mine")):
            done = track(*command, cwd=project)
            assert done.code == 5 and what in done.err, command
            assert f"has to give nobody {needed} there (ls -l, chmod, chgrp)" in done.err
            is_told = "hint: track remote check " in done.err  # but for the check itself
            assert is_told == (command[0] != "remote") and "\ntrack remote check" not in done.err
    finally:
        shared.chmod(0o700)
        shutil.rmtree(shared)


@pytest.mark.needs("root")
def test_a_full_disk_is_called_full_and_nothing_half_is_left(project: Path, tmp_path: Path, ssh_server: Sshd) -> None:
    with small_disk(tmp_path / "disk", size_kib=3072, inodes=200):
        track("remote", "add", "origin", ssh_server.url(tmp_path / "disk" / "shared"), cwd=project).ok()
        done = track("push", cwd=project)
        assert done.code == 1 and "the disk there is full" in done.err
        assert os.listdir(tmp_path / "disk" / "shared" / "staging") == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(tmp_path / "disk")], check=True)
        track("push", cwd=project).ok()
        track("verify", "--remote", "origin", cwd=project).ok()


def test_servers_that_are_none(project: Path, tmp_path: Path, soon: None) -> None:
    with answering(lambda _: Answer(200, b"<html>")) as web:
        done = track("remote", "add", "origin", of(web, tmp_path), cwd=project)
        assert done.code == 5 and "is it the port of SSH" in done.err, done.err
    with hanging() as silent:
        done = track("remote", "add", "origin", of(silent, tmp_path), cwd=project)
        assert done.code == 5 and "does not answer" in done.err, done.err
    done = track("remote", "add", "origin", of(closed_port(), tmp_path), cwd=project)
    assert done.code == 5 and "nothing listens at 127.0.0.1:" in done.err
    done = track("remote", "add", "origin", "ssh://nowhere.invalid/x", cwd=project)
    assert done.code == 5 and "there is no server called nowhere.invalid" in done.err


def test_a_server_that_falls_silent_is_given_up(project: Path, tmp_path: Path, home: Path, soon: None) -> None:
    with sshd(tmp_path / "sshd") as server:
        introduce(server, home)
        track("remote", "add", "origin", server.url(tmp_path / "shared"), cwd=project).ok()
        server.process.send_signal(signal.SIGSTOP)
        done = track("push", cwd=project)
        assert done.code == 5 and "does not answer" in done.err, done.err
        server.process.send_signal(signal.SIGCONT)
        track("push", cwd=project).ok()


def test_a_server_without_sftp_is_told_so(project: Path, tmp_path: Path, home: Path) -> None:
    with sshd(tmp_path / "sshd", more="Subsystem other internal-sftp\nForceCommand /bin/false") as server:
        introduce(server, home)
        done = track("remote", "add", "origin", server.url(tmp_path / "shared"), cwd=project)
        assert done.code == 5 and "gives no SFTP" in done.err and "Subsystem sftp" in done.err
