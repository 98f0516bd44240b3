"""What the documents of Simvue's client show, with the import and the constructor changed and nothing else."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.cli import track_here as command
from support.repositories import commit_all
from support.trees import write_tree
from track import Client, LogHandler, Run
from track.flows.run_find import find_run
from track.model.record import Record
from track.project import Project

SYSTEM = (
    *("blockMeshDict", "controlDict", "fvSchemes", "fvSolution", "meshQualityDict", "snappyHexMeshDict"),
    "surfaceFeaturesDict",
)


@pytest.fixture
def here(repo: Path) -> Iterator[Path]:
    command("init", cwd=repo).ok()
    write_tree(repo, {f"system/{name}": name.encode() for name in SYSTEM})
    write_tree(repo, {"data.png": b"png", "in.lj": b"lj", "file1": b"1", "file2": b"2", "directory1/file3": b"3"})
    commit_all(repo, "inputs")
    before = os.getcwd()
    os.chdir(repo)
    yield repo
    os.chdir(before)


def record(here: Path, name: str) -> Record:
    with Project.open(here) as project:
        return find_run(project, name).record


def test_the_blocks_about_tracking_work(here: Path) -> None:
    run = Run()
    run.config(suppress_errors=False)
    run.init(name="my-first-run",
             metadata={"environment": "test"},
             tags=["test"],
             description="This is a test",
             folder="/tests")  # fmt: skip  # as the documents have it
    run.update_tags(["unconverged"])
    run.update_metadata({"status": "unconverged"})
    run.log_metrics({"parameter1": 1.2, "parameter2": 3.5})
    run.log_metrics({"parameter1": 1.2}, timestamp="2021-05-03 14:13:27.281920")
    time = 12.5
    run.log_metrics({"parameter1": 1.2}, time=time)
    run.save("data.png", "output")
    run.save("in.lj", "input", "text/plain")
    run.save_directory("system", "input", preserve_path=True)
    run.save_all(["file1", "file2", "directory1"], "input", preserve_path=True)
    run.folder_details("/tests",
                       metadata={"environment": "testing"},
                       tags=["test"],
                       description="My first tests")  # fmt: skip  # as the documents have it
    try:
        raise RuntimeError("the solver stopped")
    except Exception as exc:
        run.log_event(exc)
    message = "refined"
    run.log_event(message, timestamp="2022-01-03 16:42:30.849617")
    logger = logging.getLogger(__name__)
    handler = LogHandler(run)
    logger.addHandler(handler)
    logger.warning("from logging")
    run.add_alert(name="quality too low",
                  type="is below",
                  metric="quality",
                  frequency=1,
                  window=1,
                  threshold=0.4)  # fmt: skip  # as the documents have it
    run.add_alert(name="density invalid",
                  type="is outside range",
                  metric="density",
                  frequency=1,
                  window=1,
                  range_low=1.0,
                  range_high=5.0)  # fmt: skip  # as the documents have it
    run.close()
    logger.removeHandler(handler)
    found = record(here, "my-first-run")
    assert found.tags == ("test", "unconverged") and found.metadata["status"] == "unconverged"
    assert found.metrics["parameter1"].count == 3 and found.events is not None and found.events.count == 3
    inputs = {used.name for used in found.of("input")}
    assert inputs == {f"system/{name}" for name in SYSTEM} | {"in.lj", "file1", "file2", "directory1/file3"}
    assert set(found.alerts) == {"quality too low", "density invalid"}


def test_the_blocks_about_reading_back_work(here: Path) -> None:
    with Run() as run:
        run.init("run1")
        run.save_object(np.arange(5.0), "output", "guesses")
        run.save("data.png", "output")
        run.save_directory("system", "input", preserve_path=True)
    run_identifier = "run1"
    client = Client()
    assert client.get_artifact(run_identifier, "guesses").tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]  # type: ignore[attr-defined]
    client.get_artifact_as_file(run_identifier, "data.png", path="one")
    assert Path("one/data.png").read_bytes() == b"png"
    client.get_artifacts_as_files(run_identifier, path="got", category="input", startswith="system/")
    assert {path.name for path in Path("got/system").iterdir()} == set(SYSTEM)
    assert len(client.list_artifacts("run1", category="input")) == len(SYSTEM)

    client.get_artifacts_as_files("run1", category="output", path="data")
    with Run() as run:
        run.init("run2")
        run.save_directory("data", category="input")
    outputs = {used.digest for used in record(here, "run1").of("output")}
    assert outputs == {used.digest for used in record(here, "run2").of("input")}
