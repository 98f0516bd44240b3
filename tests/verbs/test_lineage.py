"""`track lineage` and `track deps`: what something came from, and what came of it, in the terminal and as a graph."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import UnknownPath, UnknownRevision, UnknownRun
from track.flows.lineage_of import Traced
from track.project import Project
from track.verbs.deps import deps
from track.verbs.lineage import lineage


def run(repo: Path, name: str, output: str, line: str) -> None:
    track("run", "-q", "--name", name, "-o", output, "--", "sh", "-c", line, cwd=repo).ok()


@pytest.fixture
def here(repo: Path) -> Path:
    """raw -> prepare -> clean -> train -> model -> evaluate (with clean) -> report."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/raw.csv": b"3\n1\n2\n"})
    track("add", "data/raw.csv", cwd=repo).ok()
    commit_all(repo, "data")
    run(repo, "prepare", "data/clean.csv", "sort data/raw.csv > data/clean.csv")
    run(repo, "train", "model.bin", "cksum data/clean.csv > model.bin")
    run(repo, "evaluate", "report.txt", "cat model.bin data/clean.csv > report.txt")
    commit_all(repo, "runs")
    return repo


def came_from(repo: Path, item: str, **facts: Any) -> Traced:
    with Project.open(repo) as project:
        return lineage(project, item, **facts)


def came_of(repo: Path, item: str, **facts: Any) -> Traced:
    with Project.open(repo) as project:
        return deps(project, item, **facts)


def names(traced: Traced) -> list[str]:
    return sorted(node.name for node in traced.graph.nodes if node.kind != "code")


ALL = ["data/clean.csv", "data/raw.csv", "evaluate", "model.bin", "prepare", "report.txt", "train"]


def test_a_result_is_followed_back_to_the_data_that_nobody_made(here: Path):
    traced = came_from(here, "report.txt")
    assert names(traced) == ALL
    assert names(came_of(here, "data/raw.csv")) == ALL
    assert names(came_of(here, "model.bin")) == ["evaluate", "model.bin", "report.txt"]
    assert names(came_from(here, "report.txt", depth=2)) == ["data/clean.csv", "evaluate", "model.bin", "report.txt"]


@pytest.mark.parametrize(
    "item", ["data/clean.csv", "./data/clean.csv", "data/clean.csv.track", "prepare:data/clean.csv"]
)
def test_an_artifact_has_many_names(here: Path, item: str):
    assert names(came_from(here, item)) == ["data/clean.csv", "data/raw.csv", "prepare"]


def test_it_is_found_by_its_digest_and_inside_a_directory_and_as_a_run(here: Path):
    traced = came_from(here, "train:model.bin")
    assert came_from(here, str(traced.start.digest)).start == traced.start
    with pytest.raises(UnknownPath, match="is no whole digest"):
        came_from(here, str(traced.start.digest)[:15])
    write_tree(here, {"images/cat.png": b"cat"})
    track("add", "images", cwd=here).ok()
    assert came_from(here, "images/cat.png").start.name == "images"
    assert names(came_from(here, "train"))[-1] == "train"
    record = came_from(here, "train").start.record
    assert record is not None
    assert came_from(here, record.short).start.id == f"run:{record.id}"


def test_the_version_at_a_revision_is_followed(here: Path):
    write_tree(here, {"data/raw.csv": b"9\n"})
    track("add", "data/raw.csv", cwd=here).ok()
    run(here, "again", "data/clean.csv", "cat data/raw.csv > data/clean.csv")
    commit_all(here, "again")
    assert "again" in names(came_from(here, "data/clean.csv"))
    assert names(came_from(here, "data/clean.csv", rev="HEAD~1")) == ["data/clean.csv", "data/raw.csv", "prepare"]
    with pytest.raises(UnknownRevision):
        came_from(here, "data/clean.csv", rev="nowhere")
    with pytest.raises(UnknownPath, match="nothing is tracked at"):
        came_from(here, "data/clean.csv", rev="HEAD~2")  # a run made it, and later than that


def test_a_fresh_clone_without_any_data_has_the_same_graph(here: Path, tmp_path: Path):
    git("clone", "-q", here, tmp_path / "clone", cwd=tmp_path)
    assert came_from(tmp_path / "clone", "report.txt").graph == came_from(here, "report.txt").graph
    assert not (tmp_path / "clone/model.bin").exists()


def test_a_run_of_another_branch_counts_with_all_and_after_the_merge(here: Path, tmp_path: Path):
    git("checkout", "-qb", "side", cwd=here)
    run(here, "plot", "plot.svg", "cat model.bin > plot.svg")
    commit_all(here, "plot")
    git("checkout", "-q", "-", cwd=here)
    clone = tmp_path / "clone"
    git("clone", "-q", here, clone, cwd=tmp_path)  # the journal of the first one knows every run of its own
    assert "plot" not in names(came_of(clone, "model.bin"))
    assert "plot" in names(came_of(clone, "model.bin", every=True))
    git("merge", "-q", "--no-edit", "origin/side", cwd=clone)
    assert came_of(clone, "model.bin").graph == came_of(clone, "model.bin", every=True).graph


@pytest.mark.parametrize(("damage", "code"), [("status = [broken\n", 7), ("format = 99\n", 3)])
def test_a_record_that_was_once_committed_broken_is_passed_over_with_all_and_hides_no_other(
    here: Path, tmp_path: Path, damage: str, code: int
):
    [record] = [each for each in (here / ".track/runs").rglob("*.toml") if '"train"' in each.read_text()]
    was, path = record.read_text(), str(record.relative_to(here))
    git("checkout", "-qb", "side", cwd=here)
    record.write_text(damage + was)
    commit_all(here, "broken")
    git("checkout", "-qb", "other", "main", cwd=here)
    git("rm", "-q", path, cwd=here)
    commit_all(here, "without")
    clone = tmp_path / "clone"
    git("clone", "-q", "-b", "other", here, clone, cwd=tmp_path)  # the journal of the first one knows every run
    assert "train" not in names(came_from(clone, "report.txt"))
    found = came_from(clone, "report.txt", every=True)
    assert names(found) == ALL
    assert (found.refused, found.unreadable_count) == ((), 1)
    told = track("lineage", "report.txt", "--all", cwd=clone).ok()
    assert told.err == "passed over: 1 record that cannot be read\nhint: track doctor\n"
    told = track("deps", "blake3:" + "0" * 64, "--all", "--json", cwd=clone).ok()  # all records are looked through
    assert json.loads(told.out)["unreadable"] == 1
    record = clone / path
    record.write_text(damage)
    told = track("lineage", "report.txt", "--all", cwd=clone)
    assert told.code == code and told.err.count("error:") == 1


def test_what_a_pointer_says_it_is_based_on_counts_where_no_run_made_it(here: Path):
    raw = came_from(here, "data/raw.csv").start.digest
    write_tree(here, {"hand.txt": b"by hand"})
    track("add", "hand.txt", cwd=here).ok()
    with (here / "hand.txt.track").open("a") as pointer:
        pointer.write(f'\n[based_on]\n"data/raw.csv" = "{raw}"\n')
    assert names(came_from(here, "hand.txt")) == ["data/raw.csv", "hand.txt"]
    assert "hand.txt" in names(came_of(here, "data/raw.csv"))


def test_what_is_asked_for_is_called_so_where_another_path_holds_the_same(here: Path):
    write_tree(here, {"one.csv": b"same\n", "two.csv": b"same\n"})
    track("add", "-q", "one.csv", "two.csv", cwd=here).ok()
    for name in ("one.csv", "two.csv"):
        assert track("lineage", name, cwd=here).ok().out.split()[0] == name
        assert names(came_of(here, name)) == [name]


def test_the_tree_shows_each_thing_once(here: Path):
    text = track("lineage", "report.txt", cwd=here).ok().out
    lines = text.splitlines()
    assert lines[0].startswith("report.txt  ")
    assert lines[1].startswith("└─ run evaluate (")
    assert sum("data/raw.csv" in line for line in lines) == 1
    assert [line for line in lines if line.endswith("(above)")] == [line for line in lines if "clean.csv" in line][1:]
    assert "…" in track("lineage", "report.txt", "--depth", "1", cwd=here).ok().out


def test_the_graph_as_json_dot_and_mermaid(here: Path):
    document = json.loads(track("deps", "data/raw.csv", "--json", cwd=here).ok().out)
    assert document["kind"] == "deps"
    ids = {node["id"] for node in document["nodes"]}
    assert {edge["from"] for edge in document["edges"]} | {edge["to"] for edge in document["edges"]} == ids
    assert {node["kind"] for node in document["nodes"]} == {"artifact", "run"}
    assert track("deps", "data/raw.csv", "--format", "json", cwd=here).ok().out == json.dumps(document, indent=2) + "\n"
    dotted = track("lineage", "report.txt", "--format", "dot", cwd=here).ok().out
    assert dotted.startswith("digraph lineage {") and dotted.count("->") == 10
    drawn = track("lineage", "report.txt", "--format", "mermaid", cwd=here).ok().out
    assert drawn.startswith("flowchart LR\n") and drawn.count("-->") == 10


def test_a_hostile_name_is_text_everywhere(here: Path):
    name = 'a"]; evil -- <b> \\ #;.txt'
    write_tree(here, {name: b"evil"})
    track("add", name, cwd=here).ok()
    assert f'label = "{name.replace(chr(92), chr(92) * 2 + chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"' in (
        track("lineage", name, "--format", "dot", cwd=here).ok().out
    )
    drawn = track("lineage", name, "--format", "mermaid", cwd=here).ok().out
    assert drawn.splitlines()[1].count('"') == 2 and "<b>" not in drawn


def test_what_nothing_is_called_lists_the_nearest_names(here: Path):
    with pytest.raises(UnknownPath) as caught:
        came_from(here, "reprot.txt")
    assert caught.value.details == ("there is report.txt",)
    with pytest.raises(UnknownPath) as caught:
        came_from(here, "train:model.pin")
    assert caught.value.details == ("there is model.bin",)
    assert track("deps", "nothing-like-it", cwd=here).code == 2


def test_a_name_of_several_runs_is_refused_and_they_are_listed(here: Path):
    run(here, "train", "other.bin", "cat data/clean.csv > other.bin")
    with pytest.raises(UnknownRun) as caught:
        came_from(here, "train")
    assert len(caught.value.details) == 2


def test_a_record_that_cannot_be_read_is_told_after_the_rest(here: Path):
    broken = here / ".track/runs/2026/01/20260101T000000Z-00000000.toml"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("not a record")
    done = track("lineage", "model.bin", cwd=here)
    assert done.code == 7 and "run train" in done.out and "20260101T000000Z-00000000.toml" in done.err


def test_what_is_nearly_called_so_may_be_a_run_or_a_partition(here: Path):
    track("put", "rides", "data/raw.csv", "--partition", "region=eu", "--time", "2024-02-01", cwd=here).ok()
    for words, meant in (
        (("lineage", "trainn"), "there is train\n"),
        (("deps", "trainn"), "there is train\n"),
        (("lineage", "rides region=eu"), "there is 'rides region=eu time=2024-02-01'\n"),
    ):
        done = track(*words, cwd=here)
        assert done.code == 2 and meant in done.err, done.err
