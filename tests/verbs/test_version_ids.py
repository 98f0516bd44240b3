"""The ids that `track find` prints: `show`, `lineage`, `deps`, `why` and `log` take each of them."""

import json
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    """A version that was, one of another branch, one that no commit has, a named one, and what runs saved."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"raw.csv": b"1\n", "old.csv": b"old\n"})
    track("add", "-q", "raw.csv", "old.csv", cwd=repo).ok()
    track("put", "-q", "rides", "raw.csv", "--partition", "region=eu", cwd=repo).ok()
    commit_all(repo, "data")
    track("run", "-q", "--name", "sort", "-o", "out.csv", "--", "sort", "raw.csv", "-o", "out.csv", cwd=repo).ok()
    track("run", "-q", "--name", "say", "--", "echo", "hello", cwd=repo).ok()
    commit_all(repo, "runs")
    git("switch", "-qc", "other", cwd=repo)
    write_tree(repo, {"raw.csv": b"2\n"})
    track("add", "-q", "raw.csv", cwd=repo).ok()
    commit_all(repo, "other")
    git("switch", "-q", "-", cwd=repo)
    track("rm", "-q", "old.csv", cwd=repo).ok()
    commit_all(repo, "gone")
    write_tree(repo, {"new.csv": b"new\n"})
    track("add", "-q", "new.csv", cwd=repo).ok()
    return repo


def test_every_id_that_find_prints_is_shown_and_followed(here: Path) -> None:
    found = [
        json.loads(line) for line in track("find", "--all", "--history", "--jsonl", cwd=here).ok().out.splitlines()
    ]
    assert {"raw.csv", "old.csv", "new.csv", "out.csv", "rides", "stdout.log"} == {one["name"] for one in found}
    assert len([one for one in found if one["name"] == "raw.csv"]) == 2
    for one in found:
        for id in (one["id"], one["id"][:8]):
            shown = track("show", id, "--json", cwd=here).ok().json
            assert shown["digest"] == one["digest"], one
            assert shown["what"] == ("artifact" if one["path"] else "saved")
        assert one["name"] in track("show", one["id"], cwd=here).ok().out
        for verb in ("lineage", "deps"):
            graph = track(verb, one["id"][:8], "--json", cwd=here).ok().json
            start = next(node for node in graph["nodes"] if node["id"] == graph["start"])
            assert start["digest"] == one["digest"], (verb, one)
        if one["path"]:
            assert track("why", one["id"][:8], "--json", cwd=here).ok().json["digest"] == one["digest"]
        track("log", one["id"], cwd=here).ok() if one["commit"] else None


def test_what_a_run_of_another_branch_saved_is_shown_and_followed(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    git("switch", "-qc", "side", cwd=repo)
    track("run", "-q", "--name", "say", "--", "echo", "hello", cwd=repo).ok()
    commit_all(repo, "run")
    git("switch", "-q", "-", cwd=repo)
    git("clone", "-q", str(repo), str(tmp_path / "clone"), cwd=tmp_path)
    [line] = track("find", "--all", "--jsonl", cwd=tmp_path / "clone").ok().out.splitlines()
    id, digest = json.loads(line)["id"], json.loads(line)["digest"]
    shown = track("show", id, cwd=tmp_path / "clone").ok()
    assert digest in shown.out and "of run  say" in shown.out and "runs get" not in shown.out
    assert "run say" in track("lineage", "--all", id, cwd=tmp_path / "clone").ok().out
    assert digest[:19] in track("lineage", id, cwd=tmp_path / "clone").ok().out
    assert f"`{id}` is no artifact" in track("why", id, cwd=tmp_path / "clone").err
    assert "others have it: git log --all -- .track/runs/" in track("log", id, cwd=tmp_path / "clone").err


def test_an_id_works_from_a_folder_and_in_a_clone(here: Path, tmp_path: Path) -> None:
    id = json.loads(track("find", "name = old.csv", "--history", "--jsonl", cwd=here).ok().out)["id"]
    (here / "folder").mkdir()
    assert track("lineage", id, cwd=here / "folder").ok().out.startswith("old.csv  ")
    git("clone", "-q", here, tmp_path / "clone", cwd=tmp_path)
    assert "old.csv.track" in track("show", id, cwd=tmp_path / "clone").ok().out


def test_what_is_called_so_is_meant_before_what_has_such_an_id(here: Path) -> None:
    id = json.loads(track("find", "name = old.csv", "--history", "--jsonl", cwd=here).ok().out)["id"]
    write_tree(here, {id[:8]: b"a file that is called like an id\n"})
    track("add", "-q", id[:8], cwd=here).ok()
    assert track("show", id[:8], cwd=here).ok().out.splitlines()[0] == id[:8]
    assert track("lineage", id[:8], cwd=here).ok().out.startswith(f"{id[:8]}  ")
    assert track("show", id, cwd=here).ok().out.splitlines()[0] == "old.csv"
    refused = track("show", "0" * 16, cwd=here)
    assert refused.code == 2 and "0000" in refused.err
