"""Commands to paste name paths as seen from the folder in which the person stands."""

import re
import shlex
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.sharing import cloned, shared
from track.model.names import standing, typed


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three artifacts, pushed; and a folder to stand in."""
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    (repo / "notes/deep").mkdir(parents=True)
    return repo


def pasted(done: Completed, folder: Path, command: str) -> int:
    """Run the first hint that is this command, from the same folder; its exit code."""
    found = re.search(rf"\b{command}[^\n`]*?(?=   |`|;|, or|\n|$)", done.err)
    assert found is not None, done
    words = shlex.split(found[0])
    if words[0] == "git":
        git(*words[1:], cwd=folder)
        return 0
    return track(*words[1:], cwd=folder).code


@pytest.mark.parametrize("folder", [".", "notes", "notes/deep"])
def test_what_add_and_checkout_say_can_be_pasted(repo: Path, folder: str) -> None:
    here = repo / folder
    (repo / "table.csv").write_bytes(b"unsaved")
    up = "../" * (0 if folder == "." else len(Path(folder).parts))
    done = track("checkout", f"{up}table.csv", cwd=here)
    assert done.code == 6 and f"track add {up}table.csv" in done.err
    assert pasted(done, here, "track add") == 0
    (repo / "table.csv").unlink()
    done = track("add", f"{up}table.csv", cwd=here)
    assert done.code == 4 and pasted(done, here, "track checkout") == 0
    assert (repo / "table.csv").exists()


def test_a_broken_pointer_is_brought_back_from_a_subfolder(repo: Path) -> None:
    here = repo / "notes"
    before = (repo / "table.csv.track").read_bytes()
    (repo / "table.csv.track").write_bytes(b"[artifact]\nkind = 7\n")
    for verb in ("checkout", "status", "ls", "show", "pull"):
        done = track(verb, *(["../table.csv"] if verb != "status" else []), cwd=here)
        assert done.code == 7 and "git checkout HEAD -- ../table.csv.track" in done.err, (verb, done)
        assert "error: table.csv.track, line 2" in done.err  # what is said is said from the top
    assert pasted(done, here, "git checkout") == 0
    assert (repo / "table.csv.track").read_bytes() == before


def test_what_is_missing_is_fetched_from_a_subfolder(repo: Path) -> None:
    clone = cloned(repo)
    (clone / "notes").mkdir()
    done = track("cat", "../table.csv", cwd=clone / "notes")
    assert done.code == 4 and "-- ../table.csv" in done.err
    assert pasted(done, clone / "notes", "track fetch") == 0
    track("cat", "../table.csv", cwd=clone / "notes").ok()
    done = track("ls", "../data/nonesuch", cwd=clone / "notes")
    assert "track " in done.err
    done = track("add", "../data/nonesuch", cwd=clone / "notes")
    assert done.code in (2, 4) and "../data" in done.err


def test_verify_and_doctor_say_it_from_the_subfolder(repo: Path) -> None:
    (repo / "table.csv").write_bytes(b"edited")
    done = track("verify", "--json", cwd=repo / "notes/deep")
    assert "../../table.csv" in done.out or "track status" in done.out
    git("add", "--force", "model.bin", cwd=repo)
    commit_all(repo, "by accident")
    done = track("doctor", cwd=repo / "notes/deep")
    assert "git rm -r --cached -- ../../model.bin" in done.err, done


def test_a_path_is_written_from_where_one_stands() -> None:
    assert typed(b"data/a b") == "'data/a b'"
    token = standing.set(b"data/deep")
    try:
        assert typed(b"data/a b") == "'../a b'" and typed(b"data/deep/x") == "x"
        assert typed(b"data/deep/-x") == "./-x" and typed(b"data/deep") == "."
        assert typed("data/a") == "data/a"
    finally:
        standing.reset(token)


def test_a_remote_in_an_oddly_named_working_tree_is_told_with_a_command_to_paste(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "$(touch pasted) it's")
    track("init", cwd=repo).ok()
    refused = track("remote", "add", "origin", "inside", cwd=repo)
    hint = next(line for line in refused.err.splitlines() if line.startswith("hint: "))
    words = shlex.split(hint.removeprefix("hint: "))
    assert words == ["track", "remote", "add", "NAME", "../$(touch pasted) it's-data"]


def test_a_folder_with_a_line_break_in_its_name_is_to_be_renamed(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "new\nline")
    refused = track("init", cwd=repo)
    assert refused.code == 3
    assert "give the folder another name" in refused.err
