"""Named artifacts in what tells where things came from: they are called by their names, and taken by them."""

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from support.cli import track as track_apart
from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree

_OURS = f"{shlex.quote(sys.executable)} -m track"


@pytest.fixture
def here(repo: Path) -> Path:
    """The partition eu of rides -> total, which has no working copy, and sum.txt."""
    track("init", cwd=repo).ok()
    _put(repo, "3\n")
    commit_all(repo, "rides")
    script = (
        f"{_OURS} -q get rides --partition region=eu -o in.csv && wc in.csv > sum.txt && rm in.csv && "
        f"{_OURS} -q put total sum.txt"
    )
    done = track_apart("run", "-q", "--name", "count", "-o", "sum.txt", "--", "sh", "-c", script, cwd=repo)
    assert done.code == 0, done.err
    commit_all(repo, "run")
    return repo


def _put(repo: Path, text: str) -> None:
    write_tree(repo, {"eu.csv": text.encode()})
    track("put", "-q", "rides", "eu.csv", "--partition", "region=eu", cwd=repo).ok()
    (repo / "eu.csv").unlink()


def test_named_artifacts_are_called_by_their_names_wherever_they_came_from_is_told(here: Path) -> None:
    for words in (
        ("lineage", "total"), ("lineage", "count:total"), ("deps", "rides"), ("deps", "rides region=eu"),
        ("why", "total"), ("path", "rides region=eu", "total"), ("runs", "show", "count"),
        ("lineage", "total", "--format", "mermaid"),
    ):  # fmt: skip
        said = track(*words, cwd=here).ok().out
        assert "total" in said and "rides region=eu" in said, words
        assert ".track/artifacts" not in said, words
    nodes = json.loads(track("lineage", "total", "--json", cwd=here).ok().out)["nodes"]
    assert {"total", "rides region=eu", "count"} < {node["name"] for node in nodes}
    assert json.loads(track("why", "total", "--json", cwd=here).ok().out)["name"] == "total"


def test_what_is_stale_is_told_and_asked_for_by_name(here: Path) -> None:
    _put(here, "4\n5\n")
    for words in (
        ("stale",),
        ("stale", "total"),
        ("stale", ".track/artifacts/total.track"),
        ("rerun", "--stale", "-n"),
    ):
        said = track(*words, cwd=here).ok().out
        assert said.startswith("total") and "  rides region=eu was " in said, words
    found = json.loads(track("stale", "total", "--json", cwd=here).ok().out)["artifacts"]
    assert [(one["name"], [cause["name"] for cause in one["causes"]]) for one in found] == [
        ("total", ["rides region=eu"])
    ]
    assert track("stale", "rides", cwd=here).ok().err == "nothing is stale: 0 artifacts that runs made\n"


def test_how_to_say_what_made_a_named_artifact_is_told_with_words_that_work(here: Path) -> None:
    assert "which calls track put rides\n" in track("why", "rides", cwd=here).ok().err


def test_a_name_that_several_runs_saved_is_refused_with_words_for_each(repo: Path) -> None:
    track("init", cwd=repo).ok()
    for name, text in (("one", "1"), ("two", "2"), ("again", "2")):
        track("run", "-q", "--name", name, "--", "sh", "-c", f"echo said >&2; echo {text}", cwd=repo).ok()
    commit_all(repo, "runs")
    refused = track("lineage", "stdout.log", cwd=repo)
    assert refused.code == 2 and "`stdout.log` is 2 saved artifacts" in refused.err
    spelt = re.findall(r"^(?:hint: | +)(\S+)      means what the run (\S+) of .* saved$", refused.err, re.MULTILINE)
    assert [name for _, name in spelt] == ["again", "one"]
    for words, name in spelt:
        assert f"run {name} (" in track("lineage", words, cwd=repo).ok().out
    assert track("deps", "stdout.log", cwd=repo).code == 2
    assert track("lineage", "stderr.log", cwd=repo).ok().out.startswith("stderr.log")  # all said the same


def test_a_name_that_is_no_utf8_is_followed_as_any_other(repo: Path) -> None:
    odd = os.fsdecode(b"odd\xff.txt")
    track("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, {"in.txt": b"1\n"})
    track("add", "in.txt", cwd=repo).ok()
    for name, source, target in (("first", "in.txt", odd), ("second", odd, "end.txt")):
        command = ("sh", "-c", 'cat "$1" "$1" > "$2"', "sh", source, target)
        done = track_apart("run", "-q", "--name", name, "-i", source, "-o", target, "--", *command, cwd=repo)
        assert done.code == 0, done.err
    commit_all(repo)
    asked = (("lineage", odd), ("lineage", f"first:{odd}"), ("deps", odd), ("path", "in.txt", odd))
    for words in (*asked, ("lineage", odd, "--all")):
        said = track(*words, cwd=repo).ok().out
        assert r"odd\xff.txt" in said and ("second" if words[0] == "deps" else "first") in said, words
    track("rm", "-q", odd, cwd=repo).ok()
    commit_all(repo)
    said = track("lineage", odd, cwd=repo).ok().out  # only the runs know it
    assert said == track("lineage", r"odd\xff.txt", cwd=repo).ok().out and "first" in said
    nothing = track("lineage", os.fsdecode(b"none\xfe"), cwd=repo)
    assert nothing.code == 2 and r"none\xfe" in nothing.err and "bug" not in nothing.err
