"""What the pages on reading from Python and on elliptio show works, and so does every example of the reference."""

import doctest
import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest

import track
from support.cli import track_here as command
from support.repositories import commit_all, git, new_repository
from track.api.filesystem import TrackFileSystem
from track.api.handled import File
from track.api.samples import Samples

PAGE = Path(__file__).parents[2] / "docs/how-to/read-from-python.md"
ELLIPTIO = PAGE.with_name("come-from-elliptio.md")
CRAFT_AI = PAGE.with_name("come-from-craft-ai.md")
NAMES = {name: getattr(track, name) for name in track.__all__}
OURS = {name: each for name, each in NAMES.items() if getattr(each, "__module__", "").startswith("track.api.")}
FACES = (*(each for each in OURS.values() if isinstance(each, type)), File, Samples, TrackFileSystem)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """The project that the pages speak of, as the current folder."""
    top = new_repository(tmp_path / "project")
    with track.Repo.init(top, hooks=False) as repo:
        for folder in ("data", "images/cats", "tables"):
            (top / folder).mkdir(parents=True)
        (top / "data/train.csv").write_text("name,age\nAda,36\n")
        for number in (1, 2):
            (top / f"images/cats/{number}.txt").write_text("=^.^=")
        pd.DataFrame({"item": ["a", "b"], "price": [1.5, 2.5]}).to_parquet(top / "tables/1.parquet")
        (top / "facts.json").write_text('{"a": 1}')
        np.save(top / "weights.npy", np.arange(3.0))
        pd.to_pickle({"kind": "model"}, top / "model.pkl")
        repo.add("data/train.csv", labels={"ticket": "AB-123"})
        repo.add("images", "tables", "facts.json", "weights.npy", "model.pkl")
        commit_all(top, "first")
        git("tag", "v1.0", cwd=top)
        (top / "data/train.csv").write_text("name,age\nAda,36\nAlan,41\n")
        repo.add("data/train.csv")
        for region in ("eu", "us"):
            (top / "sales.csv").write_text(f"region\n{region}\n")
            repo.add("sales.csv", name="sales", partitions={"region": region})
        (top / "sales.csv").unlink()
        with track.Store(top) as store:
            store.put(top / "data/train.csv", "raw/train.csv")
        commit_all(top, "second")
    before = os.getcwd()
    os.chdir(top)
    yield top
    os.chdir(before)


def test_what_the_page_shows_works(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall("```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 8
    (here / "copies").mkdir()
    shown: dict[str, object] = {}
    exec(compile("\n".join(blocks), PAGE.name, "exec"), shown)
    assert shown["header"] == b"name,age\n"
    assert shown["same"] == b"=^.^="
    assert shown["facts"] == {"a": 1}
    assert shown["csv"] == "name,age\nAda,36\nAlan,41\n"
    assert shown["model"] == {"kind": "model"}
    assert shown["total"] == [(4.0,)]
    assert shown["new"]["age"].tolist() == [36, 41]  # type: ignore[index]  # a frame
    assert shown["old"]["age"].tolist() == [36]  # type: ignore[index]
    assert shown["frame"].rows() == [("Ada", 36)]  # type: ignore[attr-defined]
    assert len(shown["found"]) == 2 and list(shown["known"]["name"]) == [row["name"] for row in shown["rows"]]  # type: ignore[arg-type,call-overload,index,attr-defined]
    assert shown["table"].num_rows == 2  # type: ignore[attr-defined]
    assert (here / "copies/train.csv").read_text() == shown["text"]
    assert [found.record.name for found in shown["best"]] == ["hello"]  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    assert "AB-123" in said and "sales region=eu" in said
    shown["files"].close()  # type: ignore[attr-defined]
    shown["database"].close()  # type: ignore[attr-defined]
    shown["repo"].close()  # type: ignore[attr-defined]


def test_what_the_page_for_who_comes_from_elliptio_shows_works(here: Path) -> None:
    blocks = re.findall("```python\n(.*?)```", ELLIPTIO.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 6
    (here / "docs").mkdir()
    for name in ("train.txt", "test.txt"):
        (here / "docs" / name).write_text("path,class\na.png,0\nb.png,1\n")
    shown: dict[str, object] = {}
    exec(compile("\n".join(blocks), ELLIPTIO.name, "exec"), shown)
    assert shown["frame"]["class"].tolist() == [0, 1]  # type: ignore[index]  # a frame
    assert shown["text"] == (here / "test.txt").read_text()
    assert shown["new"].artifact.metadata.based_on == [shown["artifact_id"]]  # type: ignore[attr-defined]
    assert shown["used"].file_relpaths.tolist() == [["model.pt"]]  # type: ignore[attr-defined]
    assert shown["h"].find({"username": "andy"}).based_on.tolist() == [[]]  # type: ignore[attr-defined]


def test_what_the_page_for_who_comes_from_craft_ai_shows_works(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall("```python\n(.*?)```", CRAFT_AI.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    (here / "preprocessed.csv").write_text("id\n7\n")
    shown: dict[str, object] = {}
    exec(compile("\n".join(blocks), CRAFT_AI.name, "exec"), shown)
    assert shown["contents"] == ["id\n", "7\n"] and shown["text"] == "Result of step"
    assert "data/predictions_7.csv 5 20" in capsys.readouterr().out
    [found] = track.Client().get_runs()
    pointer = ".track/artifacts/data/{}predictions_7.csv.track"
    assert [one.shown for one in found.record.of("input")] == [pointer.format("")]
    assert [one.shown for one in found.record.of("output")] == [pointer.format("checked/")]
    shown["store"].close()  # type: ignore[attr-defined]


def members(kind: type) -> dict[str, Any]:
    """The public members of a class and of what of ours it comes from, by name, in the order of the reference."""
    ours = [each for each in reversed(kind.__mro__) if each.__module__.startswith("track.")]
    found = {name: each for one in ours for name, each in vars(one).items() if not name.startswith("_")}
    wrapped = classmethod | staticmethod
    return {name: each.__func__ if isinstance(each, wrapped) else each for name, each in found.items()}


def examples() -> list[doctest.DocTest]:
    """The examples of each public class, function and method."""
    docs = {name: each.__doc__ for name, each in OURS.items()} | {kind.__name__: kind.__doc__ for kind in FACES}
    for kind in FACES:
        docs |= {f"{kind.__name__}.{name}": getattr(each, "__doc__", None) for name, each in members(kind).items()}
    parser = doctest.DocTestParser()
    tests = (parser.get_doctest(text or "", {"track": track}, name, None, 0) for name, text in docs.items())
    return [test for test in tests if test.examples]


@contextmanager
def running() -> Iterator[track.Run]:
    """The run that examples of its methods speak of."""
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init("training", metadata={"lr": 0.1}, tags=["baseline"])
        yield run
    logging.getLogger("training").handlers.clear()


def trained() -> None:
    """Make the run that examples of reading runs speak of."""
    with running() as run:
        for step, loss in ((1, 0.5), (2, 0.25)):
            run.log_metrics({"loss": loss}, step=step)
        run.log_event("the learning rate was halved")
        run.save("facts.json", "output")
        run.save_object({"accuracy": 0.9}, "output", name="scores")


def uploaded() -> str:
    """Make the upload that examples of finding uploads speak of; its id."""
    with track.Handler().new(["scores.csv"], track.Labels(ticket="AB-123")) as new:
        Path(new.file.remote_url).write_text("id,score\n7,0.9\n")
    return new.artifact.metadata.artifact_id


def shared(top: Path, *, is_pushed: bool) -> None:
    """Have the remote that examples of sharing speak of."""
    command("remote", "add", "storage", "../storage", cwd=top).ok()
    commit_all(top, "a remote")
    if is_pushed:
        command("push", cwd=top).ok()


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_of_the_reference_gives_what_it_says(example: doctest.DocTest, here: Path) -> None:
    if example.name.startswith("Client"):
        trained()
    if example.name.startswith(("Handler", "File")):
        example.globs["artifact_id"] = uploaded()
    if example.name in ("Repo.clone", "Repo.pull", "Repo.push"):
        shared(here, is_pushed=example.name != "Repo.push")
    with track.Repo() as repo, track.Store() as store:
        example.globs |= {"client": track.Client(), "handler": track.Handler()}
        example.globs |= {"repo": repo, "store": store, "Path": Path, "io": io, "fsspec": fsspec, "logging": logging}
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        with running() if example.name.startswith(("Run.", "LogHandler")) else nullcontext() as run:
            example.globs["run"] = run
            runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_every_public_method_is_shown_in_an_example_of_its_own_or_of_its_class() -> None:
    found = {example.name: "".join(line.source for line in example.examples) for example in examples()}
    lacking = [name for name in OURS if name not in found and name != "Labels"]  # they are in those of `Handler`
    for kind in FACES:
        for name, method in members(kind).items():
            is_written = callable(method) and not method.__name__.startswith("_")  # what refuses to write is not
            own, of_class = f"{kind.__name__}.{name}", found.get(kind.__name__, "")
            is_written = is_written and (kind, name) != (track.LogHandler, "emit")  # which only logging calls
            if is_written and f".{name}(" not in found.get(own, "") + of_class:
                lacking.append(own)
    assert lacking == []
