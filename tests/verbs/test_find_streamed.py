"""Find, item by item: however much is found, none of it is kept, and it is what is found otherwise."""

import csv
import gc
import json
import sqlite3
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.cli import track_here as track
from support.long_history import Shape, long_history
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import Conflict
from track.flows.finding import Item
from track.project import Project
from track.verbs.find import find

QUESTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"history": True},
    {"every": True, "history": True},
    {"rev": "HEAD~20", "history": True},
    {"history": True, "sort": "-size"},
    {"history": True, "sort": "metrics.auc", "limit": 7},
    {"query": "label.stage = raw and metric.auc > 0.3", "history": True},
    {"query": "based_on = data/03/part-0003.csv", "history": True},
    {"query": "category = output and created > 2025-06-01", "history": True, "limit": 20},
    {"runs": True},
    {"runs": True, "history": True, "query": "metric.auc > 0.5", "sort": "-params.lr"},
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A history with runs, one of which has its record written again, a branch, and what is not committed."""
    repo = long_history(tmp_path / "repo", Shape(commits=50, artifacts=30, changed=4, runs=2))
    record = sorted((repo / ".track/runs").rglob("*.toml"))[5]
    record.write_text(record.read_text().replace("seconds = ", "description = 'again'\nseconds = ", 1))
    commit_all(repo, "said again")
    git("checkout", "-q", "-b", "side", "HEAD~5", cwd=repo)
    (repo / "data/01/part-0001.csv.track").unlink()
    commit_all(repo, "gone")
    git("checkout", "-q", "main", cwd=repo)
    one, other = ((repo / f"data/0{number}/part-000{number}.csv.track").read_bytes() for number in (2, 3))
    write_tree(repo, {"staged.csv.track": one, "data/05/part-0005.csv.track": other})
    git("add", "staged.csv.track", cwd=repo)
    write_tree(repo, {"new.csv.track": one, "data/04/part-0004.csv.track": one})
    return repo


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
def test_what_is_given_one_by_one_is_what_is_found(here: Path, asked: dict[str, Any]) -> None:
    with Project.open(here) as project:
        whole = find(project, **asked)
        given: list[Item] = []
        streamed = find(project, **asked, give=given.append)
        assert [item.id for item in given] == [item.id for item in whole.items] and len(given) > 1
        created = {item.id for item in given if item.is_committed}
        assert [i for i in given if i.id in created] == [i for i in whole.items if i.id in created]
        assert replace(whole, items=()) == streamed and whole.matching_count >= len(given)


@pytest.mark.parametrize("asked", [one for one in QUESTIONS if not {"query", "sort"} & set(one)], ids=str)
def test_the_newest_few_are_the_first_of_all(
    here: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(here) as project:
        every = [item.id for item in find(project, **asked).items]
        for among in (2_000, 4):
            monkeypatch.setattr("track.history.catalog_picks._AMONG", among)
            for limit in (1, 2, 5, 17, 1_000):
                assert [item.id for item in find(project, **asked, limit=limit).items] == every[:limit]


def test_a_run_that_no_commit_has_is_as_old_as_it_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record need not be of the newest run: a long one ends after others that began later were committed."""
    for number, record in enumerate(sorted((here / ".track/runs").rglob("*.toml"))[3:9:2]):
        name, text = record.stem, record.read_text()
        own = f"{number:08x}"
        write_tree(
            here, {f"{record.parent.relative_to(here)}/{name[:-8]}{own}.toml": text.replace(name[-8:], own).encode()}
        )
    with Project.open(here) as project:
        for asked in ({}, {"history": True}, {"every": True, "history": True}):
            every = [item.id for item in find(project, runs=True, **asked).items]  # type: ignore[arg-type]
            for among in (2_000, 4):
                monkeypatch.setattr("track.history.catalog_picks._AMONG", among)
                for limit in (1, 2, 3, 5, 17, 1_000):
                    few = find(project, runs=True, limit=limit, **asked)  # type: ignore[arg-type]
                    assert [item.id for item in few.items] == every[:limit]


@pytest.mark.parametrize("is_looked_at_before", [False, True])
def test_none_is_kept(here: Path, is_looked_at_before: bool) -> None:
    most = 0
    alive: weakref.WeakSet[Any] = weakref.WeakSet()

    class Noted:
        """Dies with the item that it is put into."""

    def give(item: Item) -> None:
        nonlocal most
        noted = Noted()
        item.document["noted"] = noted  # type: ignore[index]  # a dict of its own
        alive.add(noted)
        most = max(most, len(alive))

    with Project.open(here) as project:
        find(project, history=True, give=give, before=give if is_looked_at_before else None)
    gc.collect()
    assert 0 < most < 5


def test_what_was_given_is_not_given_again_from_a_catalog_made_anew(here: Path) -> None:
    given: list[Item] = []

    def give(item: Item) -> None:
        given.append(item)
        if len(given) == 3:
            raise sqlite3.DatabaseError("database disk image is malformed")

    with Project.open(here) as project:
        with pytest.raises(Conflict, match="made anew"):
            find(project, history=True, give=give)
        assert len(given) == 3
        assert len(find(project, history=True).items) > 100  # the next question is answered


def test_one_document_and_lines_say_the_same(here: Path) -> None:
    for field, more in (("versions", ["--history"]), ("runs", ["--runs"]), ("versions", ["name = nothing"])):
        whole = track("find", "--json", *more, cwd=here).ok()
        lines = track("find", "--jsonl", *more, cwd=here).ok()
        document = json.loads(whole.out)
        now = {"created": None, "commit": None}
        told = [json.loads(line) for line in lines.out.splitlines()]
        assert [one | now if one.get("commit") is None else one for one in document[field]] == [
            one | now if one.get("commit") is None else one for one in told
        ]
        assert whole.out == json.dumps(document, indent=2) + "\n"
        assert list(document) == ["version", "kind", field, "matching", "known", "is_cut", "absent"]
        again_count = field == "versions" and bool(told)  # what is saved by the record that was written again
        assert document["matching"] == len(told) + again_count and whole.err == lines.err


@pytest.mark.parametrize(
    "more", [["--history"], ["--runs", "--history"], ["--runs", "--sort=-metrics.auc", "--limit=5"]]
)
def test_lines_with_commas_are_printed_as_they_are_read_and_say_what_the_documents_say(
    here: Path, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping: list[int] = []

    def asked(*arguments: Any, **options: Any) -> Any:
        found = find(*arguments, **options)
        keeping.append(len(found.items))
        return found

    monkeypatch.setattr("track.verbs.find.find", asked)
    told = [json.loads(line) for line in track("find", "--jsonl", *more, cwd=here).ok().out.splitlines()]
    said = track("find", "--csv", *more, cwd=here).ok()
    rows = list(csv.DictReader(said.out.splitlines()))
    assert len(rows) > 1 and keeping == [0, 0]
    assert [(row["id"], row["name"]) for row in rows] == [(one["id"], one["name"]) for one in told]
    inner = {f"params.{key}" for one in told for key in one["params"] or {}}
    assert inner and {name for name in rows[0] if name.startswith("params.")} == inner
    for row, one in zip(rows, told, strict=True):
        params = {f"params.{key}": str(value) for key, value in (one["params"] or {}).items()}
        assert {name: row[name] for name in inner} == {name: params.get(name, "") for name in inner}


def test_what_is_looked_at_before_is_all_of_what_is_given_after(here: Path) -> None:
    told: list[tuple[str, str]] = []
    with Project.open(here) as project:
        find(
            project, history=True, before=lambda item: told.append(("seen", item.id)),
            give=lambda item: told.append(("given", item.id)),
        )  # fmt: skip
    half = len(told) // 2
    assert [id for what, id in told[:half] if what == "seen"] == [id for what, id in told[half:] if what == "given"]
    assert 1 < half == len(told) - half


def test_without_anything_found_there_is_a_head(here: Path) -> None:
    said = track("find", "--csv", "name = nothing", cwd=here).ok()
    assert said.out.startswith("id,name,path,") and said.out.count("\n") == 1
