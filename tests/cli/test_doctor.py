"""`track doctor`: a line for each thing, a code for findings."""

from pathlib import Path

from support.cli import track_here as track
from support.repositories import git
from support.trees import write_tree


def test_a_sound_project_is_code_zero(repo: Path) -> None:
    track("init", cwd=repo).ok()
    done = track("doctor", cwd=repo).ok()
    assert done.err == "nothing needs you\n"
    assert "ok    .store      links to the store" in done.out.splitlines()


def test_a_finding_is_code_one_with_its_way_out(repo: Path) -> None:
    track("init", cwd=repo).ok()
    git("add", "--force", ".store", cwd=repo)
    done = track("doctor", cwd=repo)
    assert done.code == 1
    assert "1 finding:" in done.out
    assert "hint: git rm --cached .store" in done.err


def test_doctor_as_json(repo: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"bad.track": b"[artifact]\nkind = 1\n"})
    done = track("doctor", "--json", cwd=repo)
    assert done.code == 1
    assert done.json["findings"] == 1
    [bad] = [check for check in done.json["checks"] if check["state"] == "finding"]
    assert bad["name"] == "pointers" and "bad.track" in bad["text"]


def test_without_a_repository_it_is_code_three(tmp_path: Path) -> None:
    assert track("doctor", cwd=tmp_path).code == 3
