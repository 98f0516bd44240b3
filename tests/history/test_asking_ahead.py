"""What is asked of Git while the program is loaded is what would be asked later, and nothing that fails stays."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from track.history import ahead
from track.history.plumbing import Git

POINTERS = ("changed", "untracked")


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
    ahead.begin(POINTERS)
    found = ahead.found(str(repo))
    assert found is not None and found.top == repo
    assert ahead._taken(found, ("changed", "refs")) == {"changed": b"a.track\0"}
    assert ahead._taken(found, POINTERS) == {"untracked": b"b.track\0"}
    assert ahead._taken(found, POINTERS) == {}
    assert ahead.answers(found, *POINTERS) == ahead.answers(Git(repo), *POINTERS) == [b"a.track\0", b"b.track\0"]


def test_another_repository_is_asked_itself(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = new_repository(tmp_path / "other")
    monkeypatch.chdir(repo)
    ahead.begin(POINTERS)
    assert ahead.found(str(other)) is None
    assert ahead._taken(Git(other), POINTERS) == {} and ahead.answers(Git(other), *POINTERS) == [b"", b""]


def test_where_no_repository_is_who_needs_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ahead.begin(POINTERS)
    assert ahead.found(str(tmp_path)) is None
    done = track("find", cwd=tmp_path)
    assert (done.code, done.out) == (3, "") and "Git repository" in done.err


@pytest.mark.parametrize("given", [0, 1])
def test_without_threads_it_is_asked_later(repo: Path, monkeypatch: pytest.MonkeyPatch, given: int) -> None:
    """The system gives one more thread or none; what that one needs another for it asks itself."""
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
        ahead.begin(POINTERS)
        found = ahead.found(str(repo))
    assert (found is not None) == bool(given) and not told
    assert len(ahead._taken(found or Git(repo), POINTERS)) == 2 * given


def test_in_a_folder_that_is_gone_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ahead.begin(POINTERS)
    assert ahead._begun == []


def test_what_fails_ahead_is_asked_again_by_who_needs_it(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track("init", cwd=repo).ok()
    (repo / ".git" / "refs" / "heads" / "broken").write_text("1" * 40 + "\n")
    monkeypatch.chdir(repo)
    ahead.begin(("changed", "refs"))
    found = ahead.found(str(repo))
    assert found is not None and ahead._taken(found, ("changed", "refs")) == {}
    assert "nothing found" in track("find", cwd=repo).ok().err


def test_a_revision_is_looked_for_among_the_refs_of_that_moment(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    ahead.begin(("refs",))
    found = ahead.found(str(repo))
    assert found is not None
    git("branch", "-q", "later", cwd=repo)
    assert b"later" in ahead.answers(found, "refs", is_early=False)[0]
    assert b"later" not in ahead.answers(found, "refs")[0]
    assert b"later" in ahead.answers(found, "refs")[0]


@pytest.mark.parametrize(
    ("words", "records"), [(("find",), 0), (("runs", "list"), 1), (("lineage", "x"), 0), (("runs", "show", "x"), 1)]
)
def test_git_is_asked_nothing_twice(repo: Path, tmp_path: Path, words: tuple[str, ...], records: int) -> None:
    """Counted at the wire: a `git` before the real one notes what it is asked."""
    track("init", cwd=repo).ok()
    real = git("--exec-path", cwd=repo).strip()
    noted, fake = tmp_path / "noted", tmp_path / "bin"
    fake.mkdir()
    program = fake / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{noted}"\nexec "{real}/git" "$@"\n')
    program.chmod(0o755)
    if records:
        track("run", "-q", "--name", "x", "--", "true", cwd=repo).ok()
    track(*words, cwd=repo, env={"PATH": f"{fake}:/usr/bin:/bin"})
    asked = noted.read_text()
    assert asked.count("rev-parse --path-format") == 1
    assert asked.count("diff-files") == asked.count("ls-files -z -o") == 1 + records
    assert asked.count("for-each-ref") == 1
