"""A remote whose disk is out: an empty folder where its store was is not taken for a new remote."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, new_repository

RIGHTS = "-dac_override,-dac_read_search,-fowner"
UNPRIVILEGED = ("setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}", "--") if os.geteuid() == 0 else ()
"""Rights count for root, too."""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository that pushed to `../usb`, which is an empty folder now."""
    repo = new_repository(tmp_path / "around" / "repo")
    track("init", cwd=repo).ok()
    (repo / "data.bin").write_bytes(bytes(range(256)) * 40)
    track("add", "data.bin", cwd=repo).ok()
    track("remote", "add", "usb", "../usb", cwd=repo).ok()
    commit_all(repo, "data")
    track("push", cwd=repo).ok()
    unmounted(repo)
    return repo


def unmounted(repo: Path) -> Path:
    """What was on the disk is put aside; the mount point stays, and is empty."""
    usb = repo.parent / "usb"
    usb.rename(repo.parent / "disk")
    usb.mkdir()
    return usb


def test_no_store_is_made_where_one_was_and_is_not_now(repo: Path) -> None:
    usb = repo.parent / "usb"
    done = track("remote", "add", "usb", "../usb", cwd=repo)
    assert done.code == 5 and list(usb.iterdir()) == []
    assert "when it was last asked, the store " in done.err and "is its disk or share mounted?" in done.err
    assert "track remote remove usb   then: track remote add usb ../usb" in done.err
    usb.rmdir()  # some systems remove the mount point, too
    assert track("remote", "add", "usb", "../usb", cwd=repo).code == 5 and not usb.exists()
    (repo.parent / "disk").rename(usb)
    assert "this clone may use it now" in track("remote", "add", "usb", "../usb", cwd=repo).ok().out


def test_a_server_that_does_not_answer_is_no_disk_that_is_out(repo: Path) -> None:
    (repo.parent / "usb").rmdir()
    (repo.parent / "disk").rename(repo.parent / "usb")
    track("remote", "publish", "usb", cwd=repo).ok()
    handler = partial(SimpleHTTPRequestHandler, directory=str(repo.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/usb"
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            track("remote", "add", "web", address, cwd=repo).ok()
            track("fetch", "web", cwd=repo).ok()
        finally:
            server.shutdown()
            serving.join()
    told = track("remote", "add", "web", address, cwd=repo)
    assert told.code == 5 and "is the address right, and the server running?" in told.err
    assert "mounted" not in told.err and "remote remove" not in told.err


def test_who_wants_a_new_store_there_removes_the_name_first(repo: Path) -> None:
    track("remote", "remove", "usb", cwd=repo).ok()
    assert "new store" in track("remote", "add", "usb", "../usb", cwd=repo).ok().out
    assert "data.bin" in track("push", cwd=repo).ok().out


def test_a_check_says_that_the_store_is_gone_and_writes_nothing(repo: Path) -> None:
    done = track("remote", "check", "usb", cwd=repo)
    assert done.code == 5 and list((repo.parent / "usb").iterdir()) == []
    assert "that was in it is not" in done.err and "is its disk or share mounted?" in done.err
    assert "write" not in done.out


def test_a_check_names_another_store_that_is_there_now(repo: Path) -> None:
    other = new_repository(repo.parent / "other")
    track("init", cwd=other).ok()
    track("remote", "add", "usb", "../usb", cwd=other).ok()
    assert " before\n" in track("remote", "check", "usb", cwd=repo).ok().out


def test_what_a_check_leaves_in_an_empty_folder_is_not_taken_for_data(repo: Path) -> None:
    shutil.rmtree(repo / ".git/track/remotes")  # a clone that never asked
    assert "nothing yet" in track("remote", "check", "usb", cwd=repo).ok().out
    assert "new store" in track("remote", "add", "usb", "../usb", cwd=repo).ok().out


def test_a_check_of_a_folder_that_may_only_be_read_says_what_may_be_done(repo: Path) -> None:
    usb = repo.parent / "usb"
    shutil.copytree(repo.parent / "disk", usb, dirs_exist_ok=True)
    usb.chmod(0o555)
    words = [*UNPRIVILEGED, sys.executable, "-m", "track", "remote", "check", "usb", "--json"]
    done = subprocess.run(words, cwd=repo, check=False, capture_output=True, text=True)
    usb.chmod(0o755)
    problems = {step["name"] for step in json.loads(done.stdout)["steps"] if step["problem"]}
    assert done.returncode == 5 and "write" in problems and "read" not in problems


def test_a_store_that_two_remotes_name_is_one_copy_when_a_third_is_removed(repo: Path) -> None:
    usb = repo.parent / "usb"
    usb.rmdir()
    (repo.parent / "disk").rename(usb)
    track("remote", "add", "again", usb, "--clone", cwd=repo).ok()
    track("remote", "add", "third", "../third", "--clone", cwd=repo).ok()
    track("push", "--to", "usb", "--to", "again", "--to", "third", cwd=repo).ok()
    track("config", "--clone", "store.min_copies", "2", cwd=repo).ok()
    assert "1 version at branches and tags" in track("remote", "remove", "third", cwd=repo).ok().err
