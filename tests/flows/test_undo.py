"""What commands note before they change something: little, and all that is needed to take it back."""

import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.flows.undo import pointer_of_held, sweep_trash, trash_of
from track.model.manifest import walk
from track.project import Project
from track.worktree.trash import Step


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions of a directory and a file, tagged `one` and `two`; the second is checked out."""
    track("init", cwd=repo).ok()
    for name in ("one", "two"):
        write_tree(repo, {f"d/{number}": f"{name} {number}".encode() for number in range(5)})
        write_tree(repo, {"d/same": b"same", "x.csv": name.encode()})
        track("add", "d", "x.csv", cwd=repo).ok()
        commit_all(repo, name)
        git("tag", name, cwd=repo)
    return repo


def steps(repo: Path) -> list[Step]:
    with Project.open(repo) as project:
        return list(trash_of(project).steps())


def entries(repo: Path, digest: bytes) -> dict[bytes, str]:
    with Project.open(repo) as project:
        return {entry.path: entry.mode for entry in walk(project.store.read, digest)}


def test_an_add_notes_the_pointers_it_changes_and_nothing_when_it_changes_none(here: Path) -> None:
    second, first = steps(here)
    assert (first.words, first.is_staged, first.is_done) == (("add", "d", "x.csv"), True, True)
    assert [(one.path, one.pointer, one.was_ignored, one.has_data) for one in first.artifacts] == [
        (b"d", None, False, False),
        (b"x.csv", None, False, False),
    ]
    assert [one.pointer for one in second.artifacts] == [
        git("show", f"one:{name}.track", cwd=here).encode() for name in ("d", "x.csv")
    ]
    assert all(one.was_ignored for one in second.artifacts)
    track("add", "d", cwd=here).ok()
    track("add", "--dry-run", "d", cwd=here).ok()
    assert len(steps(here)) == 2


def test_a_checkout_notes_one_digest_for_a_directory_whatever_its_size(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    step = steps(here)[0]
    with Project.open(here) as project:
        pointers = project.pointers()
        assert step.words == ("checkout", "one")
        assert [(one.path, one.held and one.held.digest) for one in step.artifacts] == [
            (b"d", pointers[b"d.track"].digest),
            (b"x.csv", pointers[b"x.csv.track"].digest),
        ]
    assert not any(one.has_pointer for one in step.artifacts)
    track("checkout", "one", cwd=here).ok()
    assert len(steps(here)) == 3


def test_what_was_not_there_is_noted_as_not_there(here: Path) -> None:
    (here / "x.csv").unlink()
    track("checkout", cwd=here).ok()
    (only,) = steps(here)[0].artifacts
    assert (only.path, only.has_data, only.held) == (b"x.csv", True, None)


def test_edits_that_are_given_up_go_into_the_trash_first(here: Path) -> None:
    (here / "d/0").write_bytes(b"unsaved")
    (here / "d/new").write_bytes(b"never added")
    (here / "d/1").unlink()
    refused = track("checkout", "--", "d", cwd=here)
    assert refused.code == 6
    assert "--force" in refused.err
    said = track("checkout", "--force", "--", "d", cwd=here).ok()
    assert "2 unsaved files are in the trash: track restore 3" in said.err
    assert (here / "d/0").read_bytes() == b"two 0"
    assert not (here / "d/new").exists()
    step = steps(here)[0]
    with Project.open(here) as project:
        kept = {path.read_bytes() for _, path in trash_of(project).contents(step.number)}
    assert kept == {b"unsaved", b"never added"}
    (only,) = step.artifacts
    assert only.held is not None
    assert sorted(entries(here, only.held.digest)) == [b"0", b"2", b"3", b"4", b"new", b"same"]


def test_without_rows_everything_that_was_there_is_noted(here: Path) -> None:
    (here / ".git/track/stat.db").unlink()
    track("checkout", "one", cwd=here).ok()
    noted = {one.path: one.held for one in steps(here)[0].artifacts}
    with Project.open(here) as project:
        assert noted[b"d"] is not None
        assert noted[b"d"].digest == project.pointers()[b"d.track"].digest


def test_what_a_copy_held_can_be_named_by_a_pointer(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    with Project.open(here) as project:
        held = {one.path: one.held for one in steps(here)[0].artifacts}
        for path, name in ((b"d", b"d.track"), (b"x.csv", b"x.csv.track")):
            one = held[path]
            assert one is not None
            now, said = pointer_of_held(project, one), project.pointers()[name]
            assert (now.kind, now.digest, now.size, now.files) == (said.kind, said.digest, said.size, said.files)


def test_the_bounds_are_settings(here: Path) -> None:
    track("config", "trash.steps", "1", cwd=here).ok()
    with Project.open(here) as project:
        assert sweep_trash(project) == 1
        assert trash_of(project).numbers() == [2]


def test_a_checkout_of_a_large_directory_notes_little(here: Path) -> None:
    write_tree(here, {f"many/{number % 40}/{number}": b"%d" % number for number in range(4000)})
    track("add", "many", cwd=here).ok()
    commit_all(here, "many")
    write_tree(here, {f"many/{number % 40}/{number}": b"other %d" % number for number in range(4000)})
    track("add", "many", cwd=here).ok()
    began = time.process_time()
    track("checkout", "HEAD", "--", "many", cwd=here).ok()
    assert time.process_time() - began < 60
    with Project.open(here) as project:
        size = (trash_of(project).path / f"{steps(here)[0].number}.json").stat().st_size
    assert size < 2000
