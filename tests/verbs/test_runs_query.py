"""Runs are found by what is in their records, put in an order, printed as a table, and compared."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.cli import Completed
from support.cli import track_here as track
from track.errors import UnknownRun, UsageError
from track.flows.run_journal import journal_of
from track.flows.run_save import Meant, save_object
from track.flows.run_start import Wishes, begin
from track.model.record import Summary
from track.project import Project
from track.verbs.runs_compare import runs_compare
from track.verbs.runs_list import runs_list


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    add(repo, "low", tags=("gold", "old"), params={"lr": 0.1, "layers": 2}, auc=0.5, saved={"a.txt": "same"})
    add(repo, "high", tags=("gold",), params={"lr": 0.01, "layers": 2}, auc=0.95, saved={"a.txt": "same", "b": [1]})
    add(repo, "none", status="failed", metadata={"note": "=1+1, odd"}, days=9)
    return repo


def add(
    repo: Path,
    name: str,
    *,
    status: str = "completed",
    auc: float | None = None,
    saved: dict[str, Any] | None = None,
    days: int = 0,
    **wishes: Any,
) -> None:
    with Project.open(repo) as project:
        living = begin(project, Wishes(name, **wishes), ("train", "--fast"), with_code=False)
        for each, obj in (saved or {}).items():
            save_object(project, living, obj, Meant("output", each))
        metrics = {} if auc is None else {"auc": Summary(auc, auc, auc + 0.1, auc, 3)}
        ended = datetime.now(UTC)
        journal_of(project).end(
            living,
            lambda draft: replace(
                draft, status=status, ended=ended, exit=0, metrics=metrics, started=ended - timedelta(days=days)
            ),
        )


def found(repo: Path, **asked: Any) -> list[str]:
    with Project.open(repo) as project:
        return [each.record.name for each in runs_list(project, **asked).runs]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("metrics.auc > 0.9 and params.lr < 0.1 and tag = gold", ["high"]),
        ("created > 7d", ["high", "low"]),
        ("status in (failed, lost)", ["none"]),
        ("not metric.auc exists", ["none"]),
        ('file ~ "\\.txt$"', ["high", "low"]),
        ("outputs.type = application/json", ["high"]),
        ("metrics.auc.max >= 1.05", ["high"]),
        ('user = "Ada Lovelace" and command ~ fast and exit = 0', ["high", "low", "none"]),
        ({"tags": {"$all": ["gold", "old"]}}, ["low"]),
        ({"artifacts": {"$elemMatch": {"name": "b", "size": {"$gt": 1}}}}, ["high"]),
        ({"started": {"$lt": datetime.now(UTC) - timedelta(days=8)}}, ["none"]),
    ],
)
def test_runs_are_found_by_a_query(here: Path, where: Any, names: list[str]) -> None:
    assert found(here, where=where) == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("metrics.auc", ["low", "high", "none"]),
        ("-metrics.auc", ["high", "low", "none"]),
        ("name", ["high", "low", "none"]),
        ("-name", ["none", "low", "high"]),
        ("created", ["none", "low", "high"]),
        ("params.layers", ["high", "low", "none"]),
        ("metadata.missing", ["high", "low", "none"]),
    ],
)
def test_runs_are_sorted_by_a_field(here: Path, sort: str, names: list[str]) -> None:
    assert found(here, sort=sort) == names


def test_a_limit_comes_after_the_order(here: Path) -> None:
    assert found(here, sort="metrics.auc", where="metrics.auc exists", limit=1) == ["low"]
    with pytest.raises(UsageError, match="not a limit: -1"):
        found(here, limit=-1)


def listed(here: Path, *args: str) -> Completed:
    return track("runs", "list", *args, cwd=here)


def test_the_command_line_shows_the_field_and_how_many_there_are(here: Path) -> None:
    shown = listed(here, "--where", "tag = gold", "--sort", "-metrics.auc", "--limit", "1").ok()
    assert shown.out.split()[-1] == "metrics.auc=0.95"
    assert "1 of 2 runs" in shown.err
    document = listed(here, "--where", "tag = gold", "--limit", "1", "--json").ok().json
    assert ([run["name"] for run in document["runs"]], document["matching"], document["known"]) == (["high"], 2, 3)


def test_a_table_for_other_programs_has_every_parameter_and_metric(here: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(listed(here, "--csv", "--sort", "name").ok().out)))
    assert [row["name"] for row in rows] == ["high", "low", "none"]
    assert (rows[0]["params.lr"], rows[0]["metrics.auc"], rows[1]["tags"]) == ("0.01", "0.95", "gold old")
    assert (rows[2]["params.lr"], rows[2]["metadata.note"]) == ("", "=1+1, odd")


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (("--where", "tga = gold"), "column 1 of the query: there is no field `tga`", "tag"),
        (("--where", "tag = gold adn exit = 0"), "column 12", "and"),
        (("--sort", "metrcs.auc"), "column 1", "metrics"),
        (("--sort", "name, exit"), "column 5", ""),
        (("--json", "--csv"), "exclude each other", ""),
    ],
)
def test_a_wrong_question_is_refused_with_what_was_meant(
    here: Path, args: tuple[str, ...], said: str, hint: str
) -> None:
    answer = listed(here, *args)
    assert answer.code == 2 and not answer.out
    assert said in answer.err and hint in answer.err


def test_runs_side_by_side_show_what_differs(here: Path) -> None:
    with Project.open(here) as project:
        compared = runs_compare(project, ["low", "high"])
        rows = {(row.section, row.name): row.values for row in compared.rows}
        everything = runs_compare(project, ["low", "high", "none"], every=True)
    assert rows[("params", "lr")] == (0.1, 0.01)
    assert rows[("metrics", "auc")] == (0.5, 0.95)
    assert rows[("run", "tags")] == ("gold old", "gold")
    assert rows[("output", "b")][0] is None
    assert ("params", "layers") not in rows and ("output", "a.txt") not in rows
    assert compared.same_count > 0 and everything.same_count == 0
    assert {(row.section, row.name): row.values for row in everything.rows}[("params", "layers")] == (2, 2, None)


def test_the_command_line_compares(here: Path) -> None:
    shown = track("runs", "compare", "low", "high", cwd=here).ok()
    assert shown.out.splitlines()[0].split() == ["low", "high"]
    assert [line.split() for line in shown.out.splitlines() if "lr" in line] == [["lr", "0.1", "0.01"]]
    assert "layers" not in shown.out and "--all" in shown.err
    assert "layers" in track("runs", "compare", "low", "high", "--all", cwd=here).ok().out
    document = track("runs", "compare", "low", "high", "--json", cwd=here).ok().json
    assert {"section": "params", "name": "lr", "values": [0.1, 0.01]} in document["rows"]
    same = track("runs", "compare", "low", "low", cwd=here).ok()
    assert "do not differ" in same.err


def test_one_run_cannot_be_compared(here: Path) -> None:
    with Project.open(here) as project:
        with pytest.raises(UsageError, match="at least two"):
            runs_compare(project, ["low"])
        with pytest.raises(UnknownRun, match="nobody"):
            runs_compare(project, ["low", "nobody"])
