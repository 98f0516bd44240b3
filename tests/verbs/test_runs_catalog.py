"""Runs are listed out of the catalog, and the answers are those of reading every record."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import write_tree
from track.errors import UnknownRun
from track.flows.run_find import Found, Runs, every_run, find_run
from track.flows.run_journal import journal_of
from track.flows.run_query import FIELDS as RUN_FIELDS
from track.flows.run_query import document_of, key_of, value_of, wanted_runs
from track.model.digest import digest_of
from track.model.query import holds
from track.model.query_text import parse_field
from track.model.record import Record, Summary, Used, record_path, run_id
from track.model.record_file import dump_record
from track.model.shared_runs import SharedRun, dump_runs
from track.project import Project
from track.runs.shelf import shelf_of
from track.verbs.runs_list import runs_list
from track.verbs.runs_reap import runs_reap

BEGAN = datetime(2026, 10, 1, tzinfo=UTC)


def naive(project: Project, asked: dict[str, Any]) -> tuple[list[Found], int, int, list[str]]:
    """What `runs_list` says, by reading every record: the runs, how many are known, how many match, what is refused."""
    runs, refused = every_run(project)
    query = wanted_runs(asked.get("where"))
    folder, sort = asked.get("folder"), asked.get("sort")
    found = [
        run
        for run in runs
        if asked.get("status") in (None, run.status)
        and (folder is None or folder == "/" or (run.record.folder + "/").startswith(folder + "/"))
        and set(asked.get("tags", ())) <= set(run.record.tags)
        and asked.get("place") in (None, run.place)
        and (query is None or holds(query, document_of(run)))
    ]
    if sort is not None:
        path = parse_field(sort.removeprefix("-"), RUN_FIELDS)
        keyed = [(key_of(value_of(run, path)), run) for run in found]
        there = sorted((each for each in keyed if each[0]), key=lambda each: each[0], reverse=sort.startswith("-"))
        found = [*(run for _, run in there), *(run for key, run in keyed if not key)]
    return found[: asked.get("limit")], len(runs), len(found), [error.message for error in refused]


def compared(repo: Path, *questions: dict[str, Any]) -> None:
    """Both ways give the same answer, which is asked twice: the second time everything stands in the catalog."""
    with Project.open(repo) as project:
        for asked in questions:
            expected = naive(project, asked)
            for _ in range(2):
                listed = runs_list(project, **asked)
                said = list(listed.runs), listed.known_count, listed.matching_count
                # Whatever else two of them say, NaN is not equal to itself.
                assert list(map(plain, said[0])) == list(map(plain, expected[0])), asked
                assert said[1:] == expected[1:3], asked
                assert [error.message for error in listed.refused] == expected[3], asked


def plain(run: Found) -> tuple[object, ...]:
    return dump_record(run.record), *run[1:], run.status


def made(number: int) -> Record:
    """A run that differs from others in everything that can be asked."""
    noise = random.Random(number)
    started = BEGAN + timedelta(hours=number // 2, microseconds=number)  # two begin in one hour
    facts: dict[str, Any] = {
        "name": f"run {noise.randrange(12)}", "status": noise.choice(("completed", "failed", "lost")),
        "ended": started + timedelta(seconds=noise.randrange(90)),
        "folder": noise.choice(("/", "/a", "/a/b", "/ab")), "by": noise.choice(("Ada <a@b.c>", "Bob <b@b.c>", "")),
        "tags": tuple(sorted(noise.sample(("gold", "old", "x.y"), noise.randrange(3)))),
        "params": {"lr": noise.choice((0.1, 1, True, "fast", float("nan"), 2**60)), "deep.er": number % 3},
        "metadata": {"note": noise.choice(("=1", "odd", "Zürich"))} if number % 3 else {},
        "metrics": {"auc": Summary(number % 5 / 4, 0.0, 2.0, 1.0, 3)} if number % 4 else {},
        "artifacts": (Used("output", digest_of(b"%d" % (number % 7)), 5, name="model.bin"),),
    }  # fmt: skip
    return Record(id=run_id(int(started.timestamp() * 1000), number.to_bytes(10, "big")), started=started, **facts)


def put(repo: Path, *records: Record) -> list[Path]:
    paths = [os.fsdecode(record_path(record.id, record.started)) for record in records]
    write_tree(repo, {path: dump_record(record) for path, record in zip(paths, records, strict=True)})
    return [repo / path for path in paths]


def live(repo: Path, record: Record, *, ended: bool) -> None:
    with Project.open(repo) as project:
        living = journal_of(project).begin(record)
        if ended:
            journal_of(project).end(living, lambda draft: draft)


def share(repo: Path, *records: Record) -> None:
    with Project.open(repo) as project:
        runs = [SharedRun(record.id, 1 + number, dump_record(record)) for number, record in enumerate(records)]
        shelf_of(project.state, "origin").put("0123-00000001-ab", dump_runs(runs))


def of_everything(folder: Path) -> Path:
    """Runs in every place: committed, staged, not staged, in the journal (and a commit), living, lost and shared."""
    repo = new_repository(folder / "repo")
    track("init", cwd=repo).ok()
    runs = [made(number) for number in range(30)]
    put(repo, *runs[:12])
    commit_all(repo, "runs")
    for run in runs[3:5]:
        live(repo, run, ended=True)
    put(repo, *runs[12:15])
    git("add", ".track/runs", cwd=repo)
    put(repo, *runs[15:17])
    for run in runs[17:21]:
        live(repo, run, ended=True)
    for run in runs[21:24]:
        live(repo, replace(run, status="running", ended=None), ended=False)
    os.utime(repo / ".git/track/spool" / runs[21].id / "heartbeat", (0, 0))
    share(repo, *runs[24:27], runs[0], runs[18], runs[22], replace(runs[27], status="running", ended=None))
    return repo


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield of_everything(tmp_path_factory.mktemp("everything"))


FIELDS = (
    "started", "created", "ended", "name", "status", "user", "id", "params.lr", "param.deep.er", "metrics.auc",
    "metrics.auc.max", "metadata.note", "folder", "place", "tags", "exit", "seconds", "artifacts.name",
)  # fmt: skip
QUERIES = (
    None, "tag = gold", "not tag = gold", "status = lost", "status in (completed, running)", "metric.auc > 0.5",
    "param.lr = 1", "params.lr exists and user = Ada", "started > 2026-10-01T05:00:00Z", "name = 'run 3' or name ~ 7",
    "place = journal", "place = tree and folder = /a", "file ~ bin", {"metadata.note": {"$ne": "odd"}},
    {"tags": {"$size": 2}}, {"params": {"$exists": True}}, "name = nobody", "param.lr < 0.5 or place = shared",
)  # fmt: skip
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(("completed", "failed", "lost", "running", "none")),
        "folder": st.sampled_from(("/", "/a", "/a/b", "/nowhere")),
        "tags": st.sampled_from(((), ("gold",), ("gold", "old"), ("x.y",))),
        "place": st.sampled_from(("tree", "journal", "living", "shared")),
        "where": st.sampled_from(QUERIES),
        "sort": st.sampled_from((*FIELDS, *(f"-{field}" for field in FIELDS))),
        "limit": st.sampled_from((0, 1, 3, 10, 100)),
    },
)


@settings(max_examples=60)
@given(ASKED)
@example({"limit": 3})
@example({"sort": "-metrics.auc", "limit": 4})
def test_the_catalog_says_of_runs_what_their_records_say(everything: Path, asked: dict[str, Any]) -> None:
    compared(everything, asked)


ASKS = ({}, {"limit": 4}, {"where": "metric.auc > 0.3", "limit": 3}, {"sort": "-param.lr", "limit": 50})


def found_or_refused(project: Project, name: str, among: Runs | None) -> object:
    try:
        return plain(find_run(project, name, among))
    except UnknownRun as error:
        return error.message, error.hint, error.details


@pytest.mark.parametrize("change", [None, "edited", "contradicted", "conflicting"])
def test_a_run_is_found_by_what_it_is_called_as_if_every_record_was_read(tmp_path: Path, change: str | None) -> None:
    repo = of_everything(tmp_path)
    if change is not None:
        globals()[change](repo)
    with Project.open(repo) as project:
        every = every_run(project)
        some = every.found[::6]
        names = {word for run in some for word in (run.record.short, run.record.id[-5:])} | {some[0].record.id}
        if change != "contradicted":  # the catalog does not know what the journal calls a run that a commit has
            names |= {run.record.name for run in some}
        for name in (*sorted(names), "HEAD", "commit:HEAD", "HEAD~1", "rum 3", "", "0000"):
            assert found_or_refused(project, name, None) == found_or_refused(project, name, every), name


def edited(repo: Path) -> None:
    """One that was committed says something else in the working tree, one goes, one is no record any more."""
    path, gone, broken = sorted((repo / ".track/runs").rglob("*.toml"))[-3:]
    path.write_text(path.read_text().replace('name = "', 'name = "other '))
    gone.unlink()
    broken.write_text("nonsense")


def contradicted(repo: Path) -> None:
    """A commit has the newest run of the journal otherwise, and a run twice."""
    journaled = made(20)
    put(repo, replace(made(20), name="somebody else"))
    (twice,) = put(repo, replace(made(19), name="twice"))
    write_tree(repo, {str(twice.relative_to(repo)).replace("/10/", "/11/"): twice.read_bytes()})
    commit_all(repo, journaled.name)


def damaged(repo: Path) -> None:
    with Project.open(repo) as project:
        runs_list(project, limit=1)
    catalog = repo / ".git/track/catalog.db"
    content = bytearray(catalog.read_bytes())
    content[8192 : len(content) // 2] = os.urandom(len(content) // 2 - 8192)
    catalog.write_bytes(content)


def reaped(repo: Path) -> None:
    with Project.open(repo) as project:
        assert len(runs_reap(project).runs) == 1


def broken_in_the_journal(repo: Path) -> None:
    next((repo / ".git/track/journal").rglob("*.toml")).write_text("nonsense")


def conflicting(repo: Path) -> None:
    """Two branches have the record of one run otherwise, and are merged."""
    git("add", "--all", cwd=repo)
    git("commit", "--quiet", "--no-verify", "--message=all", cwd=repo)
    for branch, name in (("one", "first"), ("two", "second")):
        git("checkout", "--quiet", "-b", branch, "main", cwd=repo)
        put(repo, replace(made(29), name=name))
        commit_all(repo, branch)
    git("merge", "--quiet", "one", cwd=repo, check=False)


@pytest.mark.parametrize("change", [edited, damaged, reaped, conflicting], ids=lambda one: one.__name__)
def test_the_answers_stay_the_same_when_something_changes(tmp_path: Path, change: Callable[[Path], None]) -> None:
    repo = of_everything(tmp_path)
    compared(repo, *ASKS[:2])
    change(repo)
    compared(repo, *ASKS)


@pytest.mark.parametrize("change", [contradicted, broken_in_the_journal], ids=lambda one: one.__name__)
def test_what_is_listed_is_compared_with_what_the_journal_says(tmp_path: Path, change: Callable[[Path], None]) -> None:
    repo = of_everything(tmp_path)
    compared(repo, *ASKS[:2])
    change(repo)
    compared(repo, {}, {"sort": "name"}, {"where": "id exists"})


def test_shallow_and_partial_clones_list_what_stands_in_them(everything: Path, tmp_path: Path) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=everything)
    for number, how in enumerate(("--depth=1", "--filter=blob:none")):
        clone = tmp_path / str(number)
        git("clone", "--quiet", how, everything.as_uri(), str(clone), cwd=tmp_path)
        compared(clone, *ASKS)
