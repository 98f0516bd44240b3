"""Lineage as people meet it: a square root found over three runs, and one code with many runs, on the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.cli import track, track_here
from support.lineages import many_runs
from support.repositories import commit_all, git
from support.trees import write_tree
from track.model.digest import digest_of

SQUARE_ROOT = """
import sys
import numpy
from track import Client, Run

number, prefix = int(sys.argv[1]), sys.argv[2]
with Run() as run:
    run.config(suppress_errors=False)
    run.init(f'find_square_root_run_{number}')
    run.save('find_square_root.py', 'code')
    low, high = 0.0, 20.0
    if number > 1:
        client, before = Client(), f'find_square_root_run_{number - 1}'
        guesses = client.get_artifact(before, f'run_{number - 1}_guesses')
        closest = client.get_artifact(before, f'run_{number - 1}_closest')
        run.save_object(guesses, 'input', name=f'{prefix}run_{number - 1}_guesses')
        run.save_object(closest, 'input', name=f'{prefix}run_{number - 1}_closest')
        place = int(numpy.argmin(abs(guesses - closest)))
        low, high = guesses[place - 1], guesses[place + 1]
    guesses = numpy.linspace(low, high, 11)
    closest = guesses[numpy.argmin(abs(guesses ** 2 - 20))]
    run.save_object(guesses, 'output', name=f'run_{number}_guesses')
    run.save_object(numpy.asarray(closest), 'output', name=f'run_{number}_closest')
"""
RUNS = [f"find_square_root_run_{number}" for number in (1, 2, 3)]
MADE = ["run_1_closest", "run_1_guesses", "run_2_closest", "run_2_guesses", "run_3_closest"]
CODE = "find_square_root.py"
EDGES = {
    *((CODE, run) for run in RUNS),
    *((RUNS[0], made) for made in MADE[:2]),
    *((made, RUNS[1]) for made in MADE[:2]),
    *((RUNS[1], made) for made in MADE[2:4]),
    *((made, RUNS[2]) for made in MADE[2:4]),
    (RUNS[2], MADE[4]),
}


def search(repo: Path, number: int, prefix: str = "") -> None:
    subprocess.run([sys.executable, CODE, str(number), prefix], cwd=repo, check=True)
    commit_all(repo, f"run {number}")


def in_turn(repo: Path) -> None:
    for number in (1, 2, 3):
        search(repo, number)


def with_other_names(repo: Path) -> None:
    for number in (1, 2, 3):
        search(repo, number, prefix="mine/")


def on_a_branch(repo: Path, *merge: str) -> None:
    search(repo, 1)
    git("checkout", "-qb", "side", cwd=repo)
    search(repo, 2)
    git("checkout", "-q", "main", cwd=repo)
    commit_all(repo, "meanwhile")
    git("merge", "-q", *merge, "side", cwd=repo)
    commit_all(repo, "merged")
    search(repo, 3)


def on_a_branch_merged(repo: Path) -> None:
    on_a_branch(repo, "--no-edit", "--no-ff")


def on_a_branch_squashed(repo: Path) -> None:
    on_a_branch(repo, "--squash")
    git("branch", "-qD", "side", cwd=repo)


def graph(repo: Path, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = track_here(*words, "--json", cwd=repo).ok().json
    return document


def edges(found: dict[str, Any]) -> set[tuple[str, str]]:
    names = {node["id"]: node["name"] for node in found["nodes"]}
    return {(names[edge["from"]], names[edge["to"]]) for edge in found["edges"]}


@pytest.mark.parametrize("made", [in_turn, with_other_names, on_a_branch_merged, on_a_branch_squashed])
def test_the_square_root_has_nine_nodes_and_twelve_edges_wherever_it_is_asked(
    repo: Path, tmp_path: Path, made: Any
) -> None:
    track_here("init", cwd=repo).ok()
    write_tree(repo, {CODE: SQUARE_ROOT.encode()})
    commit_all(repo, "code")
    made(repo)
    git("clone", "-q", "--no-hardlinks", repo, tmp_path / "clone", cwd=tmp_path)
    here, there = (graph(where, "lineage", f"{RUNS[2]}:run_3_closest") for where in (repo, tmp_path / "clone"))
    assert here == there  # without any data, and without the journal
    assert sorted(node["name"] for node in here["nodes"]) == sorted([CODE, *RUNS, *MADE])
    assert sorted(node["kind"] for node in here["nodes"]) == ["artifact"] * 5 + ["code"] + ["run"] * 3
    assert len(here["edges"]) == 12 and edges(here) == EDGES
    assert "run_3_guesses" in {node["name"] for node in graph(tmp_path / "clone", "deps", CODE)["nodes"]}
    page = track_here("lineage", f"{RUNS[2]}:run_3_closest", "--format", "html", cwd=tmp_path / "clone").ok().out
    assert all(f"<title>{name}&#10;" in page for name in [CODE, *RUNS, *MADE])
    assert all(f">{kind}</text>" in page for kind in ("Codes", "Artifacts", "Runs"))


def test_one_code_of_twenty_runs_has_121_nodes_and_120_edges(repo: Path) -> None:
    track_here("init", cwd=repo).ok()
    many_runs(repo, range(20), 5)
    found = graph(repo, "deps", "sim.py")
    assert (len(found["nodes"]), len(found["edges"])) == (121, 120)
    many_runs(repo, range(20, 21), 1, b"code with one byte more")
    assert graph(repo, "deps", str(digest_of(b"code"))) == found
    assert [node["kind"] for node in graph(repo, "deps", "run 20:sim.py")["nodes"]] == ["code", "run", "artifact"]
    refused = track_here("deps", "sim.py", cwd=repo)
    assert refused.code == 2 and "`sim.py` is 2 saved artifacts" in refused.err


def test_thousands_of_nodes_come_as_json_and_as_a_small_page(repo: Path) -> None:
    track_here("init", cwd=repo).ok()
    many_runs(repo, range(80), 40)
    found = json.loads(track("deps", "sim.py", "--json", cwd=repo).ok().out)
    assert (len(found["nodes"]), len(found["edges"])) == (3_281, 3_280)
    page = track("deps", "sim.py", "--format", "html", cwd=repo).ok().out
    assert len(page.encode()) < 5_000_000 and page.count("<title>") == 1 + 3_281
