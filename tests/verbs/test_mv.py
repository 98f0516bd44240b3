"""Mv: data, pointers and what is known of them move together; nothing is read again, replaced or lost."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import State, state
from support.trees import Empty, Executable, Link, read_tree, write_tree
from track.errors import AlreadyInGit, Conflict, InsideArtifact, NameTooLong, TrackError, UnknownPath, UsageError
from track.project import Project
from track.verbs.mv import Moved, mv
from track.verbs.restore import restore
from track.worktree.scan import scan

BIG = bytes(range(256)) * (5 * 1024)


@pytest.fixture
def here(repo: Path) -> Path:
    """Two directories, a file and a named artifact, committed; `code.py` is Git's own, `sub/` an ordinary folder."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"code.py": b"pass\n", "sub/code.py": b"pass\n", "d/a": b"a", "d/s/b": b"b", "d/big": BIG})
    write_tree(repo, {"d/s/run": Executable(b"c"), "d/s/deep/l": Link(b"../b"), "d/s/hollow": Empty()})
    write_tree(repo, {"e/one": b"1", "x.csv": b"1,2\n", "run.sh": Executable(b"#!/bin/sh\n")})
    track("add", "d", "e", "run.sh", cwd=repo).ok()
    track("add", "x.csv", "--label", "k=v", "--tag", "t", cwd=repo).ok()
    track("label", "d", "of=d", cwd=repo)
    track("add", "--name", "Model", "x.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def go(repo: Path, *paths: str, stage: bool = True, dry_run: bool = False) -> Moved:
    with Project.open(repo) as project:
        return mv(project, paths[:-1], paths[-1], stage=stage, dry_run=dry_run)


def undo(repo: Path) -> None:
    with Project.open(repo) as project:
        restore(project)


def seen(repo: Path) -> State:
    git("update-index", "-q", "--refresh", cwd=repo, check=False)
    return state(repo)


def is_known(repo: Path, *paths: str) -> bool:
    """Whether nothing would have to be read to know that these artifacts are what their pointers say."""
    with Project.open(repo) as project:
        for path in paths:
            found = scan(project.gate, os.fsencode(path), project.stat_cache, state=project.worktree_state)
            pending = [item for folder in found.folders for item in folder.items()]
            if found.root != project.pointers()[os.fsencode(path) + b".track"].digest or pending or found.gone:
                return False
    return True


def is_clean(repo: Path) -> bool:
    return "data that differs" not in track("status", cwd=repo).ok().out


def settle(repo: Path) -> None:
    """Let the clock tick on, and the rows know it."""
    track("status", cwd=repo).ok()


def test_a_file_gets_another_name_and_keeps_all_that_was_said_of_it(here: Path) -> None:
    settle(here)
    before, pointer = seen(here), (here / "x.csv.track").read_bytes()
    done = go(here, "x.csv", "y.csv")
    assert [(one.source, one.target, one.how) for one in done.moves] == [(b"x.csv", b"y.csv", "renamed")]
    assert (here / "y.csv").read_bytes() == b"1,2\n"
    assert not (here / "x.csv").exists()
    assert (here / "y.csv.track").read_bytes() == pointer
    assert {b"/y.csv"} == {line for line in (here / ".gitignore").read_bytes().splitlines() if b"csv" in line}
    assert git("status", "--short", cwd=here).splitlines() == ["M  .gitignore", "R  x.csv.track -> y.csv.track"]
    assert is_known(here, "y.csv")
    undo(here)
    assert seen(here) == before
    assert is_clean(here)


def test_what_a_person_wrote_in_a_pointer_moves_with_it(here: Path) -> None:
    path = here / "x.csv.track"
    path.write_bytes(path.read_bytes() + b"# said by hand\n")
    written = path.read_bytes()
    go(here, "x.csv", "y.csv")
    assert (here / "y.csv.track").read_bytes() == written


def test_a_directory_moves_into_a_folder_and_nothing_of_it_is_read(here: Path) -> None:
    settle(here)
    before = seen(here)
    content = read_tree(here / "d")
    go(here, "d", "sub")
    assert read_tree(here / "sub/d") == content
    assert (here / "sub/.gitignore").read_bytes() == b"/d\n"
    assert is_known(here, "sub/d")
    undo(here)
    assert seen(here) == before
    assert is_known(here, "d")


def test_several_move_into_a_folder(here: Path) -> None:
    before = seen(here)
    done = go(here, "x.csv", "e", "sub/")
    assert sorted(one.target for one in done.moves) == [b"sub/e", b"sub/x.csv"]
    undo(here)
    assert seen(here) == before


def test_unsaved_edits_move_as_they_stand(here: Path) -> None:
    settle(here)
    write_tree(here, {"x.csv": b"unsaved", "d/a": b"unsaved too", "d/new": b"never added"})
    go(here, "x.csv", "sub/y.csv")
    go(here, "d", "f")
    assert (here / "sub/y.csv").read_bytes() == b"unsaved"
    assert (here / "f/a").read_bytes() == b"unsaved too"
    assert (here / "f/new").read_bytes() == b"never added"
    with Project.open(here) as project:
        found = scan(project.gate, b"f", project.stat_cache, state=project.worktree_state)
        assert sorted(item.path for _, item in found.changed) == [b"a", b"new"]
    assert not is_clean(here)


def test_an_artifact_becomes_a_part_of_a_directory(here: Path) -> None:
    settle(here)
    before = seen(here)
    done = go(here, "x.csv", "d/s")
    assert [(one.target, one.how) for one in done.moves] == [(b"d/s/x.csv", "joined")]
    assert (here / "d/s/x.csv").read_bytes() == b"1,2\n"
    assert not (here / "x.csv.track").exists()
    assert is_known(here, "d")
    said = track("show", "d", "--json", cwd=here)
    assert said.code != 0 or "k" in said.out
    assert track("ls", "d/s", cwd=here).ok().out.count("x.csv") == 1
    undo(here)
    assert seen(here) == before
    assert is_clean(here)


def test_a_directory_becomes_a_part_of_another(here: Path) -> None:
    settle(here)
    before, content = seen(here), read_tree(here / "d")
    go(here, "d", "e")
    assert {path[2:]: node for path, node in read_tree(here / "e").items() if path != b"one"} == content
    assert is_known(here, "e")
    undo(here)
    assert seen(here) == before
    assert is_clean(here)


@pytest.mark.parametrize(("part", "target"), [("d/s", "recent"), ("d/s/run", "sub/run"), ("d/s/hollow", "hollow")])
def test_a_part_becomes_an_artifact_of_its_own(here: Path, part: str, target: str) -> None:
    settle(here)
    before = seen(here)
    moved = read_tree(here / part) if part != "d/s/run" else {}
    done = go(here, part, target)
    assert [one.how for one in done.moves] == ["split"]
    assert not (here / part).exists()
    if part == "d/s/run":
        assert os.access(here / target, os.X_OK)
        assert b"executable = true" in (here / (target + ".track")).read_bytes()
    else:
        assert read_tree(here / target) == moved
    assert is_known(here, "d", target)
    assert git("check-ignore", target, cwd=here).strip() == target
    undo(here)
    assert seen(here) == before
    assert is_clean(here)


def test_a_part_moves_within_and_between_directories(here: Path) -> None:
    settle(here)
    before = seen(here)
    assert [one.how for one in go(here, "d/s/deep", "d/deeper").moves] == ["moved"]
    assert is_known(here, "d")
    assert [one.how for one in go(here, "d/big", "d/s/run", "e").moves] == ["moved", "moved"]
    assert sorted(read_tree(here / "e")) == [b"big", b"one", b"run"]
    assert is_known(here, "d", "e")
    undo(here)
    undo(here)
    assert seen(here) == before
    assert is_clean(here)


def test_a_split_and_a_join_give_back_the_same_version(here: Path) -> None:
    digest = git("show", "HEAD:d.track", cwd=here).splitlines()[2]
    go(here, "d/s", "t")
    go(here, "t", "d/s")
    assert (here / "d.track").read_text().splitlines()[2] == digest


def test_nothing_is_stored_again(here: Path) -> None:
    with Project.open(here) as project:
        held = sum(size for _, size in project.store.objects() if size > 4096)
    go(here, "d", "f")
    go(here, "f/big", "big")
    with Project.open(here) as project:
        assert sum(size for _, size in project.store.objects() if size > 4096) == held


def test_data_that_is_not_here_moves_by_its_pointer(here: Path) -> None:
    (here / "x.csv").unlink()
    go(here, "x.csv", "sub/y.csv")
    assert not (here / "x.csv.track").exists()
    track("checkout", "sub/y.csv", cwd=here).ok()
    assert (here / "sub/y.csv").read_bytes() == b"1,2\n"


def test_a_name_gets_another_name(here: Path) -> None:
    before = seen(here)
    done = go(here, "Model", "models/best")
    assert [one.target for one in done.moves] == [b".track/artifacts/models/best.track"]
    assert not (here / ".track/artifacts/%4Dodel.track").exists()
    undo(here)
    assert seen(here) == before
    track("add", "--name", "other", "x.csv", cwd=here).ok()
    with pytest.raises(Conflict):
        go(here, "Model", "other")


def test_letters_alone_may_change(here: Path) -> None:
    before = seen(here)
    go(here, "x.csv", "X.csv")
    assert (here / "X.csv").read_bytes() == b"1,2\n"
    assert not (here / "x.csv.track").exists()
    undo(here)
    assert seen(here) == before


def test_a_filesystem_that_folds_letters_is_told_of_in_two_steps(here: Path) -> None:
    os.link(here / "x.csv", here / "X.csv")  # one file with both names, as such a filesystem shows it
    before = seen(here)
    with pytest.raises(Conflict, match=r"takes `x\.csv` and `X\.csv` for the same name") as raised:
        go(here, "x.csv", "X.csv")
    assert "track mv x.csv x.csv.moving" in (raised.value.hint or "")
    assert seen(here) == before


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("nothing", "y"), UnknownPath, "no artifact or path"),
        (("code.py", "y"), UnknownPath, "is not tracked by track"),
        (("x.csv", "e/one"), Conflict, "something is at"),
        (("x.csv", "run.sh"), Conflict, "something is at"),
        (("x.csv", "code.py"), Conflict, "something is at"),
        (("x.csv", "x.csv"), UsageError, "is there already"),
        (("d", "d"), UsageError, "cannot be moved into itself"),
        (("d", "d/s"), UsageError, "cannot be moved into itself"),
        (("x.csv", "y.csv.track"), UsageError, "is the name of a pointer"),
        (("x.csv", "nowhere/y.csv"), UsageError, "there is no folder"),
        (("x.csv", "nowhere/"), UsageError, "is not a folder"),
        (("x.csv", "run.sh", "y"), UsageError, "is not a folder"),
        (("x.csv", "run.sh/y"), (UsageError, InsideArtifact), "run.sh"),
        (("x.csv", "n" * 252), NameTooLong, "no pointer fits"),
        (("d/s/deep/l", "y"), UnknownPath, "symbolic link"),
        (("d/a", "e/one", "."), None, ""),
        (("d/s", "e"), None, ""),
    ],
)
def test_what_cannot_be_moved_is_said_before_anything_changes(
    here: Path, words: tuple[str, ...], kind: type[TrackError] | None, said: str
) -> None:
    before = seen(here)
    if kind is None:
        go(here, *words)
        undo(here)
        assert seen(here) == before
        return
    with pytest.raises(kind, match=said):
        go(here, *words)
    assert seen(here) == before


def test_a_file_of_git_that_is_not_on_disk_is_in_the_way_too(here: Path) -> None:
    (here / "sub/code.py").unlink()
    with pytest.raises(AlreadyInGit, match="is tracked by Git"):
        go(here, "x.csv", "sub/code.py")


def test_two_that_would_meet_are_refused(here: Path) -> None:
    write_tree(here, {"sub/x.csv": b"other"})
    track("add", "sub/x.csv", cwd=here).ok()
    with pytest.raises(Conflict, match="two of these would become"):
        go(here, "x.csv", "sub/x.csv", "e")


@pytest.mark.parametrize("target", ["../outside", ".git/x", ".git", ".store/x", ".track/x", "/tmp/x", "sub/.git"])
def test_places_that_are_not_ours_are_refused(here: Path, target: str) -> None:
    before = seen(here)
    done = track("mv", "x.csv", target, cwd=here)
    assert done.code in (2, 7), done.err
    assert seen(here) == before


def test_another_repository_inside_is_refused(here: Path) -> None:
    new_repository(here / "nested")
    before = seen(here)
    done = track("mv", "x.csv", "nested/", cwd=here)
    assert (done.code, "in another repository" in done.err) == (2, True)
    assert seen(here) == before


def test_a_submodule_is_refused(here: Path, tmp_path: Path) -> None:
    new_repository(tmp_path / "module")
    git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", tmp_path / "module", "module", cwd=here)
    done = track("mv", "x.csv", "module/y.csv", cwd=here)
    assert (done.code, "in another repository" in done.err) == (2, True)


def test_an_ignored_folder_is_refused(here: Path) -> None:
    write_tree(here, {"build/keep": b""})
    with open(here / ".gitignore", "ab") as file:
        file.write(b"build/\n")
    before = seen(here)
    with pytest.raises(Conflict, match="would be in no commit") as raised:
        go(here, "x.csv", "build/x.csv")
    assert "git check-ignore -v build/x.csv.track" in (raised.value.hint or "")
    assert seen(here) == before


def test_a_link_in_the_way_is_not_followed(here: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path, here / "link")
    done = track("mv", "x.csv", "link/x.csv", cwd=here)
    assert done.code == 7
    assert not (tmp_path / "x.csv").exists()


def test_what_is_only_partly_here_is_brought_first(here: Path) -> None:
    git("clean", "-fdxq", "d", cwd=here)
    track("checkout", "d/s", cwd=here).ok()
    with pytest.raises(Conflict, match="only partly checked out"):
        go(here, "d/s", "t")
    go(here, "d", "f")
    assert is_clean(here)


def test_the_index_is_left_alone_when_asked(here: Path) -> None:
    staged = git("ls-files", "--stage", cwd=here)
    assert go(here, "x.csv", "y.csv", stage=False).staged == ()
    assert git("ls-files", "--stage", cwd=here) == staged


def test_the_same_again_says_that_it_was_done(here: Path) -> None:
    go(here, "x.csv", "y.csv")
    assert go(here, "x.csv", "y.csv") == Moved((), (), (), None)
    assert "moved already" in track("mv", "x.csv", "y.csv", cwd=here).ok().err


def test_a_dry_run_changes_nothing(here: Path) -> None:
    before = seen(here)
    said = track("mv", "-n", "d/s", "x.csv", "e", cwd=here).ok()
    assert said.out.splitlines() == ["d/s -> e/s  would be moved", "x.csv -> e/x.csv  would be joined"]
    assert seen(here) == before
    document = track("mv", "--json", "d/s", "e", cwd=here).ok().json
    assert document["moves"] == [{"source": "d/s", "target": "e/s", "how": "moved"}]
    assert document["pointers"] == ["d.track", "e.track"]


def test_what_is_at_the_old_place_again_stops_the_way_back(here: Path) -> None:
    go(here, "x.csv", "y.csv")
    (here / "x.csv").write_bytes(b"new")
    before = seen(here)
    with pytest.raises(Conflict, match="cannot be moved back"):
        undo(here)
    assert seen(here) == before
