"""The runs that the catalog finds for a lineage are enough: the graph is that of all runs together."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.flows import lineage_of
from track.flows.run_journal import journal_of
from track.model.digest import Digest, digest_of
from track.model.pointer import Pointer, dump_pointer
from track.model.record import Record, Used, record_path, run_id
from track.model.record_file import dump_record
from track.project import Project
from track.verbs.deps import deps
from track.verbs.lineage import lineage
from track.verbs.path import path

START = datetime(2026, 11, 1, tzinfo=UTC)


def content(number: int) -> Digest:
    return digest_of(b"content %d" % number)


def some_run(number: int, rng: random.Random) -> Record:
    """A run that uses and makes a few of few contents, under few names, at times that overlap."""

    def some(category: str, most: int) -> list[Used]:
        chosen = rng.sample(range(14), rng.randint(0, most))
        return [
            Used(category, content(each), 10, name=f"{category} {each} {rng.randint(0, 1)}")
            if each % 2
            else Used(category, content(each), 10, path=b"data/%d" % each)
            for each in chosen
        ]

    code = [Used("code", digest_of(b"code %d" % rng.randint(0, 2)), 5, name=f"sim{rng.randint(0, 1)}.py")]
    began = START + timedelta(hours=rng.randint(0, 40), minutes=number)
    return Record(
        id=run_id(int(began.timestamp() * 1000), number.to_bytes(10, "big")), name=f"run {number % 25}",
        status="completed", started=began, ended=began + timedelta(hours=rng.randint(0, 3)),
        artifacts=(*code, *some("input", 2), *some("output", 2)),
    )  # fmt: skip


@pytest.fixture
def here(repo: Path) -> Path:
    """Thirty runs: most are committed, some stand in the working tree, some in the journal alone; and pointers."""
    rng = random.Random(3)
    track("init", cwd=repo).ok()
    records = [some_run(number, rng) for number in range(30)]
    for record in records[:22]:
        write_tree(repo, {record_path(record.id, record.started).decode(): dump_record(record)})
    for number in (0, 2, 4, 6):
        told = {b"data/8": content(8)} if number == 0 else {}
        pointer = Pointer(kind="file", digest=content(number), size=10, based_on=told)
        write_tree(repo, {f"data/{number}.track": dump_pointer(pointer)})
    commit_all(repo, "runs")
    for record in records[22:26]:
        write_tree(repo, {record_path(record.id, record.started).decode(): dump_record(record)})
    with Project.open(repo) as project:
        journal = journal_of(project)
        for record in records[26:]:
            living = journal.begin(replace(record, status="running", ended=None))
            journal.end(living, lambda draft, record=record: record)  # type: ignore[misc]  # bound at once
    return repo


def graphs(repo: Path, items: list[str]) -> dict[tuple[str, ...], object]:
    found: dict[tuple[str, ...], object] = {}
    with Project.open(repo) as project:
        for item in items:
            for verb in (lineage, deps):
                found[verb.__name__, item] = answer(verb, project, item)
        for one, other in zip(items, reversed(items), strict=True):
            found["path", one, other] = answer(path, project, one, other)
    return found


def answer(verb: object, *asked: object) -> object:
    try:
        traced = verb(*asked)  # type: ignore[operator]  # a verb
    except lineage_of.TrackError as error:
        return type(error), error.message, error.details
    nodes = {node.id: node for node in traced.graph.nodes}
    return traced.start, nodes, set(traced.graph.edges), {one.message for one in traced.refused}


def test_the_graph_is_the_same_as_of_all_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"input {n} 0" for n in (1, 3, 5)] + [f"output {n} 1" for n in (1, 7, 9)]
    runs = ["run 3", "run 7", "run 24", "run 8:output 3 0", "run 8", "sim1.py", "nothing", "run 3:nothing"]
    items = [*(str(content(n)) for n in range(14)), *(f"data/{n}" for n in (0, 2, 4, 6)), *names, *runs]
    broken = here / ".track/runs/2026/01/20260101T000000Z-00000000.toml"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("not a record")
    read: list[int] = []
    related = lineage_of.related_runs

    def counting(*asked: object, **how: object) -> object:
        found = related(*asked, **how)  # type: ignore[arg-type]  # what it is given
        read.append(-1 if found is None else len(found.found))
        return found

    monkeypatch.setattr(lineage_of, "related_runs", counting)
    quickly = graphs(here, items)
    monkeypatch.setattr(lineage_of, "related_runs", lambda *_, **__: None)
    assert graphs(here, items) == quickly
    assert min(each for each in read if each >= 0) < 30 and read.count(-1) < len(read) / 4


def test_only_the_records_that_matter_are_read(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    for number in range(50):
        began = START + timedelta(hours=number)
        record = Record(
            id=run_id(int(began.timestamp() * 1000), number.to_bytes(10, "big")), name=f"run {number}",
            status="completed", started=began, ended=began,
            artifacts=(
                Used("input", content(number % 10 + number // 10 * 10), 1, name="in"),
                Used("output", content(number % 10 + number // 10 * 10 + 10), 1, name="out"),
            ),
        )  # fmt: skip
        write_tree(repo, {record_path(record.id, record.started).decode(): dump_record(record)})
    commit_all(repo, "ten chains of five runs")
    with Project.open(repo) as project:
        runs = lineage_of.related_runs(project, (), [content(53)], downstream=False)
        assert runs is not None and sorted(found.record.name for found in runs.found) == [
            "run 13", "run 23", "run 3", "run 33", "run 43"
        ]  # fmt: skip
        runs = lineage_of.related_runs(project, (), [content(43)], downstream=True)
        assert runs is not None and {found.record.name for found in runs.found} == {"run 33", "run 43"}
