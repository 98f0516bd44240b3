"""What is asked of Git while the program is loaded is what would be asked later, and nothing that fails stays."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from track.history import ahead
from track.history.plumbing import Git


@pytest.fixture(autouse=True)
def nothing_begun() -> Iterator[None]:
    ahead._begun.clear()
    yield
    ahead._begun.clear()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = new_repository(tmp_path / "repo")
    (made / "a.track").write_text("one")
    commit_all(made)
    (made / "a.track").write_text("another")
    (made / "b.track").write_text("new")
    return made


def test_what_came_is_taken_once_by_who_has_that_repository(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    ahead.begin()
    found = ahead.found(str(repo))
    assert found is not None and found.top == repo
    assert ahead.taken(found) == ahead.ask(Git(repo)) == (b"a.track\0", b"b.track\0")
    assert ahead.taken(found) is None


def test_another_repository_is_asked_itself(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = new_repository(tmp_path / "other")
    monkeypatch.chdir(repo)
    ahead.begin()
    assert ahead.found(str(other)) is None
    assert ahead.taken(Git(other)) is None


def test_where_no_repository_is_who_needs_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ahead.begin()
    assert ahead.found(str(tmp_path)) is None
    done = track("find", cwd=tmp_path)
    assert (done.code, done.out) == (3, "") and "Git repository" in done.err


@pytest.mark.parametrize("given", [0, 1])
def test_without_threads_it_is_asked_later(repo: Path, monkeypatch: pytest.MonkeyPatch, given: int) -> None:
    """The system gives one more thread or none; what that one needs another for is asked again."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def few(thread: threading.Thread) -> None:
        if len(started) == given:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    told: list[object] = []
    monkeypatch.chdir(repo)
    monkeypatch.setattr(threading, "excepthook", told.append)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", few)
        ahead.begin()
        found = ahead.found(str(repo))
    assert (found is not None) == bool(given) and not told
    assert ahead.taken(found or Git(repo)) is None


def test_in_a_folder_that_is_gone_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ahead.begin()
    assert ahead._begun == []


def test_git_is_not_asked_twice(repo: Path, tmp_path: Path) -> None:
    """Counted at the wire: a `git` before the real one notes what it is asked."""
    track("init", cwd=repo).ok()
    real = git("--exec-path", cwd=repo).strip()
    noted, fake = tmp_path / "noted", tmp_path / "bin"
    fake.mkdir()
    program = fake / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{noted}"\nexec "{real}/git" "$@"\n')
    program.chmod(0o755)
    track("find", cwd=repo, env={"PATH": f"{fake}:/usr/bin:/bin"}).ok()
    asked = noted.read_text()
    assert asked.count("rev-parse --path-format") == 1
    assert asked.count("diff-files") == 1 and asked.count("ls-files -z -o") == 1
