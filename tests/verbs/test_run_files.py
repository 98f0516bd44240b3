"""The artifacts of a run from the command line: listed, and brought as files, one or all of a category."""

from pathlib import Path

import pytest

import track as api
from support.cli import track_here as track
from support.repositories import commit_all


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run `one` with an artifact of every category, and two runs called `same`."""
    track("init", cwd=repo).ok()
    (repo / "system").mkdir()
    for name, content in (("system/mesh.dat", "mesh"), ("out.csv", "a,b\n1,2\n"), ("sim.py", "pass\n")):
        (repo / name).write_text(content)
    commit_all(repo, "init")
    monkeypatch.chdir(repo)
    run = api.Run()
    run.config(suppress_errors=False)
    run.init("one")
    run.save("system/mesh.dat", "input", preserve_path=True)
    run.save("out.csv", "output")
    run.save("sim.py", "code")
    run.close()
    for _ in range(2):
        track("run", "--name", "same", "--no-keep", "--", "true", cwd=repo).ok()
    return repo


def test_artifacts_are_listed_by_category_and_brought_as_files(here: Path) -> None:
    listed = track("runs", "artifacts", "one", cwd=here).ok().out.splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["code", "sim.py"],
        ["input", "system/mesh.dat"],
        ["output", "out.csv"],
    ]
    document = track("runs", "artifacts", "one", "--category", "output", "--json", cwd=here).ok().json
    assert [(each["name"], each["type"], each["size"]) for each in document["artifacts"]] == [
        ("out.csv", "text/csv", 8)
    ]
    got = track("runs", "get", "one", "-o", "all", cwd=here).ok()
    assert got.out.splitlines() == ["all/out.csv", "all/sim.py", "all/system/mesh.dat"] and "3 files placed" in got.err
    again = track("runs", "get", "one", "-o", "all", "--json", cwd=here).ok().json
    assert again["placed"] == [] and len(again["skipped"]) == 3
    track("runs", "get", "one", "out.csv", "-o", "single", cwd=here).ok()
    assert [path.name for path in (here / "single").iterdir()] == ["out.csv"]
    chosen = track("runs", "get", "one", "-o", "some", "--startswith", "system/", "--endswith", ".dat", cwd=here).ok()
    assert chosen.out == "some/system/mesh.dat\n"
    nothing = track("runs", "get", "one", "-o", "none", "--category", "input", "--startswith", "x", cwd=here).ok()
    assert "no artifact is like that" in nothing.err


def test_what_stands_there_and_differs_is_refused_unless_forced(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out/out.csv").write_text("mine")
    refused = track("runs", "get", "one", "-o", "out", cwd=here)
    assert refused.code == 6 and "out.csv" in refused.err and "--force" in refused.err
    assert not (here / "out/sim.py").exists()
    track("runs", "get", "one", "-o", "out", "--force", cwd=here).ok()
    assert (here / "out/out.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("artifacts", "nobody"), "no run is called `nobody`"),
        (("artifacts", "one", "--category", "result"), "result"),
        (("get", "one", "out.cvs"), "did you mean out.csv?"),
        (("get", "nobody", "x"), "no run is called `nobody`"),
    ],
)
def test_what_is_not_there_is_named(here: Path, arguments: tuple[str, ...], told: str) -> None:
    refused = track("runs", *arguments, cwd=here)
    assert refused.code == 2 and told in refused.err


def test_a_name_of_several_runs_is_told_with_the_command_that_was_typed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for typed in (("runs", "get", "same", "my file"), ("metrics", "show", "same"), ("code", "same", "-o", "x y")):
        monkeypatch.setattr("sys.argv", ["track", *typed])
        refused = track(*typed, cwd=here)
        assert refused.code == 2 and "2 runs are called `same`" in refused.err
        before, _, after = refused.err.partition("hint: say which by its id: track ")[2].partition("0")
        assert before.split() == list(typed[: typed.index("same")])
        assert after.split("\n")[0].endswith({"my file": "'my file'", "same": "", "x y": "'x y'"}[typed[-1]])
