"""`track path` and `--only`: how one thing came from another, and a graph of one kind of nodes alone."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, new_repository
from support.trees import write_tree
from track.errors import UnknownPath
from track.project import Project
from track.verbs.deps import deps
from track.verbs.lineage import lineage
from track.verbs.path import path


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """raw -> prepare -> clean -> train -> model -> evaluate (with clean) -> report; another run made clean, too."""
    repo = new_repository(tmp_path_factory.mktemp("pattern") / "repo")
    track("init", cwd=repo).ok()
    write_tree(repo, {"raw": b"3\n1\n2\n", "beside": b"x"})
    track("add", "raw", "beside", cwd=repo).ok()
    commit_all(repo, "data")
    for name, output, line in (
        ("prepare", "clean", "sort raw > clean"),
        ("prepare again", "clean", "sort -n raw > clean"),
        ("train", "model", "cksum clean > model"),
        ("evaluate", "report", "cat model clean > report"),
    ):
        track("run", "-q", "--name", name, "-o", output, "--", "sh", "-c", line, cwd=repo).ok()
    commit_all(repo, "runs")
    return repo


@pytest.fixture
def here(pattern: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    shutil.copytree(pattern, tmp_path / "repo", symlinks=True)
    return tmp_path / "repo"


def way(repo: Path, source: str, target: str, **facts: object) -> list[str]:
    with Project.open(repo) as project:
        graph = path(project, source, target, **facts).graph  # type: ignore[arg-type]  # as the verb takes them
    assert not graph.nodes or graph.nodes[0].id == graph.start
    return [node.name for node in graph.nodes]


def test_every_shortest_way_is_shown_and_longer_ones_when_they_are_wanted(here: Path) -> None:
    assert way(here, "raw", "report") == ["report", "evaluate", "clean", "prepare again", "raw"]
    longer = way(here, "raw", "report", longer=True)
    assert sorted(longer) == ["clean", "evaluate", "model", "prepare again", "raw", "report", "train"]
    assert way(here, "model", "report") == ["report", "evaluate", "model"]
    assert way(here, "train", "report", kinds=("run",)) == ["report", "evaluate", "train"]
    assert way(here, "report", "report") == ["report"]


def test_content_means_whoever_made_it_and_a_run_means_itself(here: Path) -> None:
    assert way(here, "clean", "model") == ["model", "train", "clean"]
    assert way(here, "prepare again:clean", "model") == ["model", "train", "clean"]
    assert way(here, "prepare:clean", "model") == []  # that was made once more before it was used
    assert way(here, "prepare", "model") == []


def test_where_there_is_no_way_that_is_said_and_told_by_the_code(here: Path) -> None:
    done = track("path", "beside", "report", cwd=here)
    assert (done.code, done.out) == (1, "") and done.err == "report did not come from beside, as far as any run tells\n"
    assert track("path", "report", "raw", cwd=here).code == 1  # the other way round
    document = track("path", "beside", "report", "--json", cwd=here)
    assert document.code == 1 and document.json["nodes"] == [] and document.json["edges"] == []
    with pytest.raises(UnknownPath, match="nothing is called `rew`"):
        way(here, "rew", "report")
    assert track("path", "raw", "nothing-like-it", cwd=here).code == 2


def test_a_way_in_every_form(here: Path) -> None:
    lines = track("path", "raw", "report", cwd=here).ok().out.splitlines()
    assert [line.lstrip(" └─").split("  ")[0].split(" (")[0] for line in lines] == [
        "report", "run evaluate", "clean", "run prepare again", "raw"
    ]  # fmt: skip
    document = track("path", "raw", "report", "--json", cwd=here).ok().json
    assert document["kind"] == "path" and len(document["edges"]) == 4
    assert track("path", "raw", "report", "--format", "dot", cwd=here).ok().out.count("->") == 4
    assert "<title>how report came from raw</title>" in track("path", "raw", "report", "--format", "html", cwd=here).out


def names(repo: Path, item: str, *, verb: object = lineage, **facts: object) -> list[str]:
    with Project.open(repo) as project:
        return [node.name for node in verb(project, item, **facts).graph.nodes]  # type: ignore[operator]  # a verb


def test_one_kind_of_nodes_alone_is_joined_over_the_others(here: Path) -> None:
    assert names(here, "report", kinds=("artifact",)) == ["report", "clean", "model", "raw"]
    assert names(here, "report", kinds=("run",)) == ["report", "evaluate", "prepare again", "train"]
    assert names(here, "report", kinds=("artifact",), depth=1) == ["report", "clean", "model"]
    assert sorted(names(here, "raw", verb=deps, kinds=("run",), depth=1)) == ["prepare", "prepare again", "raw"]
    (root, code) = names(here, "report", kinds=("code",))
    assert root == "report" and code.startswith("code at ")
    document = track("lineage", "report", "--only", "runs", "--only", "code", "--json", cwd=here).ok().json
    assert {node["kind"] for node in document["nodes"]} == {"artifact", "run", "code"}
    assert {edge["how"] for edge in document["edges"]} >= {"made", "through", "code"}
    assert "…" in track("lineage", "report", "--only", "artifacts", "--depth", "1", cwd=here).ok().out


def test_who_else_made_the_same_is_said_by_name(here: Path) -> None:
    shown = track("lineage", "model", cwd=here).ok().out
    assert "  (also produced by prepare)\n" in shown and "run prepare again (" in shown
    document = track("lineage", "model", "--json", cwd=here).ok().json
    (clean,) = [node for node in document["nodes"] if node["name"] == "clean"]
    assert clean["also_count"] == len(clean["also"]) == 1
