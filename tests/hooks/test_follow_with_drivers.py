"""With hooks and drivers at work, Git's longer manoeuvres keep data and pointers in step, with unsaved edits about.

`mine` is a file of the directory `d` that is saved nowhere: it is there before each of them, and after.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, Hooked, as_bytes, hooked_project
from support.repositories import git
from support.scene import duplicate

MINE = {b"d/mine": b"saved nowhere"}
COMMON = {b"d/a": b"ONE", b"d/b": b"same", b"f.csv": b"2\n", b"new": b"n" * 70}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`main` and `side` both changed `d` after `second`, at different paths; `d/mine` belongs to nobody."""
    folder = tmp_path_factory.mktemp("scene")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRACK_HOOKS_INSTALL")
        here = hooked_project(folder / "repo")
    here.git("branch", "side")
    here.add({"d/main": b"main", "d/t/x": b"main"}, "main", "d")
    here.git("checkout", "--quiet", "side")
    here.add({"d/side": b"side"}, "side", "d")
    here.git("checkout", "--quiet", "main")
    put_mine(here)
    return folder


@pytest.fixture
def sides(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    """A copy of the scene."""
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    return Hooked(duplicate(scene, tmp_path / "around") / "repo")


BOTH = COMMON | MINE | {b"d/main": b"main", b"d/t/x": b"main", b"d/side": b"side"}


def put_mine(here: Hooked) -> None:
    (here.root / "d/mine").write_bytes(MINE[b"d/mine"])


def only_mine_is_open(here: Hooked) -> bool:
    """Whether nothing but the unsaved file is between data and pointers, and Git has nothing to say."""
    states = here.states()
    assert here.git("status", "--porcelain").text == ""
    return {path for path, state in states.items() if state != "."} <= {"d"} and (here.root / "d/mine").exists()


def test_a_merge_of_a_directory_that_both_changed(sides: Hooked) -> None:
    said = sides.git("merge", "--no-edit", "side")
    assert "track: in step: d" in said.text
    assert sides.data() == BOTH
    assert only_mine_is_open(sides)
    sides.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert sides.data() == {path: node for path, node in BOTH.items() if path != b"d/side"}
    assert only_mine_is_open(sides)


def test_a_squash_merge_and_its_commit(sides: Hooked) -> None:
    sides.git("merge", "--squash", "side")
    assert sides.data() == BOTH
    sides.git("commit", "--quiet", "-m", "squashed")
    sides.git("commit", "--quiet", "--amend", "-m", "amended")
    assert sides.data() == BOTH
    assert only_mine_is_open(sides)


def test_a_conflict_inside_a_directory_is_settled_and_committed(sides: Hooked) -> None:
    (sides.root / "d/mine").unlink()
    sides.git("checkout", "--quiet", "side")
    sides.add({"d/main": b"of the side"}, "clash", "d")
    sides.git("checkout", "--quiet", "main")
    put_mine(sides)
    before = sides.data()
    said = sides.git("merge", "side", check=False)
    assert said.code == 1
    assert "main: both" in said.text
    assert sides.data() == before
    track("merge", "d", "--take", "theirs", cwd=sides.root).ok()
    sides.git("commit", "--quiet", "--no-edit")
    assert sides.data() == BOTH | {b"d/main": b"of the side"}
    assert only_mine_is_open(sides)


def test_a_merge_that_is_given_up_leaves_data_as_it_was(sides: Hooked) -> None:
    (sides.root / "d/mine").unlink()
    sides.git("checkout", "--quiet", "side")
    sides.add({"d/main": b"of the side", "q": b"q"}, "clash", "d", "q")
    sides.git("checkout", "--quiet", "main")
    put_mine(sides)
    before = sides.data()
    assert sides.git("merge", "side", check=False).code == 1
    sides.git("merge", "--abort")
    assert sides.data() == before
    assert only_mine_is_open(sides)


def test_rebase_reorders_squashes_and_stops_to_edit(sides: Hooked, tmp_path: Path) -> None:
    (sides.root / "d/mine").unlink()
    for name in ("p", "q", "r"):
        sides.add({name: name.encode(), f"d/{name}": name.encode()}, name, "d", name)
    put_mine(sides)
    script = tmp_path / "reorder.py"
    script.write_text(
        "import sys; p = sys.argv[1]; a = [l for l in open(p) if l.startswith('pick')]\n"
        "open(p, 'w').writelines([a[1].replace('pick', 'edit', 1), a[0], a[2].replace('pick', 'squash', 1)])\n"
    )
    editor = {**os.environ, "GIT_SEQUENCE_EDITOR": f"{sys.executable} {script}", "GIT_EDITOR": "true"}
    whole = sides.data()
    sides.git("rebase", "--interactive", "HEAD~3", env=editor)
    (sides.root / "f.csv").write_bytes(b"edited\n")
    track("add", "f.csv", cwd=sides.root).ok()
    sides.git("commit", "--quiet", "--amend", "--no-edit")
    sides.git("rebase", "--continue", env=editor)
    assert sides.data() == whole | {b"f.csv": b"edited\n"}
    assert only_mine_is_open(sides)


def test_rebase_onto_a_side_that_changed_the_same_directory(sides: Hooked) -> None:
    sides.add({"p": b"p"}, "p", "p")
    said = sides.git("rebase", "side")
    assert said.text.count("track: in step") == 1
    assert sides.data() == BOTH | {b"p": b"p"}
    assert only_mine_is_open(sides)


def test_picks_of_several_with_a_conflict_that_goes_on(sides: Hooked) -> None:
    sides.git("checkout", "--quiet", "side")
    sides.add({"f.csv": b"side\n"}, "f", "f.csv")
    sides.add({"q": b"q"}, "q", "q")
    sides.git("checkout", "--quiet", "main")
    sides.add({"f.csv": b"main\n"}, "f", "f.csv")
    assert sides.git("cherry-pick", "main..side", check=False).code == 1
    assert sides.data()[b"f.csv"] == b"main\n"
    track("merge", "f.csv", "--take", "theirs", cwd=sides.root).ok()
    sides.git("cherry-pick", "--continue", env={**os.environ, "GIT_EDITOR": "true"})
    assert sides.data() == BOTH | {b"f.csv": b"side\n", b"q": b"q"}
    assert only_mine_is_open(sides)


def test_a_stash_of_added_data_comes_back_onto_another_version_of_the_directory(sides: Hooked) -> None:
    (sides.root / "d/mine").unlink()
    (sides.root / "d/stashed").write_bytes(b"stashed")
    track("add", "d", cwd=sides.root).ok()
    put_mine(sides)
    sides.git("stash", "--quiet")
    assert b"d/stashed" not in sides.data()
    sides.git("merge", "--quiet", "--no-edit", "side")
    sides.git("stash", "pop")
    assert sides.data() == BOTH | {b"d/stashed": b"stashed"}


def test_a_reset_over_edits_in_a_directory_keeps_them_and_says_what_is_in_the_way(sides: Hooked) -> None:
    (sides.root / "d/b").write_bytes(b"edited")
    (sides.root / "d/main").write_bytes(b"edited too")
    before = sides.data()
    said = sides.git("reset", "--hard", "first")
    assert "track: d/main is left as it is: " in said.text
    assert "d/b" not in said.text and "track checkout --force d" in said.text
    assert sides.data() == as_bytes(FIRST) | MINE | {b"d/b": b"edited", b"d/main": b"edited too"}
    sides.git("reset", "--hard", "main@{1}")
    assert sides.data() == before
    assert only_mine_is_open(sides)


def test_a_bisection_that_runs_by_itself_sees_the_data_of_each_commit(sides: Hooked) -> None:
    for number in range(5):
        sides.add({"f.csv": str(number).encode()}, str(number), "f.csv")
    sides.git("bisect", "start", "main", "second")
    said = sides.git("bisect", "run", "sh", "-c", "case $(cat f.csv) in [3-4]) exit 1;; esac")
    found = git("log", "-1", "--format=%s", "refs/bisect/bad", cwd=sides.root).strip()
    assert found == "3", said.text
    sides.git("bisect", "reset")
    assert sides.data()[b"f.csv"] == b"4"
    assert (sides.root / "d/mine").read_bytes() == MINE[b"d/mine"]


def test_a_linked_worktree_merges_and_the_first_one_is_left_alone(sides: Hooked) -> None:
    before = sides.data()
    sides.git("worktree", "add", "--quiet", "../linked", "side")
    linked = Hooked(sides.root.parent / "linked")
    assert linked.data()[b"d/side"] == b"side"
    linked.git("merge", "--quiet", "--no-edit", "main")
    assert linked.data() == {path: node for path, node in BOTH.items() if path not in MINE}
    assert linked.in_step()
    assert sides.data() == before
    (linked.root / "only-here").write_bytes(b"saved by add alone")
    track("add", "only-here", cwd=linked.root).ok()
    linked.git("commit", "--quiet", "-m", "only here")
    sides.git("worktree", "remove", "--force", "../linked")
    sides.git("merge", "--quiet", "--no-edit", "side")
    assert sides.data() == BOTH | {b"only-here": b"saved by add alone"}


def test_cleaning_everything_loses_nothing_that_was_added(sides: Hooked) -> None:
    (sides.root / "d/mine").unlink()
    (sides.root / "added").write_bytes(b"added, not committed, not pushed")
    track("add", "added", cwd=sides.root).ok()
    whole = sides.data()
    sides.git("clean", "--quiet", "-ffdx")
    assert sides.data() == {}
    track("checkout", cwd=sides.root).ok()
    assert sides.data() == whole


def test_pull_with_rebase_between_two_clones_through_a_folder(sides: Hooked) -> None:
    git("init", "--quiet", "--bare", "-b", "main", "../code.git", cwd=sides.root)
    sides.git("remote", "add", "origin", "../code.git")
    track("remote", "add", "origin", "../data", cwd=sides.root).ok()
    sides.git("commit", "--quiet", "-m", "remote")
    sides.git("push", "--quiet", "--set-upstream", "origin", "main")
    top = sides.root.parent
    git("clone", "--quiet", "code.git", "clone", cwd=top)
    other = Hooked(top / "clone")
    track("hooks", "install", cwd=other.root).ok()
    track("trust", "--yes", "origin", cwd=other.root).ok()
    track("pull", cwd=other.root).ok()
    other.add({"d/other": b"other"}, "other", "d")
    other.git("push", "--quiet")
    sides.add({"p": b"p"}, "p", "p")
    sides.git("rm", "--quiet", "new.track")
    sides.git("commit", "--quiet", "-m", "less")
    said = sides.git("pull", "--rebase")
    assert "track pull" in said.text
    assert (sides.root / "d/mine").read_bytes() == MINE[b"d/mine"]
    track("pull", cwd=sides.root).ok()
    assert sides.data()[b"d/other"] == b"other"
    sides.git("push", "--quiet")
    (other.root / "f.csv").write_bytes(b"unsaved\n")
    other.git("pull", "--quiet", "--rebase")
    track("pull", "p", cwd=other.root).ok()
    assert (other.root / "f.csv").read_bytes() == b"unsaved\n"
    assert (other.root / "p").read_bytes() == b"p"
    assert not (other.root / "new").exists()


def test_tags_force_two_remotes_and_deletions(sides: Hooked) -> None:
    for name in ("one", "two"):
        git("init", "--quiet", "--bare", "-b", "main", f"../{name}.git", cwd=sides.root)
        sides.git("remote", "add", name, f"../{name}.git")
    track("remote", "add", "one", "../data", cwd=sides.root).ok()
    sides.git("commit", "--quiet", "-m", "remote")
    sides.git("tag", "-a", "-m", "v1", "v1", "side")
    sides.git("push", "--quiet", "one", "v1")
    sides.git("push", "--quiet", "one", "main")
    sides.add({"f.csv": b"forced\n"}, "forced", "f.csv")
    sides.git("commit", "--quiet", "--amend", "-m", "again")
    sides.git("push", "--quiet", "--force", "one", "main")
    sides.git("push", "--quiet", "two", "main", "side", "v1")
    sides.git("push", "--quiet", "two", "--delete", "side")
    sides.git("push", "--quiet", "two", ":v1")
    git("clone", "--quiet", "two.git", "clone", cwd=sides.root.parent)
    other = Hooked(sides.root.parent / "clone")
    track("pull", cwd=other.root).ok()
    assert other.data()[b"f.csv"] == b"forced\n"


def test_a_history_that_filter_repo_rewrote(sides: Hooked) -> None:
    before = sides.data()
    script = str(find_spec("git_filter_repo").origin)  # type: ignore[union-attr]
    command = [sys.executable, script, "--force", "--path", "f.csv.track", "--invert-paths"]
    done = subprocess.run(command, cwd=sides.root, capture_output=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert sides.data() == before  # what no commit knows any more is not known to be saved: it stays
    (sides.root / "f.csv").unlink()
    sides.git("checkout", "--quiet", "side")
    assert sides.data() == {b"d/a": b"ONE", b"d/b": b"same", b"d/t/x": b"new in d", b"d/side": b"side"} | MINE | {
        b"new": b"n" * 70
    }
    sides.git("checkout", "--quiet", "first")
    assert sides.data() == {path: node for path, node in as_bytes(FIRST).items() if path != b"f.csv"} | MINE
