"""Restore: whatever a command did is taken back exactly, and nothing that is saved nowhere is lost on the way."""

import os
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.scene import State, state
from support.trees import Executable, Link, read_tree, write_tree
from track.errors import MissingObject, UnknownPath, UnsavedWork, UsageError
from track.flows.undo import trash_of
from track.model.digest import digest_of
from track.project import Project
from track.verbs.restore import Restored, restore
from track.verbs.restore_list import restore_list

BIG = bytes(range(256)) * (5 * 1024)


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions of a directory and a file, tagged `one` and `two`; the second is checked out."""
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    for name in ("one", "two"):
        write_tree(repo, {f"d/s/{number}": f"{name} {number}".encode() for number in range(3)})
        write_tree(repo, {"d/same": b"same", "d/big": BIG + name.encode(), "x.csv": name.encode()})
        if name == "one":
            write_tree(repo, {"d/only": Executable(b"one"), "d/link": Link(b"same")})
        else:
            (repo / "d/only").unlink()
            (repo / "d/link").unlink()
        track("add", "d", "x.csv", cwd=repo).ok()
        commit_all(repo, name)
        git("tag", name, cwd=repo)
    return repo


def back(repo: Path, which: str = "last", *paths: str, force: bool = False, dry_run: bool = False) -> Restored:
    with Project.open(repo) as project:
        return restore(project, which, paths, force=force, dry_run=dry_run)


def seen(repo: Path) -> State:
    git("update-index", "-q", "--refresh", cwd=repo, check=False)
    return state(repo)


def test_a_first_add_is_taken_back(repo: Path) -> None:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    write_tree(repo, {"data/a.csv": b"1\n", "sub/b.csv": b"2\n"})
    before = seen(repo)
    track("add", "data", "sub/b.csv", "--label", "k=v", cwd=repo).ok()
    after = seen(repo)
    done = back(repo)
    assert seen(repo) == before
    assert done.artifacts == (b"data", b"sub/b.csv")
    assert done.pointers == (b"data.track", b"sub/b.csv.track")
    assert back(repo, str(done.step)).artifacts == (b"data", b"sub/b.csv")
    assert seen(repo) == after


def test_an_add_of_a_change_is_taken_back_and_the_edit_stays(here: Path) -> None:
    (here / "x.csv").write_bytes(b"third")
    before = seen(here)
    track("add", "x.csv", cwd=here).ok()
    back(here)
    assert seen(here) == before
    assert (here / "x.csv").read_bytes() == b"third"


def test_an_add_of_a_name_is_taken_back(here: Path) -> None:
    before = seen(here)
    track("add", "--name", "model/a", "x.csv", cwd=here).ok()
    back(here)
    assert seen(here) == before


def test_a_checkout_of_another_revision_is_taken_back(here: Path) -> None:
    before = seen(here)
    track("checkout", "one", cwd=here).ok()
    away = seen(here)
    done = back(here)
    assert seen(here) == before
    assert track("status", cwd=here).ok().out.count("modified") == 0
    back(here, str(done.step))
    assert seen(here) == away


def test_a_checkout_with_its_pointer_is_taken_back(here: Path) -> None:
    before = seen(here)
    track("checkout", "one", "--", "x.csv", "d", cwd=here).ok()
    back(here)
    assert seen(here) == before


def test_a_checkout_into_an_empty_tree_is_taken_back(here: Path) -> None:
    git("clean", "-fdxq", cwd=here)
    before = {path: node for path, node in read_tree(here).items() if path != b".store"}
    track("checkout", cwd=here).ok()
    back(here)
    assert {path: node for path, node in read_tree(here).items() if path != b".store"} == before


def test_a_checkout_of_a_part_is_taken_back(here: Path) -> None:
    before = seen(here)
    track("checkout", "one", "--", "d/s", cwd=here).ok()
    assert seen(here) != before
    back(here)
    assert seen(here) == before


@pytest.mark.parametrize("rows", [True, False])
def test_edits_that_were_given_up_come_back(here: Path, rows: bool) -> None:
    write_tree(here, {"d/s/0": b"unsaved", "d/new/x": b"never added", "d/big": BIG[::-1], "x.csv": b"unsaved too"})
    write_tree(here, {"d/ln": Link(b"nowhere")})
    (here / "d/same").unlink()
    before = seen(here)
    if not rows:
        (here / ".git/track/stat.db").unlink()
    track("checkout", "--force", cwd=here).ok()
    assert seen(here) != before
    back(here)
    assert seen(here) == before


def test_edits_that_the_checkout_left_alone_stay(here: Path) -> None:
    (here / "d/same").write_bytes(b"edited")
    before = seen(here)
    track("checkout", "one", cwd=here).ok()
    back(here)
    assert seen(here) == before


def test_unsaved_work_is_not_overwritten_and_force_keeps_it_in_the_trash(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    (here / "d/s/1").write_bytes(b"unsaved")
    before = seen(here)
    with pytest.raises(UnsavedWork) as raised:
        back(here)
    assert raised.value.exit_code == 6
    assert raised.value.details == ("d/s/1",)
    assert seen(here) == before
    done = back(here, force=True)
    assert done.given_up == (b"d/s/1",)
    assert (here / "d/s/1").read_bytes() == b"two 1"
    back(here, str(done.step))
    assert seen(here) == before


def test_only_what_was_named_comes_back(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    done = back(here, "last", "x.csv")
    assert done.artifacts == (b"x.csv",)
    assert (here / "x.csv").read_bytes() == b"two"
    assert (here / "d/s/0").read_bytes() == b"one 0"
    assert back(here, "last", "d/s/0").artifacts == (b"d",)
    assert (here / "d/s/0").read_bytes() == b"two 0"
    assert (here / "d/s/1").read_bytes() == b"one 1"
    with pytest.raises(UnknownPath):
        back(here, "last", "nothing")


def test_last_goes_further_back_each_time(here: Path) -> None:
    states = [seen(here)]
    for content in (b"third", b"fourth"):
        (here / "x.csv").write_bytes(content)
        track("add", "x.csv", cwd=here).ok()
        states.append(seen(here))
    assert back(here).number == 4
    assert back(here).number == 3
    assert [(one.number, one.undone_by) for one in listed(here)] == [
        (6, None), (5, None), (4, 5), (3, 6), (2, None), (1, None),
    ]  # fmt: skip
    back(here, "6")
    assert [(one.number, one.undone_by) for one in listed(here)][:4] == [(7, None), (6, 7), (5, None), (4, 5)]


def listed(repo: Path) -> list[object]:
    with Project.open(repo) as project:
        return list(restore_list(project))


def test_restoring_what_is_so_already_changes_nothing(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    back(here)
    before = seen(here)
    again = back(here, "3")
    assert (again.artifacts, again.step) == ((), None)
    assert seen(here) == before


def test_a_dry_run_changes_nothing_and_says_the_same(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    before = seen(here)
    would = back(here, dry_run=True)
    assert seen(here) == before
    assert len(listed(here)) == 3
    done = back(here)
    assert (would.artifacts, would.number, would.step) == (done.artifacts, done.number, None)


@pytest.mark.parametrize("which", ["9", "0", "-1", "x", "", "99999999999999999999", "1.5", "\u0663"])
def test_a_step_that_is_none_is_said_to_be_none(here: Path, which: str) -> None:
    with pytest.raises(UsageError, match="there is no step"):
        back(here, which)


def test_nothing_to_undo_is_said(repo: Path) -> None:
    track("init", cwd=repo).ok()
    with pytest.raises(UsageError, match="nothing to undo"):
        back(repo)
    assert "nothing was done yet" in track("restore", cwd=repo).ok().err


def test_what_is_not_here_any_more_is_said_before_anything_changes(here: Path) -> None:
    track("checkout", "one", cwd=here).ok()
    with Project.open(here) as project:
        for pack in project.store.rooms.packs.rglob("*.pack"):
            pack.unlink()
    before = read_tree(here)
    with pytest.raises(MissingObject):
        back(here)
    assert read_tree(here) == before


def test_a_pointer_that_changed_since_is_noted_in_turn(here: Path) -> None:
    (here / "x.csv").write_bytes(b"third")
    track("add", "x.csv", cwd=here).ok()
    pointer = here / "x.csv.track"
    pointer.write_bytes(pointer.read_bytes() + b'[labels]\nnote = "by hand"\n')
    by_hand = pointer.read_bytes()
    done = back(here)
    assert b"by hand" not in pointer.read_bytes()
    back(here, str(done.step))
    assert pointer.read_bytes() == by_hand


def test_another_working_tree_has_its_own_steps(here: Path) -> None:
    git("worktree", "add", "--quiet", here.parent / "linked", "one", cwd=here)
    linked = here.parent / "linked"
    track("checkout", cwd=linked).ok()
    assert [one.number for one in listed(linked)] == [1]
    assert [one.number for one in listed(here)] == [2, 1]


def test_the_list_says_what_was_done(here: Path) -> None:
    (here / "x.csv").write_bytes(b"unsaved")
    track("checkout", "-f", "--", "x.csv", cwd=here).ok()
    lines = track("restore", cwd=here).ok().out.splitlines()
    assert lines[0].split() == "3 just now checkout x.csv x.csv 7 B in the trash".split()
    document = track("restore", "--json", cwd=here).ok().json
    assert [step["step"] for step in document["steps"]] == [3, 2, 1]
    assert document["steps"][0]["command"] == ["checkout", "x.csv"]
    said = track("restore", "3", "--json", cwd=here).ok().json
    assert (said["undone"], said["step"], said["artifacts"]) == (3, 4, ["x.csv"])
    assert (here / "x.csv").read_bytes() == b"unsaved"


def test_a_file_in_the_trash_that_changed_is_not_brought_back(here: Path) -> None:
    (here / "x.csv").write_bytes(b"unsaved")
    track("checkout", "-f", "--", "x.csv", cwd=here).ok()
    with Project.open(here) as project:
        ((_, path),) = trash_of(project).contents(3)
    path.unlink()
    path.write_bytes(b"another")
    refused = track("restore", "3", cwd=here)
    assert (refused.code, (here / "x.csv").read_bytes()) == (7, b"two")
    assert "is not what was put there" in refused.err


def test_what_can_be_undone_is_not_collected(here: Path) -> None:
    write_tree(here, {"x.csv": b"never committed", "d/s/0": b"never committed either", "d/big": BIG[::-1]})
    track("add", "d", "x.csv", cwd=here).ok()
    before = seen(here)
    track("checkout", "two", "--", "d", "x.csv", cwd=here).ok()
    git("add", "--all", cwd=here)
    track("gc", "--grace", "0", cwd=here).ok()
    back(here)
    assert seen(here).files == before.files


def test_a_pointer_comes_back_into_a_folder_that_is_gone(here: Path) -> None:
    for content in (b"first", b"second"):
        write_tree(here, {"more/y.csv": content})
        track("add", "more/y.csv", cwd=here).ok()
    before = (here / "more/y.csv.track").read_bytes()
    shutil.rmtree(here / "more")
    back(here)
    assert (here / "more/.gitignore").read_bytes() == b"/y.csv\n"
    assert b"blake3:" + digest_of(b"first").hex().encode() in (here / "more/y.csv.track").read_bytes() != before


def test_an_unsaved_file_that_stays_stands_in_no_way_later(here: Path) -> None:
    write_tree(here, {"d/mine": b"saved nowhere"})
    with Project.open(here) as project:
        project.stat_cache.forget(b"d")
    track("checkout", "one", "--", "d/s", cwd=here).ok()
    write_tree(here, {"d/mine": b"and edited"})
    back(here)
    assert (here / "d/s/0").read_bytes() == b"two 0"
    assert (here / "d/mine").read_bytes() == b"and edited"


def test_what_has_another_name_is_copied_into_the_trash(here: Path) -> None:
    (here / "x.csv").write_bytes(b"unsaved")
    os.link(here / "x.csv", here / "second")
    track("checkout", "--force", "x.csv", cwd=here).ok()
    with open(here / "second", "r+b") as file:
        file.write(b"EDITED")
    back(here)
    assert (here / "x.csv").read_bytes() == b"unsaved"


def test_a_removed_part_comes_back_and_the_rest_stays_when_no_rows_tell_what_was_there(here: Path) -> None:
    before = seen(here)
    with Project.open(here) as project:
        project.stat_cache.forget(b"d")
    track("rm", "d/s/1", cwd=here).ok()
    assert not (here / "d/s/1").exists()
    back(here)
    assert seen(here) == before


def test_the_trash_stays_within_its_bounds_without_any_collection(here: Path) -> None:
    track("config", "trash.steps", "3", cwd=here).ok()
    numbers = []
    for number in range(6):
        (here / "x.csv").write_bytes(b"unsaved %d" % number)
        track("checkout", "--force", "x.csv", cwd=here).ok()
        with Project.open(here) as project:
            numbers.append(trash_of(project).numbers())
    assert [len(found) for found in numbers] == [3] * 6
    assert back(here).number == numbers[-1][0]
    assert (here / "x.csv").read_bytes() == b"unsaved 5"


def test_what_was_removed_by_hand_before_does_not_come_back(here: Path) -> None:
    (here / "d/s/0").unlink()  # another one in `one`
    (here / "d/same").unlink()  # the same there
    before = seen(here)
    track("checkout", "one", cwd=here).ok()
    assert (here / "d/s/0").read_bytes() == b"one 0" and (here / "d/same").exists()
    back(here)
    assert seen(here) == before
    shutil.rmtree(here / "d/s")
    before = seen(here)
    track("rm", "d", cwd=here).ok()
    back(here)
    assert seen(here) == before


def test_what_was_removed_by_hand_and_is_in_no_version_wanted_does_not_come_back(here: Path) -> None:
    git("checkout", "--quiet", "one", cwd=here)
    track("checkout", cwd=here).ok()
    (here / "d/only").unlink()
    before = seen(here)
    git("checkout", "--quiet", "two", cwd=here)
    track("checkout", cwd=here).ok()
    git("checkout", "--quiet", "one", cwd=here)
    back(here)
    assert seen(here) == before


def test_an_ignore_line_that_a_checkout_of_another_revision_added_goes_with_it(here: Path) -> None:
    write_tree(here, {"old/y.bin": b"old", "z.bin": b"z"})
    track("add", "old/y.bin", "z.bin", cwd=here).ok()
    commit_all(here, "old")
    git("tag", "old", cwd=here)
    track("rm", "old/y.bin", "z.bin", cwd=here).ok()
    commit_all(here, "without")
    before = seen(here)
    track("checkout", "old", cwd=here).ok()
    assert (here / "old/y.bin").exists() and "/z.bin" in (here / ".gitignore").read_text()
    away = seen(here)
    done = back(here)
    assert seen(here) == before
    back(here, str(done.step))
    assert seen(here) == away
