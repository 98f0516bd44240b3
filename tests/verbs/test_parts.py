"""An artifact of which only some is checked out: what was never placed is neither missing nor removed."""

import os
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, opened, shared
from support.trees import write_tree
from track.errors import Unreadable
from track.model.digest import digest_of
from track.model.manifest import walk
from track.verbs.status import ArtifactStatus, status
from track.worktree.parts import Parts, all_parts, outermost, placed_parts, remember

ALL = {b"a.txt", b"deep/er/b.bin", b"run.sh", b"link", b"empty", b"caf\xe9"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone without data of a repository that was pushed."""
    repo = shared(tmp_path)
    write_tree(repo, {"data/deep/two.txt": b"two", "data/other/x": b"x", "data/deeper": b"beside deep"})
    track("add", "data", cwd=repo).ok()
    commit_all(repo)
    track("push", cwd=repo).ok()
    return cloned(repo)


def entries(repo: Path) -> dict[bytes, int]:
    """What the pointer of `data` names, with sizes."""
    with opened(repo) as project:
        pointer = project.pointers()[b"data.track"]
        return {entry.path: entry.size for entry in walk(project.store.read, pointer.digest)}


def looked(repo: Path) -> ArtifactStatus:
    with opened(repo) as project:
        return next(artifact for artifact in status(project).artifacts if artifact.path == b"data")


def fetched(clone: Path) -> Path:
    track("fetch", cwd=clone).ok()
    return clone


def test_what_was_never_placed_is_not_removed(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    (clone / "data/deep/three.txt").write_bytes(b"three")
    (clone / "data/deep/two.txt").write_bytes(b"two, edited")
    done = track("add", "data", cwd=clone).ok()
    assert "+1" in done.out and "~1" in done.out and "-" not in done.out.split("files")[1], done
    assert entries(clone) == {**before, b"deep/three.txt": 5, b"deep/two.txt": 11}
    assert looked(clone).data == "."


def test_what_was_placed_and_deleted_is_removed(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    (clone / "data/deep/two.txt").unlink()
    assert (looked(clone).data, looked(clone).look.removed_count) == ("M", 1)  # type: ignore[union-attr]  # it was looked at
    track("add", "data", cwd=clone).ok()
    del before[b"deep/two.txt"]
    assert entries(clone) == before


def test_status_agrees_and_counts_what_is_not_here(clone: Path) -> None:
    fetched(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    found = looked(clone)
    assert found.data == "." and found.look is not None and found.look.absent_count == 7
    said = track("status", cwd=clone).ok().out
    assert "partly checked out" in said and "7 of 9 files not here" in said
    assert "data" not in track("diff", "--name-status", "--", "data", cwd=clone).ok().out
    assert track("status", "--exit-code", "data", cwd=clone).code == 0
    assert track("verify", "data", cwd=clone).ok()


def test_it_holds_without_the_stat_cache(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    for path in (clone / ".git/track").glob("stat.db*"):
        path.unlink()
    assert looked(clone).data == "."
    track("add", "data", cwd=clone).ok()
    assert entries(clone) == before


def test_a_part_that_was_pulled_alone_is_enough(clone: Path) -> None:
    track("pull", "data/deep/two.txt", cwd=clone).ok()
    (clone / "data/deep/two.txt").write_bytes(b"2")
    assert looked(clone).data == "M"
    track("add", "data", cwd=clone).ok()
    assert looked(clone).data == "."
    track("pull", cwd=clone).ok()
    names = {os.fsdecode(name) for name in (*ALL, b"deep/two.txt", b"other/x", b"deeper")}
    assert {str(path.relative_to(clone / "data")) for path in (clone / "data").rglob("*") if not path.is_dir()} == names
    assert (clone / "data/deep/two.txt").read_bytes() == b"2"


def test_an_added_part_of_what_was_never_checked_out_is_all_that_is_here(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    write_tree(clone, {"data/new.png": b"new"})
    track("add", "data/new.png", cwd=clone).ok()
    assert entries(clone) == {**before, b"new.png": 3}
    track("add", "data", cwd=clone).ok()
    assert entries(clone) == {**before, b"new.png": 3}
    (clone / "data/new.png").unlink()
    (clone / "data/other.png").write_bytes(b"other")
    track("add", "data", cwd=clone).ok()
    assert entries(clone) == {**before, b"other.png": 5}


def test_files_beside_the_parts_join_and_leave(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    write_tree(clone, {"data/extra/one": b"1"})
    track("add", "data", cwd=clone).ok()
    assert entries(clone) == {**before, b"extra/one": 1}
    shutil.rmtree(clone / "data/extra")
    track("add", "data", cwd=clone).ok()
    assert entries(clone) == before


def test_a_new_file_where_a_folder_was_never_placed_takes_its_place(clone: Path) -> None:
    fetched(clone)
    track("checkout", "data/a.txt", cwd=clone).ok()
    (clone / "data/deep").write_bytes(b"a file now")
    (clone / "data/empty").mkdir()
    (clone / "data/empty/in").write_bytes(b"in")
    track("add", "data", cwd=clone).ok()
    found = entries(clone)
    assert found[b"deep"] == 10 and found[b"empty/in"] == 2 and b"empty" not in found
    assert not [path for path in found if path.startswith(b"deep/")]


def test_an_emptied_folder_above_a_part_hides_nothing(clone: Path) -> None:
    fetched(clone)
    before = entries(clone)
    track("checkout", "data/deep/two.txt", cwd=clone).ok()
    (clone / "data/deep/two.txt").unlink()
    track("add", "data", cwd=clone).ok()
    del before[b"deep/two.txt"]
    assert entries(clone) == before


def test_a_whole_checkout_ends_it(clone: Path) -> None:
    fetched(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    assert all_parts(clone / ".git/track") == {b"data": (b"deep",)}
    track("checkout", "data", cwd=clone).ok()
    assert all_parts(clone / ".git/track") == {}
    assert looked(clone).look.absent_count == 0  # type: ignore[union-attr]  # it was looked at
    (clone / "data/a.txt").unlink()
    track("add", "data", cwd=clone).ok()
    assert b"a.txt" not in entries(clone)


def test_a_part_of_a_whole_artifact_leaves_it_whole(clone: Path) -> None:
    track("pull", cwd=clone).ok()
    (clone / "data/deep/two.txt").unlink()
    track("checkout", "data/deep", cwd=clone).ok()
    track("add", "data/deep", cwd=clone).ok()
    assert all_parts(clone / ".git/track") == {}


def test_parts_of_a_tree_that_was_deleted_begin_anew(clone: Path) -> None:
    fetched(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    shutil.rmtree(clone / "data")
    track("checkout", "data/other", cwd=clone).ok()
    assert all_parts(clone / ".git/track") == {b"data": (b"other",)}
    assert (clone / "data/other/x").read_bytes() == b"x"


def test_a_damaged_record_is_an_error_and_not_a_guess(clone: Path) -> None:
    fetched(clone)
    track("checkout", "data/deep", cwd=clone).ok()
    (clone / ".git/track/parts.json").write_bytes(b"{")
    done = track("add", "data", cwd=clone)
    assert done.code == 1 and "parts.json" in done.err
    with pytest.raises(Unreadable):
        all_parts(clone / ".git/track")


def test_parts_come_back_as_they_were_recorded(tmp_path: Path) -> None:
    remember(tmp_path, b"a\xff", [b"x", b"x/y", b"x-y", b"z\\"])
    assert placed_parts(tmp_path) == {b"a\xff": Parts((b"x", b"x-y", b"z\\"))}
    remember(tmp_path, b"b", [b"y"], digest_of(b"one"))
    assert placed_parts(tmp_path) == {b"a\xff": Parts((b"x", b"x-y", b"z\\")), b"b": Parts((b"y",), digest_of(b"one"))}
    remember(tmp_path, b"b", None)
    remember(tmp_path, b"a\xff", None)
    assert all_parts(tmp_path) == {}
    assert outermost([]) == ()


# ---- what follows a pointer that moved ----


@pytest.fixture
def moved(clone: Path) -> Path:
    """`data/deep` is here, edited nowhere; the pointer is a colleague's newer one, and no hook runs."""
    track("hooks", "uninstall", cwd=clone).ok()
    track("pull", "data/deep", cwd=clone).ok()
    colleague = clone.parent / "repo"
    write_tree(
        colleague,
        {
            "data/deep/two.txt": b"two, newer",
            "data/other/x": b"x, newer",
            "data/deep/four": b"4",
        },
    )
    track("add", "data", cwd=colleague).ok()
    commit_all(colleague, "newer")
    track("push", cwd=colleague).ok()
    git("pull", "--quiet", cwd=clone)
    assert (clone / "data/deep/two.txt").read_bytes() == b"two"
    return clone


def test_what_is_partly_here_is_not_recorded_over_a_newer_pointer(moved: Path) -> None:
    before = (moved / "data.track").read_bytes()
    done = track("add", "data", cwd=moved)
    assert done.code == 4 and "track fetch -- data/deep\n" in done.err
    track("fetch", "--", "data/deep", cwd=moved).ok()
    done = track("add", "data", cwd=moved)
    assert done.code == 6 and "data comes from version" in done.err and "track checkout data/deep  " in done.err
    assert (moved / "data.track").read_bytes() == before
    track("pull", "data/deep", cwd=moved).ok()
    (moved / "data/deep/two.txt").write_bytes(b"edited on top")
    track("add", "data", cwd=moved).ok()
    assert entries(moved)[b"deep/two.txt"] == len(b"edited on top")
    assert entries(moved)[b"other/x"] == len(b"x, newer")
    track("add", "data", cwd=moved).ok()


def test_one_part_brought_up_to_date_does_not_vouch_for_another(clone: Path) -> None:
    track("hooks", "uninstall", cwd=clone).ok()
    track("pull", "data/deep", "data/other", cwd=clone).ok()
    colleague = clone.parent / "repo"
    write_tree(colleague, {"data/deep/two.txt": b"two, newer", "data/other/x": b"x, newer"})
    track("add", "data", cwd=colleague).ok()
    commit_all(colleague, "newer")
    track("push", cwd=colleague).ok()
    git("pull", "--quiet", cwd=clone)
    track("pull", "data/deep", cwd=clone).ok()
    assert track("add", "data", cwd=clone).code == 6
    track("pull", "data/other", cwd=clone).ok()
    track("pull", "data/deep", "data/other", cwd=clone).ok()
    assert "unchanged" in track("add", "data", cwd=clone).ok().out
