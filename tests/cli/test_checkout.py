"""`track checkout` as a person meets it: what is a revision and what a path, what it says, its codes."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    """Versions `one` and `two` of a file and a directory; the second is checked out."""
    track("init", cwd=repo).ok()
    for name, content in (("one", b"1"), ("two", b"22")):
        write_tree(repo, {"d/a": content, "d/b": b"same", "x.csv": content})
        track("add", "d", "x.csv", cwd=repo).ok()
        commit_all(repo, name)
        git("tag", name, cwd=repo)
    return repo


def test_says_what_was_placed_and_that_nothing_was_to_do(here):
    git("checkout", "--quiet", "one", cwd=here)
    done = track("checkout", cwd=here).ok()
    assert done.out == "d/  ~1  1 B\nx.csv  replaced  1 B\n"
    again = track("checkout", cwd=here).ok()
    assert (again.out, again.err) == ("", "everything is as its pointer says: 2 artifacts\n")


def test_a_dry_run_says_what_would_be_and_does_nothing(here):
    shutil.rmtree(here / "d")
    done = track("checkout", "--dry-run", cwd=here).ok()
    assert done.out == "d/  would be +2  6 B\n"
    assert "nothing was changed" in done.err
    assert not (here / "d").exists()


def test_the_first_name_is_a_revision_when_it_is_one(here):
    track("checkout", "one", cwd=here).ok()
    assert (here / "x.csv").read_bytes() == b"1"
    track("checkout", "two", "d", cwd=here).ok()
    assert ((here / "d/a").read_bytes(), (here / "x.csv").read_bytes()) == (b"22", b"1")


def test_else_every_name_is_a_path(here):
    shutil.rmtree(here / "d")
    (here / "x.csv").unlink()
    track("checkout", "d/a", "x.csv.track", cwd=here).ok()
    assert sorted(path.name for path in (here / "d").iterdir()) == ["a"]
    assert (here / "x.csv").exists()


def test_a_name_that_is_both_needs_two_dashes(here):
    git("tag", "d", "one", cwd=here)
    done = track("checkout", "d", cwd=here)
    assert done.code == 2
    assert "both a revision and a path" in done.err
    (here / "d/a").unlink()
    track("checkout", "--", "d", cwd=here).ok()
    assert (here / "d/a").read_bytes() == b"22"
    track("checkout", "d", "--", cwd=here).ok()
    assert (here / "d/a").read_bytes() == b"1"


def test_a_name_that_is_neither_is_a_usage_error(here):
    done = track("checkout", "nonesuch", cwd=here)
    assert done.code == 2
    assert "nonesuch" in done.err


def test_two_revisions_are_one_too_many(here):
    assert track("checkout", "one", "two", "--", "d", cwd=here).code == 2


def test_a_pointer_that_comes_along_is_said_to_be_unstaged(here):
    done = track("checkout", "one", "--", "x.csv", cwd=here).ok()
    assert "1 pointer written, not staged: git add x.csv.track\n" in done.err
    assert git("status", "--porcelain", cwd=here) == " M x.csv.track\n"


def test_a_pointer_that_is_as_the_index_has_it_is_not_to_be_staged(here):
    assert "everything is as its pointer says" in track("checkout", "HEAD", "--", "x.csv", cwd=here).ok().err
    track("checkout", "one", "--", "x.csv", cwd=here).ok()
    done = track("checkout", "HEAD", "--", "x.csv", cwd=here).ok()
    assert "1 pointer written, as Git's index has it\n" in done.err and "git add" not in done.err
    done = track("checkout", "one", "--", "x.csv", "d", cwd=here).ok()
    assert "2 pointers written, not staged: git add d.track x.csv.track\n" in done.err


def test_unsaved_work_ends_with_6_naming_every_file_and_the_way(here):
    (here / "d/a").write_bytes(b"work")
    (here / "x.csv").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    done = track("checkout", cwd=here)
    assert done.code == 6
    for text in ("2 files would be lost", "d/a", "x.csv", "track add", "--force"):
        assert text in done.err
    assert track("checkout", "--force", cwd=here).code == 0


def test_edits_that_stay_are_counted(here):
    (here / "d/b").write_bytes(b"work")
    git("checkout", "--quiet", "one", cwd=here)
    assert "1 edited file left as it is" in track("checkout", cwd=here).ok().out


def test_what_is_not_here_ends_with_4_and_the_command_that_brings_it(here):
    shutil.rmtree(here / "d")
    shutil.rmtree(here / ".git/track/store")
    done = track("checkout", cwd=here)
    assert done.code == 4
    assert "its manifest is not here" in done.err
    assert "track remote add" in done.err
    track("remote", "add", "origin", str(here.parent / "remote"), cwd=here)
    assert "track pull" in track("checkout", cwd=here).err


def test_json_has_everything(here):
    git("checkout", "--quiet", "one", cwd=here)
    (here / "d/b").write_bytes(b"work")
    document = track("checkout", "--json", cwd=here).ok().json
    d, x = document["artifacts"]
    assert (document["version"], document["kind"], document["dry_run"], document["pointers"]) == (
        1,
        "checkout",
        False,
        [],
    )
    assert (d["path"], d["created"], d["replaced"], d["removed"], d["size"], d["left"]) == ("d", 0, 1, 0, 1, ["b"])
    assert (x["path"], x["kind"], x["replaced"]) == ("x.csv", "file", 1)
