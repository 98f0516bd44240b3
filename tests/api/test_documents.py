"""What the documents of Simvue show of reading back works, with nothing but imports and constructors changed."""

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import track
from support.cli import track_here as command
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import NoFormat
from track.store.objects import Store

FIRST_RUN = """
import numpy
from track import Run

run = Run()
run.config(suppress_errors=False)
run.init('run1')
run.save('main.py', 'code')
run.save('cfg.in', 'input')
run.save_directory('system', 'input', preserve_path=True)
run.save_directory('out', 'output', preserve_path=True)
run.save_object(numpy.linspace(0, 20, 11), 'output', name='my_array')
run.save_object({1, 2}, 'output', name='my_object', allow_pickle=True)
run.close()
"""

ONE_ARTIFACT = """
from track import Client
client = Client()
my_array = client.get_artifact(run_identifier, my_numpy_array_name)
my_object = client.get_artifact(my_run, my_object, allow_pickle=True)
"""

AS_FILES = """
from track import Client
client = Client()
client.get_artifact_as_file(run_identifier, artifact_name, path=tmp + '/one')
client.get_artifacts_as_files(run_name, path=tmp + '/all')
client.get_artifacts_as_files(
    run_identifier,
    path=tmp + '/output',
    category='output'
)
client.get_artifacts_as_files(
    run_identifier,
    category='input',
    startswith='system/'
)
"""

OLDER = """
from track import Client
client = Client()
artifacts = client.list_artifacts(run_name, category='input')
client.get_artifact_as_file(run_name, artifact_name, path=tmp + '/older')
client.get_artifacts_as_files(run_name, path=tmp + '/older')
client.get_artifacts_as_files(run_name, path=tmp + '/older', category='output')
client.get_artifacts_as_files(run_name, category='input', startswith='system/')
"""

SIMPLE = """
from track import Client, Run

# Download output files from previous run
client = Client()
client.get_artifacts_as_files('run1', category='output', path='data')

# Create a new run
with Run() as run:
    run.init('run2')
    run.save_directory('data', category='input')
    ...
"""


@pytest.fixture
def empty(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with files and without a run, and the current folder."""
    command("init", cwd=repo).ok()
    write_tree(repo, {"main.py": b"print()", "cfg.in": b"cfg", "out/a.bin": b"a" * 10, "out/b/b.bin": b"b" * 20})
    write_tree(repo, {"system/controlDict": b"c", "system/fvSchemes": b"f"})
    with monkeypatch.context() as moved:
        moved.chdir(repo)
        yield repo


@pytest.fixture
def here(empty: Path) -> Path:
    paste(empty, FIRST_RUN)
    return empty


def paste(folder: Path, block: str, **names: object) -> Mapping[str, object]:
    """Execute a block as a program in the current folder, with the names that the documents take for set."""
    file = folder / ".git" / "pasted.py"
    file.write_text(block)
    return runpy.run_path(str(file), init_globals=names)


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_named_artifact(here: Path) -> None:
    found = paste(
        here, ONE_ARTIFACT, run_identifier="run1", my_numpy_array_name="my_array", my_run="run1", my_object="my_object"
    )
    assert np.array_equal(found["my_array"], np.linspace(0, 20, 11))  # type: ignore[arg-type]  # it is an array
    assert found["my_object"] == {1, 2}
    with pytest.raises(NoFormat):
        track.Client().get_artifact("run1", "my_object")


def test_artifacts_as_files(here: Path, tmp_path: Path) -> None:
    paste(here, AS_FILES, run_identifier="run1", run_name="run1", artifact_name="cfg.in", tmp=str(tmp_path))
    outputs = ["my_array", "my_object", "out/a.bin", "out/b/b.bin"]
    assert below(tmp_path / "one") == ["cfg.in"]
    assert below(tmp_path / "all") == sorted([*outputs, "cfg.in", "main.py", "system/controlDict", "system/fvSchemes"])
    assert below(tmp_path / "output") == outputs


def test_the_older_client(here: Path, tmp_path: Path) -> None:
    found = paste(here, OLDER, run_name="run1", artifact_name="main.py", tmp=str(tmp_path))
    names = [artifact.name for artifact in found["artifacts"]]  # type: ignore[attr-defined]  # a tuple of them
    assert names == ["cfg.in", "system/controlDict", "system/fvSchemes"]
    assert len(below(tmp_path / "older")) == 8


def test_outputs_of_one_run_are_inputs_of_the_next_and_are_not_sent_again(here: Path, tmp_path: Path) -> None:
    command("remote", "add", "origin", str(tmp_path / "remote"), cwd=here).ok()
    commit_all(here, "run1")
    command("push", cwd=here).ok()
    with Store.open(tmp_path / "remote", create=False) as remote:
        before = {digest for digest, _ in remote.objects()}
    paste(here, SIMPLE)
    assert below(here / "data") == ["my_array", "my_object", "out/a.bin", "out/b/b.bin"]
    client = track.Client()
    made = {each.digest for each in client.list_artifacts("run1", "output")}
    inputs = client.list_artifacts("run2", "input")
    assert {each.digest for each in inputs} == made
    assert {"a.bin", "b.bin"} <= {each.name for each in inputs}
    git("add", ".", cwd=here)
    commit_all(here, "run2")
    command("push", cwd=here).ok()
    with Store.open(tmp_path / "remote", create=False) as remote:
        after = {digest for digest, _ in remote.objects()}
    assert not (after - before) & made


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "read-runs-back.md"

ITS_RUN = """
import numpy
from track import Run

with Run() as run:
    run.config(suppress_errors=False)
    run.init('run1', tags=['gold'])
    run.save_object(numpy.arange(3.0), 'output', name='guesses')
    run.save_object({1, 2}, 'output', name='model', allow_pickle=True)
    run.save('mesh/outer.stl', 'output', preserve_path=True)
    run.save_directory('system', 'input', preserve_path=True)
    for loss in (0.5, 0.25):
        run.log_metrics({'loss': loss, 'auc': 1 - loss / 10})
    run.log_event('it diverged')
"""


def test_what_the_page_on_reading_back_shows_works(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(empty, {"mesh/outer.stl": b"stl"})
    paste(empty, ITS_RUN)
    blocks = re.findall("```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    shown = paste(empty, "\n".join(blocks))
    assert np.array_equal(shown["guesses"], np.arange(3.0))  # type: ignore[arg-type]  # it is an array
    assert shown["model"] == {1, 2}
    assert [found.record.name for found in shown["best"]] == ["run1"]  # type: ignore[attr-defined]  # runs
    assert below(empty / "meshes") == ["mesh/outer.stl"]
    assert below(empty / "data") == ["guesses", "mesh/outer.stl", "model"]
    said = capsys.readouterr().out
    assert "system/controlDict 1 blake3:" in said and "0.25" in said and "it diverged" in said


SQUARE_ROOT = """
import sys
import numpy
from track import Client, Run

number = int(sys.argv[1])
with Run() as run:
    run.config(suppress_errors=False)
    run.init(f'find_square_root_run_{number}')
    run.save('find_square_root.py', 'code')
    low, high = 0.0, 20.0
    if number > 1:
        client, before = Client(), f'find_square_root_run_{number - 1}'
        guesses = client.get_artifact(before, f'run_{number - 1}_guesses')
        closest = client.get_artifact(before, f'run_{number - 1}_closest')
        run.save_object(guesses, 'input', name=f'run_{number - 1}_guesses')
        run.save_object(closest, 'input', name=f'run_{number - 1}_closest')
        place = int(numpy.argmin(abs(guesses - closest)))
        low, high = guesses[place - 1], guesses[place + 1]
    guesses = numpy.linspace(low, high, 11)
    closest = guesses[numpy.argmin(abs(guesses ** 2 - 20))]
    run.save_object(guesses, 'output', name=f'run_{number}_guesses')
    run.save_object(numpy.asarray(closest), 'output', name=f'run_{number}_closest')
"""


def test_the_square_root_is_found_over_three_runs_whose_lineage_is_complete(empty: Path) -> None:
    (empty / "find_square_root.py").write_text(SQUARE_ROOT)
    for number in (1, 2, 3):
        subprocess.run([sys.executable, "find_square_root.py", f"{number}"], cwd=empty, check=True)
        commit_all(empty, f"run {number}")
    found = [
        track.Client().get_artifact(f"find_square_root_run_{number}", f"run_{number}_closest") for number in (1, 2, 3)
    ]
    assert [round(float(each), 6) for each in found] == [4.0, 4.4, 4.48]
    graph = command("lineage", "find_square_root_run_3:run_3_closest", "--json", cwd=empty).ok().json
    names = sorted(node["name"] for node in graph["nodes"])
    runs = [f"find_square_root_run_{number}" for number in (1, 2, 3)]
    made = ["run_1_closest", "run_1_guesses", "run_2_closest", "run_2_guesses", "run_3_closest"]
    assert names == sorted(["find_square_root.py", *runs, *made])
    assert len(graph["edges"]) == 12
