"""Commits to pointers, and how a pointer came to be."""

import os
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.errors import UnknownRevision, Unreadable
from track.history import log
from track.history.plumbing import Git


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_pointers_on_disk_are_the_staged_the_conflicting_and_the_new(repo: Path) -> None:
    _write(repo / "b.track", "staged\n")
    commit_all(repo)
    _write(repo / "b.track", "on disk\n")
    _write(repo / "a/new.track", "new\n")
    _write(repo / "gone.track", "x\n")
    git("add", "gone.track", cwd=repo)
    (repo / "gone.track").unlink()
    _write(repo / "data.csv", "x\n")
    assert log.pointers_in_worktree(Git(repo)) == [(b"a/new.track", b"new\n"), (b"b.track", b"on disk\n")]
    assert log.pointers_staged(Git(repo)) == [(b"b.track", b"staged\n"), (b"gone.track", b"x\n")]


def test_pointers_of_named_artifacts_are_pointers(repo: Path) -> None:
    _write(repo / ".track/artifacts/model.track", "x\n")
    assert log.pointers_in_worktree(Git(repo)) == [(b".track/artifacts/model.track", b"x\n")]


def test_a_pointer_behind_a_link_is_not_read(repo: Path, tmp_path: Path) -> None:
    _write(repo / "d/a.track", "mine\n")
    _write(repo / "b.track", "mine\n")
    commit_all(repo)
    _write(tmp_path / "out/a.track", "secret\n")
    (repo / "d/a.track").unlink()
    (repo / "d").rmdir()
    (repo / "d").symlink_to(tmp_path / "out")
    (repo / "b.track").unlink()
    (repo / "b.track").symlink_to(tmp_path / "out/a.track")
    assert log.pointers_in_worktree(Git(repo)) == []


def test_a_huge_pointer_is_read_only_so_far_that_it_can_be_refused(repo: Path) -> None:
    _write(repo / "a.track", "x" * (3 << 20))
    [(_, content)] = log.pointers_in_worktree(Git(repo))
    assert len(content) == log.MAX_POINTER + 1


def test_a_folder_with_the_name_of_a_pointer_is_none(repo: Path) -> None:
    _write(repo / "a.track/inner.txt", "x\n")
    commit_all(repo)
    assert log.pointers_in_worktree(Git(repo)) == []
    assert log.pointers_at(Git(repo), "HEAD") == []


def test_a_pointer_that_became_a_folder_or_a_pipe_is_none(repo: Path) -> None:
    _write(repo / "a.track", "x\n")
    _write(repo / "b.track", "x\n")
    commit_all(repo)
    (repo / "a.track").unlink()
    (repo / "a.track").mkdir()
    (repo / "b.track").unlink()
    os.mkfifo(repo / "b.track")
    assert log.pointers_in_worktree(Git(repo)) == []


def test_a_pointer_that_cannot_be_read_is_an_error(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(repo / "a.track", "x\n")

    real = log.os.open

    def refuse(path: bytes | str, *rest: int) -> int:
        if isinstance(path, bytes) and path.endswith(b"a.track"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(log.os, "open", refuse)
    with pytest.raises(Unreadable, match=r"a\.track cannot be read"):
        log.pointers_in_worktree(Git(repo))


def test_pointers_at_a_revision_are_those_of_that_commit(repo: Path) -> None:
    _write(repo / "a.track", "one\n")
    _write(repo / "same.track", "one\n")
    first = commit_all(repo)
    _write(repo / "a.track", "two\n")
    commit_all(repo)
    assert log.pointers_at(Git(repo), first) == [(b"a.track", b"one\n"), (b"same.track", b"one\n")]
    assert log.pointer_at(Git(repo), "HEAD", b"a.track") == b"two\n"
    assert log.pointer_at(Git(repo), "HEAD", b"none.track") is None
    with pytest.raises(UnknownRevision):
        log.pointers_at(Git(repo), "nope")


def test_the_versions_of_a_pointer_come_newest_first(repo: Path) -> None:
    for number, text in enumerate(["one\n", "two\n"]):
        _write(repo / "a.track", text)
        _write(repo / "b.track", f"{number}\n")
        commit_all(repo, f"number {number}\n\nmore words")
    (repo / "a.track").unlink()
    last = commit_all(repo, "removed")
    versions = list(log.history(Git(repo), ["HEAD"], [b"a.track"]))
    contents = dict(Git(repo).blobs({blob for event in versions for blob in (event.blob, event.before) if blob}))
    assert [
        (event.op, event.commit.subject, contents.get(event.blob or ""), contents.get(event.before or ""))
        for event in versions
    ] == [
        ("D", "removed", None, b"two\n"),
        ("M", "number 1", b"two\n", b"one\n"),
        ("A", "number 0", b"one\n", None),
    ]
    commit = versions[0].commit
    assert commit.oid == last
    assert (commit.author, commit.email, commit.authored) == ("Ada Lovelace", "ada@example.org", 1767323045)
    assert commit.parents == (versions[1].commit.oid,)


def test_a_path_with_pattern_characters_is_only_itself(repo: Path) -> None:
    _write(repo / "a[1]*.track", "one\n")
    _write(repo / "a1x.track", "two\n")
    commit_all(repo)
    assert [event.path for event in log.history(Git(repo), ["HEAD"], [b"a[1]*.track"])] == [b"a[1]*.track"]


def test_a_conflict_resolved_in_a_merge_is_an_event_of_the_merge(repo: Path) -> None:
    _write(repo / "a.track", "base\n")
    commit_all(repo)
    git("switch", "--quiet", "-c", "side", cwd=repo)
    _write(repo / "a.track", "side\n")
    _write(repo / "s.track", "side\n")
    commit_all(repo, "on side")
    git("switch", "--quiet", "main", cwd=repo)
    _write(repo / "a.track", "main\n")
    commit_all(repo, "on main")
    git("merge", "side", cwd=repo, check=False)
    _write(repo / "a.track", "both\n")
    commit_all(repo, "merged")
    found = [(event.commit.subject, event.op, event.path) for event in log.history(Git(repo), ["HEAD"])]
    assert found[0] == ("merged", "M", b"a.track")
    assert sorted(found) == [
        ("merged", "M", b"a.track"),
        ("more", "A", b"a.track"),
        ("on main", "M", b"a.track"),
        ("on side", "A", b"s.track"),
        ("on side", "M", b"a.track"),
    ]


def test_a_side_that_lost_is_followed_when_asked(repo: Path) -> None:
    _write(repo / "a.track", "base\n")
    commit_all(repo)
    git("switch", "--quiet", "-c", "side", cwd=repo)
    _write(repo / "a.track", "lost\n")
    commit_all(repo, "lost")
    git("switch", "--quiet", "main", cwd=repo)
    git("merge", "--quiet", "--strategy=ours", "--message=ours", "side", cwd=repo)
    plain = [event.commit.subject for event in log.history(Git(repo), ["HEAD"])]
    every = [event.commit.subject for event in log.history(Git(repo), ["HEAD"], every_side=True)]
    assert "lost" not in plain
    assert "lost" in every


def test_a_pointer_that_became_a_link_is_removed(repo: Path) -> None:
    _write(repo / "a.track", "x\n")
    commit_all(repo)
    (repo / "a.track").unlink()
    (repo / "a.track").symlink_to("elsewhere")
    commit_all(repo)
    assert [event.op for event in log.history(Git(repo), ["HEAD"])] == ["D", "A"]


def test_names_and_messages_of_any_kind_are_read_whole(repo: Path) -> None:
    odd = "new\nline\ttab \N{SNOWMAN}.track"
    _write(repo / odd, "x\n")
    git("add", "--all", cwd=repo)
    git("commit", "--quiet", "--message=commit :000000 \N{SNOWMAN}", "--author=Ünï <u@x>", cwd=repo)
    [event] = log.history(Git(repo), ["HEAD"])
    assert event.path == odd.encode()
    assert event.commit.subject == "commit :000000 \N{SNOWMAN}"
    assert event.commit.author == "Ünï"


def test_a_history_without_commits_is_an_error_and_without_revisions_is_empty(tmp_path: Path) -> None:
    found = Git(new_repository(tmp_path / "new", commit=False))
    assert list(log.history(found, [])) == []
    with pytest.raises(UnknownRevision):
        list(log.history(found, ["HEAD"]))


def test_between_two_commits_are_the_pointers_that_they_do_not_share(repo: Path) -> None:
    for name in ("same", "changed", "gone", "linked"):
        _write(repo / f"{name}.track", f"[artifact] # {name}")
    commit_all(repo, "before")
    _write(repo / "changed.track", "[artifact] # other")
    _write(repo / "new/x.track", "[artifact] # new")
    _write(repo / "notes.md", "no pointer")
    (repo / "gone.track").unlink()
    (repo / "linked.track").unlink()
    (repo / "linked.track").symlink_to("same.track")
    commit_all(repo, "after")
    old, new = log.pointers_between(Git(repo), "HEAD~1", "HEAD")
    assert old == [
        (b"changed.track", b"[artifact] # changed"),
        (b"gone.track", b"[artifact] # gone"),
        (b"linked.track", b"[artifact] # linked"),
    ]
    assert new == [(b"changed.track", b"[artifact] # other"), (b"new/x.track", b"[artifact] # new")]
    assert log.pointers_between(Git(repo), "HEAD", "HEAD") == ([], [])


@pytest.mark.parametrize("ends", [("HEAD", "nowhere"), ("nowhere", "HEAD"), ("--output=x", "HEAD"), ("HEAD", "-p")])
def test_between_needs_two_commits(repo: Path, ends: tuple[str, str]) -> None:
    _write(repo / "a.track", "[artifact]")
    commit_all(repo, "one")
    with pytest.raises(UnknownRevision):
        log.pointers_between(Git(repo), *ends)
    assert not (repo / "x").exists()


def test_what_commits_removed_is_asked_once_for_all(repo: Path) -> None:
    _write(repo / "a.track", "one\n")
    _write(repo / "b.txt", "no pointer\n")
    commit_all(repo)
    (repo / "a.track").rename(repo / "c.track")
    (repo / "b.txt").unlink()
    moved = commit_all(repo)
    _write(repo / "d.track", "two\n")
    added = commit_all(repo)
    removed = log.removed_in(Git(repo), [added, moved])
    assert removed == {moved: {b"a.track": git("rev-parse", "HEAD:c.track", cwd=repo).strip()}}
    assert log.removed_in(Git(repo), []) == {}
