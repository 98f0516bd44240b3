"""What the documents of Simvue and elliptio show, pasted: nothing but imports and constructors is another.

Mended are the documents' own slips alone: `import logging` is missing in one block, a raw string in another, and where
they write `...` for what a reader fills in, something is filled in.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import track
from support.cli import track_here as command
from support.notebooks import executed
from support.repositories import commit_all
from support.trees import write_tree
from track.flows.run_find import find_run
from track.model.record import Record
from track.project import Project

SYSTEM = (
    *("blockMeshDict", "controlDict", "fvSchemes", "fvSolution", "meshQualityDict", "snappyHexMeshDict"),
    "surfaceFeaturesDict",
)

# Every block of the page on the client, in its order, as one program.
THE_CLIENT = """
from track import Run
run = Run()
run.init(name='my-first-run',
         metadata={'environment': 'test'},
         tags=['test'],
         description='This is a test',
         folder='/tests')
run.update_tags(['unconverged'])
run.update_metadata({'status': 'unconverged'})
run.log_metrics({'parameter1': 1.2, 'parameter2': 3.5})
run.log_metrics({'parameter1': 1.2}, timestamp='2021-05-03 14:13:27.281920')
run.log_metrics({'parameter1': 1.2}, time=time)
run.save('data.png', 'output')
run.save('in.lj', 'input', 'text/plain')
run.save_directory('system', 'input', preserve_path=True)
run.save_all(['file1', 'file2', 'directory1'], 'input', preserve_path=True)
run.folder_details('/tests',
                   metadata={'environment': 'testing'},
                   tags=['test'],
                   description='My first tests')
try:
    raise RuntimeError('it diverged')
except Exception as exc:
    run.log_event(exc)
    ...
run.log_event(message, timestamp='2022-01-03 16:42:30.849617')
run.add_alert(name='quality too low',
              type='is below',
              metric='quality',
              frequency=1,
              window=1,
              threshold=0.4)
run.add_alert(name='density invalid',
              type='is outside range',
              metric='density',
              frequency=1,
              window=1,
              range_low=1.0,
              range_high=5.0)
run.close()
"""

ITS_LOGGING = """
import logging
from track import Run, LogHandler

run = Run()
run.init()

logger = logging.getLogger(__name__)
logger.addHandler(LogHandler(run))
logger.warning('from logging')
run.close()
"""

ITS_BLOCK = """
from track import Run
with Run() as run:
   run.init('in a block')

   ...
"""

ITS_QUERIES = """
from track import Client
client = Client()
artifacts = client.list_artifacts(run_name, category='input')
everything = client.list_artifacts(run_name)
client.get_artifact_as_file(run_name, artifact_name, path=tmp)
client.get_artifact_as_file(run_name, artifact_name)
client.get_artifacts_as_files(run_name, path=tmp)
client.get_artifacts_as_files(run_name, path=tmp, category='output')
client.get_artifacts_as_files(run_name, category='input', startswith='system/')
"""


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with the files that the documents name, as the current folder."""
    command("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, {f"system/{name}": name.encode() for name in SYSTEM})
    write_tree(repo, {"data.png": b"png", "in.lj": b"lj", "file1": b"1", "file2": b"2", "directory1/file3": b"3"})
    commit_all(repo, "inputs")
    with monkeypatch.context() as moved:
        moved.chdir(repo)
        yield repo


def paste(here: Path, program: str, **names: object) -> None:
    """Run a program by itself; with errors suppressed, as is the default, whatever failed would be on stderr."""
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    file = here / ".git" / "pasted.py"
    file.write_text(given + program)
    done = subprocess.run([sys.executable, file], cwd=here, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.replace("from logging\n", "")) == (0, "")


def run_called(name: str) -> Record:
    with Project.open() as project:
        return find_run(project, name).record


def test_every_block_of_the_client_document_works_as_one_program(here: Path) -> None:
    paste(here, THE_CLIENT, time=12.5, message="refined")
    found = run_called("my-first-run")
    assert (found.folder, found.description, found.status) == ("/tests", "This is a test", "completed")
    assert found.tags == ("test", "unconverged")
    assert dict(found.metadata) == {"environment": "test", "status": "unconverged"}
    assert (found.metrics["parameter1"].count, found.metrics["parameter2"].last) == (3, 3.5)
    assert found.events is not None and found.events.count == 2
    types = {used.name: used.type for used in found.of("input")}
    assert set(types) == {f"system/{name}" for name in SYSTEM} | {"in.lj", "file1", "file2", "directory1/file3"}
    assert types["in.lj"] == "text/plain"
    assert [used.name for used in found.of("output")] == ["data.png"]
    assert set(found.alerts) == {"quality too low", "density invalid"}


def test_its_blocks_on_logging_and_on_a_block_that_closes_the_run_work(here: Path) -> None:
    paste(here, ITS_LOGGING)
    paste(here, ITS_BLOCK)
    client = track.Client()
    block, logged = client.get_runs()
    [said] = client.get_events(logged.record.id)
    assert (block.record.name, block.record.folder, block.record.status) == ("in a block", "/", "completed")
    adjective, noun = logged.record.name.split("-")[:2]
    assert adjective and noun
    assert "from logging" in said.text


def test_its_blocks_on_reading_back_work(here: Path, tmp_path: Path) -> None:
    paste(here, THE_CLIENT, time=12.5, message="refined")
    (here / "data.png").unlink()
    paste(here, ITS_QUERIES, run_name="my-first-run", artifact_name="data.png", tmp=str(tmp_path / "tmp"))
    assert (here / "data.png").read_bytes() == (tmp_path / "tmp" / "data.png").read_bytes() == b"png"
    assert {path.name for path in (tmp_path / "tmp" / "system").iterdir()} == set(SYSTEM)


def test_arguments_may_be_given_by_their_places_and_have_the_documented_defaults(here: Path) -> None:
    run = track.Run()
    run.config(False, False, 10000)
    run.init("by place", {"a": 1}, ["t"], "about", "/deep/er")
    run.save("data.png", "output")
    run.save("directory1/file3", "input", "text/plain", False)
    run.save("directory1/file3", "input", "text/plain", True)
    run.save_directory("system", "code", "text/plain", False)
    run.save_all(["file1"], "output", "text/plain", True)
    run.folder_details("/deep/er", {"b": 2}, ["u"], "more")
    run.log_event("said", "2022-01-03 16:42:30.849617")
    run.add_alert("low", "is below", "quality", 1, 1, threshold=0.4)
    run.close()
    found = run_called("by place")
    assert (found.folder, found.tags, found.description, dict(found.metadata)) == (
        "/deep/er",
        ("t",),
        "about",
        {"a": 1},
    )
    assert {used.name for used in found.of("input")} == {"file3", "directory1/file3"}
    assert {used.name for used in found.of("code")} == set(SYSTEM)
    client = track.Client()
    assert [one.name for one in client.list_artifacts("by place", "output")] == ["data.png", "file1"]
    client.get_artifacts_as_files("by place", "got", "input", startswith="d", contains="file", endswith="3")
    assert [str(path) for path in Path("got").rglob("*") if path.is_file()] == ["got/directory1/file3"]
    assert client.get_artifact_as_file("by place", "data.png", "got").resolve() == (here / "got" / "data.png").resolve()
    nobody_said = track.Run()
    nobody_said.init()  # every argument is optional
    assert nobody_said.id is not None
    nobody_said.close()


# ---- elliptio's notebook, executed by the real Jupyter ----

NOTEBOOK = (
    """import track.api.elliptio as eio
from pprint import pprint
from datetime import datetime, UTC, timedelta
import pandas as pd
from pathlib import Path
import git

pd.set_option('display.max_colwidth', None)""",
    """class DummyModel:
    def train(self, train_path: Path):
        del train_path
        pass

    def save(self, url: Path):
        Path(url).write_text("dummy_model")
""",
    """repo_path = Path(git.Repo(search_parent_directories=True).working_dir)""",
    """h = eio.Handler()

with eio.mock_username("andy"):
    artifact = h.upload(
        local_paths=[
            repo_path / "docs/train.txt",
            repo_path / "docs/test.txt",
        ],
        labels=eio.Labels(
            ticket="AB-123",
            project="awesome-project",
            datatype="annotation_file",
            infos={"stratification": "new special method"},
        ),
    )""",
    r"""df= h.find(
    query = {
        "username": "andy",
        "labels.datatype": "annotation_file",
        "creation_time": {"$gte": datetime.now(tz=UTC) - timedelta(days=7)},
        "file_relpaths": {"$regex": r"\.txt"},
    },
    max_docs=1,
)
df""",
    """artifact_id = df.index[0]
artifact = h.get(artifact_id)
pprint(artifact)
pd.read_csv(artifact.files["test.txt"].remote_url)""",
    """artifact.files["test.txt"].download()
artifact.files["test.txt"].download_string()""",
    """artifact.metadata.python_packages["pandas"]""",
    """with eio.mock_username("brenda"):
    model = DummyModel()
    model.train(train_path=artifact.files["train.txt"].remote_url)
    with h.new(["model.pt"]) as new:
        model.save(new.file.remote_url)""",
    """h.find(query={"based_on": artifact_id})""",
)


def test_every_cell_of_elliptios_notebook_shows_what_it_showed_there(here: Path) -> None:
    rows = "path,class\n/path/to/image0.png,0\n/path/to/image1.png,1\n"
    write_tree(here, {"docs/train.txt": rows.encode(), "docs/test.txt": rows.encode()})
    commit_all(here, "docs")
    shown = executed(here, NOTEBOOK)
    assert [cell.get("error") for cell in shown] == [None] * len(NOTEBOOK)
    found, got, text, version, used = (shown[at] for at in (4, 5, 6, 7, 9))
    for column in ("artifact_id", "creation_time", "username", "file_relpaths", "argv", "based_on", "hostname"):
        assert column in found["text/plain"]
    assert "andy" in found["text/html"] and "[train.txt, test.txt]" in found["text/html"]
    assert "'stratification': 'new special method'" in found["text/plain"]
    assert "username='andy'" in got["said"] and "ticket': 'AB-123'" in got["said"]
    assert "/path/to/image1.png" in got["text/html"]
    assert text["text/plain"] == repr(rows)
    assert version["text/plain"] == repr(pd.__version__)
    assert "brenda" in used["text/html"] and "[model.pt]" in used["text/html"]
