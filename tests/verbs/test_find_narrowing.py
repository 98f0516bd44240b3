"""Narrowing: what the catalog's database leaves out of a search is never what would have been found."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from track.flows import finding
from track.history.catalog_query import ALL
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer
from track.model.record import Record, Summary, Used, record_path, run_id
from track.model.record_file import dump_record, parse_record
from track.project import Project
from track.verbs.find import find

START = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = [
    "raw",
    "train",
    1,
    2.5,
    True,
    ["raw", 2],
    {"deep": "raw"},
    datetime(2026, 1, 9, tzinfo=UTC),
    2**40,
    "2026-01-09",
]


def recorded(repo: Path, number: int, auc: float, *used: Used, name: str | None = None) -> str:
    started = START + timedelta(hours=number)
    id = run_id(int(started.timestamp() * 1000), number.to_bytes(10, "big"))
    one = Record(
        id=id, name=name or f"run-{number}", status=("completed", "failed")[number % 2], started=started,
        ended=started + timedelta(hours=1), by=f"{('andy', 'brenda')[number % 2]} <who@example.org>", artifacts=used,
        metrics={"auc": Summary(auc, 0.1, 0.9, 0.5, 3)}, params={"lr": number % 3, "model": f"m{number % 2}"},
        metadata={"stage": LABELS[number % 2]}, tags=("gold",) if number % 3 else (),
    )  # fmt: skip
    put(repo, record_path(id, started).decode(), dump_record(one))
    return id


def put(repo: Path, path: str, content: bytes) -> None:
    place = repo / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def pointed(repo: Path, path: str, text: str, **facts: Any) -> None:
    put(repo, path, dump_pointer(Pointer(kind="file", digest=digest_of(text.encode()), size=len(text), **facts)))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, dict[str, list[Any]]]]:
    """A project with everything that a search goes through, and the values that its fields have."""
    repo = new_repository(tmp_path_factory.mktemp("narrowing") / "repo", commit=False)
    track("init", "--no-hooks", cwd=repo).ok()
    artifact = ".track/artifacts/sales/region=eu.track"
    pointed(repo, artifact, "sales", partitions={"region": "eu"})
    runs = []
    for number, label in enumerate(LABELS):
        before = Used("input", digest_of(b"sales"), 5, path=artifact.encode())
        other = Used("input", digest_of(b"a%d" % max(0, number - 1)), 2, path=b"a.csv")
        saved = Used("output", digest_of(b"s%d" % number), 2, name="model", metadata=(("stage", "raw"),))
        runs.append(
            recorded(repo, number, number / 10, before if number % 2 else other, *((saved,) if number % 3 else ()))
        )
        origins = {b"0/b.csv": digest_of(b"b%d" % max(0, number - 1))} if number % 4 == 1 else {}
        pointed(
            repo, "a.csv.track", f"a{number}", run=runs[-1], labels={"x": label}, tags=("gold",) if number % 2 else ()
        )
        pointed(repo, f"{number % 3}/b.csv.track", f"b{number}", labels={"x": LABELS[-number]}, based_on=origins)
        commit_all(repo)
        author = f"--author={('andy', 'brenda')[number % 2]} <x@example.org>"
        git("commit", "-q", "--amend", "--no-edit", author, cwd=repo)
        if number == 4:
            git("branch", "-q", "side", cwd=repo)
    recorded(repo, 3, 0.77, name="again")  # written again, with other facts
    commit_all(repo)
    recorded(repo, 5, 0.88)  # and in the working tree alone
    pointed(repo, "a.csv.track", "new", run=runs[2], labels={"x": "raw"})
    pointed(repo, "c.csv.track", "a3", labels={"x": 1})
    (repo / "in.txt").write_text("x")
    track("add", "in.txt", cwd=repo).ok()
    log = (sys.executable, "-m", "track", "log", "metric", "auc=0.99")
    track("run", "-q", "--input", "in.txt", "--param", "lr=7", "--", *log, cwd=repo).ok()
    record = max((repo / ".track" / "runs").glob("*/*/*.toml"))
    runs.append(parse_record(record.read_bytes(), "it").id)
    record.unlink()  # so that only the journal of this clone has it
    pointed(repo, "d.csv.track", "by that run", run=runs[-1])
    with Project.open(repo) as project:
        everything = find(project, every=True, history=True).items
        known: dict[str, list[Any]] = {"id": [one.id for one in everything], "name": [one.name for one in everything]}
        known["digest"] = [one.document["digest"] for one in everything]
        known["run"] = runs
        known["based_on"] = ["sales", "in.txt", "a.csv", artifact, *known["digest"][:9], *known["id"][:9]]
        yield project, {name: sorted(set(values)) for name, values in known.items()}


SIGNS = ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte"]
FIELDS = ["labels.x", "labels.x.deep", "tags", "partitions.region", "user", "created", "size", "kind", "category",
          "how", "metrics.auc", "metrics.auc.max", "params.lr", "params.model"]  # fmt: skip
VALUES = [
    *LABELS[:5],
    "gold",
    "eu",
    "andy",
    "brenda",
    "output",
    "m1",
    0,
    0.3,
    0.77,
    0.88,
    0.99,
    7,
    "completed",
    "2026-01-01",
]
OF_RUNS = {"tags", "user", "metrics.auc", "metrics.auc.max", "params.lr", "params.model", "metadata.stage", "status",
           "started", "id", "name"}  # fmt: skip
OF_VERSIONS = {*FIELDS, "id", "name", "digest", "run", "based_on"}


def queries_for(known: dict[str, list[Any]], *, runs: bool) -> st.SearchStrategy[Any]:
    """Dictionaries that ask for one thing, or for several."""
    moment = st.integers(0, 12).map(lambda hours: START + timedelta(hours=hours))
    own = {name: st.sampled_from(values) for name, values in known.items()}

    def one(field: str) -> st.SearchStrategy[Any]:
        value = own.get(field, st.nothing()) | st.sampled_from([*VALUES, None]) | moment
        compared = st.tuples(st.sampled_from(SIGNS), value.filter(lambda one: one is not None))
        among = st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(value, min_size=1, max_size=3))
        equal = st.tuples(st.just("$eq"), value)
        return (equal | compared | among).map(lambda said: {field: {said[0]: said[1]}})

    single = st.sampled_from(sorted(OF_RUNS if runs else OF_VERSIONS)).flatmap(one)
    return st.recursive(
        single,
        lambda inner: st.tuples(st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda said: {said[0]: said[1]}
        ),
        max_leaves=4,
    )


def asked(project: Project, query: Any, **scope: Any) -> list[tuple[str, str]]:
    return sorted((item.id, item.name) for item in find(project, query, **scope).items)


SCOPES = [{}, {"history": True}, {"every": True}, {"every": True, "history": True}, {"rev": "side"},
          {"rev": "side", "history": True}, {"rev": "HEAD~2"}]  # fmt: skip


@pytest.mark.parametrize("runs", [False, True], ids=["versions", "runs"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), scope=st.sampled_from(SCOPES))
def test_what_is_narrowed_in_the_database_is_what_everything_gives_when_it_is_looked_at(
    many: tuple[Project, dict[str, list[Any]]], data: st.DataObject, scope: dict[str, Any], runs: bool
) -> None:
    project, known = many
    query = data.draw(queries_for(known, runs=runs))
    found = asked(project, query, runs=runs, **scope)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "narrowed", lambda *_: ALL)
        assert found == asked(project, query, runs=runs, **scope)
