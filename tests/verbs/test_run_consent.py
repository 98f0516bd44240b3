"""A command that came with the repository is executed when the person here said so, and not before."""

import os
import pty
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import NotTrusted
from track.flows.run_consent import allow_commands, wish_of_run
from track.flows.run_find import every_run, find_run
from track.project import Project
from track.verbs.reproduce import reproduce
from track.verbs.rerun import rerun


@pytest.fixture
def stranger(repo: Path) -> Path:
    """A repository in which a run made `out` from `in`, and the next says that it is stale."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"in": b"1\n"})
    track("add", "in", cwd=repo).ok()
    (repo / ".gitignore").write_text((repo / ".gitignore").read_text() + "/ran\n")
    commit_all(repo, "data")
    words = ("-q", "--name", "theirs", "-i", "in", "-o", "out", "--")
    track("run", *words, "sh", "-c", "cat in > out; echo >> ran", cwd=repo).ok()
    commit_all(repo, "run")
    return repo


@pytest.fixture
def clone(stranger: Path, tmp_path: Path) -> Path:
    git("clone", "-q", stranger, tmp_path / "clone", cwd=tmp_path)
    shutil.copytree(stranger / ".git/track/store", tmp_path / "clone/.git/track/store")
    write_tree(tmp_path / "clone", {"in": b"2\n", "out": b"1\n"})
    track("add", "in", cwd=tmp_path / "clone").ok()
    return tmp_path / "clone"


AGAIN = (("rerun", "theirs"), ("rerun", "theirs", "--", "-c", "true"), ("reproduce", "theirs"), ("rerun", "--stale"))


@pytest.mark.parametrize("words", AGAIN)
def test_what_a_stranger_wrote_is_shown_and_not_executed(clone: Path, words: tuple[str, ...]) -> None:
    done = track(*words, cwd=clone)
    with Project.open(clone) as project:
        id = find_run(project, "theirs").record.id
    assert done.code == 5 and f"track trust --yes {id}" in done.err
    assert "command = " in done.err and "cat in > out; echo >> ran" in done.err
    assert not (clone / "ran").exists() and (clone / "out").read_bytes() == b"1\n"


@pytest.mark.parametrize("words", [AGAIN[0], AGAIN[3]])
def test_with_a_yes_it_is_executed_and_asked_no_more(clone: Path, words: tuple[str, ...]) -> None:
    done = track(*words, "--yes", cwd=clone).ok()
    assert "came with the repository" in done.err and (clone / "ran").read_bytes() == b"\n"
    again = track("rerun", "theirs", cwd=clone).ok()
    assert "came with the repository" not in again.err and (clone / "ran").read_bytes() == b"\n\n"


def test_trust_takes_the_name_of_a_run_and_shows_what_it_allows(clone: Path) -> None:
    assert "nothing in this clone" in track("trust", "--list", cwd=clone).err  # there may be very many
    refused = track("trust", "theirs", cwd=clone)
    assert refused.code == 5 and "cat in > out" in refused.out
    assert "hint: track trust --yes theirs\n" in refused.err  # and not everything else that waits
    track("trust", "--yes", "theirs", cwd=clone).ok()
    assert "cat in > out" in track("trust", "--list", cwd=clone).out
    track("rerun", "theirs", cwd=clone).ok()
    track("trust", "--revoke", "theirs", cwd=clone).ok()
    assert track("rerun", "theirs", cwd=clone).code == 5
    assert track("trust", "nobody", cwd=clone).code == 2


def test_other_words_under_the_same_id_ask_again(clone: Path) -> None:
    track("trust", "--yes", "theirs", cwd=clone).ok()
    (path,) = (clone / ".track/runs").rglob("*.toml")
    path.write_text(path.read_text().replace("echo >> ran", "echo evil >> ran"))
    assert track("rerun", "theirs", cwd=clone).code == 5
    assert "changed since you allowed it" in track("trust", "--list", "theirs", cwd=clone).out


def test_an_input_that_was_added_under_the_same_id_asks_again(clone: Path) -> None:
    track("trust", "--yes", "theirs", cwd=clone).ok()
    (path,) = (clone / ".track/runs").rglob("*.toml")
    evil = '[[input]]\npath = "code.py"\ndigest = "blake3:' + "5" * 64 + '"\nsize = 4\nhow = "observed"\n\n[[output]]'
    path.write_text(path.read_text().replace("[[output]]", evil, 1))  # it would be placed over the code
    refused = track("reproduce", "theirs", cwd=clone)
    assert refused.code == 5 and 'inputs = "code.py, in (blake3:' in refused.err
    assert "changed since you allowed it" in track("trust", "--list", "theirs", cwd=clone).out


def test_on_a_terminal_it_asks(clone: Path) -> None:
    for answer, code, ran in ((b"n\n", 5, False), (b"y\n", 0, True)):
        controller, terminal = pty.openpty()
        command = [sys.executable, "-m", "track", "rerun", "theirs"]
        process = subprocess.Popen(command, cwd=clone, stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        os.write(controller, answer)
        shown = bytearray()
        try:
            while piece := os.read(controller, 65536):
                shown += piece
        except OSError:  # the last writer is gone
            pass
        os.close(controller)
        assert process.wait(240) == code and b"execute what somebody else wrote?" in shown
        assert (clone / "ran").exists() == ran


def test_one_s_own_needs_no_yes_and_whose_words_were_changed_is_not_one_s_own(stranger: Path) -> None:
    track("rerun", "theirs", cwd=stranger).ok()
    with Project.open(stranger) as project:
        record = find_run(project, "theirs").record
        with pytest.raises(NotTrusted, match="came with the repository"):
            allow_commands(project, [replace(record, command=("evil",))])


def test_a_journal_that_came_with_an_unpacked_folder_is_not_one_s_own(stranger: Path, tmp_path: Path) -> None:
    shutil.copytree(stranger, tmp_path / "unpacked", symlinks=True)
    with Project.open(tmp_path / "unpacked") as project:
        assert [found.place for found in every_run(project).found] == ["tree"]
        with pytest.raises(NotTrusted):
            rerun(project, "theirs", echo=lambda number, block: None)
        with pytest.raises(NotTrusted):
            reproduce(project, "theirs", echo=lambda number, block: None)
        project.consents.give([wish_of_run(find_run(project, "theirs").record)])
        assert rerun(project, "theirs", echo=lambda number, block: None).ran.code == 0


def test_a_run_that_is_shared_is_somebody_else_s(clone: Path, stranger: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    for place in (stranger, clone):
        track("remote", "add", "origin", tmp_path / "remote", cwd=place).ok()
    track("run", "-q", "--no-keep", "--name", "shared", "--", "sh", "-c", "echo >> ran", cwd=stranger).ok()
    track("push", "--runs", cwd=stranger).ok()
    track("fetch", "--runs", cwd=clone).ok()
    assert track("rerun", "shared", cwd=clone).code == 5 and not (clone / "ran").exists()
    track("rerun", "shared", "--yes", cwd=clone).ok()
    assert (clone / "ran").read_bytes() == b"\n"


def test_a_home_that_cannot_be_written_stops_no_run(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stranger.parent / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(stranger.parent / "file"))
    track("run", "--name", "mine", "--", "true", cwd=stranger).ok()
    assert track("rerun", "mine", cwd=stranger).code == 5
