"""The runs that the catalog finds for a lineage are enough: the graph is that of all runs together."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.flows import lineage_of
from track.flows.lineage_runs import Asked, Told
from track.flows.run_find import every_run, producers
from track.flows.run_journal import journal_of
from track.flows.run_known import runs_making
from track.flows.stale_paths import standing_now
from track.history.catalog_related import Way
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
            else Used(category, content(each), 10, path=b"data/%d" % rng.choice((each, each, each, 2, 10)))
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


def graphs(repo: Path, items: list[str]) -> dict[tuple[object, ...], object]:
    found: dict[tuple[object, ...], object] = {}
    with Project.open(repo) as project:
        for turn, item in enumerate(items):
            for verb in (lineage, deps):
                for how in ({}, {"every": True}, {"depth": 1 + turn % 4, "every": turn % 2 == 0}):
                    found[verb.__name__, item, str(how)] = answer(verb, project, item, **how)
        for one, other in zip(items, reversed(items), strict=True):
            found["path", one, other] = answer(path, project, one, other)
    return found


def answer(verb: object, *asked: object, **how: object) -> object:
    try:
        traced = verb(*asked, **how)  # type: ignore[operator]  # a verb
    except lineage_of.TrackError as error:
        return type(error), error.message, error.details
    nodes = {node.id: node for node in traced.graph.nodes}
    return traced.start, nodes, set(traced.graph.edges), traced.graph.cut, {one.message for one in traced.refused}


def test_the_graph_is_the_same_as_of_all_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"input {n} 0" for n in (1, 3, 5)] + [f"output {n} 1" for n in (1, 7, 9)]
    runs = ["run 3", "run 7", "run 24", "run 8:output 3 0", "run 8", "sim1.py", "nothing", "run 3:nothing"]
    items = [*(str(content(n)) for n in range(14)), *(f"data/{n}" for n in (0, 2, 4, 6)), *names, *runs]
    broken = here / ".track/runs/2026/01/20260101T000000Z-00000000.toml"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("not a record")
    read: list[int] = []
    related = lineage_of.related_runs

    def counting(project: Project, asked: Asked) -> Told | None:
        told = related(project, asked)
        read.append(-1 if told is None else len(told.runs.found))
        return told

    monkeypatch.setattr(lineage_of, "related_runs", counting)
    quickly = graphs(here, items)
    monkeypatch.setattr(lineage_of, "related_runs", lambda *_, **__: None)
    assert graphs(here, items) == quickly
    assert min(each for each in read if each >= 0) < 30 and read.count(-1) < len(read) / 4


def test_a_record_that_was_moved_is_read_where_it_is_now(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("stash", "--quiet", "--include-untracked", "--", ".track/runs", cwd=here)
    first = sorted((here / ".track/runs").rglob("*.toml"))[0]  # of those that a commit has
    moved = first.with_name(f"20300101T000000Z-{first.stem[-8:]}.toml")
    first.rename(moved)
    commit_all(here, "moved")
    moved.write_text(moved.read_text().replace('name = "run ', 'name = "another run ', 1))
    items = [str(content(number)) for number in range(14)]
    quickly = graphs(here, items)
    monkeypatch.setattr(lineage_of, "related_runs", lambda *_, **__: None)
    assert graphs(here, items) == quickly


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
        told = lineage_of.related_runs(project, Asked((), [content(53)], Way(downstream=False)))
        assert told is not None and sorted(found.record.name for found in told.runs.found) == [
            "run 13", "run 23", "run 3", "run 33", "run 43"
        ]  # fmt: skip
        told = lineage_of.related_runs(project, Asked((), [content(43)], Way(downstream=True)))
        assert told is not None and {found.record.name for found in told.runs.found} == {"run 33", "run 43"}


def contradict(repo: Path) -> None:
    """A record that says another name of a run that is committed, and one that cannot be read."""
    first = sorted((repo / ".track/runs").rglob("*.toml"))[0]
    other = first.with_name(f"20300101T000000Z-{first.stem[-8:]}.toml")
    other.write_text(first.read_text().replace('name = "run ', 'name = "another run '))
    first.with_name("20300101T000000Z-00000000.toml").write_text("not a record")


def test_who_made_it_is_the_same_as_of_all_runs(here: Path) -> None:
    with Project.open(here) as project:
        for turn in range(2):
            every = every_run(project)
            for number in range(14):
                runs = runs_making(project, content(number))
                assert list(producers(runs.found, content(number))) == list(producers(every.found, content(number)))
                assert {str(each) for each in runs.refused} == {str(each) for each in every.refused}
                assert len(runs.found) < len(every.found)
            if not turn:
                contradict(here)


def test_what_is_stale_is_the_same_as_of_all_runs(here: Path) -> None:
    with Project.open(here) as project:
        for turn in range(3):
            quickly, slowly = standing_now(project), standing_now(project, past=True)
            assert quickly.makers == slowly.makers and len(quickly.makers) > 1
            assert quickly.stale() == slowly.stale()
            assert {str(each) for each in quickly.refused} == {str(each) for each in slowly.refused}
            known = turn > 0  # nobody has asked the catalog before
            assert (len(quickly.runs) < len(slowly.runs)) == known
            if turn == 0:
                runs_making(project, content(0))
            else:
                contradict(here)
