"""Checkout: working files become what pointers say, whatever stands there; what is saved nowhere stays."""

import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import Empty, Executable, Link, Node, read_tree, write_tree
from support.worktrees import Tree, make, trees
from track.errors import (
    Conflict,
    DamagedObject,
    MissingObject,
    SpecialFile,
    TrackError,
    UnknownPath,
    UnknownRevision,
    UnsavedWork,
)
from track.project import Project
from track.verbs.checkout import CheckedOut, checkout
from track.worktree import place
from track.worktree.scan import scan
from track.worktree.stat_cache import RACY, STAT, Row, Stat

BIG = bytes(range(256)) * (5 * 1024)
FIRST: dict[bytes | str, Node] = {
    "d/a": b"one",
    "d/b": b"two",
    "d/s/c": b"three",
    "d/gone/deep/x": b"only here",
    "d/hollow": Empty(),
    "d/run": Executable(b"#!/bin/sh\n"),
    "d/link": Link(b"a"),
    "d/big": BIG,
    b"d/caf\xe9\n": b"odd",
    "x.csv": b"1,2\n",
}
SECOND: dict[bytes | str, Node] = {
    "d/a": b"ONE",
    "d/b": b"two",
    "d/s": b"a file now",
    "d/hollow/full": b"",
    "d/new/deep/y": b"only there",
    "d/run": b"#!/bin/sh\n",
    "d/link": Link(b"b"),
    "d/big": BIG[::-1],
    b"d/caf\xe9\n": b"odd",
    "x.csv": b"3,4\n",
}


def write(repo: Path, nodes: dict[bytes | str, Node]) -> None:
    shutil.rmtree(repo / "d", ignore_errors=True)
    (repo / "x.csv").unlink(missing_ok=True)
    write_tree(repo, nodes)


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions, tagged `one` and `two`; the second is checked out."""
    track("init", cwd=repo).ok()
    for name, nodes in (("one", FIRST), ("two", SECOND)):
        write(repo, nodes)
        track("add", "d", "x.csv", cwd=repo).ok()
        commit_all(repo, name)
        git("tag", name, cwd=repo)
    return repo


def out(repo: Path, rev: str | None = None, *paths: str, force: bool = False, dry_run: bool = False) -> CheckedOut:
    with Project.open(repo) as project:
        return checkout(project, rev, paths, force=force, dry_run=dry_run)


def data(repo: Path) -> dict[bytes, Node]:
    return {path: node for path, node in read_tree(repo).items() if path[:2] == b"d/" or path == b"x.csv"}


def expected(nodes: dict[bytes | str, Node]) -> dict[bytes, Node]:
    return {os.fsencode(path): node for path, node in nodes.items()}


def is_clean(repo: Path) -> bool:
    return track("status", "--exit-code", cwd=repo).code == 0


def forget_rows(repo: Path) -> None:
    (repo / ".git/track/stat.db").unlink()


def test_names_of_one_file_are_replaced_and_removed_by_one_command(repo: Path) -> None:
    track("init", cwd=repo).ok()
    for version in ("one", "two"):
        shutil.rmtree(repo / "d", ignore_errors=True)
        write_tree(repo, {"d/0": version.encode()})
        for number in range(1, 4):
            os.link(repo / "d/0", repo / f"d/{number}")
        track("add", "d", cwd=repo).ok()
        commit_all(repo, version)
        git("tag", version, cwd=repo)
    track("checkout", "one", cwd=repo).ok()
    assert {path.read_bytes() for path in (repo / "d").iterdir()} == {b"one"}
    for number in range(1, 4):
        (repo / f"d/{number}").unlink()
        os.link(repo / "d/0", repo / f"d/{number}")
    track("checkout", "two", "--", "d/1", "d/2", cwd=repo).ok()
    assert [(repo / f"d/{number}").read_bytes() for number in range(4)] == [b"one", b"two", b"two", b"one"]
    (repo / "d/3").write_bytes(b"edited")
    said = track("rm", "d", cwd=repo)
    assert said.code == 6, said.err
    track("rm", "--force", "d", cwd=repo).ok()
    assert not (repo / "d").exists()
    track("restore", "last", cwd=repo).ok()
    assert [(repo / f"d/{number}").read_bytes() for number in range(4)] == [b"edited", b"two", b"two", b"edited"]


def test_data_follows_the_pointers_there_and_back(here):
    for name, nodes in (("one", FIRST), ("two", SECOND), ("one", FIRST)):
        git("checkout", "--quiet", name, cwd=here)
        out(here)
        assert data(here) == expected(nodes)
        assert is_clean(here)


def test_says_what_it_did(here):
    git("checkout", "--quiet", "one", cwd=here)
    done = out(here)
    d, x = done.artifacts
    assert (d.path, d.kind, d.created_count, d.replaced_count, d.removed_count) == (b"d", "directory", 2, 4, 3)
    assert (x.path, x.kind, x.created_count, x.replaced_count, x.removed_count) == (b"x.csv", "file", 0, 1, 0)
    assert x.size == 4
    assert out(here).artifacts == ()


def test_everything_comes_into_an_empty_tree(here):
    shutil.rmtree(here / "d")
    (here / "x.csv").unlink()
    done = out(here)
    assert data(here) == expected(SECOND)
    assert sum(artifact.created_count for artifact in done.artifacts) == 10
    assert is_clean(here)


def test_a_missing_file_or_folder_comes_back(here):
    shutil.rmtree(here / "d/new")
    (here / "d/a").unlink()
    out(here)
    assert data(here) == expected(SECOND)


def test_files_that_are_right_are_not_touched(here):
    git("checkout", "--quiet", "one", cwd=here)
    before = (here / "d/b").stat()
    out(here)
    after = (here / "d/b").stat()
    assert (before.st_ino, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def test_what_was_placed_needs_no_reading(here):
    git("checkout", "--quiet", "one", cwd=here)
    out(here)
    with Project.open(here) as project:
        for path in (b"d", b"x.csv"):
            assert scan(project.gate, path, project.stat_cache).unchanged


def test_without_rows_everything_is_read_and_the_result_is_the_same(here):
    git("checkout", "--quiet", "one", cwd=here)
    forget_rows(here)
    out(here)
    assert data(here) == expected(FIRST)
    assert is_clean(here)


def test_a_dry_run_changes_nothing_and_says_the_same(here):
    git("checkout", "--quiet", "one", cwd=here)
    before = read_tree(here)
    would = out(here, dry_run=True)
    assert read_tree(here) == before
    assert would.step is None
    assert would == replace(out(here), step=None)


# ---- unsaved work ----


def refused(repo: Path, *lost: str, rev: str | None = None, paths: tuple[str, ...] = ()) -> None:
    before = read_tree(repo)
    with pytest.raises(UnsavedWork) as caught:
        out(repo, rev, *paths)
    assert caught.value.details == lost
    assert "--force" in (caught.value.hint or "")
    assert read_tree(repo) == before


def test_data_whose_pointer_was_deleted_is_told_how_to_have_it_again(here):
    (here / "d.track").unlink()
    done = track("checkout", "d", cwd=here)
    assert done.code == 2
    assert "`d` has no pointer here" in done.err
    assert "git checkout HEAD -- d.track" in done.err
    git("checkout", "HEAD", "--", "d.track", cwd=here)
    track("checkout", "d", cwd=here).ok()


def test_the_way_out_of_unsaved_work_can_be_pasted(here):
    (here / "d/new name").write_bytes(b"work")
    track("add", "d", cwd=here).ok()
    (here / "d/new name").write_bytes(b"more")
    assert "`track add 'd/new name'`" in track("checkout", "d", cwd=here).err
    (here / "x.csv").unlink()
    write_tree(here, {"x.csv/inside": b"a folder where a file was"})
    assert "`track add x.csv`" in track("checkout", "x.csv", cwd=here).err
    track("add", "x.csv", cwd=here).ok()
    assert track("checkout", "x.csv", cwd=here).code == 0


def test_an_edit_that_would_go_stops_everything_and_every_one_is_named(here):
    (here / "d/a").write_bytes(b"work")
    (here / "x.csv").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    refused(here, "d/a", "x.csv")
    out(here, force=True)
    assert data(here) == expected(FIRST)


def test_an_edit_of_the_version_that_is_here_is_what_would_go_where_it_was_named(here):
    (here / "d/b").write_bytes(b"work")
    refused(here, "d/b", paths=("d",))
    refused(here, "d/b", paths=("d/b",))
    out(here, None, "d/b", force=True)
    assert data(here) == expected(SECOND)


def left_alone(repo: Path, *, d: tuple[bytes, ...] = (), x: tuple[bytes, ...] = ()) -> None:
    """A plain checkout succeeds, changes nothing, and names what it left."""
    before = read_tree(repo)
    done = out(repo)
    assert {artifact.path: artifact.stays for artifact in done.artifacts} == {
        path: stays for path, stays in ((b"d", d), (b"x.csv", x)) if stays
    }
    assert (done.step, done.given_up) == (None, ())
    assert read_tree(repo) == before
    assert not is_clean(repo)


def test_edits_beside_a_pointer_that_did_not_move_stay_and_are_named(here):
    (here / "d/b").write_bytes(b"work")
    (here / "d/big").write_bytes(b"resized work")
    (here / "x.csv").write_bytes(b"5,6\n")
    left_alone(here, d=(b"b", b"big"), x=(b"",))
    left_alone(here, d=(b"b", b"big"), x=(b"",))  # nothing was recorded that says otherwise


def test_edits_beside_a_pointer_that_did_not_move_hold_up_no_other_artifact(here):
    git("checkout", "--quiet", "one", "--", "x.csv.track", cwd=here)
    (here / "d/a").write_bytes(b"work")
    out(here)
    assert data(here) == {**expected(SECOND), b"d/a": b"work", b"x.csv": b"1,2\n"}
    git("checkout", "--quiet", "two", "--", "x.csv.track", cwd=here)
    (here / "x.csv").write_bytes(b"work, and its pointer moved")
    refused(here, "x.csv")


def test_beside_a_pointer_that_did_not_move_what_is_gone_or_saved_elsewhere_still_comes(here):
    (here / "d/b").write_bytes(b"work")
    (here / "d/a").unlink()
    shutil.rmtree(here / "d/new")
    (here / "d/run").write_bytes(b"one")  # content that another version has
    done = out(here).artifacts[0]
    assert (done.created_count, done.replaced_count, done.stays) == (2, 1, (b"b",))
    assert data(here) == {**expected(SECOND), b"d/b": b"work"}


def test_a_folder_of_work_in_place_of_a_file_and_the_reverse_stay_beside_a_pointer_that_did_not_move(here):
    (here / "d/a").unlink()
    write_tree(here, {"d/a/mine": b"work", "d/a/known": b"two"})
    shutil.rmtree(here / "d/new")
    (here / "d/new").write_bytes(b"work")
    left_alone(here, d=(b"a/mine", b"new"))
    refused(here, "d/a/mine", "d/new", paths=("d",))
    out(here, force=True)
    assert data(here) == expected(SECOND)


def test_an_edit_of_a_file_that_is_the_same_in_both_versions_stays(here):
    (here / "d/b").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    done = out(here)
    assert done.artifacts[0].stays == (b"b",)
    assert data(here) == {**expected(FIRST), b"d/b": b"work"}
    assert not is_clean(here)
    refused(here, "d/b", paths=("d",))


def test_new_files_stay_unless_they_are_in_the_way(here):
    (here / "d/mine").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    out(here)
    assert data(here) == {**expected(FIRST), b"d/mine": b"work"}
    out(here, force=True)
    assert data(here) == expected(FIRST)


@pytest.mark.parametrize("rows", [True, False])
def test_a_new_file_in_the_way_stops_everything(here, rows):
    (here / "d/gone/deep").mkdir(parents=True)
    (here / "d/gone/deep/x").write_bytes(b"another work")
    git("checkout", "--quiet", "one", cwd=here)
    if not rows:
        forget_rows(here)
    refused(here, "d/gone/deep/x")


def test_a_new_file_where_a_folder_should_be_stops_everything(here):
    (here / "d/gone").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    refused(here, "d/gone")
    out(here, force=True)
    assert data(here) == expected(FIRST)


def test_new_files_in_a_folder_where_a_file_should_be_stop_everything(here):
    git("checkout", "--quiet", "one", cwd=here)
    out(here)
    (here / "d/s/mine").write_bytes(b"work")
    git("checkout", "--quiet", "two", cwd=here)
    refused(here, "d/s/mine")
    out(here, force=True)
    assert data(here) == expected(SECOND)


def test_a_new_file_with_the_right_content_is_taken_for_what_it_is(here):
    write_tree(here, {"d/gone/deep/x": b"only here"})
    inode = (here / "d/gone/deep/x").stat().st_ino
    git("checkout", "--quiet", "one", cwd=here)
    out(here)
    assert data(here) == expected(FIRST)
    assert (here / "d/gone/deep/x").stat().st_ino == inode
    assert is_clean(here)


def test_content_that_is_saved_may_be_replaced_wherever_it_stands(here):
    (here / "d/a").write_bytes(b"only here")
    git("checkout", "--quiet", "one", cwd=here)
    out(here)
    assert data(here) == expected(FIRST)


def test_an_edit_that_keeps_size_and_time_is_found(here):
    file = here / "d/a"
    before = file.stat()
    time.sleep(0.02)
    file.write_bytes(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    file.write_bytes(b"Two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    git("checkout", "--quiet", "one", cwd=here)
    refused(here, "d/a")


def unpacked(row: Row) -> list[Stat]:
    return [Stat._make(each) for each in STAT.iter_unpack(row.stats)]


@pytest.mark.parametrize("doubtful", [None, b"b"], ids=["folder as its row says", "another file in doubt"])
def test_a_file_changed_shortly_before_it_was_added_is_hashed_again_before_it_goes(here, monkeypatch, doubtful):
    read = []
    real = place.publish.rename
    monkeypatch.setattr(place.publish, "rename", lambda *args, **options: (read.append(args), real(*args, **options)))
    git("checkout", "--quiet", "one", cwd=here)
    with Project.open(here) as project:
        row = project.stat_cache.row(b"d", b"")
        assert row is not None
        found, digests = row
        names = found.names.split(b"\0")
        wrong, at = bytearray(digests), names.index(b"a") * 32
        wrong[at : at + 32] = bytes(32 * [7])
        flags = (RACY if name == doubtful else 0 for name in names)
        stats = [STAT.pack(*stat._replace(flags=flag)) for stat, flag in zip(unpacked(found), flags, strict=True)]
        found = found._replace(stats=b"".join(stats))
        root = project.stat_cache.recorded(b"d")
        assert root is not None
        project.stat_cache.update(b"d", root, [(found, bytes(wrong))], gone=(), base=root.root)
    out(here)
    assert data(here) == expected(FIRST)
    assert read


def test_a_link_in_place_of_an_artifact_is_work_too(here):
    shutil.move(here / "d", here / "elsewhere")
    (here / "d").symlink_to("elsewhere")
    (here / "x.csv").unlink()
    (here / "x.csv").symlink_to("elsewhere/a")
    refused(here, "d", "x.csv", paths=("d", "x.csv"))
    left_alone(here, d=(b"",), x=(b"",))
    out(here, force=True)
    assert data(here) == expected(SECOND)
    assert (here / "elsewhere/a").read_bytes() == b"ONE"


def test_a_folder_in_place_of_a_file_and_the_reverse(here):
    (here / "x.csv").unlink()
    write_tree(here, {"x.csv/in": b"work", "x.csv/none": Empty()})
    shutil.rmtree(here / "d")
    (here / "d").write_bytes(b"work")
    refused(here, "d", "x.csv/in", paths=("d", "x.csv"))
    left_alone(here, d=(b"",), x=(b"in",))
    out(here, force=True)
    assert data(here) == expected(SECOND)
    assert is_clean(here)


@pytest.mark.parametrize("where", ["d/a", "d/mine", "x.csv"])
def test_a_pipe_in_the_tree_never_blocks(here, where):
    (here / where).unlink(missing_ok=True)
    os.mkfifo(here / where)
    git("checkout", "--quiet", "one", cwd=here)
    if where == "d/mine":
        out(here)
    else:
        with pytest.raises((UnsavedWork, SpecialFile)):
            out(here)
        out(here, force=True)
        assert data(here) == expected(FIRST)


def test_a_file_that_changes_between_plan_and_placing_is_not_replaced(here, monkeypatch):
    git("checkout", "--quiet", "one", cwd=here)
    real = place.Placer.wait

    def edited(self):
        (here / "d/a").write_bytes(b"work")
        return real(self)

    monkeypatch.setattr(place.Placer, "wait", edited)
    with pytest.raises(UnsavedWork):
        out(here)
    assert (here / "d/a").read_bytes() == b"work"
    monkeypatch.undo()
    refused(here, "d/a")
    out(here, force=True)
    assert data(here) == expected(FIRST)


# ---- parts, revisions and pointers ----


def test_parts_of_an_artifact_come_alone(here):
    shutil.rmtree(here / "d")
    out(here, None, "d/new", "d/a")
    assert data(here) == {b"d/a": b"ONE", b"d/new/deep/y": b"only there", b"x.csv": b"3,4\n"}
    out(here)
    assert data(here) == expected(SECOND)
    assert is_clean(here)


def test_a_part_checked_out_alone_can_be_changed_and_added(here):
    shutil.rmtree(here / "d")
    out(here, None, "d/a")
    (here / "d/a").write_bytes(b"third")
    track("add", "d/a", cwd=here).ok()
    out(here)
    assert data(here) == {**expected(SECOND), b"d/a": b"third"}


def test_a_part_of_another_revision_comes_and_the_pointer_stays(here):
    pointer = (here / "d.track").read_bytes()
    out(here, "one", "d/a", "d/gone")
    assert data(here) == {**expected(SECOND), b"d/a": b"one", b"d/gone/deep/x": b"only here"}
    assert (here / "d.track").read_bytes() == pointer
    refused_none = out(here, None, "d/a")
    assert refused_none.artifacts[0].replaced_count == 1
    assert (here / "d/a").read_bytes() == b"ONE"


def test_another_revision_comes_and_pointers_are_left_to_git(here):
    pointers = {path.name: path.read_bytes() for path in here.glob("?*.track")}
    done = out(here, "one")
    assert data(here) == expected(FIRST)
    assert {path.name: path.read_bytes() for path in here.glob("?*.track")} == pointers
    assert done.pointers == ()
    assert git("status", "--porcelain", cwd=here) == ""
    out(here)
    assert data(here) == expected(SECOND)


def test_another_revision_of_one_artifact_brings_its_pointer_unstaged(here):
    done = out(here, "one", "x.csv")
    assert done.pointers == (b"x.csv.track",)
    assert data(here) == {**expected(SECOND), b"x.csv": b"1,2\n"}
    assert git("status", "--porcelain", cwd=here) == " M x.csv.track\n"
    assert (here / "x.csv.track").read_text() == git("show", "one:x.csv.track", cwd=here)
    assert out(here, "one", "x.csv").pointers == ()


def test_an_artifact_that_is_only_in_another_revision_stays_out_of_git(here):
    write_tree(here, {"old.bin": b"old"})
    track("add", "old.bin", cwd=here).ok()
    commit_all(here, "old")
    git("tag", "three", cwd=here)
    git("checkout", "--quiet", "two", cwd=here)
    (here / "old.bin").unlink()
    out(here, "three")
    assert (here / "old.bin").read_bytes() == b"old"
    assert "old.bin" not in git("status", "--porcelain", "--untracked-files=all", cwd=here)


def test_the_pointers_path_means_the_data(here):
    (here / "x.csv").unlink()
    out(here, None, "x.csv.track")
    assert (here / "x.csv").read_bytes() == b"3,4\n"


def test_what_is_asked_for_must_be_there(here):
    for rev, paths, kind in (
        (None, ("nowhere",), UnknownPath),
        (None, ("d/nowhere",), UnknownPath),
        ("one", ("d/new",), UnknownPath),
        (None, ("x.csv/in",), UnknownPath),
        ("nonesuch", (), UnknownRevision),
    ):
        with pytest.raises(kind):
            out(here, rev, *paths)
    assert data(here) == expected(SECOND)


# ---- bytes that are not here, or not what they should be ----


def test_what_is_not_here_is_named_and_everything_else_is_placed(here):
    git("checkout", "--quiet", "one", cwd=here)
    wholes = [path for path in (here / ".git/track/store/objects").rglob("*") if path.is_file()]
    (whole,) = (path for path in wholes if path.read_bytes() == BIG)
    whole.unlink()
    with pytest.raises(MissingObject) as caught:
        out(here)
    assert caught.value.exit_code == 4
    assert "d: 1 object" in caught.value.details[0]
    found = data(here)
    assert found[b"x.csv"] == b"1,2\n"
    assert {path: node for path, node in found.items() if path != b"x.csv"} == {
        path: node for path, node in expected(SECOND).items() if path != b"x.csv"
    }


def test_without_any_store_every_artifact_is_named(here):
    shutil.rmtree(here / ".git/track/store")
    git("checkout", "--quiet", "one", cwd=here)
    with pytest.raises(MissingObject, match="2 artifacts"):
        out(here)
    assert data(here) == expected(SECOND)


def test_a_damaged_large_object_is_never_placed(here):
    git("checkout", "--quiet", "one", cwd=here)
    for path in (here / ".git/track/store/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            content = bytearray(path.read_bytes())
            content[1000] ^= 1
            path.write_bytes(content)
    with pytest.raises(DamagedObject):
        out(here)
    assert data(here) == expected({**SECOND, "x.csv": FIRST["x.csv"]})


def test_damage_stops_its_own_artifact_alone_and_names_it(here):
    write_tree(here, {"other/a": b"one", "other/b": b"two"})
    track("add", "other", cwd=here).ok()
    commit_all(here, "other")
    shutil.rmtree(here / "other")
    before = data(here)
    for path in (here / ".git/track/store/packs").rglob("*.pack"):
        content = path.read_bytes()
        if b"onetwo" in content:
            path.chmod(0o644)
            path.write_bytes(content.replace(b"onetwo", b"onexwo"))
    (here / "x.csv").unlink()

    done = track("checkout", cwd=here)

    assert done.code == 7
    assert "other: 1 object (3 bytes) is damaged" in done.err
    assert "hint: track repair" in done.err
    assert data(here) == before
    again = track("checkout", cwd=here)
    assert again.code == 4
    assert "other: 1 object (3 bytes) is not here" in again.err


def test_damaged_small_objects_are_never_placed(here):
    git("checkout", "--quiet", "one", cwd=here)
    for path in (here / ".git/track/store/packs").rglob("*.pack"):
        path.chmod(0o644)
        content = bytearray(path.read_bytes())
        content[: len(content) // 2] = bytes(byte ^ 1 for byte in content[: len(content) // 2])
        path.write_bytes(content)
    with pytest.raises(TrackError) as caught:
        out(here)
    assert caught.value.exit_code in (4, 7)
    assert data(here) == expected(SECOND)


def test_a_link_on_the_way_to_the_data_is_never_followed(here, tmp_path):
    write_tree(here, {"folder/y.bin": b"y"})
    track("add", "folder/y.bin", cwd=here).ok()
    commit_all(here, "y")
    shutil.rmtree(here / "folder")
    (tmp_path / "outside").mkdir()
    (here / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(TrackError):
        out(here, "HEAD")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_inside_an_artifact_that_a_version_writes_below_is_replaced_not_followed(here, tmp_path):
    (tmp_path / "outside").mkdir()
    shutil.rmtree(here / "d/new")
    (here / "d/new").symlink_to(tmp_path / "outside")
    refused(here, "d/new", paths=("d",))
    assert out(here).artifacts[0].stays == (b"new",)
    assert (here / "d/new").is_symlink() and list((tmp_path / "outside").iterdir()) == []
    out(here, force=True)
    assert data(here) == expected(SECOND)
    assert list((tmp_path / "outside").iterdir()) == []


# ---- links to the store ----


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_large_files_can_be_links_to_the_store_and_count_as_files(here, link):
    track("config", "checkout.link", link, cwd=here).ok()
    for name, nodes in (("one", FIRST), ("two", SECOND)):
        git("checkout", "--quiet", name, cwd=here)
        out(here)
        big = here / "d/big"
        assert big.read_bytes() == nodes["d/big"]
        assert big.is_symlink() == (link == "symlink")
        assert big.stat().st_mode & 0o222 == 0
        assert is_clean(here)
        forget_rows(here)
        assert is_clean(here)
        track("add", "d", cwd=here).ok()
        assert git("status", "--porcelain", cwd=here) == ""
    track("config", "checkout.link", "copy", cwd=here).ok()
    (here / "d/big").unlink()
    out(here)
    assert not (here / "d/big").is_symlink()
    assert os.access(here / "d/big", os.W_OK)


@pytest.mark.parametrize("edit", [b"X", b"X" * len(BIG) + b"longer"])
def test_what_is_written_through_a_link_to_the_store_is_seen_and_neither_added_nor_given_up(here, edit):
    track("config", "checkout.link", "symlink", cwd=here).ok()
    (here / "d/big").unlink()
    out(here)
    with open(here / "d/big", "r+b") as file:
        file.write(edit)
    written = (here / "d/big").read_bytes()
    assert not is_clean(here)
    done = track("add", "d", cwd=here)
    assert done.code == 7
    assert "d/big was changed through its link into the store" in done.err
    assert git("status", "--porcelain", cwd=here) == ""
    refused(here, "d/big", rev="one")
    assert (here / "d/big").read_bytes() == written
    content = os.path.realpath(here / "d/big")
    shutil.copy(content, here / "aside")  # as the hint says, with `cp --remove-destination`
    os.replace(here / "aside", here / "d/big")
    track("add", "d", cwd=here).ok()
    commit_all(here, "three")
    assert is_clean(here)
    shutil.rmtree(here / "d")
    out(here)
    assert (here / "d/big").read_bytes() == written


def test_a_link_whose_object_is_gone_is_never_added_as_data(here):
    track("config", "checkout.link", "symlink", cwd=here).ok()
    (here / "d/big").unlink()
    out(here)
    os.unlink(os.path.realpath(here / "d/big"))
    for asked in ("d", "d/big"):
        done = track("add", asked, cwd=here)
        assert done.code == 4
        assert "d/big is a link to an object that is not in the store any more" in done.err
    assert "cannot be read" in track("status", cwd=here).ok().out
    assert git("status", "--porcelain", cwd=here) == ""
    out(here, "one", force=True)
    assert (here / "d/big").read_bytes() == BIG


def test_small_and_executable_files_are_copies_whatever_is_configured(here):
    track("config", "checkout.link", "symlink", cwd=here).ok()
    write_tree(here, {"tool": Executable(BIG + b"x")})
    track("add", "tool", cwd=here).ok()
    (here / "tool").unlink()
    shutil.rmtree(here / "d")
    out(here)
    assert not (here / "tool").is_symlink()
    assert os.access(here / "tool", os.X_OK)
    assert {path for path, node in data(here).items() if isinstance(node, Link)} == {b"d/big", b"d/link"}


# ---- linked worktrees, leftovers ----


def test_a_linked_working_tree_has_its_own_rows_and_the_same_store(here, tmp_path):
    git("worktree", "add", "--quiet", str(tmp_path / "linked"), "one", cwd=here)
    out(tmp_path / "linked")
    assert data(tmp_path / "linked") == expected(FIRST)
    assert is_clean(tmp_path / "linked")
    assert data(here) == expected(SECOND)
    assert is_clean(here)


def test_what_a_killed_checkout_left_is_swept_away(here):
    left = here / ".git/track/staging/999999999.1.0000000000000000.abc"
    write_tree(left, {"1/deep/f": b"half"})
    probe = out(here)
    assert probe.artifacts == ()
    (here / "d/a").unlink()
    out(here)
    staging = here / ".git/track/staging"
    assert [path.name for path in staging.iterdir() if not path.name.startswith("999999999")] == []


# ---- any two versions ----


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(trees(), trees(), st.booleans())
def test_any_tree_becomes_any_other(first: Tree, second: Tree, rows: bool) -> None:
    with tempfile.TemporaryDirectory() as place_:
        repo = new_repository(Path(place_) / "repo")
        track("init", cwd=repo).ok()
        trees_ = []
        for tree in (first, second):
            shutil.rmtree(repo / "d", ignore_errors=True)
            make(os.fsencode(repo / "d"), tree)
            track("add", "d", cwd=repo).ok()
            trees_.append(read_tree(repo / "d"))
            commit_all(repo, "a version")
        if not rows:
            forget_rows(repo)
        for rev, wanted in (("HEAD~1", trees_[0]), ("HEAD", trees_[1]), ("HEAD~1", trees_[0])):
            out(repo, rev)
            assert read_tree(repo / "d") == wanted
        shutil.rmtree(repo / "d")
        out(repo, "HEAD~1")
        assert read_tree(repo / "d") == trees_[0]
        with Project.open(repo) as project:
            assert scan(project.gate, b"d", project.stat_cache).unchanged


@pytest.mark.parametrize("node", [b"a file", Link(b"nowhere")])
def test_an_empty_folder_takes_the_place_of_what_is_saved(repo, node):
    track("init", cwd=repo).ok()
    for tree in ({"d/a": node}, {"d/a": Empty()}):
        shutil.rmtree(repo / "d", ignore_errors=True)
        write_tree(repo, tree)
        track("add", "d", cwd=repo).ok()
        commit_all(repo, "a version")
    out(repo, "HEAD~1")
    forget_rows(repo)
    out(repo, "HEAD")
    assert (repo / "d/a").is_dir() and not (repo / "d/a").is_symlink()


def test_many_files_are_written_by_several_processes(here, monkeypatch):
    monkeypatch.setattr(place, "WORTH_SPREADING", 3)
    monkeypatch.setattr(place, "cores", lambda: 3)
    shutil.rmtree(here / "d")
    out(here)
    assert data(here) == expected(SECOND)
    assert is_clean(here)


def test_a_filesystem_that_folds_names_loses_nothing(here, monkeypatch):
    real = place.publish.create_with

    def folding(name, content, **options):
        if name == b"B":
            raise FileExistsError
        return real(name, content, **options)

    write_tree(here, {"d/B": b"other"})
    track("add", "d", cwd=here).ok()
    shutil.rmtree(here / "d")
    monkeypatch.setattr(place.publish, "create_with", folding)
    with pytest.raises(Conflict, match="folds"):
        out(here)
    assert not (here / "d").exists()


def test_a_folder_that_is_empty_in_the_version_stays_when_a_stranger_in_it_goes(here):
    (here / "d/nothing").mkdir()
    track("add", "d", cwd=here).ok()
    commit_all(here, "an empty folder")
    (here / "d/nothing/stranger").write_bytes(b"nobody's")
    out(here, force=True)
    assert (here / "d/nothing").is_dir()
    assert not (here / "d/nothing/stranger").exists()
    assert is_clean(here)


@pytest.mark.parametrize("versions", [(Empty(), b"a file"), (b"a file", Empty())], ids=["to a file", "to a folder"])
def test_an_empty_folder_and_a_file_take_each_other_s_place_and_stay_in_the_version(
    repo: Path, versions: tuple[Node, Node]
) -> None:
    track("init", cwd=repo).ok()
    for name, node in zip(("one", "two"), versions, strict=True):
        shutil.rmtree(repo / "d", ignore_errors=True)
        write_tree(repo, {"d/a": b"a", "d/s/b": b"b", "d/z": node})
        track("add", "d", cwd=repo).ok()
        commit_all(repo, name)
        git("tag", name, cwd=repo)
    pointer = (repo / "d.track").read_bytes()
    track("checkout", "one", cwd=repo).ok()
    track("checkout", "two", cwd=repo).ok()
    write_tree(repo, {"d/new": b"new"})
    track("add", "d", cwd=repo).ok()
    (repo / "d/new").unlink()
    track("add", "d", cwd=repo).ok()
    assert (repo / "d.track").read_bytes() == pointer
