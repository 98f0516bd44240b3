"""With the hooks at work, data follows its pointers through every Git command, and unsaved edits stay."""

import os
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes, hook_process
from support.repositories import git


def test_checkout_and_switch_bring_data_along(here: Hooked) -> None:
    here.git("checkout", "--quiet", "first")
    assert here.data() == as_bytes(FIRST)
    here.git("switch", "--quiet", "main")
    assert here.data() == as_bytes(SECOND)
    assert here.in_step()


def test_edits_that_are_saved_nowhere_stay_and_are_told_with_the_way_out(here: Hooked) -> None:
    (here.root / "f.csv").write_bytes(b"my edit\n")
    said = here.git("checkout", "first")
    assert (here.root / "f.csv").read_bytes() == b"my edit\n"
    assert (here.root / "d/a").read_bytes() == b"one"
    assert "track: f.csv is left as it is: its content is saved nowhere" in said.text
    assert "track add f.csv " in said.text
    here.git("checkout", "--quiet", "main")
    assert here.data() == as_bytes(SECOND) | {b"f.csv": b"my edit\n"}
    assert here.states() == {"d": ".", "f.csv": "M", "new": "."}


def test_an_unsaved_file_stays_and_all_others_of_its_directory_follow(here: Hooked) -> None:
    (here.root / "d/a").write_bytes(b"mine")
    said = here.git("checkout", "first")
    assert here.data() == as_bytes(FIRST) | {b"d/a": b"mine"}
    assert "track: in step: d, f.csv" in said.text
    assert "track: d/a is left as it is: the content is saved nowhere; to save it: track add d/a  " in said.text
    assert here.states() == {"d": "M", "f.csv": "."}
    assert [one["path"] for one in here.changes("d")] == ["d/a"]
    here.git("checkout", "--quiet", "main")
    assert here.data() == as_bytes(SECOND) | {b"d/a": b"mine"}
    assert [one["path"] for one in here.changes("d")] == ["d/a"]


def test_what_was_left_can_be_added_or_given_up(here: Hooked) -> None:
    (here.root / "d/a").write_bytes(b"mine")
    here.git("checkout", "--quiet", "first")
    track_says = track("checkout", cwd=here.root).ok()
    assert "d/  1 edited file left as it is" in track_says.out
    track("add", "d/a", cwd=here.root).ok()
    assert here.in_step()
    here.git("stash", "--quiet")
    assert here.data() == as_bytes(FIRST)
    (here.root / "d/a").write_bytes(b"mine again")
    here.git("checkout", "--quiet", "main")
    track("checkout", "--force", "d", cwd=here.root).ok()
    assert here.data() == as_bytes(SECOND) and here.in_step()


def test_an_unsaved_file_that_the_other_version_does_not_have_stays_as_one_that_nobody_knows(here: Hooked) -> None:
    (here.root / "d/t/x").write_bytes(b"mine")
    here.git("checkout", "--quiet", "first")
    assert here.data() == as_bytes(FIRST) | {b"d/t/x": b"mine"}
    assert here.states()["d"] == "M"
    (here.root / "d/t/x").unlink()
    here.git("checkout", "--quiet", "main")
    assert here.data() == as_bytes(SECOND) and here.in_step()


@pytest.mark.parametrize("rows", [True, False])
def test_unsaved_work_in_the_way_of_a_folder_or_of_a_file_holds_back_only_what_needs_its_place(
    here: Hooked, rows: bool
) -> None:
    here.add({"d/p": b"a file", "d/q/one": b"1", "d/q/two": b"2", "d/z": b"old"}, "third", "d")
    (here.root / "d/p").unlink()
    shutil.rmtree(here.root / "d/q")
    here.add({"d/p/x": b"x", "d/p/y": b"y", "d/q": b"a file now", "d/z": b"new"}, "fourth", "d")
    here.git("checkout", "--quiet", "main~1")
    (here.root / "d/p").write_bytes(b"mine")
    (here.root / "d/q/two").write_bytes(b"mine too")
    (here.root / "d/q/known").write_bytes(b"old")  # saved, and in the way of nothing that comes
    if not rows:
        (here.root / ".git/track/stat.db").unlink()
    said = here.git("checkout", "main")
    wanted = as_bytes(SECOND) | {b"d/p": b"mine", b"d/q/two": b"mine too", b"d/z": b"new"}
    if rows:  # without them nobody can tell that it was not placed
        wanted[b"d/q/known"] = b"old"
    assert {path: node for path, node in here.data().items() if path != b"d/q/one"} == wanted
    assert "d/p, d/q/two are left as they are" in said.text, said.text
    assert here.states()["d"] == "M"
    before = here.data()
    here.git("checkout", "--quiet", "main~1")
    here.git("checkout", "--quiet", "main")
    assert before.items() >= here.data().items() >= {b"d/p": b"mine", b"d/q/two": b"mine too"}.items()
    track("checkout", "--force", "d", cwd=here.root).ok()
    expected = as_bytes(SECOND) | {b"d/p/x": b"x", b"d/p/y": b"y", b"d/q": b"a file now", b"d/z": b"new"}
    assert here.data() == expected and here.in_step()


def test_edits_beside_a_pointer_that_stays_are_nobodys_business(here: Hooked) -> None:
    here.git("branch", "other")
    (here.root / "f.csv").write_bytes(b"my edit\n")
    said = here.git("checkout", "other")
    assert "track:" not in said.text
    assert (here.root / "f.csv").read_bytes() == b"my edit\n"


def test_data_of_a_pointer_that_goes_stays_when_a_file_of_it_is_saved_nowhere(here: Hooked) -> None:
    (here.root / "new").write_bytes(b"edited")
    said = here.git("checkout", "first")
    assert (here.root / "new").read_bytes() == b"edited"
    assert "new is left as it is" in said.text


def test_a_file_beside_the_others_keeps_its_artifact_in_place(here: Hooked) -> None:
    here.add({"e/x": b"1", "e/y": b"2"}, "third", "e")
    (here.root / "e/mine").write_bytes(b"mine")
    here.git("checkout", "--quiet", "main~1")
    assert {path.name for path in (here.root / "e").iterdir()} == {"x", "y", "mine"}
    here.git("checkout", "--quiet", "main")
    (here.root / "e/mine").unlink()
    here.git("checkout", "--quiet", "main~1")
    assert not (here.root / "e").exists()


def test_what_git_itself_tracks_is_never_removed(here: Hooked) -> None:
    """The next commit has some of the files in Git, with the same content."""
    here.add({"e/x": b"1", "e/y": b"2"}, "as data", "e")
    here.git("branch", "data")
    here.git("rm", "--quiet", "--cached", "e.track")
    (here.root / "e.track").unlink()
    (here.root / ".gitignore").write_text("/.store\n/d\n/f.csv\n/new\n")
    here.git("add", "-f", "e/x", ".gitignore")
    here.git("commit", "--quiet", "-m", "as code")
    here.git("checkout", "--quiet", "data")
    assert (here.root / "e/y").read_bytes() == b"2"
    here.git("checkout", "--quiet", "main")
    assert (here.root / "e/x").read_bytes() == b"1"


def test_data_that_is_all_of_gits_by_now_is_not_told_as_removed(here: Hooked) -> None:
    """As after `import-lfs --history`, on the way back to the branch that has the files themselves."""
    here.add({"e": b"1", "o/x": b"2", "gone": b"3"}, "as data", "e", "o", "gone")
    here.git("branch", "data")
    here.git("rm", "--quiet", "--cached", "e.track", "o.track", "gone.track")
    for name in ("e.track", "o.track", "gone.track"):
        (here.root / name).unlink()
    (here.root / ".gitignore").write_text("/.store\n/d\n/f.csv\n/new\n/gone\n")
    here.git("add", "-f", "e", "o/x", ".gitignore")
    here.git("commit", "--quiet", "-m", "as code")
    here.git("checkout", "--quiet", "data")
    said = here.git("checkout", "main")
    assert ((here.root / "e").read_bytes(), (here.root / "o/x").read_bytes()) == (b"1", b"2")
    assert "removed with its pointer: gone\n" in said.text + "\n"
    assert here.in_step()


def test_merge_fast_forward_and_true_merge(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.git("merge", "--quiet", "main")
    assert here.data() == as_bytes(SECOND)
    here.git("checkout", "--quiet", "-b", "other", "first")
    here.add({"other.bin": b"other"}, "other", "other.bin")
    here.git("merge", "--quiet", "--no-edit", "main")
    assert here.data() == as_bytes(SECOND) | {b"other.bin": b"other"}
    assert here.in_step()


def test_a_squash_merge(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.git("merge", "--quiet", "--squash", "main")
    assert here.data() == as_bytes(SECOND)
    here.git("commit", "--quiet", "-m", "squashed")
    assert here.in_step()


def test_a_merge_in_conflict_leaves_the_artifact_and_brings_the_others(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.add({"f.csv": b"other\n"}, "other", "f.csv")
    said = here.git("merge", "main", check=False)
    assert said.code == 1
    assert (here.root / "f.csv").read_bytes() == b"other\n"
    assert (here.root / "d/a").read_bytes() == b"ONE"
    here.git("checkout", "--quiet", "--theirs", "f.csv.track")
    here.git("add", "f.csv.track")
    here.git("commit", "--quiet", "--no-edit")
    track("checkout", cwd=here.root).ok()
    assert here.data() == as_bytes(SECOND)


def test_rebase_moves_data_once_at_its_end(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.add({"p": b"p"}, "p", "p")
    here.add({"q": b"q"}, "q", "q")
    said = here.git("rebase", "main")
    assert said.text.count("track: in step") == 1
    assert here.data() == as_bytes(SECOND) | {b"p": b"p", b"q": b"q"}
    assert here.in_step()


def test_interactive_rebase_that_drops_a_commit(here: Hooked) -> None:
    here.add({"p": b"p"}, "p", "p")
    here.add({"q": b"q"}, "q", "q")
    editor = {**os.environ, "GIT_SEQUENCE_EDITOR": "sed -i 1d"}
    here.git("rebase", "--interactive", "main~2", env=editor)
    assert here.data() == as_bytes(SECOND) | {b"q": b"q"}
    assert here.in_step()


def test_a_rebase_that_only_drops(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.git("cherry-pick", "main")
    here.git("rebase", "main")
    assert here.data() == as_bytes(SECOND)
    assert here.in_step()


def test_an_aborted_rebase(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.add({"f.csv": b"other\n"}, "other", "f.csv")
    here.add({"p": b"p"}, "p", "p")
    assert here.git("rebase", "main", check=False).code == 1
    here.git("rebase", "--abort")
    assert here.data() == as_bytes(FIRST) | {b"f.csv": b"other\n", b"p": b"p"}
    assert here.in_step()


def test_a_rebase_with_a_conflict_that_goes_on(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.add({"f.csv": b"other\n"}, "other", "f.csv")
    here.add({"p": b"p"}, "p", "p")
    assert here.git("rebase", "main", check=False).code == 1
    here.git("checkout", "--quiet", "--theirs", "f.csv.track")  # in a rebase, theirs is what is replayed
    here.git("add", "f.csv.track")
    here.git("rebase", "--continue", env={**os.environ, "GIT_EDITOR": "true"})
    assert here.data() == as_bytes(SECOND) | {b"f.csv": b"other\n", b"p": b"p"}
    assert here.in_step()


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_both_kinds_of_rebase_and_an_autostash(here: Hooked, backend: str) -> None:
    here.git("checkout", "--quiet", "-b", "side", "first")
    here.add({"p": b"p"}, "p", "p")
    (here.root / "q").write_bytes(b"q")
    track("add", "q", cwd=here.root).ok()
    here.git("rebase", backend, "--autostash", "main")
    assert here.data() == as_bytes(SECOND) | {b"p": b"p", b"q": b"q"}
    assert here.in_step()


def test_cherry_pick_of_one_of_several_and_in_conflict(here: Hooked) -> None:
    here.add({"p": b"p"}, "p", "p")
    here.add({"p": b"P", "q": b"q"}, "q", "p", "q")
    here.git("checkout", "--quiet", "-b", "one", "first")
    here.git("cherry-pick", "main~1")
    assert here.data() == as_bytes(FIRST) | {b"p": b"p"}
    here.git("checkout", "--quiet", "-b", "several", "first")
    said = here.git("cherry-pick", "main~3..main")
    assert said.text.count("track: in step") == 1
    assert here.data() == as_bytes(SECOND) | {b"p": b"P", b"q": b"q"}
    assert here.in_step()
    here.git("checkout", "--quiet", "-b", "conflict", "first")
    here.add({"f.csv": b"other\n"}, "other", "f.csv")
    assert here.git("cherry-pick", "second", check=False).code == 1
    assert (here.root / "f.csv").read_bytes() == b"other\n"
    here.git("cherry-pick", "--abort")
    assert here.data() == as_bytes(FIRST) | {b"f.csv": b"other\n"}
    assert here.in_step()


def test_revert_and_amend(here: Hooked) -> None:
    here.git("revert", "--no-edit", "HEAD")
    assert here.data() == as_bytes(FIRST)
    here.git("reset", "--quiet", "--hard", "second")
    (here.root / "f.csv").write_bytes(b"3\n")
    track("add", "f.csv", cwd=here.root).ok()
    here.git("commit", "--quiet", "--amend", "--no-edit")
    assert here.data() == as_bytes(SECOND) | {b"f.csv": b"3\n"}
    assert here.in_step()


def test_reset_hard_there_and_back(here: Hooked) -> None:
    here.git("reset", "--quiet", "--hard", "first")
    assert here.data() == as_bytes(FIRST)
    here.git("reset", "--quiet", "--hard", "ORIG_HEAD")
    assert here.data() == as_bytes(SECOND)


def test_reset_hard_over_unsaved_data_loses_nothing(here: Hooked) -> None:
    (here.root / "f.csv").write_bytes(b"my edit\n")
    (here.root / "new").write_bytes(b"my edit\n")
    here.git("reset", "--quiet", "--hard", "first")
    assert here.data() == as_bytes(FIRST) | {b"f.csv": b"my edit\n", b"new": b"my edit\n"}


def test_stash_and_pop(here: Hooked) -> None:
    (here.root / "f.csv").write_bytes(b"3\n")
    (here.root / "d/a").write_bytes(b"edited, not added")
    track("add", "f.csv", cwd=here.root).ok()
    here.git("stash", "--quiet")
    assert (here.root / "f.csv").read_bytes() == b"2\n"
    assert (here.root / "d/a").read_bytes() == b"edited, not added"
    here.git("stash", "pop", "--quiet")
    assert (here.root / "f.csv").read_bytes() == b"3\n"
    assert (here.root / "d/a").read_bytes() == b"edited, not added"


def test_single_pointers_checked_out_and_restored(here: Hooked) -> None:
    here.git("checkout", "--quiet", "first", "--", "f.csv.track")
    assert (here.root / "f.csv").read_bytes() == b"1\n"
    here.git("checkout", "--quiet", "HEAD", "--", "f.csv.track")
    assert (here.root / "f.csv").read_bytes() == b"2\n"
    here.git("restore", "--source", "first", "f.csv.track")
    assert (here.root / "f.csv").read_bytes() == b"1\n"
    here.git("restore", "f.csv.track")
    assert (here.root / "f.csv").read_bytes() == b"2\n"


def test_a_pointer_that_track_put_back_unstaged_is_followed_home(here: Hooked) -> None:
    track("checkout", "first", "--", "f.csv", cwd=here.root).ok()
    assert (here.root / "f.csv").read_bytes() == b"1\n"
    here.git("checkout", "--quiet", "--", "f.csv.track")
    assert (here.root / "f.csv").read_bytes() == b"2\n"


def test_bisect_places_what_is_here(here: Hooked) -> None:
    for number in range(6):
        here.add({"f.csv": str(number).encode()}, str(number), "f.csv")
    here.git("bisect", "start", "main", "first")
    seen = set()
    while True:
        said = here.git("bisect", "good")
        seen.add((here.root / "f.csv").read_bytes())
        assert here.in_step()
        if "first bad commit" in said.text:
            break
    here.git("bisect", "reset")
    assert len(seen) > 1
    assert (here.root / "f.csv").read_bytes() == b"5"


def test_worktree_add_fills_the_new_one(here: Hooked) -> None:
    here.git("worktree", "add", "--quiet", "../linked", "first")
    linked = Hooked(here.root.parent / "linked")
    assert linked.data() == as_bytes(FIRST)
    linked.git("checkout", "--quiet", "second")
    assert linked.data() == as_bytes(SECOND)
    assert here.data() == as_bytes(SECOND)
    assert here.in_step() and linked.in_step()


def test_clean_takes_data_and_the_store_keeps_it(here: Hooked) -> None:
    here.git("clean", "--quiet", "-fdx")
    assert not here.data()
    here.git("checkout", "--quiet", "first")
    assert here.data() == as_bytes(FIRST)
    here.git("clean", "--quiet", "-fdx")
    track("checkout", cwd=here.root).ok()
    assert here.data() == as_bytes(FIRST)


def test_pull_with_rebase_and_with_merge(here: Hooked) -> None:
    git("clone", "--quiet", "--bare", str(here.root), str(here.root.parent / "bare"), cwd=here.root)
    here.git("remote", "add", "origin", "../bare")
    here.git("fetch", "--quiet")
    here.git("branch", "--quiet", "--set-upstream-to=origin/main")
    here.git("reset", "--quiet", "--hard", "first")
    here.add({"p": b"p"}, "p", "p")
    here.git("pull", "--quiet", "--rebase")
    assert here.data() == as_bytes(SECOND) | {b"p": b"p"}
    here.git("reset", "--quiet", "--hard", "first")
    here.git("pull", "--quiet", "--ff-only")
    assert here.data() == as_bytes(SECOND)


def test_filter_branch_and_what_follows_it(here: Hooked) -> None:
    quiet = {**os.environ, "FILTER_BRANCH_SQUELCH_WARNING": "1"}
    here.git("filter-branch", "--msg-filter", "sed s/second/zweite/", "--", "main", env=quiet)
    assert here.data() == as_bytes(SECOND)
    here.git("checkout", "--quiet", "main~1")
    assert here.data() == as_bytes(FIRST)
    assert here.in_step()


def test_an_orphan_branch_has_no_data(here: Hooked) -> None:
    here.git("switch", "--quiet", "--orphan", "empty")
    assert not here.data()
    here.git("switch", "--quiet", "main")
    assert here.data() == as_bytes(SECOND)


def test_what_is_not_here_is_one_line_and_no_network(here: Hooked, tmp_path: Path) -> None:
    git("clone", "--quiet", str(here.root), str(tmp_path / "clone"), cwd=tmp_path)
    clone = Hooked(tmp_path / "clone")
    track("hooks", "install", cwd=clone.root).ok()
    said = clone.git("checkout", "first")
    lines = [line for line in said.text.splitlines() if line.startswith("track:")]
    assert lines == ["track: not here yet: d, f.csv; to fetch and place it: track pull"]


def test_a_sparse_checkout_leaves_data_alone(here: Hooked) -> None:
    here.git("sparse-checkout", "set", "--no-cone", "/*", "!/new.track")
    assert not (here.root / "new.track").exists()
    assert (here.root / "new").read_bytes() == SECOND["new"]


def test_a_broken_pointer_is_told_and_the_others_follow(here: Hooked) -> None:
    pointer = here.root / "new.track"
    pointer.write_text("[artifact]\nkind = 3\n")
    here.git("add", "new.track")
    here.git("commit", "--quiet", "--no-verify", "-m", "broken")
    here.git("checkout", "--quiet", "first")
    said = here.git("checkout", "main")
    assert "new.track" in said.text
    assert (here.root / "d/a").read_bytes() == b"ONE"


def test_skip_turns_everything_off(here: Hooked) -> None:
    here.git("checkout", "--quiet", "first", env={**os.environ, "TRACK_SKIP": "1"})
    assert here.data() == as_bytes(SECOND)


def test_another_track_at_work_is_waited_for_and_then_told(here: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    from track.cli.hooks import in_step
    from track.project import Project

    monkeypatch.setattr(in_step, "_WAIT_S", "1")
    here.git("checkout", "--quiet", "first", env={**os.environ, "TRACK_SKIP": "1"})
    monkeypatch.chdir(here.root)
    with Project.open(here.root) as project, project.lock():
        assert in_step.run("post-checkout", ["first", "second", "1"]) == 0
    assert here.data() == as_bytes(SECOND)
    monkeypatch.undo()


def test_what_is_partly_checked_out_stays_so(here: Hooked) -> None:
    shutil.rmtree(here.root / "d")
    track("checkout", "d/a", cwd=here.root).ok()
    here.git("checkout", "--quiet", "first")
    assert (here.root / "d/a").read_bytes() == b"one"
    assert not (here.root / "d/b").exists()
    here.git("checkout", "--quiet", "main")
    assert (here.root / "d/a").read_bytes() == b"ONE"
    assert not (here.root / "d/b").exists()


def test_a_part_that_the_other_version_does_not_have_goes_and_comes_back(here: Hooked) -> None:
    here.git("checkout", "--quiet", "first")
    shutil.rmtree(here.root / "d")
    track("checkout", "d/s", cwd=here.root).ok()
    said = here.git("checkout", "main")
    assert "left as it is" not in said.text, said.text
    assert not (here.root / "d/s").exists() and not (here.root / "d/a").exists()
    here.git("checkout", "--quiet", "first")
    assert {path for path in here.data() if path.startswith(b"d/")} == {b"d/s/c"}
    assert here.in_step()


def test_edits_in_a_part_beside_a_pointer_that_stays_are_nobodys_business(here: Hooked) -> None:
    here.add({"f.csv": b"3\n"}, "third", "f.csv")
    shutil.rmtree(here.root / "d")
    track("checkout", "d/t", cwd=here.root).ok()
    (here.root / "d/t/x").write_bytes(b"mine")
    said = here.git("checkout", "main~1")
    assert "track: in step: f.csv" in said.text and "d/t/x" not in said.text
    said = here.git("checkout", "first")
    assert here.data()[b"d/t/x"] == b"mine"


def test_a_hook_that_was_killed_half_way_is_made_up_for(here: Hooked) -> None:
    """It left its mark, and files of the version that Git has left again meanwhile."""
    (here.root / ".git/track/in-step").write_text("moving")
    (here.root / "d/a").write_bytes(b"one")
    (here.root / "f.csv").write_bytes(b"1\n")
    (here.root / "d/s").mkdir()
    (here.root / "d/s/c").write_bytes(b"three")  # new in that version, and the rows were not written yet
    (here.root / "d/mine").write_bytes(b"saved nowhere")
    here.git("reset", "--quiet", "--hard", "main")
    assert here.data() == as_bytes(SECOND) | {b"d/mine": b"saved nowhere"}
    (here.root / "d/mine").unlink()
    assert here.in_step()


def test_hooks_leave_the_index_alone_and_take_no_lock_of_gits(here: Hooked) -> None:
    """Byte for byte, also while another Git holds its lock."""
    here.git("checkout", "--quiet", "first", env={**os.environ, "TRACK_SKIP": "1"})
    index = here.root / ".git/index"
    before = index.read_bytes()
    (here.root / ".git/index.lock").write_bytes(b"")
    said = hook_process("post-checkout", "second", "first", "1", cwd=here.root, env=os.environ)
    (here.root / ".git/index.lock").unlink()
    assert said.code == 0
    assert index.read_bytes() == before
    assert here.data()[b"f.csv"] == b"1\n"
