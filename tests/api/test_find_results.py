"""What `Repo.find` gives is a sequence, says how much it shows, and becomes a table of pandas or polars."""

import csv
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import track
from support.cli import track_here as cli
from support.repositories import commit_all
from support.trees import write_tree
from track.api import notebook


@pytest.fixture
def repo(repo: Path) -> track.Repo:
    made = track.Repo.init(repo)
    write_tree(repo, {"a.csv": b"x\n1\n", "b.csv": b"x\n22\n", "many/one": b"1"})
    made.add("a.csv", labels={"stage": "raw", "fold": "1"})
    made.add("b.csv", "many", labels={"stage": "clean"})
    commit_all(repo)
    return made


def test_it_is_a_sequence(repo: track.Repo) -> None:
    found = repo.find(sort="name")
    assert [item.name for item in found] == ["a.csv", "b.csv", "many"]
    assert len(found) == 3 and found[0].name == "a.csv" and found[-1] == found.items[-1]
    assert not repo.find("size > 1000")
    with pytest.raises(IndexError):
        found[3]


def test_it_says_how_much_of_it_is_shown(repo: track.Repo) -> None:
    text = repr(repo.find(sort="name", limit=2))
    assert text.splitlines()[0] == "<Found: shown 2 of 3>" and len(text.splitlines()) == 3
    assert "a.csv" in text and "many" not in text and "document" not in text
    assert repr(repo.find("size > 1000")) == "<Found: shown 0 of 0>"


def test_where_nothing_is_found_it_says_what_nothing_can_ever_be_like(repo: track.Repo) -> None:
    found = repo.find({"created": {"$gte": "yesterday"}})
    assert (
        repr(found) == "<Found: shown 0 of 0>\n  `created` is a time, such as 2026-01-31 or 7d, and `yesterday` is none"
    )
    assert "`yesterday` is none" in notebook.found_page(found)
    runs = repo.runs({"status": "done"})
    assert repr(runs).startswith("<Listed: shown 0 of 0>\n  `status` is never `done`: it is created, running")
    assert "did you mean completed?" in notebook.runs_page(runs)


def test_as_dictionaries_and_tables(repo: track.Repo) -> None:
    found = repo.find(sort="name")
    rows = found.to_dicts()
    assert [row["labels"] for row in rows] == [{"stage": "raw", "fold": "1"}, {"stage": "clean"}, {"stage": "clean"}]
    for frame in (found.to_pandas(), found.to_polars().to_pandas()):
        assert isinstance(frame, pd.DataFrame)
        assert frame["name"].tolist() == ["a.csv", "b.csv", "many"]
        assert frame["labels.stage"].tolist() == ["raw", "clean", "clean"]
        assert frame["labels.fold"].isna().tolist() == [False, True, True] and frame["size"].sum() == 4 + 5 + 1
        assert str(frame["created"].dt.tz) == "UTC" and "labels" not in frame.columns


def test_of_runs_and_of_nothing(repo: track.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.root)
    for rate in (0.1, 2, "fast"):
        with track.Run() as run:
            run.init(metadata={"rate": rate})
            run.log_metrics({"auc": 0.5})
    found = repo.find(runs=True)
    assert set(found.to_pandas()["metadata.rate"]) == {0.1, 2, "fast"}
    polars = found.to_polars()
    assert isinstance(polars, pl.DataFrame) and set(polars["metadata.rate"]) == {"0.1", "2", "fast"}
    nothing = repo.find("size > 1000")
    assert nothing.to_dicts() == [] and nothing.to_pandas().empty and nothing.to_polars().is_empty()


@pytest.mark.parametrize("runs", [False, True])
def test_tables_have_the_columns_of_fields_also_where_nothing_is_found(repo: track.Repo, runs: bool) -> None:
    cli("run", "-q", "--name", "sum", "-p", "lr=1", "--", "true", cwd=repo.root).ok()
    nothing, found = repo.find("name = nothing", runs=runs), repo.find(runs=runs)
    tables = {"labels", "partitions", "schema", "metrics", "params", "metadata", "environment", "alerts"}
    for one in (nothing, found):
        columns = list(one.to_pandas().columns)
        assert columns == one.to_polars().columns and not tables & set(columns)
    fields = set(found.to_dicts()[0]) - tables
    assert set(nothing.to_pandas().columns) == fields == {name for name in found.to_polars().columns if "." not in name}
    when = "started" if runs else "created"
    assert str(nothing.to_pandas()[when].dt.tz) == "UTC" and nothing.to_pandas()[when].max() is pd.NaT
    known = known_of(nothing)
    empty, full = nothing.to_polars().select(known), found.to_polars().select(known)
    assert {name: full.schema[name] for name in empty.columns} == dict(empty.schema)
    assert pl.concat([empty, full]).height == len(found) > 0


def known_of(nothing: Any) -> list[str]:
    """The columns of which it is known what is in them, whatever was found."""
    return [name for name, kind in nothing.to_polars().schema.items() if kind != pl.Null]


def test_what_differs_in_kind_and_what_is_large_is_the_same_in_every_table(repo: track.Repo) -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    odd: list[Any] = [True, [1, {"a": "b"}], when, 3, "text"]
    for number, value in enumerate(odd):
        repo.put(f"odd-{number}", value=number, labels={"x": value} | ({"big": 2**60 + 1} if number else {}))
    found = repo.find("name ~ odd", sort="name")
    assert [row["labels"]["x"] for row in found.to_dicts()] == found.to_pandas()["labels.x"].tolist() == odd
    told = ["true", '[1, {"a": "b"}]', "2026-01-02T03:04:05+00:00", "3", "text"]
    assert found.to_polars()["labels.x"].to_list() == told
    lines = csv.DictReader(io.StringIO(cli("find", "name ~ odd", "--sort", "name", "--csv", cwd=repo.root).ok().out))
    assert [line["labels.x"] for line in lines] == [told[0], '[1, {"a": "b"}]', *told[2:]]
    for column in (found.to_pandas()["labels.big"].tolist(), found.to_polars()["labels.big"].to_list()):
        assert column[1:] == [2**60 + 1] * 4 and pd.isna(column[0])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_without_the_library_it_is_named(repo: track.Repo, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    found = repo.find()
    monkeypatch.delitem(sys.modules, f"track.formats.{library}_tables", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(track.TrackError, match=f"{library} is needed") as caught:
        getattr(found, f"to_{library}")()
    assert caught.value.hint == f"pip install 'track-data[{library}]'"


def test_every_result_is_told_in_a_few_words(repo: track.Repo, tmp_path: Path) -> None:
    shelf = ("remote", "add", "shelf", tmp_path / "shelf")
    cli("run", "-q", "--name", "sum", "-o", "sum.txt", "--", "sh", "-c", "cat a.csv > sum.txt", cwd=repo.root).ok()
    commit_all(repo.root, "sum")
    write_tree(repo.root, {"a.csv": b"x\n1\n2\n"})
    (run,) = repo.runs().runs
    told = {
        "Status": repr(repo.status()),
        "Diff": repr(repo.diff()),
        "Logged": repr(repo.log("a.csv")),
        "Listed": repr(repo.runs()),
        "Traced": repr(repo.lineage("sum.txt")),
        "Record": repr(run.record),
        "Found": repr(run),
        "Added": repr(repo.add("a.csv")),
        "Item": repr(repo.find("name = a.csv")[0]),
    }
    cli(*shelf, cwd=repo.root).ok()
    told["Pushed"], told["Pulled"] = repr(repo.push()), repr(repo.pull())
    told["Ran"] = repr(repo.run(["true"], name="nothing"))
    when = f"{run.record.started:%Y-%m-%d %H:%M} UTC"
    record = f"<Record sum ({run.record.short}): completed, {when}, 1 input, 1 output>"
    assert told["Record"] == told["Found"] == record and told["Listed"] == f"<Listed: shown 1 of 1>\n  {record}"
    assert told["Status"] == "<Status: on branch main, 4 artifacts, 1 changed>"
    assert told["Diff"] == "<Diff the index -> the working tree: 1 artifact>"
    assert told["Logged"] == "<Logged a.csv: 1 version>" and told["Added"] == "<Added: 1 artifact, 0 new, 1 changed>"
    assert told["Traced"].startswith("<Traced sum.txt: 4 nodes, 3 edges>")
    assert told["Item"].startswith("<Item a.csv: ") and told["Item"].endswith(">")
    assert told["Pushed"].startswith("<Pushed to shelf: ") and told["Pulled"] == "<Pulled: 0 objects, 0 B>"
    assert told["Ran"].startswith("<Ran nothing (")
    assert repr(repo.lineage("sum.txt").start) == "<Node: artifact sum.txt>"
    assert all(len(line) < 120 for text in told.values() for line in text.splitlines())


def test_what_asks_and_what_runs_is_told_too(repo: track.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.root)
    assert repr(track.Client()) == f"<Client of {repo.root}>" and repr(track.Handler()) == f"<Handler of {repo.root}>"
    run = track.Run()
    assert repr(run) == "<Run, not begun>"
    run.init("alpha")
    assert repr(run) == f"<Run alpha: {run.id}>"
    run.close()
    assert repr(run) == f"<Run alpha: {run.id}>"
