"""Catalog export: everything that find and runs list say, as Parquet, beside the files of other repositories."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import track as track_process
from support.cli import track_here as track
from support.long_history import Shape, long_history
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed, place_at
from support.strace import kill_at, record, spread
from track.errors import NoFormat, UsageError
from track.formats import parquet_tables
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer
from track.model.record import Record, Summary, Used, record_path, run_id
from track.model.record_file import dump_record
from track.model.tables import TABLES
from track.project import Project
from track.verbs.catalog_export import catalog_export

NAMES = tuple(table.name for table in TABLES)
WHEN = datetime(2026, 3, 4, 5, 6, 7, 890_000, UTC)


def pointed(repo: Path, path: str, text: str, **facts: Any) -> None:
    place = repo / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(dump_pointer(Pointer(kind="file", digest=digest_of(text.encode()), size=len(text), **facts)))


def recorded(repo: Path, number: int, **facts: Any) -> str:
    id = run_id(int(WHEN.timestamp() * 1000), number.to_bytes(10, "big"))
    record = Record(id=id, name=f"run {number}", status="completed", started=WHEN, ended=WHEN, by="A <a@b.c>", **facts)
    place = repo / os.fsdecode(record_path(id, WHEN))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(dump_record(record))
    return id


def rows(place: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table, of every repository in the place."""
    return [row for path in sorted((place / table).iterdir()) for row in pq.ParquetFile(path).read().to_pylist()]


def tree(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    pointed(repo, "a.csv.track", "one")
    commit_all(repo)
    return repo


def test_versions_and_runs_are_those_that_find_and_runs_list_give(tmp_path: Path) -> None:
    repo = long_history(tmp_path / "repo", Shape(commits=40, artifacts=30, changed=5, runs=2))
    git("branch", "side", "HEAD~5", cwd=repo)
    git("reset", "--quiet", "--hard", "HEAD~9", cwd=repo)
    pointed(repo, "new.csv.track", "not committed", labels={"x": 1})
    track("catalog", "export", tmp_path / "out", cwd=repo).ok()

    found = track("find", "--all", "--history", "--json", cwd=repo).ok().json["versions"]
    written = {row["id"]: row for row in rows(tmp_path / "out", "versions")}
    assert len(written) == len(found) == len(rows(tmp_path / "out", "versions")) > 200
    for version in found:
        row = written[version["id"]]
        for name in ("name", "path", "kind", "digest", "size", "rows", "files", "executable", "type", "run", "user"):
            assert row[name] == version[name], name
        for name in ("commit", "category", "how"):
            assert row[name] == version[name], name
        for name in ("labels", "partitions", "schema"):
            assert json.loads(row[name]) == (version[name] or {}), name
        assert row["tags"] == (version["tags"] or [])
        if version["commit"] is not None:
            assert row["created"] == datetime.fromisoformat(version["created"])

    runs = {row["id"]: row for row in rows(tmp_path / "out", "runs")}
    every = track("find", "--runs", "--all", "--history", "--json", cwd=repo).ok().json["runs"]
    listed = track("runs", "list", "--json", cwd=repo).ok().json["runs"]
    assert len(runs) == len(every) > len(listed) > 10
    metrics = {(row["run"], row["name"]): row for row in rows(tmp_path / "out", "metrics")}
    assert len(metrics) == 2 * len(runs)
    for run in every:
        row = runs[run["id"]]
        for name in ("name", "folder", "status", "place", "seconds", "user", "by", "command", "cwd", "exit", "task"):
            assert row[name] == run[name], name
        for name in ("parent", "description", "commit", "tree", "dirty", "tags"):
            assert row[name] == run[name], name
        for name in ("metadata", "params", "environment", "alerts"):
            assert json.loads(row[name]) == run[name], name
        assert (row["started"], row["ended"]) == tuple(datetime.fromisoformat(run[one]) for one in ("started", "ended"))
        for name in ("loss", "auc"):
            for number in ("last", "min", "max", "mean", "count"):
                assert metrics[run["id"], name][number] == run["metrics"][f"{name}.{number}"]
    for run in listed:
        row = runs[run["id"]]
        assert (row["name"], row["status"], row["folder"]) == (run["name"], run["status"], run["folder"])

    edges = rows(tmp_path / "out", "edges")
    used = sorted(
        (run["id"], each["category"], each["name"], each["digest"]) for run in every for each in run["artifacts"]
    )
    assert sorted((row["run"], row["kind"], row["name"], row["digest"]) for row in edges if row["run"]) == used
    based = sorted((version["id"], one["name"], one["digest"]) for version in found for one in version["based_on"] or ()
                   if version["category"] is None and not version["run"])  # fmt: skip
    said = {(row["version"], row["name"], row["source"]) for row in edges if row["kind"] == "based_on"}
    assert set(based) <= said and based
    assert {row["version"] for row in edges if row["kind"] != "based_on" and row["path"] is None} <= set(written)


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_run_whose_record_was_copied_is_one_run(here: Path, tmp_path: Path, is_committed: bool) -> None:
    saved = Used("output", digest_of(b"it"), 2, name="saved", kind="file")
    used = Used("input", digest_of(b"one"), 3, path=b"a.csv", kind="file")
    facts = {"artifacts": (saved, used), "metrics": {"auc": Summary(1, 1, 1, 1, 1)}}
    ids = [recorded(here, number, **facts) for number in (1, 2)]
    commit_all(here)
    month = here / ".track/runs/2026/03"
    for folder in ("2026/01", "2026/12"):  # as who sorts them by something else
        shutil.copytree(month, here / ".track/runs" / folder)
    if is_committed:
        commit_all(here)
    for asked in ((), ("--history",), ("--all",), ("status = completed",), ("--all", "--history", "name ~ run")):
        found = track("find", "--runs", *asked, "--json", cwd=here).ok().json
        assert sorted(run["id"] for run in found["runs"]) == ids, asked
        assert (found["matching"], found["known"]) == (2, 2), asked
        first = track("find", "--runs", *asked, "--limit", "1", "--json", cwd=here).ok().json
        assert len(first["runs"]) == 1 and first["matching"] == 2, asked
    first = track("find", "--runs", "--limit", "2", "--json", cwd=here).ok().json
    assert sorted(run["id"] for run in first["runs"]) == ids

    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    written = rows(tmp_path / "out", "runs")
    assert sorted(row["id"] for row in written) == ids
    assert {row["path"].split("/")[3] for row in written} == {"01" if is_committed else "03"}
    counts = {"versions": 3, "edges": 4, "metrics": 2}
    assert {table: len(rows(tmp_path / "out", table)) for table in counts} == counts


def test_labels_of_every_type_and_any_text_come_as_they_are(here: Path, tmp_path: Path) -> None:
    labels = {
        "text": "žluťoučký \U0001f40e \x1b[31m \u202e\n", "int": -5, "big": 2**62, "float": 0.1, "true": True,
        "day": date(2026, 1, 2), "clock": time(3, 4, 5), "moment": WHEN, "local": datetime(2026, 1, 2, 3),
        "list": [1, [2, "a"], {"b": 1.5}], "inner": {"a.b": {"$": "x"}, "": "empty"},
    }  # fmt: skip
    pointed(
        here,
        "\u732b/\u202egame \udcff.csv.track".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"),
        "x",
    )
    pointed(here, "labels.csv.track", "y", labels=labels, tags=("älter", "b"), rows=3, schema={"ü": "int64"})
    commit_all(here)
    track("put", "größe/räder", "--value", '{"a": null, "b": [1.5]}', cwd=here).ok()
    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    written = {row["name"]: row for row in rows(tmp_path / "out", "versions")}
    found = {one["name"]: one for one in track("find", "--json", cwd=here).ok().json["versions"]}
    assert set(found) == set(written) and len(found) >= 3
    assert any("\\xff" in name for name in written)
    row = written["labels.csv"]
    assert json.loads(row["labels"]) == found["labels.csv"]["labels"]
    assert json.loads(row["labels"])["moment"] == WHEN.isoformat()
    assert json.loads(row["labels"])["big"] == 2**62
    assert (row["tags"], json.loads(row["schema"])) == (["b", "älter"], {"ü": "int64"})
    assert "žluťoučký" in row["labels"]
    value = written["größe/räder"]
    assert (value["kind"], json.loads(value["value"])) == ("value", {"a": None, "b": [1.5]})


def test_runs_of_the_journal_and_odd_metrics_are_told_by_their_records(here: Path, tmp_path: Path) -> None:
    one = Summary(1.0, 0.5, 2.0, 1.25, 7)
    odd = Summary(float("nan"), float("-inf"), float("inf"), 0.0, 3)
    used = (
        Used("input", digest_of(b"one"), 3, path=b"a.csv", address=(("s3", "s3://b/k"),)),
        Used("output", digest_of(b"model"), 9, name="model", metadata=(("note", "x"),)),
    )
    committed = recorded(here, 1, metrics={"loss": one, "loss.max": odd}, artifacts=used, params={"nan": float("nan")})
    commit_all(here)
    track("config", "--clone", "runs.keep", "none", cwd=here).ok()
    track_process("run", "--", sys.executable, "-c", "print(1)", cwd=here).ok()
    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    runs = {row["id"]: row for row in rows(tmp_path / "out", "runs")}
    assert sorted(row["place"] for row in runs.values()) == ["history", "journal"]
    assert json.loads(runs[committed]["params"]) == {"nan": None}
    assert runs[committed]["recorded"] is not None and runs[committed]["path"].startswith(".track/runs/")
    metrics = {row["name"]: row for row in rows(tmp_path / "out", "metrics") if row["run"] == committed}
    assert (metrics["loss"]["max"], metrics["loss"]["count"]) == (2.0, 7)
    assert metrics["loss.max"]["max"] == float("inf") and metrics["loss.max"]["last"] != metrics["loss.max"]["last"]
    edges = {row["name"]: row for row in rows(tmp_path / "out", "edges") if row["run"] == committed}
    source = edges["a.csv"]
    assert (source["kind"], source["source"], source["target"]) == ("input", str(digest_of(b"one")), committed)
    assert (source["path"], json.loads(source["address"])) == ("a.csv", {"s3": "s3://b/k"})
    made = edges["model"]
    assert (made["kind"], made["source"], made["target"]) == ("output", committed, str(digest_of(b"model")))
    assert made["version"] in {row["id"] for row in rows(tmp_path / "out", "versions")}
    assert json.loads(made["metadata"]) == {"note": "x"}


def test_many_groups_of_rows_come_in_order_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_tables, "GROUP_ROWS", 7)
    repo = long_history(tmp_path / "repo", Shape(commits=12, artifacts=5, changed=3, runs=1))
    track("catalog", "export", tmp_path / "out", cwd=repo).ok()
    (path,) = (tmp_path / "out" / "versions").iterdir()
    assert pq.ParquetFile(path).num_row_groups > 4
    pointers = [row for row in rows(tmp_path / "out", "versions") if row["category"] is None]
    assert [row["created"] for row in pointers] == sorted(row["created"] for row in pointers)
    assert len({row["id"] for row in pointers}) == len(pointers)


def test_a_clone_writes_the_same_files_and_again_they_are_the_same_bytes(tmp_path: Path) -> None:
    repo = long_history(tmp_path / "repo", Shape(commits=8, artifacts=5, changed=3, runs=1))
    git("clone", "--quiet", repo, tmp_path / "clone", cwd=tmp_path)
    track("catalog", "export", tmp_path / "out", cwd=repo).ok()
    first = tree(tmp_path / "out")
    track("catalog", "export", tmp_path / "out", cwd=repo).ok()
    assert tree(tmp_path / "out") == first
    track("catalog", "export", tmp_path / "out", cwd=tmp_path / "clone").ok()
    assert tree(tmp_path / "out").keys() == first.keys() and len(first) == 4


def test_an_empty_repository_gives_tables_without_rows(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "repo")
    track("init", "--no-hooks", cwd=repo).ok()
    track("catalog", "export", tmp_path / "out", cwd=repo).ok()
    for table in TABLES:
        (path,) = (tmp_path / "out" / table.name).iterdir()
        found = pq.ParquetFile(path).schema_arrow
        assert rows(tmp_path / "out", table.name) == []
        assert found.names == [column.name for column in table.columns]

    bare = new_repository(tmp_path / "unborn", commit=False)
    track("init", "--no-hooks", cwd=bare).ok()
    refused = track("catalog", "export", tmp_path / "out", cwd=bare)
    assert refused.code == 2 and "nothing is committed yet" in refused.err and "--repository NAME" in refused.err
    pointed(bare, "a.track", "a")
    track("catalog", "export", tmp_path / "out", "--repository", "fresh", cwd=bare).ok()
    assert [row["name"] for row in rows(tmp_path / "out", "versions")] == ["a"]


def test_a_graft_gives_the_repository_no_other_name(here: Path, tmp_path: Path) -> None:
    pointed(here, "a.csv.track", "two")
    commit_all(here)
    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    names = sorted(tree(tmp_path / "out"))
    git("replace", "--graft", "HEAD", cwd=here)
    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    assert sorted(tree(tmp_path / "out")) == names


def test_a_shallow_clone_needs_a_name_and_says_what_is_missing(here: Path, tmp_path: Path) -> None:
    pointed(here, "a.csv.track", "two")
    commit_all(here)
    git("clone", "--quiet", "--depth=1", f"file://{here}", tmp_path / "clone", cwd=tmp_path)
    refused = track("catalog", "export", tmp_path / "out", cwd=tmp_path / "clone")
    assert refused.code == 2 and "shallow" in refused.err
    done = track("catalog", "export", tmp_path / "out", "--repository", "cut", cwd=tmp_path / "clone").ok()
    assert "shallow" in done.err and "git fetch --unshallow" in done.err


def test_an_export_replaces_its_own_files_alone(here: Path, tmp_path: Path) -> None:
    other = new_repository(tmp_path / "other")
    track("init", "--no-hooks", cwd=other).ok()
    pointed(other, "b.csv.track", "b")
    commit_all(other)
    track("catalog", "export", tmp_path / "out", "--repository", "other", cwd=other).ok()
    before = tree(tmp_path / "out")
    track("catalog", "export", tmp_path / "out", "--repository", "here", cwd=here).ok()
    assert before.items() <= tree(tmp_path / "out").items()
    assert {row["repository"]: row["name"] for row in rows(tmp_path / "out", "versions")} == {
        "other": "b.csv", "here": "a.csv"
    }  # fmt: skip
    pointed(here, "c.csv.track", "c")
    commit_all(here)
    track("catalog", "export", tmp_path / "out", "--repository", "here", cwd=here).ok()
    assert before.items() <= tree(tmp_path / "out").items()
    assert len(rows(tmp_path / "out", "versions")) == 3

    (tmp_path / "empty").mkdir()
    fork = new_repository(tmp_path / "empty" / "fork", commit=False)
    git("commit", "--quiet", "--allow-empty", "--message=another beginning", cwd=fork)
    track("init", "--no-hooks", cwd=fork).ok()
    now = tree(tmp_path / "out")
    refused = track("catalog", "export", tmp_path / "out", "--repository", "here", cwd=fork)
    assert refused.code == 6 and "another repository" in refused.err and "--repository NAME" in refused.err
    assert tree(tmp_path / "out") == now


def test_what_is_there_under_another_name_is_not_written_a_second_time(here: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    track("catalog", "export", out, "--repository", "mine", cwd=here).ok()
    before = tree(out)
    for words in ((), ("--dry-run",)):
        refused = track("catalog", "export", out, *words, cwd=here)
        assert refused.code == 6 and "as mine: nothing was written" in refused.err
        assert f"track catalog export {out} --repository mine   to replace that" in refused.err
    assert tree(out) == before
    track("catalog", "export", out, "--repository", "mine", cwd=here).ok()

    root = git("rev-list", "--max-parents=0", "HEAD", cwd=here).strip()[:16]
    assert f"--repository {root}   to have both" in refused.err
    both = track("catalog", "export", out, "--repository", root, cwd=here).ok()
    assert "the first commit is also that of mine there" in both.err
    for words in ((), ("--repository", "mine"), ("--repository", root)):  # both are there, and that is known
        assert "first commit" not in track("catalog", "export", out, *words, cwd=here).ok().err


@pytest.mark.parametrize(
    "stranger",
    [
        "notes.txt",
        "versions/notes.txt",
        "versions/.hidden.parquet",
        "other/x.parquet",
        "staging/notes.txt",
        "deep/er/x",
    ],
)
def test_a_place_with_anything_else_in_it_is_refused(here: Path, tmp_path: Path, stranger: str) -> None:
    place = tmp_path / "out" / stranger
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    for words in ((), ("--dry-run",)):
        refused = track("catalog", "export", tmp_path / "out", *words, cwd=here)
        assert refused.code == 6 and "something else" in refused.err and "  " + stranger[:7] in refused.err
    assert tree(tmp_path / "out") == {stranger: b"mine"}


def test_a_file_of_our_name_that_is_not_ours_stays(here: Path, tmp_path: Path) -> None:
    place = tmp_path / "out" / "runs" / "mine.parquet"
    place.parent.mkdir(parents=True)
    for content in (b"", b"text", b"x" * 100 + b"\xff\xff\xff\x7fPAR1", b"x" * 100 + b"\x10\0\0\0PAR1"):
        place.write_bytes(content)
        refused = track("catalog", "export", tmp_path / "out", "--repository", "mine", cwd=here)
        assert refused.code == 6 and "not written by an export" in refused.err, content
    pq.write_table(pa.table({"x": [1]}), place)
    theirs = tree(tmp_path / "out")
    assert track("catalog", "export", tmp_path / "out", "--repository", "mine", cwd=here).code == 6
    assert tree(tmp_path / "out") == theirs
    place.unlink()
    place.symlink_to(tmp_path / "elsewhere")
    assert track("catalog", "export", tmp_path / "out", "--repository", "mine", cwd=here).code == 6
    assert not (tmp_path / "elsewhere").exists()


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(here: Path, tmp_path: Path) -> None:
    done = track("catalog", "export", tmp_path / "out", "--dry-run", "--json", cwd=here).ok().json
    assert [(one["name"], one["rows"]) for one in done["tables"]] == [
        ("versions", 1), ("runs", 0), ("edges", 0), ("metrics", 0)
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("inside", "lies in this working tree"),
        (".git/x", "lies in"),
        ("../file", "is no folder"),
        ("https://example.org/x", "only read"),
        ("s3://", "names no bucket"),
        ("ftp://x/y", "ftp"),
    ],
)
def test_a_place_that_cannot_be_is_named(here: Path, target: str, said: str) -> None:
    (here.parent / "file").write_text("x")
    refused = track("catalog", "export", target, cwd=here)
    assert refused.code == 2 and said in refused.err
    assert not (here / "inside").exists()


def test_names_and_options_that_cannot_be_are_refused(here: Path, tmp_path: Path) -> None:
    for name in ("", "a/b", ".x", "é", "x" * 101, "a b"):
        refused = track("catalog", "export", tmp_path / "out", "--repository", name, cwd=here)
        assert refused.code == 2 and "cannot name a repository" in refused.err, name
    refused = track("catalog", "export", tmp_path / "out", "--endpoint", "http://x", cwd=here)
    assert refused.code == 2 and "bucket of S3" in refused.err
    assert not (tmp_path / "out").exists()


def test_without_the_library_the_command_that_installs_it_is_named(here: Path, tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['pyarrow'] = None\nfrom track.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "catalog", "export", tmp_path / "out"], cwd=here, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pyarrow is needed" in done.stderr and "pip install 'track-data[parquet]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_left_out_and_counted(here: Path, tmp_path: Path) -> None:
    (here / "broken.csv.track").write_text('[artifact]\nkind = "file"\ndigest = "no"\n')
    commit_all(here)
    done = track("catalog", "export", tmp_path / "out", cwd=here).ok()
    assert "1 pointer or record cannot be read" in done.err and "track doctor" in done.err
    assert [row["name"] for row in rows(tmp_path / "out", "versions")] == ["a.csv"]


def test_a_damaged_catalog_is_built_again_under_an_export(here: Path, tmp_path: Path) -> None:
    track("find", cwd=here).ok()
    (here / ".git" / "track" / "catalog.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    track("catalog", "export", tmp_path / "out", cwd=here).ok()
    assert [row["name"] for row in rows(tmp_path / "out", "versions")] == ["a.csv"]
    assert not list((here / ".git" / "track" / "export").iterdir())


@pytest.mark.needs("strace")
@pytest.mark.timeout(1800)
def test_killed_anywhere_it_leaves_whole_files_and_the_next_one_finishes(here: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = [sys.executable, "-m", "track", "catalog", "export", str(out), "--repository", "here"]
    track("catalog", "export", out, "--repository", "here", cwd=here).ok()
    pointed(here, "b.csv.track", "two")
    commit_all(here)
    outcome, events = record(line, cwd=here, log=tmp_path / "log")
    assert outcome.code == 0
    killed = 0
    for number, event in enumerate(spread(events, 10)):
        old = len(rows(out, "versions"))
        pointed(here, f"c{number}.csv.track", str(number))
        commit_all(here)
        killed += kill_at(event, line, cwd=here, log=tmp_path / "log").killed
        for name in NAMES:
            rows(out, name)
        assert len(rows(out, "versions")) in (old, old + 1)
        track("catalog", "export", out, "--repository", "here", cwd=here).ok()
        assert len(rows(out, "versions")) == number + 3
        assert sorted(tree(out)) == sorted(f"{name}/here.parquet" for name in NAMES)
        assert not list((here / ".git" / "track" / "export").iterdir())
    assert killed > 5


def test_a_bucket_holds_exports_of_several_repositories(
    here: Path, tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    url, way = f"s3://{BUCKET}/catalog/of all", ("--endpoint", s3_server.endpoint)
    other = new_repository(tmp_path / "other")
    track("init", "--no-hooks", cwd=other).ok()
    for repo, name in ((here, "here"), (other, "other"), (here, "here")):
        track("catalog", "export", url, "--repository", name, *way, cwd=repo).ok()
    place = place_at(s3_server.endpoint, OWNER, "catalog/of all")
    keys = sorted(one.key for one in place.list(""))
    assert keys == sorted(f"{table}/{name}.parquet" for table in NAMES for name in ("here", "other"))
    found = pq.read_table(pa.BufferReader(place.get("versions/here.parquet"))).to_pylist()
    assert [row["name"] for row in found] == ["a.csv"]
    new = new_repository(tmp_path / "new", commit=False)
    git("commit", "--quiet", "--allow-empty", "--message=beginning", cwd=new)
    track("init", "--no-hooks", cwd=new).ok()
    assert track("catalog", "export", url, "--repository", "here", *way, cwd=new).code == 6
    place.put("notes", b"mine")
    assert track("catalog", "export", url, "--repository", "here", *way, cwd=here).code == 6
    place.delete("notes")
    for name, value in NO_WRITE.environment.items():
        monkeypatch.setenv(name, value)
    refused = track("catalog", "export", url, "--repository", "here", *way, cwd=here)
    assert refused.code == 5


def test_the_verb_is_thin_and_raises_what_it_says(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Project.open(here) as project:
        with pytest.raises(UsageError):
            catalog_export(project, str(here / "inside"))
        done = catalog_export(project, str(tmp_path / "out"), repository="x")
        assert [(one.name, one.rows_count) for one in done.tables] == [(n, int(n == "versions")) for n in NAMES]
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.delitem(sys.modules, "track.formats.parquet_tables")
        with pytest.raises(NoFormat, match="pyarrow"):
            catalog_export(project, str(tmp_path / "out"), repository="x")
