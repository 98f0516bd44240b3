"""Add after Git moved a pointer and the data did not follow: a colleague's change is not taken back unseen."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import read_tree, write_tree
from track.errors import OutOfStep, TrackError
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.verbs.add import Added, add
from track.verbs.checkout import checkout

OLD = {"a": b"a 1", "b": b"b 1", "c": b"c 1"}
MERGED = {b"a": b"a, edited here", b"b": b"b 2 of the colleague", b"c": b"c 1"}


@pytest.fixture
def moved(repo: Path) -> Path:
    """Data of the first version, below pointers that were pulled: `images/b` and `table.csv` are newer there."""
    track("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo / "images", OLD)
    (repo / "table.csv").write_bytes(b"1\n")
    added(repo, "images", "table.csv")
    commit_all(repo, "first")
    git("checkout", "-q", "-b", "colleague", cwd=repo)
    (repo / "images" / "b").write_bytes(b"b 2 of the colleague")
    (repo / "table.csv").write_bytes(b"2 of the colleague\n")
    added(repo, "images", "table.csv")
    commit_all(repo, "the colleague's")
    git("checkout", "-q", "main", cwd=repo)
    with Project.open(repo) as project:
        checkout(project)
    git("merge", "-q", "--ff-only", "colleague", cwd=repo)
    assert (repo / "images" / "b").read_bytes() == b"b 1"  # nothing followed: there are no hooks
    return repo


def added(repo: Path, *paths: str, force: bool = False) -> Added:
    with Project.open(repo) as project:
        return add(project, paths, force=force)


def pointer(repo: Path, name: str) -> Pointer:
    return parse_pointer((repo / f"{name}.track").read_bytes(), name)


def refused(repo: Path, *paths: str) -> TrackError:
    before = {name: (repo / name).read_bytes() for name in ("images.track", "table.csv.track")}
    tree = read_tree(repo / "images")
    with pytest.raises(OutOfStep) as caught:
        added(repo, *paths)
    assert {name: (repo / name).read_bytes() for name in before} == before
    assert read_tree(repo / "images") == tree
    return caught.value


def test_data_that_a_pull_left_behind_is_not_recorded_as_new(moved: Path) -> None:
    error = refused(moved, "images", "table.csv")
    assert "images is still version" in error.message and error.exit_code == 6
    assert any("table.csv is still version" in line for line in error.details)
    assert "track checkout images " in (error.hint or "") and "track add --force images " in (error.hint or "")
    refused(moved, "images", "table.csv")  # and it stays so, however often it is tried


def test_force_records_it_all_the_same(moved: Path) -> None:
    newer = pointer(moved, "table.csv").digest
    assert added(moved, "table.csv", force=True).artifacts[0].is_changed
    assert pointer(moved, "table.csv").digest != newer
    assert not added(moved, "table.csv").artifacts[0].is_changed  # in step again


def test_edits_on_top_of_it_go_along_with_a_checkout_and_are_added_then(moved: Path) -> None:
    (moved / "images" / "a").write_bytes(b"a, edited here")
    error = refused(moved, "images")
    assert "images was edited on top of version" in error.message
    assert (error.hint or "").startswith("track checkout  ")
    with Project.open(moved) as project:
        checkout(project)
    added(moved, "images")
    assert read_tree(moved / "images") == MERGED


def test_an_edited_file_is_a_choice_and_is_recorded(moved: Path) -> None:
    (moved / "table.csv").write_bytes(b"edited here\n")
    assert added(moved, "table.csv").artifacts[0].is_changed


def test_what_was_edited_wherever_the_pointer_changed_takes_nothing_back_unseen(moved: Path) -> None:
    (moved / "images" / "b").write_bytes(b"b, made again")
    assert added(moved, "images").artifacts[0].modified_count == 1


def test_one_entry_is_refused_only_where_the_versions_differ(moved: Path) -> None:
    (moved / "images" / "a").write_bytes(b"a, edited here")
    added(moved, "images/a")
    assert "images/b comes from version" in refused(moved, "images/b").message
    with Project.open(moved) as project:
        checkout(project)
    assert read_tree(moved / "images") == MERGED


def test_what_never_was_in_a_commit_is_added_again_after_its_pointer_was_thrown_away(moved: Path) -> None:
    with Project.open(moved) as project:
        checkout(project)
    (moved / "table.csv").write_bytes(b"3, staged only\n")
    added(moved, "table.csv")
    git("checkout", "-q", "HEAD", "--", "table.csv.track", cwd=moved)
    assert added(moved, "table.csv").artifacts[0].is_changed


def test_an_older_content_put_back_by_hand_is_a_change_like_any_other(moved: Path) -> None:
    with Project.open(moved) as project:
        checkout(project)
    (moved / "table.csv").write_bytes(b"1\n")
    assert added(moved, "table.csv").artifacts[0].is_changed


def test_an_add_whose_pointer_could_not_be_written_is_finished_by_the_next(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(moved) as project:
        checkout(project)
    (moved / "table.csv").write_bytes(b"1\n")  # a content that a commit has
    with monkeypatch.context() as patched:
        patched.setattr("track.verbs.add.write_pointer", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            added(moved, "table.csv")
    assert added(moved, "table.csv").artifacts[0].is_changed
