"""`track verify` as a person sees it."""

import random
from pathlib import Path

import pytest

from store.conftest import files, spoil
from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.cli.commands.repair import _show
from track.verbs.repair import Repaired


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"one", "d/b": b"two"})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def test_a_sound_project_is_one_line_and_zero(here):
    done = track("verify", cwd=here).ok()

    assert done.out.startswith("1 artifact, 3 objects here, ")
    assert done.out.endswith("read: nothing is wrong\n")


def test_damage_is_seven_with_the_file_the_digest_and_a_next_step(here):
    (pack,) = files(here / ".git/track/store/packs")
    spoil(pack, pack.read_bytes().index(b"two"))

    done = track("verify", cwd=here)

    assert 7 == done.code
    assert "d/b" in done.out
    assert "is damaged in the store" in done.out
    assert "hint: track add d" in done.err


def test_a_modified_file_is_one_and_json_says_all_of_it(here):
    (here / "d/a").write_bytes(b"edited")

    done = track("verify", "--json", "d", cwd=here)

    assert 1 == done.code
    assert ("verify", 1) == (done.json["kind"], done.json["version"])
    (problem,) = done.json["problems"]
    assert ("modified", "d/a", "track status") == (problem["kind"], problem["path"], problem["next"])
    assert problem["digest"].startswith("blake3:")


def test_missing_objects_are_four(here):
    for pack in files(here / ".git/track/store/packs"):
        pack.unlink()

    done = track("verify", cwd=here)

    assert 4 == done.code
    assert "missing" in done.out


def test_paths_and_a_remote_together_are_wrong_usage(here):
    assert 2 == track("verify", "d", "--remote", "origin", cwd=here).code


def test_a_remote_that_nobody_knows_is_five(here):
    done = track("verify", "--remote", "nowhere", cwd=here)

    assert 5 == done.code
    assert "no remote" in done.err


def test_a_sample_of_chunks_alone_is_not_called_no_objects(here: Path) -> None:
    write_tree(here, {"large.bin": random.Random(1).randbytes(40_000_000)})
    track("add", "large.bin", cwd=here).ok()
    track("remote", "add", "origin", "../remote", cwd=here).ok()
    commit_all(here, "large")
    track("push", cwd=here).ok()
    told = [track("verify", "--remote", "origin", "--sample", "1%", cwd=here).ok().out for _ in range(3)]
    assert any(one.startswith("chunks of large files at origin, ") for one in told), told
    assert not any(one.startswith("0 objects") for one in told), told


def test_what_is_lost_is_not_told_beside_nothing_to_repair(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Repaired("box", (), 0, 1, ("x  (object 2b4a1b48)",) * 2, (), 4, is_dry=False))
    assert capsys.readouterr().out == "lost  x  (object 2b4a1b48)\n0 files restored; 1 object right nowhere\n"
