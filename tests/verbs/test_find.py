"""Find: what is like a query says, wherever it is; and what is wrong is told."""

import csv
import io
import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from track.errors import UnknownRevision, UsageError
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer
from track.model.record import Record, record_path, run_id
from track.model.record_file import dump_record
from track.project import Project
from track.verbs.find import Found, find


def pointed(repo: Path, path: str, text: str, **facts: Any) -> None:
    place = repo / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(dump_pointer(Pointer(kind="file", digest=digest_of(text.encode()), size=len(text), **facts)))


def names(found: Found) -> list[str]:
    return sorted(item.name for item in found.items)


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    pointed(repo, "a.csv.track", "one", labels={"split": "train", "infos": {"method": "new"}, "lr": 1})
    pointed(repo, "b.csv.track", "two", labels={"split": "test"}, tags=("gold",))
    pointed(repo, ".track/artifacts/model/region=eu.track", "model", partitions={"region": "eu"})
    commit_all(repo)
    pointed(repo, "a.csv.track", "three", labels={"split": "train"})
    commit_all(repo)
    return repo


def test_what_stands_is_found_by_what_its_pointer_says(here: Path) -> None:
    with Project.open(here) as project:
        assert names(find(project)) == ["a.csv", "b.csv", "model"]
        assert names(find(project, "label.split = train")) == ["a.csv"]
        assert names(find(project, {"labels.split": {"$in": ["train", "test"]}})) == ["a.csv", "b.csv"]
        assert names(find(project, "partition.region = eu")) == ["model"]
        assert names(find(project, 'file ~ "\\.csv$" and not tag = gold')) == ["a.csv"]
        assert names(find(project, labels=[("split", "test")])) == ["b.csv"]
        assert names(find(project, name="*.csv")) == ["a.csv", "b.csv"]
        assert names(find(project, name="model")) == ["model"]
        assert names(find(project, user="nobody")) == []
        assert names(find(project, f"digest = {digest_of(b'two')}")) == ["b.csv"]


def test_history_all_and_a_revision_widen_and_move_what_is_looked_at(here: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=here)
    pointed(here, "c.csv.track", "four")
    commit_all(here)
    git("checkout", "-q", "main", cwd=here)
    with Project.open(here) as project:
        found = find(project, "label.infos.method = new", history=True)
        assert names(found) == ["a.csv"] and (found.matching_count, found.known_count) == (1, 4)
        assert names(find(project, "label.infos.method = new")) == []
        assert names(find(project, rev="HEAD^", labels=[("lr", "1")])) == ["a.csv"]
        assert names(find(project, every=True)) == ["a.csv", "b.csv", "c.csv", "model"]
        assert names(find(project, every=True, history=True)) == ["a.csv", "a.csv", "b.csv", "c.csv", "model"]
        assert names(find(project, rev="side", history=True, name="c.csv")) == ["c.csv"]
        with pytest.raises(UnknownRevision):
            find(project, rev="nowhere")
        with pytest.raises(UsageError, match="exclude"):
            find(project, rev="HEAD", every=True)


def test_the_newest_come_first_and_the_limit_says_of_how_many(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    for day in (3, 1, 2):
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"2026-01-0{day}T12:00:00Z")
        pointed(repo, f"{day}.track", str(day))
        commit_all(repo)
    with Project.open(repo) as project:
        found = find(project, limit=2)
        assert [item.name for item in found.items] == ["3", "2"]
        assert (found.matching_count, found.known_count) == (3, 3)
        found = find(project, "size = 1", limit=2)
        assert [item.name for item in found.items] == ["3", "2"] and found.matching_count == 3
        assert names(find(project, since="2026-01-02")) == ["2", "3"]
        assert names(find(project, since=datetime(2026, 1, 3))) == ["3"]
        assert names(find(project, {"created": {"$lt": datetime(2026, 1, 2, tzinfo=UTC)}})) == ["1"]
        with pytest.raises(UsageError, match="not a date"):
            find(project, since="yesterday")


def test_what_is_found_is_sorted_by_a_field_and_what_lacks_it_comes_last(here: Path) -> None:
    with Project.open(here) as project:
        newest = [item.name for item in find(project).items]
        assert [item.name for item in find(project, sort="name").items] == sorted(newest)
        assert [item.name for item in find(project, sort="-name", limit=2).items] == sorted(newest, reverse=True)[:2]
        by_label = [item.name for item in find(project, sort="label.lr").items]
        having = [item.name for item in find(project, "label.lr exists").items]
        assert set(by_label[: len(having)]) == set(having) and set(by_label) == set(newest)
        assert by_label[len(having) :] == [name for name in newest if name not in having]
        assert [item.name for item in find(project, "size > 0", sort="-size").items] == [
            item.name for item in sorted(find(project, "size > 0").items, key=lambda item: -item.document["size"])
        ]
        assert [item.name for item in find(project, runs=True, sort="-started").items] == [
            item.name for item in find(project, runs=True).items
        ]
        for field in ("sise", "-sise"):
            with pytest.raises(UsageError, match="sise") as wrong:
                find(project, sort=field)
            assert "size" in str(wrong.value) + (wrong.value.hint or "")
    shown = track("find", "--sort=-name", "--limit", "1", "--json", cwd=here).ok().json
    assert [one["name"] for one in shown["versions"]] == sorted(newest)[-1:] and shown["matching"] == len(newest)
    refused = track("find", "--sort", "nmae", cwd=here)
    assert refused.code == 2 and "name" in refused.err


def test_what_came_from_something_is_found_by_its_name_its_digest_and_its_id(here: Path) -> None:
    origin = digest_of(b"two")
    pointed(here, "made.track", "made", based_on={b"b.csv": origin})
    commit_all(here)
    with Project.open(here) as project:
        [source] = find(project, "name = b.csv").items
        for word in ("b.csv", str(origin), source.id):
            assert names(find(project, {"based_on": word})) == ["made"]
            assert names(find(project, f'based_on = "{word}"', history=True)) == ["made"]
        assert names(find(project, "based_on.name = b.csv")) == ["made"]
        [made] = find(project, "name = made").items
        assert made.document["based_on"] == [{"name": "b.csv", "digest": str(origin), "ids": [source.id]}]


def test_what_a_run_made_is_found_by_its_metrics_and_what_it_used(here: Path) -> None:
    (here / ".gitignore").write_text("/.store\n")
    (here / "in.txt").write_text("x")
    track("add", "in.txt", cwd=here).ok()
    script = 'cp in.txt out.txt; printf "auc,0.93\\n" > m.csv; "$0" -m track log metric auc=0.93'
    import_python = __import__("sys").executable
    track("run", "--input", "in.txt", "--output", "out.txt", "--param", "lr=0.1", "--", "sh", "-c", script,
          import_python, cwd=here).ok()  # fmt: skip
    with Project.open(here) as project:
        for query in ("metric.auc > 0.9", "params.lr = 0.1 and name = out.txt", "based_on = in.txt"):
            assert names(find(project, query)) == ["out.txt"], query
        assert names(find(project, "metric.auc > 0.95")) == []
        [run] = find(project, "metrics.auc > 0.9 and params.lr < 0.2", runs=True).items
        assert run.document["place"] == "tree"
        assert names(find(project, "status = failed", runs=True)) == []
        assert names(find(project, runs=True, since="1h", user=run.user)) == [run.name]


def test_what_a_run_in_the_journal_alone_made_is_found_by_its_metrics_and_what_it_used(here: Path) -> None:
    (here / "in.txt").write_text("x")
    track("add", "in.txt", cwd=here).ok()
    script = 'cp in.txt out.txt; "$0" -m track log metric auc=0.93'
    track("run", "-i", "in.txt", "-o", "out.txt", "--", "sh", "-c", script, __import__("sys").executable, cwd=here).ok()
    for record in (here / ".track" / "runs").glob("*/*/*.toml"):
        record.unlink()
    with Project.open(here) as project:
        for query in ("metric.auc > 0.9", "metric.auc = 0.93", "based_on = in.txt"):
            assert names(find(project, query)) == ["out.txt"], query
            assert names(find(project, query, history=True)) == ["out.txt"], query


def test_runs_in_the_journal_and_what_they_saved_are_found_too(here: Path) -> None:
    run = track("runs", "create", "--start", "--name", "waits", cwd=here).ok().out.strip()
    with Project.open(here) as project:
        [living] = find(project, runs=True).items
        assert (living.id, living.document["place"], living.is_committed) == (run, "living", False)
        assert find(project, runs=True, rev="HEAD").items == ()


def test_pointers_that_were_once_committed_broken_are_counted_and_stop_nothing(here: Path) -> None:
    (here / "bad.track").write_text("[artifact]\nkind = 1\n")
    commit_all(here)
    git("rm", "-q", "bad.track", cwd=here)
    commit_all(here)
    with Project.open(here) as project:
        assert find(project).unreadable == ()
        [bad] = find(project, history=True).unreadable
        assert bad.path == b"bad.track"
    said = track("doctor", cwd=here).out
    assert "1 committed broken, and passed over: bad.track (since " in said
    done = track("find", "--history", cwd=here).ok()
    assert "1 pointer or record cannot be read" in done.err and "shown 4 of 4" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nmae = x"], "did you mean name?"),
        (["name =="], "expected a value"),
        (["--query", "{"], "is not JSON"),
        (["--query", "[]"], "no dictionary"),
        (["--query", '{"$and": [' * 2000 + "{}" + "]}" * 2000], "too many dictionaries in each other"),
        (["--query", '{"labels.a": {"$gtt": 1}}'], "$gt"),
        (["--label", "x"], "not KEY=VALUE"),
        (["--since", "yesterday"], "not a date or an age"),
        (["a = 1", "--query", "{}"], "exclude each other"),
        (["--json", "--csv"], "exclude each other"),
        (["--runs", "labels.a = 1"], "there is no field"),
        (["--rev", "nowhere"], "nowhere"),
        (["--rev", "HEAD", "--all"], "exclude each other"),
        (["name = \udcff"], "column 8 of the query: `\\xff` is no text"),
        (['labels."\udcff" = 1'], "column 9 of the query: `\\xff` is no text"),
        (["--query", '{"labels.a": ["b", "\\ud800"]}'], "labels.a[1] in the query: `\\ud800` is no text"),
        (["--query", '{"labels.\udcff": 1}'], "labels.\\xff in the query: `\\xff` is no text"),
        (["--label", "a=\udcff"], "the label: `\\xff` is no text"),
        (["--name", "\udcff"], "as `track ls` shows it"),
        (["--user", "\udcff"], "the user: `\\xff` is no text"),
        (["--sort", 'labels."\udcff"'], "the field: `\\xff` is no text"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(here: Path, arguments: list[str], said: str) -> None:
    done = track("find", *arguments, cwd=here)
    assert done.code == 2
    assert said in done.err


def test_where_nothing_is_found_what_nothing_can_be_like_is_told(here: Path) -> None:
    said = track("find", "kind = fil", cwd=here).ok().err
    assert "nothing found among 3 versions\n" in said and "did you mean file?" in said
    assert "hint" not in track("find", "label.split = none", cwd=here).ok().err
    track("run", "-q", "--", "true", cwd=here).ok()
    for words in (
        ("find", "--runs", "status = complete"),
        ("runs", "list", "--where", "status = complete"),
        ("runs", "list", "--status", "complete"),
    ):
        assert "did you mean completed?" in track(*words, cwd=here).ok().err


def test_where_nothing_is_found_a_key_that_is_nearly_one_that_something_has_is_told(here: Path) -> None:
    track("run", "-q", "--param", "depth=3", "--", "true", cwd=here).ok()
    for words, said in (
        (("find", "label.splitt = train"), "no `label.splitt` is known; did you mean label.split?"),
        (("find", "--label", "spit=train"), "no `label.spit` is known; did you mean label.split?"),
        (
            ("find", "size > 0 and partition.regio exists"),
            "no `partition.regio` is known; did you mean partition.region?",
        ),
        (("find", "--runs", 'param.dept ~ "3"'), "no `param.dept` is known; did you mean param.depth?"),
        (("runs", "list", "--where", "param.dept = 3"), "no `param.dept` is known; did you mean param.depth?"),
    ):
        assert f"hint: {said}\n" in track(*words, cwd=here).ok().err, words
    for query in (
        "label.split = none",
        "label.infos.x = 1",
        "label.zzzzzz = 1",
        "not label.splitt exists and size < 0",
    ):
        assert "hint" not in track("find", query, cwd=here).ok().err, query


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("Andy Lee", "Andy Lees"),
        ("andy lees", "Andy Lees"),
        ("Andy", "Andy Lees"),
        ("andy@example.org", "Andy Lees"),
        ("Brendq", "Brenda"),
        ("Me Myslef", "Me Myself"),
        ("Andy Lees", None),
        ("xyzzy", None),
    ],
)
def test_where_nobody_is_called_so_the_nearest_person_is_told(here: Path, asked: str, meant: str | None) -> None:
    for name, address in (("Andy Lees", "andy@example.org"), ("Brenda", "b@example.org")):
        git("commit", "-q", "--allow-empty", "-m", "x", f"--author={name} <{address}>", cwd=here)
    git("config", "user.name", "Me Myself", cwd=here)
    for words in (("--user", asked), ("--runs", "--user", asked), (f'user = "{asked}" and name = other',)):
        done = track("find", *words, cwd=here).ok()
        said = [line for line in done.err.splitlines() if "nobody here" in line]
        wanted = [f"hint: nobody here is called `{asked}`; did you mean `{meant}`?"] if meant else []
        assert said == wanted, words
    listed = track("runs", "list", "--where", f'user = "{asked}"', cwd=here).ok()
    assert ("nobody here" in listed.err) == (meant is not None)
    assert "nobody here" not in track("find", f'name = other and not user = "{asked}"', cwd=here).ok().err


def test_what_a_run_made_is_found_by_its_name_and_its_short_id(here: Path) -> None:
    made = {}
    for number, name in enumerate(("train", "train", "other", "waiting")):
        command = ("sh", "-c", f"echo {number} > out-{number}")
        track("run", "-q", "--name", name, "-o", f"out-{number}", "--", *command, cwd=here).ok()
        made[f"out-{number}"] = (
            track("find", f"name = out-{number}", "--json", cwd=here).ok().json["versions"][0]["run"]
        )
    git("reset", "-q", cwd=here)
    git("add", "-f", "out-0.track", "out-1.track", "out-2.track", ".track/runs", cwd=here)
    git("commit", "-q", "-m", "all but the last pointer", cwd=here)

    def found(query: str, *words: str) -> list[str]:
        return sorted(each["name"] for each in track("find", query, *words, "--json", cwd=here).ok().json["versions"])

    for words in ((), ("--history",), ("--all",)):
        assert found("run = train", *words) == ["out-0", "out-1"]
        assert found("run = other or run = waiting", *words) == ["out-2", "out-3"]
        assert found("run in (train, other)", *words) == ["out-0", "out-1", "out-2"]
        assert found("run exists and not run = train", *words) == ["out-2", "out-3"]
        assert found("run exists and run != train", *words) == ["out-2", "out-3"]
        for name, run in made.items():
            assert found(f'run = "{run[-8:]}"', *words) == found(f"run = {run}", *words) == [name]
    with Project.open(here) as project:
        assert names(find(project, {"run": {"$nin": ["train", "waiting"]}, "name": {"$regex": "out"}})) == ["out-2"]
        several = find(project, {"run": "train"})
    latest = max(made["out-0"], made["out-1"])[-8:]
    assert several.unclear == (f"`train` names 2 runs, and all of them are meant: run = {latest} is the latest",)
    assert several.unclear[0] in track("find", "run = train", cwd=here).ok().err
    assert "names" not in track("find", "run = other", cwd=here).ok().err
    nothing = track("find", "run = trian", cwd=here).ok()
    assert "no run is called `trian`; did you mean train?" in nothing.err


def test_a_label_that_is_asked_for_without_its_field_is_known(here: Path) -> None:
    track("find", cwd=here).ok()
    assert "did you mean label.split?" in track("find", "split = train", cwd=here).err
    assert "did you mean label.infos?" in track("find", "infos exists", cwd=here).err
    assert "did you mean partition.region?" in track("find", "--query", '{"region": "eu"}', cwd=here).err
    track("run", "-q", "--param", "depth=3", "--", "true", cwd=here).ok()
    track("find", cwd=here).ok()
    for words in (("find", "--runs", "depth = 3"), ("runs", "list", "--where", "depth = 3")):
        assert "did you mean param.depth?" in track(*words, cwd=here).err


def test_what_is_longer_than_the_database_takes_is_answered_all_the_same(here: Path) -> None:
    many = [f"no-{number}" for number in range(40_000)]
    with Project.open(here) as project:
        assert names(find(project, {"name": {"$in": [*many, "a.csv"]}})) == ["a.csv"]
        assert names(find(project, {"based_on": {"$in": many[:3_000]}}, history=True)) == []
        assert names(find(project, " or ".join(["name = none"] * 3_000 + ["name = b.csv"]))) == ["b.csv"]
        assert names(find(project, " and ".join(["tag = gold"] * 3_000))) == ["b.csv"]


def test_it_prints_a_table_json_lines_and_csv(here: Path) -> None:
    table = track("find", "--label", "split=train", cwd=here).ok()
    assert "a.csv" in table.out and "split=train" in table.out and "shown 1 of 1" in table.err
    document = track("find", "--json", cwd=here).ok().json
    assert (document["matching"], document["known"], len(document["versions"])) == (3, 3, 3)
    lines = track("find", "--jsonl", "--limit", "2", cwd=here).ok()
    assert [json.loads(line)["name"] for line in lines.out.splitlines()] and "shown 2 of 3" in lines.err
    head, *rows = track("find", "--csv", cwd=here).ok().out.splitlines()
    assert head.startswith("id,name,path,kind,digest") and "labels.split" in head and len(rows) == 3
    nothing = track("find", "name = nothing", cwd=here).ok()
    assert nothing.out == "" and "nothing found among 3 versions" in nothing.err


def test_a_shallow_clone_says_so(here: Path, tmp_path: Path) -> None:
    git("clone", "-q", "--depth=1", f"file://{here}", tmp_path / "clone", cwd=tmp_path)
    done = track("find", "--history", cwd=tmp_path / "clone").ok()
    assert "shallow" in done.err and "git fetch --unshallow" in done.err


# ---- text, dictionaries and a naive evaluator agree ----

VALUES = ["a", "b", "2026-01-31", "1", 1, 1.0, 2.5, -3, True, False]
LABELS: list[Any] = [
    *VALUES, ["a", 1], [["a"], "b"], [{"deep": "a"}, {"deep": 2}], {"deep": "b"}, {"deep": {"er": 1}}, [],
    datetime(2026, 1, 31, tzinfo=UTC), float("nan"), 2**40,
]  # fmt: skip
FIELDS = ["labels.x", "labels.y", "labels.x.deep", "labels.x.deep.er", "labels.x.0", "labels", "tags", "name", "size",
          "rows", "user", "created", "partitions.region", "run"]  # fmt: skip
START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNS = {"$lt": ("<", operator.lt), "$lte": ("<=", operator.le), "$gt": (">", operator.gt), "$gte": (">=", operator.ge)}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, list[dict[str, Any]]]]:
    """A project with a pointer for each pair of labels, and what is known of each."""
    repo = new_repository(tmp_path_factory.mktemp("find") / "repo", commit=False)
    track("init", "--no-hooks", cwd=repo).ok()
    known = []
    for number, label in enumerate(LABELS):
        other = LABELS[(number * 7 + 3) % len(LABELS)]
        tags = [("gold",), ("gold", "new"), ()][number % 3]
        facts = {"labels": {"x": label, "y": other}, "tags": tags, "partitions": {"region": "eu"} if number % 2 else {}}
        when = START + timedelta(days=number)
        made = {} if number % 3 else {"run": recorded(repo, number, when)}
        pointed(repo, f"{number:02}.track", "x" * number, rows=None if number % 4 else number, **facts, **made)
        git("add", "--all", cwd=repo)
        author = f"--author={'andy' if number % 2 else 'brenda'} <who@example.org>"
        git("commit", "-q", "-m", "x", author, f"--date={when.isoformat()}", cwd=repo)
        document: dict[str, Any] = {"name": f"{number:02}", "size": number, "created": when, **facts}
        document |= {"user": "andy" if number % 2 else "brenda"} | ({} if number % 4 else {"rows": number}) | made
        known.append(document)
    with Project.open(repo) as project:
        yield project, known


@pytest.mark.parametrize("digits", ["00000003", "10000003", "1e000003"])
def test_a_short_id_that_looks_like_a_number_is_found_as_it_is_shown(repo: Path, digits: str) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    ended = datetime(2026, 1, 1, tzinfo=UTC)
    run = recorded(repo, int(digits, 16), ended)
    pointed(repo, "a.track", "x", run=run)
    pointed(repo, "b.track", "y")
    for query in (f"run = {digits}", f"run in (other, {digits})", f"run != null and run = {run}"):
        done = track("find", query, "--json", cwd=repo).ok()
        assert [each["name"] for each in done.json["versions"]] == ["a"], query


def recorded(repo: Path, number: int, ended: datetime) -> str:
    """The id of a run whose record is there; which names there are, `naive` knows."""
    id = run_id(int(ended.timestamp() * 1000), number.to_bytes(10, "big"))
    by = f"{'andy' if number % 2 else 'brenda'} <who@example.org>"
    record = Record(id=id, name="ab"[number % 2], status="completed", started=ended, ended=ended, by=by)
    place = repo / os.fsdecode(record_path(id, ended))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(dump_record(record))
    return id


def queries() -> st.SearchStrategy[Any]:
    value = st.sampled_from([*VALUES, "gold", "andy", "eu", "03", 3, 7, "00000003"])
    field = st.sampled_from(FIELDS)
    moment = st.integers(0, 20).map(lambda days: START + timedelta(days=days))
    one = st.one_of(
        st.tuples(st.sampled_from(["$eq", "$ne"]), field, value | st.none()),
        st.tuples(st.sampled_from(sorted(SIGNS)), field, value),
        st.tuples(st.sampled_from(sorted(SIGNS)), st.sampled_from(["created", "labels.x"]), moment),
        st.tuples(st.sampled_from(["$in", "$nin"]), field, st.lists(value, min_size=1, max_size=3)),
        st.tuples(st.just("$exists"), field, st.just(True)),
        st.tuples(st.just("$regex"), field, st.sampled_from(["^a", "0$", "d", "."])),
    )
    return st.recursive(
        one,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3)),
            st.tuples(st.just("$nor"), st.lists(inner, min_size=1, max_size=1)),
        ),
        max_leaves=5,
    )


def as_dictionary(test: Any) -> dict[str, Any]:
    if len(test) == 2:
        return {test[0]: [as_dictionary(inner) for inner in test[1]]}
    sign, field, value = test
    return {field: {sign: value}}


def as_text(test: Any) -> str:
    if len(test) == 2:
        word, inner = test
        return f"not ({as_text(inner[0])})" if word == "$nor" else "(" + f" {word[1:]} ".join(map(as_text, inner)) + ")"
    sign, field, value = test
    match sign:
        case "$exists":
            return f"{field} exists"
        case "$regex":
            return f"{field} ~ {json.dumps(value)}"
        case "$in" | "$nin":
            return f"{field} {'not ' * (sign == '$nin')}in ({', '.join(map(word_of, value))})"
    signs = {"$eq": "=", "$ne": "!="} | {name: one for name, (one, _) in SIGNS.items()}
    return f"{field} {signs[sign]} {word_of(value)}"


def word_of(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value)


def naive(test: Any, document: dict[str, Any]) -> bool:
    """Whether a document is like a test says, by the meaning that the reference of queries gives."""
    if len(test) == 2:
        said = [naive(inner, document) for inner in test[1]]
        return all(said) if test[0] == "$and" else any(said) if test[0] == "$or" else not any(said)
    sign, field, value = test
    values = list(reached(document, field.split(".")))
    each = [*values, *(one for inner in values if isinstance(inner, list | tuple) for one in inner)]
    match sign:
        case "$exists":
            return bool(values)
        case "$regex":
            return any(isinstance(one, str) and re.search(value, one) for one in each)
        case "$ne" | "$nin":
            return not naive(("$in", field, value if sign == "$nin" else [value]), document)
        case "$eq" | "$in":
            wanted = value if sign == "$in" else [value]
            if field == "run" and values:  # it is called by its name and short id, too
                each += [{"andy": "a", "brenda": "b"}[document["user"]], values[0][-8:]]
            return any(same(one, other) for one in each for other in wanted) or (not values and None in wanted)
    return any(kind(one) == kind(value) and SIGNS[sign][1](timed(one, value), value) for one in each) or any(
        kind(value) == "time" and is_time(one) and SIGNS[sign][1](timed(one, value), value) for one in each
    ) or any(
        kind(one) == "time" and is_time(value) and SIGNS[sign][1](one, timed(value, one)) for one in each
    )  # fmt: skip


def reached(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from reached(value[path[0]], path[1:])
    elif isinstance(value, list | tuple):
        if path[0].isdecimal() and int(path[0]) < len(value):
            yield from reached(value[int(path[0])], path[1:])
        for one in value:
            if isinstance(one, dict):
                yield from reached(one, path)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "time" if isinstance(value, datetime) else type(value).__name__


def is_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


def timed(value: Any, other: Any) -> Any:
    if isinstance(other, datetime) and is_time(value):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def same(one: Any, other: Any) -> bool:
    if kind(one) == kind(other):
        return bool(one == other)
    if "time" in (kind(one), kind(other)):
        return bool(timed(one, other) == timed(other, one))
    return False


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(test=queries(), history=st.booleans())
def test_text_and_dictionaries_agree_with_a_naive_evaluator(
    many: tuple[Project, list[dict[str, Any]]], test: Any, history: bool
) -> None:
    project, known = many
    wanted = sorted(document["name"] for document in known if naive(test, document))
    assert names(find(project, as_dictionary(test), history=history)) == wanted
    assert names(find(project, as_text(test), history=history)) == wanted


def test_what_a_run_made_from_a_named_artifact_is_found_by_its_name(here: Path) -> None:
    (here / "in.csv").write_text("a\n")
    for words in (["eu-sales", "in.csv"], ["sales", "in.csv", "--partition", "region=eu"]):
        track("put", *words, cwd=here).ok()
    track(
        "run", "-i", "eu-sales", "-i", "sales", "-o", "made.csv", "--", "sh", "-c", "echo a > made.csv", cwd=here
    ).ok()
    with Project.open(here) as project:
        for word in ("eu-sales", "sales", ".track/artifacts/eu-sales.track"):
            assert names(find(project, {"based_on": word})) == ["made.csv"], word
        for word in ("eu", "region=eu", "no=name"):
            assert names(find(project, {"based_on": word})) == [], word


def test_a_question_with_nothing_new_loads_little(here: Path) -> None:
    track("run", "-o", "made.csv", "--", "sh", "-c", "echo a > made.csv", cwd=here).ok()
    commit_all(here)
    for args in (["label.split = train"], ["--runs"], ["--history", "label.split = train or metric.auc > 1"]):
        assert track("find", *args, cwd=here).ok()
        script = (
            "import sys\nfrom track.__main__ import main\ncode = main()\n"
            "ours = 'model.pointer model.record model.node history.catalog_fill history.catalog_contents'.split()\n"
            "heavy = {'ctypes', 'difflib', 'inspect', 'smtplib', *(f'track.{name}' for name in ours)}\n"
            "sys.exit(code or ' '.join(heavy & set(sys.modules)) or None)"
        )
        asked = subprocess.run([sys.executable, "-c", script, "find", *args], cwd=here, capture_output=True, text=True)
        assert asked.returncode == 0, (args, asked.stderr)


def test_every_reader_of_csv_gets_back_what_has_ends_of_lines_and_quotes_in_it(repo: Path, tmp_path: Path) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    odd = {"lines": "a\nb", "return": "a\rb", "both": "a\r\nb", "quote": 'say "a, b"', "wide": "字\u202e", "end": "a\n"}
    pointed(repo, "a\nb.csv.track", "one", labels=odd)
    commit_all(repo)
    track("run", "--name", "one", "--meta", "note=a\rb", "--meta", "more=a\nb", "--", "true", cwd=repo).ok()
    place = tmp_path / "found.csv"
    for words, name, wanted in (
        (("find", "--csv", "--name", "a*"), "labels", odd),
        (("find", "--runs", "--csv"), "metadata", {"note": "a\rb", "more": "a\nb"}),
        (("runs", "list", "--csv"), "metadata", {"note": "a\rb", "more": "a\nb"}),
    ):
        place.write_bytes(track(*words, cwd=repo).ok().out.encode())
        with place.open(newline="") as file:
            [row] = csv.DictReader(file)
        assert {key: row[f"{name}.{key}"] for key in wanted} == wanted, words
        frame = pandas.read_csv(place, keep_default_na=False, dtype=str)
        assert {key: frame[f"{name}.{key}"].tolist() for key in wanted} == {key: [wanted[key]] for key in wanted}
        found = duckdb.execute("SELECT * FROM read_csv(?, all_varchar=true, header=true)", [str(place)])
        columns = [column[0] for column in found.description or ()]
        [cells] = found.fetchall()
        assert {key: dict(zip(columns, cells, strict=True))[f"{name}.{key}"] for key in wanted} == wanted
    [row] = csv.DictReader(io.StringIO(track("find", "--csv", "--name", "a*", cwd=repo).ok().out, newline=""))
    assert row["name"] == row["path"] == "a\nb.csv"
