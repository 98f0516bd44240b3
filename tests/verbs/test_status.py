"""Status: data against pointers, pointers against the index, the index against HEAD; nothing is opened in vain."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import OutsideRepository
from track.flows.look import differences
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer, value_digest
from track.project import Project
from track.verbs.status import ArtifactStatus, Status, status

FILES = {"d/a": b"one", "d/b": b"two", "d/s/c": b"three", "x.csv": b"1,2\n"}


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", "x.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def look(repo: Path, *paths: str) -> Status:
    with Project.open(repo) as project:
        return status(project, paths)


def one(repo: Path, path: bytes) -> ArtifactStatus:
    (found,) = (artifact for artifact in look(repo).artifacts if artifact.path == path)
    return found


def letters(repo: Path, path: bytes) -> str:
    found = one(repo, path)
    return found.staged + found.unstaged + found.data


def test_nothing_differs_after_a_commit(here):
    found = look(here)

    assert () == found.changed
    assert [b"d", b"x.csv"] == [artifact.path for artifact in found.artifacts]
    assert ("main", None, False) == (found.branch, found.operation, found.has_remote)


def test_counts_say_what_differs_inside_a_directory(here):
    write_tree(here, {"d/new": b"n", "d/s/more": b"m"})
    (here / "d/a").write_bytes(b"ONE")
    (here / "d/b").unlink()

    found = one(here, b"d")

    assert found.look is not None
    assert ("M", 2, 1, 1) == (found.data, found.look.added_count, found.look.modified_count, found.look.removed_count)
    assert "..." == letters(here, b"x.csv")


@pytest.mark.parametrize("change", ["mode", "kind", "link"])
def test_a_mode_or_a_kind_is_a_difference_too(here, change):
    if change == "mode":
        (here / "d/a").chmod(0o755)
    else:
        (here / "d/a").unlink()
        if change == "kind":
            write_tree(here, {"d/a/inner": b"one"})
        else:
            (here / "d/a").symlink_to("one")

    assert "..M" == letters(here, b"d")


def test_touching_a_file_is_no_difference_and_is_read_only_once(here):
    os.utime(here / "d/a", (1_000_000_000, 1_000_000_000))
    time.sleep(0.05)  # what changed in the very moment of a scan is looked at by the next one, too

    assert "..." == letters(here, b"d")
    assert [] == opened_by_status(here, here / "d")


def test_unchanged_files_are_not_opened(here):
    look(here)  # what was written just before it was added is looked at once more

    assert [] == opened_by_status(here, here / "d")


def opened_by_status(repo: Path, folder: Path) -> list[str]:
    """The files below `folder` that `track status` opens, told by Python's audit events."""
    code = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and seen.append((args[0], args[2])))\n"
        "from track.cli.main import run\n"
        "run(['status'])\n"
        "names = {b'a', b'b', b'c', b'x.csv', 'a', 'b', 'c', 'x.csv'}\n"
        "print(*[path for path, flags in seen if path in names], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, check=True)
    return done.stderr.decode().split()


def test_missing_data_is_told_from_modified_data(here):
    (here / "x.csv").unlink()

    assert "..D" == letters(here, b"x.csv")


def test_a_pointer_that_moved_under_its_data_reads_as_out_of_step(here):
    first = one(here, b"d").digest
    write_tree(here, {"d/new": b"n"})
    track("add", "d", cwd=here).ok()
    commit_all(here, "more")
    git("checkout", "--quiet", "HEAD~1", "--", "d.track", cwd=here)

    found = one(here, b"d")

    assert "S" == found.data
    assert first == found.digest
    assert found.look is not None
    assert found.look.holds not in (None, first)
    assert "M.S" == letters(here, b"d")


def test_a_file_that_holds_another_saved_version_is_out_of_step(here):
    (here / "x.csv").write_bytes(b"3,4\n")
    track("add", "x.csv", cwd=here).ok()
    git("checkout", "--quiet", "HEAD", "--", "x.csv.track", cwd=here)

    assert "..S" == letters(here, b"x.csv")


def test_pointers_are_compared_with_the_index_and_the_index_with_head(here):
    (here / "x.csv").write_bytes(b"5,6\n")
    track("add", "--no-stage", "x.csv", cwd=here).ok()
    assert ".M." == letters(here, b"x.csv")
    git("add", "x.csv.track", cwd=here)
    assert "M.." == letters(here, b"x.csv")
    git("rm", "--quiet", "--cached", "x.csv.track", cwd=here)
    assert "DA." == letters(here, b"x.csv")
    (here / "x.csv.track").unlink()
    assert "D" == one(here, b"x.csv").staged


def test_a_pointer_in_conflict_is_said_to_be(here):
    for branch, content in (("left", b"L"), ("right", b"R")):
        git("checkout", "--quiet", "-b", branch, "main", cwd=here)
        (here / "x.csv").write_bytes(content)
        track("add", "x.csv", cwd=here).ok()
        commit_all(here, branch)
    git("merge", "--quiet", "left", cwd=here, check=False)

    found = one(here, b"x.csv")

    assert ("U", "U", "?") == (found.staged, found.unstaged, found.data)
    assert "merge" == look(here).operation
    assert "x.csv.track" in (found.trouble or "")


def test_paths_narrow_what_is_looked_at(here):
    assert [b"d"] == [artifact.path for artifact in look(here, str(here / "d")).artifacts]
    assert [b"d"] == [artifact.path for artifact in look(here, str(here / "d/s/c")).artifacts]
    assert [b"x.csv"] == [artifact.path for artifact in look(here, str(here / "x.csv.track")).artifacts]
    with pytest.raises(OutsideRepository):
        look(here, "/")


def test_somebody_else_s_track_file_is_not_an_artifact(here):
    write_tree(here, {"song.track": b"<gpx/>\n"})

    assert [b"d", b"x.csv"] == [artifact.path for artifact in look(here).artifacts]


def test_before_the_first_commit_everything_is_new(tmp_path):
    git("init", "--quiet", "--initial-branch=main", str(tmp_path / "r"), cwd=tmp_path)
    track("init", cwd=tmp_path / "r").ok()
    write_tree(tmp_path / "r", {"a": b"1"})
    track("add", "a", cwd=tmp_path / "r").ok()

    assert "A.." == letters(tmp_path / "r", b"a")


def test_what_no_remote_has_is_not_pushed(here, tmp_path):
    (tmp_path / "shared").mkdir()
    track("remote", "add", "origin", str(tmp_path / "shared/store"), cwd=here).ok()
    assert [b"d", b"x.csv"] == [artifact.path for artifact in look(here).unpushed]

    track("push", cwd=here).ok()

    assert () == look(here).unpushed


def test_a_damaged_stat_cache_costs_time_and_nothing_else(here):
    (here / ".git/track/stat.db").write_bytes(b"not a database" * 100)

    assert "..." == letters(here, b"d")


def test_an_edit_of_the_same_size_and_time_is_found(here):
    look(here)
    before = (here / "d/a").stat()
    (here / "d/a").write_bytes(b"ENO")
    os.utime(here / "d/a", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "..M" == letters(here, b"d")


@pytest.mark.parametrize("content", [b"one, and more", b"ONE"], ids=["resized", "same size"])
def test_a_part_that_was_added_is_no_difference(here: Path, content: bytes) -> None:
    (here / "d" / "a").write_bytes(content)
    (here / "d" / "new").write_bytes(b"new")
    track("add", "d/a", "d/new", cwd=here).ok()
    assert one(here, b"d").data == "."
    (here / "d" / "b").write_bytes(b"two, and more")
    assert (one(here, b"d").data, one(here, b"d").look.modified_count) == ("M", 1)


def test_the_executable_bit_of_a_file_artifact_is_a_difference(here):
    look(here)
    (here / "x.csv").chmod(0o755)

    assert "..M" == letters(here, b"x.csv")
    track("add", "x.csv", cwd=here).ok()
    assert "M.." == letters(here, b"x.csv")
    assert "executable = true" in (here / "x.csv.track").read_text()


def test_what_is_missing_or_became_another_kind_differs_in_every_entry(here):
    def pairs(path: bytes = b"d") -> list[tuple[bytes | None, bytes | None]]:
        with Project.open(here) as project:
            pointer = project.pointers()[path + b".track"]
            return [(old and old.path, new and new.path) for old, new in differences(project, path, pointer)]

    assert [] == pairs()
    (here / "d").rename(here / "elsewhere")
    assert [(b"a", None), (b"b", None), (b"s/c", None)] == pairs()
    (here / "d").write_bytes(b"a file now")
    assert [(None, b""), (b"a", None), (b"b", None), (b"s/c", None)] == pairs()
    (here / "x.csv").unlink()
    write_tree(here, {"x.csv/in": b"a folder now"})
    assert [(b"", None), (None, b"in")] == pairs(b"x.csv")


def test_a_pointer_that_was_overwritten_with_something_else_is_reported(here: Path) -> None:
    (here / "d.track").write_bytes(b"notes of mine\n")
    found = one(here, b"d")
    assert (found.unstaged, found.data) == ("M", "?")
    assert "d.track was a pointer and is none any more" in (found.trouble or "")
    assert "d.track was a pointer" in track("status", cwd=here).out


def test_a_value_is_never_waiting_to_be_pushed(here: Path, tmp_path: Path) -> None:
    named = here / ".track/artifacts/threshold.track"
    named.parent.mkdir(parents=True)
    named.write_bytes(dump_pointer(Pointer(kind="value", digest=value_digest(42), value=42)))
    git("add", "--force", str(named), cwd=here)
    (tmp_path / "shared").mkdir()
    track("remote", "add", "origin", str(tmp_path / "shared/store"), cwd=here).ok()

    assert [b"d", b"x.csv"] == [artifact.path for artifact in look(here).unpushed]


@pytest.mark.parametrize("touched", [False, True])
def test_a_file_that_became_a_folder_is_out_of_step_at_the_other_version(repo: Path, touched: bool) -> None:
    track("init", cwd=repo).ok()
    (repo / "d").write_bytes(b"a file")
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "file")
    git("tag", "v1", cwd=repo)
    (repo / "d").unlink()
    write_tree(repo, {"d/a": b"1", "d/b": b"2"})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "folder")
    track("checkout", "v1", cwd=repo).ok()
    if touched:
        os.utime(repo / "d", (1, 1))
    assert "S out of step  d/  holds" in track("status", cwd=repo).ok().out
    assert track("status", "--json", cwd=repo).json["artifacts"][0]["holds"] == str(digest_of(b"a file"))
    (repo / "d").write_bytes(b"somebody's work")
    assert "M modified" in track("status", cwd=repo).ok().out
    (repo / "d").unlink()
    git("checkout", "--quiet", "v1", cwd=repo)
    track("checkout", "main", cwd=repo).ok()
    if touched:
        os.utime(repo / "d/a", (1, 1))
    assert "S out of step  d  holds" in track("status", cwd=repo).ok().out
    said = track("diff", cwd=repo).ok().out
    assert "+2 -1 files" in said and {"a", "b"} <= set(said.split())
    (repo / "d/a").write_bytes(b"more work")
    assert "M modified" in track("status", cwd=repo).ok().out


def test_an_empty_folder_is_not_the_data_that_should_be_in_it(here: Path) -> None:
    shutil.rmtree(here / "d")
    with Project.open(here) as project:
        project.stat_cache.forget(b"d")
    (here / "d").mkdir()
    for _ in range(2):
        found = one(here, b"d")
        assert (found.data, found.look and found.look.removed_count) == ("M", 3)


def test_an_empty_directory_is_no_difference_without_rows(here: Path) -> None:
    (here / "empty").mkdir()
    track("add", "empty", cwd=here).ok()
    with Project.open(here) as project:
        project.stat_cache.forget(b"empty")
    assert [one(here, b"empty").data for _ in range(2)] == [".", "."]
