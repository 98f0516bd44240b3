"""`track status`: words for people, fixed fields for scripts, and codes."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"1", "odd\nname": b"2"})
    track("add", "d", "odd\nname", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def test_a_clean_tree_says_so_in_one_line_and_exits_with_0(here):
    done = track("status", "--exit-code", cwd=here).ok()

    assert "on branch main, 2 artifacts, 2 B\nnothing differs\n" == done.out


def test_what_differs_is_listed_with_the_command_that_helps(here):
    write_tree(here, {"d/b": b"2"})
    (here / "odd\nname").unlink()

    done = track("status", cwd=here).ok()

    assert "M modified  d/" in done.out
    assert "+1" in done.out
    assert "D missing" in done.out
    assert "odd\\nname" in done.out
    assert "(track add PATH records it; track checkout --force PATH brings the recorded" in done.out


def test_the_command_that_helps_can_be_pasted_where_one_artifact_differs(here):
    write_tree(here, {"d/b": b"2"})
    said = "track add d records it; track checkout --force d brings the recorded version back, edits go to the trash"
    assert said in track("status", cwd=here).ok().out
    track("checkout", "--force", "d", cwd=here).ok()
    assert "nothing differs" in track("status", cwd=here).ok().out

    write_tree(here, {"d/a": b"3"})
    track("add", "d", cwd=here).ok()
    commit_all(here, "more")
    git("-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "HEAD~1", cwd=here)
    said = "(track checkout d brings the recorded version back; track add --force d records what is here)"
    assert said in track("status", cwd=here).ok().out
    track("add", "--force", "d", cwd=here).ok()
    git("checkout", "--quiet", "--force", "main", cwd=here)

    (here / "odd\nname").unlink()
    assert "(track checkout $'odd\\x0aname' brings the recorded version back)" in track("status", cwd=here).ok().out
    track("checkout", "odd\nname", cwd=here).ok()

    (here / "d/b").write_bytes(b"2")
    track("add", "d", cwd=here).ok()
    git("reset", "--quiet", "--hard", cwd=here)
    assert said in track("status", cwd=here).ok().out

    track("checkout", "d", cwd=here).ok()
    (here / "d.track").write_bytes((here / "d.track").read_bytes() + b'\n[labels]\na = "b"\n')
    assert "pointers not staged  (git add d.track)" in track("status", cwd=here).ok().out


def test_an_artifact_whose_pointer_went_is_deleted_and_no_longer_counted(here):
    for remove in (("rm", "--quiet"), ("rm", "--quiet", "--cached")):
        git(*remove, "d.track", cwd=here)
        (here / "d.track").unlink(missing_ok=True)
        shown = track("status", cwd=here).ok().out
        assert "on branch main, 1 artifact, 1 B\n" in shown
        assert "D deleted  d/" in shown
        assert "missing" not in shown
        git("reset", "--quiet", "--hard", cwd=here)
    (here / "d.track").unlink()
    assert "D deleted  d/" in track("status", cwd=here).ok().out


def test_in_a_clone_that_git_made_the_next_step_is_a_pull_and_nothing_is_said_to_wait_for_a_push(here, tmp_path):
    git("clone", "--quiet", str(here), str(tmp_path / "bare"), cwd=tmp_path)
    said = "(track remote add NAME URL says where it is; then: track pull PATH brings it)"
    assert said in track("status", cwd=tmp_path / "bare").ok().out
    track("remote", "add", "origin", "../remote", cwd=here).ok()
    commit_all(here, "remote")
    track("push", cwd=here).ok()
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(here), str(clone), cwd=tmp_path)

    done = track("status", cwd=clone).ok()

    assert "(track pull PATH brings it)" in done.out
    assert "not pushed" not in done.out
    track("pull", cwd=clone).ok()
    assert "nothing differs" in track("status", cwd=clone).ok().out
    (clone / "d/a").unlink()
    (clone / "d").rmdir()
    assert "(track checkout d brings the recorded version back)" in track("status", cwd=clone).ok().out


def test_exit_code_1_says_that_something_differs(here):
    write_tree(here, {"d/b": b"2"})

    assert 0 == track("status", cwd=here).code
    assert 1 == track("status", "--exit-code", cwd=here).code


def test_porcelain_lines_have_four_letters_and_a_path_without_loss(here):
    write_tree(here, {"d/b": b"2"})
    (here / "odd\nname").unlink()

    assert "..M- d\n..D- odd\\x0aname\n" == track("status", "--porcelain", cwd=here).ok().out
    assert "..M- d\0..D- odd\nname\0" == track("status", "-z", cwd=here).ok().out


def test_json_has_every_artifact(here):
    write_tree(here, {"d/b": b"2"})

    document = track("status", "--json", cwd=here).ok().json

    assert 1 == document["version"]
    assert [("d", "M", 1), ("odd\nname", ".", 0)] == [
        (artifact["path"], artifact["data"], artifact["added"]) for artifact in document["artifacts"]
    ]


def test_an_empty_project_says_what_to_do_next(repo):
    track("init", cwd=repo).ok()

    assert "nothing is tracked yet: track add PATH" in track("status", cwd=repo).ok().out


def test_a_pointer_that_cannot_be_read_hides_nothing_and_exits_with_7(here):
    (here / "d.track").write_text('[artifact]\nkind = "file\n')
    (here / "odd\nname").unlink()

    done = track("status", cwd=here)

    assert 7 == done.code
    assert "? cannot be read  d" in done.out
    assert "D missing" in done.out
    assert "d.track" in done.err
    assert "hint: " in done.err


def test_a_pointer_in_conflict_is_shown_and_no_error(here):
    for branch in ("left", "right"):
        git("checkout", "--quiet", "-b", branch, "main", cwd=here)
        (here / "d/a").write_text(branch)
        track("add", "d", cwd=here).ok()
        commit_all(here, branch)
    git("merge", "--quiet", "left", cwd=here, check=False)

    shown = track("status", cwd=here).ok().out
    assert "in conflict  (track merge PATH --take ours|theirs)\n  U in conflict  d\n" in shown
    assert shown.count("  d\n") == 1
