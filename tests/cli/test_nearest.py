"""A name that nothing has: every command that takes one lists the nearest."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.named import new_rides
from support.repositories import commit_all
from support.trees import write_tree

QUESTIONS = (
    ("show", "ridez"), ("get", "ridez"), ("ls", "ridez"), ("cat", "ridez"), ("why", "ridez"), ("whereis", "ridez"),
    ("log", "ridez"), ("who-uses", "ridez"), ("lineage", "ridez"), ("deps", "ridez"), ("path", "ridez", "data.csv"),
    ("path", "data.csv", "ridez"), ("card", "ridez"), ("alias", "ridez", "prod"), ("artifacts", "show", "ridez"),
    ("artifacts", "schema", "ridez"), ("artifacts", "values", "ridez"),
)  # fmt: skip


@pytest.fixture(scope="module")
def rides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = new_rides(tmp_path_factory.mktemp("nearest") / "repo")
    write_tree(repo, {"data.csv": b"x\n"})
    track("add", "data.csv", cwd=repo).ok()
    commit_all(repo)
    return repo


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_the_nearest_name_is_told(rides: Path, words: tuple[str, ...]) -> None:
    refused = track(*words, cwd=rides)
    assert refused.code == 2
    assert "did you mean rides ?" in refused.err or "there is rides" in refused.err, refused.err


@pytest.mark.parametrize("command", ["show", "log", "who-uses", "lineage", "why"])
def test_the_nearest_path_is_told(rides: Path, command: str) -> None:
    refused = track(command, "dat.csv", cwd=rides)
    assert refused.code == 2
    assert "did you mean data.csv ?" in refused.err or "there is data.csv" in refused.err, refused.err


def test_a_reserved_key_is_never_suggested_to_be_declared(rides: Path) -> None:
    refused = track("put", "rides", "data.csv", "--partition", "version=3", cwd=rides)
    assert refused.code == 2
    assert "`version` is reserved" in refused.err and "track declare" not in refused.err


REVISIONS = (
    "find --rev", "find --runs --rev", "find --history --rev", "log", "log --rev", "log data.csv --rev", "show",
    "show {}:data.csv", "show {}:rides", "show rides@{}", "lineage data.csv --rev", "why data.csv --rev",
    "log {}..HEAD", "log main...{}", "artifacts list --rev", "artifacts show {}:rides", "artifacts schema {}:rides",
    "artifacts values {}:rides", "card {}:rides", "cat {}:data.csv", "checkout", "export --to dvc --rev",
    "get {}:data.csv", "get {}:rides", "get rides@{}",
    "alias {}:rides prod", "ls {}:", "whereis {}:data.csv", "store ls --rev", "diff",
    "diff {}..main", "diff main...{}", "diff main", "push origin", "fetch origin", "find --rev {}~0", "log --rev {}^",
)  # fmt: skip


@pytest.mark.parametrize("words", REVISIONS)
def test_the_nearest_branch_is_told(rides: Path, words: str) -> None:
    asked = words if "{}" in words else f"{words} {{}}"
    track("remote", "add", "origin", rides.parent / "remote", cwd=rides)
    refused = track(*asked.format("mian").split(), cwd=rides)
    assert refused.code == 2 and "did you mean main ?" in refused.err, refused.err


@pytest.mark.parametrize("words", [("runs", "show"), ("show",), ("rerun",), ("reproduce",), ("log",)], ids=" ".join)
def test_the_nearest_run_is_told(rides: Path, words: tuple[str, ...]) -> None:
    if "first-run" not in track("runs", "list", cwd=rides).out:
        track("run", "--name", "first-run", "--", "true", cwd=rides).ok()
    refused = track(*words, "first-rum", cwd=rides)
    assert refused.code == 2 and "first-run" in refused.err, refused.err
