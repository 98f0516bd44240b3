"""Named artifacts: put, get, list. Every version is a pointer of its own in the history, and nothing lies beside it."""

import os
import shlex
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track as track_apart
from support.cli import track_here as track
from support.named import NAMED, commit_at, got, new_rides, pointer, put_text
from support.repositories import commit_all, git
from support.scene import duplicate
from support.trees import Empty, Executable, Link, read_tree, write_tree
from track.model.digest import digest_of
from track.project import Project
from track.store.writer import Writer
from track.worktree import elsewhere
from track.worktree.elsewhere import Elsewhere
from track.worktree.stat_cache import Recorded


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is in no repository."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def put(repo: Path, *words: str | Path) -> Completed:
    return track("put", *words, cwd=repo).ok()


def told(done: Completed, code: int, *parts: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err, done.err


def test_a_file_from_anywhere_becomes_a_version_and_nothing_else_appears(here: Path, outside: Path) -> None:
    (outside / "eu.csv").write_bytes(b"a,b\n1,2\n")
    before = read_tree(here, leave_out=(b".git", b".store"))
    done = put(here, "rides", outside / "eu.csv")
    assert done.out.startswith(f"rides  {digest_of(b'a,b' + bytes([10]) + b'1,2' + bytes([10])).short}  8 B  new")
    assert ".track/artifacts/rides.track staged: git commit records this version" in done.err
    after = read_tree(here, leave_out=(b".git", b".store"))
    assert set(after) - set(before) <= {b".track/artifacts", b".track/artifacts/rides.track"}
    assert git("status", "--porcelain", cwd=here).splitlines() == ["A  .track/artifacts/rides.track"]
    found = pointer(here, "rides")
    assert (found.kind, found.size, found.type) == ("file", 8, "text/csv")
    (outside / "eu.csv").unlink()
    assert got(here, "rides") == b"a,b\n1,2\n"


def test_a_large_file_is_kept_whole(here: Path, outside: Path) -> None:
    content = os.urandom(3 << 20)
    (outside / "large.bin").write_bytes(content)
    put(here, "large", outside / "large.bin")
    assert pointer(here, "large").digest == digest_of(content)
    assert got(here, "large") == content


@pytest.mark.parametrize("size", [0, 10, (1 << 20) - 1, 1 << 20, (2 << 20) + 7])
def test_what_is_piped_in_is_a_file(here: Path, size: int) -> None:
    content = os.urandom(size)
    track_apart("put", "dump", "-", "--type", "application/sql", cwd=here, input=content).ok()
    found = pointer(here, "dump")
    assert (found.kind, found.size, found.digest, found.type) == ("file", size, digest_of(content), "application/sql")
    assert got(here, "dump") == content
    with Project.open(here) as project:
        assert list((project.store_path / "staging").iterdir()) == []


def test_a_folder_is_a_directory_with_everything_in_it(here: Path, outside: Path) -> None:
    tree = {"a.txt": b"a", "run.sh": Executable(b"#!/bin/sh\n"), "in/b": b"b", "in/none": Empty(), "to": Link("a.txt")}
    write_tree(outside / "model", tree)
    put(here, "model", outside / "model")
    assert pointer(here, "model").files == 4
    track("get", "model", "-o", outside / "back", cwd=here).ok()
    assert read_tree(outside / "back") == read_tree(outside / "model")


def test_trackignore_inside_a_folder_counts(here: Path, outside: Path) -> None:
    write_tree(outside / "model", {"keep": b"k", "drop.tmp": b"d", ".trackignore": b"*.tmp\n"})
    assert "1 file left out by .trackignore" in put(here, "model", outside / "model").out
    assert pointer(here, "model").files == 2


def test_several_are_one_directory_of_their_names(here: Path, outside: Path) -> None:
    write_tree(outside, {"x/a": b"1", "y/b": b"2", "z/sub/c": b"3", "empty": Empty()})
    put(here, "all", outside / "x/a", outside / "y/b", outside / "z/sub", outside / "empty")
    track("get", "all", "-o", outside / "back", cwd=here).ok()
    assert read_tree(outside / "back") == read_tree_of({"a": b"1", "b": b"2", "sub/c": b"3", "empty": Empty()}, outside)


def read_tree_of(tree: dict[str, object], folder: Path) -> dict[bytes, object]:
    write_tree(folder / "expected", tree)  # type: ignore[arg-type]  # trees of the kinds that write_tree takes
    return dict(read_tree(folder / "expected"))


def test_two_of_one_name_are_fine_when_they_are_the_same_and_refused_when_not(here: Path, outside: Path) -> None:
    write_tree(outside, {"x/a": b"1", "y/a": b"1", "z/a": b"other"})
    put(here, "same", outside / "x/a", outside / "y/a")
    assert pointer(here, "same").files == 1
    told(track("put", "two", outside / "x/a", outside / "z/a", cwd=here), 2, "called `a` and differ")
    assert not (here / NAMED / "two.track").exists()


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("42",), 42),
        (("-7",), -7),
        (("0.5",), 0.5),
        (("true",), True),
        (("hello world",), "hello world"),
        (('"42"',), "42"),
        (("42", "--as", "text"), "42"),
        (("42", "--as", "float"), 42.0),
        (("[1, null]",), [1, None]),
        (('{"b": 1.5, "a": [true]}',), {"a": [True], "b": 1.5}),
        (("NaN",), "NaN"),
        (("{broken",), "{broken"),
        (("",), ""),
    ],
)
def test_a_value_stands_in_its_pointer(here: Path, words: tuple[str, ...], value: object) -> None:
    put(here, "answer", "--value", *words)
    found = pointer(here, "answer")
    assert (found.kind, found.value, type(found.value)) == ("value", value, type(value))
    assert track("artifacts", "show", "answer", "--json", cwd=here).json["versions"][0]["value"] == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--value", "0.5", "--as", "int"), "not whole number: '0.5'"),
        (("--value", "1", "--as", "bool"), "not true or false: '1'"),
        (("--value", "true", "--as", "int"), "not whole number: 'true'"),
        (("--value", "x", "--as", "json"), "not JSON: 'x'"),
        (("--value", "NaN", "--as", "float"), "not number: 'NaN'"),
        (
            (
                "--value",
                "9007199254740993",
            ),
            "would lose digits",
        ),
        (("--value", "[" * 5000 + "]" * 5000, "--as", "json"), "not JSON"),
        (("--as", "int"), "there is none"),
        ((), "nothing to put was named"),
    ],
)
def test_what_is_no_value_is_refused(here: Path, words: tuple[str, ...], said: str) -> None:
    told(track("put", "answer", *words, cwd=here), 2, said)
    assert not (here / NAMED).exists()


def test_a_value_too_large_for_a_pointer_is_refused(here: Path) -> None:
    told(track("put", "long", "--value", "x" * (1 << 20), cwd=here), 2, "larger than 1 MiB", "as a file")
    assert not (here / NAMED / "long.track").exists()


def test_the_same_content_once_more_makes_no_version(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(b"a")
    put(here, "x", outside / "a")
    commit_all(here)
    before = (here / NAMED / "x.track").read_bytes()
    assert put(here, "x", outside / "a").out.rstrip().endswith("unchanged")
    assert (here / NAMED / "x.track").read_bytes() == before
    assert git("status", "--porcelain", cwd=here) == ""


def test_labels_tags_and_a_declared_type_stay_with_new_content(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(b"a")
    put(here, "x", outside / "a", "--label", "ticket=AB-7", "--tag", "gold", "--type", "application/x-mesh")
    (outside / "a").write_bytes(b"b")
    put(here, "x", outside / "a", "--label", "more=1")
    found = pointer(here, "x")
    assert (found.labels, found.tags, found.type) == ({"ticket": "AB-7", "more": 1}, ("gold",), "application/x-mesh")


def test_a_dry_run_writes_nothing(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(os.urandom(2 << 20))
    done = put(here, "x", outside / "a", "--dry-run")
    assert "would be new" in done.out and "nothing was written" in done.err
    assert not (here / NAMED).exists()
    with Project.open(here) as project:
        assert project.store.absent([digest_of((outside / "a").read_bytes())])


def test_without_staging_the_index_is_left_alone(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(b"a")
    put(here, "x", outside / "a", "--no-stage")
    assert git("status", "--porcelain", cwd=here).splitlines() == ["?? .track/artifacts/"]


def test_what_was_put_is_told_as_json(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(b"a")
    done = put(here, "rides", outside / "a", "--partition", "region=eu", "--time", "2024-01-01T13:45+02:00", "--json")
    told_facts = {name: done.json[name] for name in ("kind", "name", "partitions", "pointer", "new", "size")}
    assert told_facts == {
        "kind": "file",
        "name": "rides",
        "partitions": {"region": "eu", "time": "2024-01-01"},
        "pointer": ".track/artifacts/rides/region=eu/time=2024-01-01.track",
        "new": True,
        "size": 1,
    }


def test_undo_takes_a_version_back(here: Path, outside: Path) -> None:
    (outside / "a").write_bytes(b"a")
    put(here, "x", outside / "a")
    first = (here / NAMED / "x.track").read_bytes()
    (outside / "a").write_bytes(b"b")
    put(here, "x", outside / "a")
    track("restore", "last", cwd=here).ok()
    assert (here / NAMED / "x.track").read_bytes() == first
    assert got(here, "x") == b"a"


# ---- what cannot be put ----


@pytest.mark.parametrize(
    ("paths", "code", "said"),
    [
        (("nothing",), 2, "nothing is there to put: `nothing`"),
        (("n" * 300,), 2, "nothing is there to put: `nnn"),
        ((".git",), 2, "Git's or track's own"),
        ((".git/HEAD",), 2, "Git's or track's own"),
        ((".store",), 2, "Git's or track's own"),
        ((".track/config.toml",), 2, "Git's or track's own"),
        ((".",), 6, "Git's or track's own"),
        (("dangling",), 1, "link that leads nowhere"),
        (("pipe",), 1, "neither a file nor a folder"),
        (("-", "file"), 2, "piped in"),
        (("with-repository",), 6, ".git"),
    ],
)
def test_what_is_no_data_is_refused(here: Path, paths: tuple[str, ...], code: int, said: str) -> None:
    (here / "dangling").symlink_to("nowhere")
    os.mkfifo(here / "pipe")
    (here / "file").write_bytes(b"f")
    git("init", "--quiet", "with-repository/inner", cwd=here)
    done = track("put", "x", *paths, cwd=here)
    assert done.code in (code, 1, 7) if paths == ("with-repository",) else done.code == code, done.err
    told(done, done.code, said)
    assert not (here / NAMED).exists()


def test_a_link_that_is_named_is_what_it_leads_to(here: Path, outside: Path) -> None:
    (outside / "real.csv").write_bytes(b"real")
    (here / "link.csv").symlink_to(outside / "real.csv")
    put(here, "x", "link.csv")
    assert got(here, "x") == b"real"


@pytest.mark.parametrize("name", ["", "a@b", "a:b", "a=b", "../x", "a//b", ".git", "a\x1b[31m", "x.track", "n" * 201])
def test_names_that_are_none_are_refused_without_a_trace(here: Path, name: str) -> None:
    told(track("put", name, "--value", "1", cwd=here), 2, "error: ")
    assert not (here / NAMED).exists()


# ---- partitions ----


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three partitions of `rides`."""
    return new_rides(tmp_path_factory.mktemp("rides") / "repo")


@pytest.fixture
def rides(made: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    return duplicate(made, tmp_path / "repo")


def test_each_partition_is_a_file_of_its_own(rides: Path) -> None:
    assert sorted(str(path.relative_to(rides / NAMED)) for path in (rides / NAMED).rglob("*.track")) == [
        "rides/region=eu/time=2024-01-01.track",
        "rides/region=eu/time=2024-01-02.track",
        "rides/region=us/time=2024-01-01.track",
    ]
    assert pointer(rides, "rides/region=eu/time=2024-01-01").partitions == {"region": "eu", "time": "2024-01-01"}


def test_the_latest_version_that_matches_is_brought(rides: Path) -> None:
    assert got(rides, "rides") == b"eu 2024-01-02\n"
    assert got(rides, "rides", "--partition", "region=us") == b"us 2024-01-01\n"
    assert got(rides, "rides", "--partition", "region=eu") == b"eu 2024-01-02\n"
    assert got(rides, "rides", "--time", "2024-01-01T13:45") == b"us 2024-01-01\n"
    assert got(rides, "rides", "--partition", "region=eu", "--partition", "time=2024-01-01") == b"eu 2024-01-01\n"
    assert got(rides, "HEAD~2:rides") == got(rides, "rides@HEAD~2") == b"eu 2024-01-01\n"


def test_latest_is_by_time_not_by_name_and_what_is_not_committed_is_the_newest(rides: Path, outside: Path) -> None:
    (outside / "rides.csv").write_text("older partition, newer version\n")
    put(rides, "rides", outside / "rides.csv", "--partition", "region=eu", "--time", "2023-01-01")
    assert got(rides, "rides") == b"older partition, newer version\n"
    commit_at(rides, "backdated", 2019)
    assert got(rides, "rides") == b"eu 2024-01-02\n"


def test_a_version_that_another_branch_has_is_found_with_all(rides: Path, outside: Path) -> None:
    git("checkout", "--quiet", "-b", "other", cwd=rides)
    (outside / "rides.csv").write_text("only there\n")
    put(rides, "rides", outside / "rides.csv", "--partition", "region=asia", "--time", "2024-01-01")
    commit_at(rides, "asia", 2023)
    git("checkout", "--quiet", "main", cwd=rides)
    told(track("get", "rides", "--partition", "region=asia", cwd=rides), 2, "no version with region=asia")
    assert got(rides, "rides", "--partition", "region=asia", "--all") == b"only there\n"
    assert got(rides, "rides", "--all") == b"only there\n"


def test_versions_are_listed_newest_first_and_history_with_all(rides: Path, outside: Path) -> None:
    (outside / "rides.csv").write_text("second version\n")
    put(rides, "rides", outside / "rides.csv", "--partition", "region=us", "--time", "2024-01-01")
    commit_at(rides, "again", 2025)
    shown = track("artifacts", "show", "rides", "--json", cwd=rides).ok().json
    assert [one["partitions"]["region"] + one["created"][:4] for one in shown["versions"]] == [
        "us2025",
        "eu2022",
        "eu2020",
    ]
    assert {one["user"] for one in shown["versions"]} == {"ann <ann@x.org>"}
    every = track("artifacts", "show", "rides", "--all", "--json", cwd=rides).ok().json
    assert [one["created"][:4] for one in every["versions"]] == ["2025", "2022", "2021", "2020"]
    latest = track("artifacts", "show", "rides", "--all", "--latest-per-partition", "--json", cwd=rides).ok().json
    assert latest["versions"] == [one for one in every["versions"] if one["created"][:4] != "2021"]
    limited = track("artifacts", "show", "rides", "--all", "--limit", "1", cwd=rides).ok()
    assert len(limited.out.splitlines()) == 1
    assert "1 of 4 versions shown" in limited.err


def test_an_old_version_is_named_by_its_digest(rides: Path, outside: Path) -> None:
    digest = pointer(rides, "rides/region=us/time=2024-01-01").digest
    (outside / "rides.csv").write_text("second version\n")
    put(rides, "rides", outside / "rides.csv", "--partition", "region=us", "--time", "2024-01-01")
    commit_all(rides)
    assert got(rides, f"rides@{digest.short}") == b"us 2024-01-01\n"
    assert got(rides, f"rides@{digest}") == b"us 2024-01-01\n"
    told(track("get", "rides@0000", cwd=rides), 2, "no version `0000`: no alias, no digest and no revision")


def test_the_values_of_keys_are_counted(rides: Path) -> None:
    found = track("artifacts", "values", "rides", "--json", cwd=rides).ok().json["values"]
    assert found == {"region": {"eu": 2, "us": 1}, "time": {"2024-01-01": 2, "2024-01-02": 1}}
    assert track("artifacts", "values", "rides", "region", cwd=rides).ok().out.split() == ["eu", "2", "us", "1"]
    told(track("artifacts", "values", "rides", "zone", cwd=rides), 2, "no partition key `zone`")


def test_names_are_listed_with_their_keys_and_searched(rides: Path) -> None:
    put(rides, "answer", "--value", "42")
    listed = track("artifacts", "list", "--json", cwd=rides).ok().json["artifacts"]
    assert [(one["name"], one["keys"], one["time"], one["partitions"]) for one in listed] == [
        ("answer", [], None, 1),
        ("rides", ["region"], "day", 3),
    ]
    assert track("artifacts", "list", "rid", cwd=rides).ok().out.split()[0] == "rides"
    assert (
        track("artifacts", "list", "--rev", "HEAD~2", "--json", cwd=rides).ok().json["artifacts"][0]["partitions"] == 1
    )
    told(track("artifacts", "list", "ridse", cwd=rides), 2, "no named artifact has `ridse`", "did you mean rides ?")


def test_a_declaration_that_cannot_be_read_does_not_hide_the_other_names(rides: Path) -> None:
    put(rides, "answer", "--value", "42")
    (rides / ".track/artifacts/rides/@declaration.toml").unlink(missing_ok=True)
    (rides / ".track/artifacts/rides/@declaration.toml").symlink_to("/etc/hostname")
    done = track("artifacts", "list", cwd=rides)
    assert done.out.split()[0] == "answer"
    told(done, 1, "cannot read", "@declaration.toml")


def test_the_first_version_decides_the_keys_where_nobody_declared_them(rides: Path) -> None:
    for verb in (("put", "rides", "--value", "1"), ("get", "rides"), ("artifacts", "show", "rides")):
        told(
            track(*verb, "--partition", "regoin=eu", cwd=rides),
            2,
            "`rides` has no partition key `regoin`: its keys are region and time (as its versions have them)",
            "did you mean region ?",
            "track declare rides --key regoin",
        )
    put(rides, "plain", "--value", "1")
    told(track("put", "plain", "--value", "1", "--time", "2024-01-01", cwd=rides), 2, "`plain` has no time")


def test_unknown_names_and_partitions_are_told_with_what_there_is(rides: Path) -> None:
    told(track("get", "ridse", cwd=rides), 2, "`ridse`", "did you mean rides ?")
    told(track("artifacts", "show", "ridse", cwd=rides), 2, "no named artifact is called `ridse`", "rides ?")
    told(track("get", "rides", "--partition", "region=mars", cwd=rides), 2, "region=mars", "region=us time=2024-01-01")
    told(track("get", "rides", "--time", "yesterday", cwd=rides), 2, "not a time: 'yesterday'")
    told(track("get", "rides@", cwd=rides), 2, "no version behind the @")
    told(track("put", "rides", "--value", "1", "--partition", "region", cwd=rides), 2, "not a partition: region")
    told(
        track("put", "rides", "--value", "1", "--partition", "region=a", "--partition", "region=b", cwd=rides),
        2,
        "the partition region is there twice",
    )


def test_a_name_that_is_a_path_too_is_refused_and_each_can_be_said(rides: Path) -> None:
    (rides / "rides").write_bytes(b"the path")
    track("add", "rides", cwd=rides).ok()
    told(track("get", "rides", "-o", "x", cwd=rides), 2, "tracked path and a named artifact", "./rides", "rides@latest")
    assert got(rides, "./rides") == b"the path"
    assert got(rides, "rides@latest") == b"eu 2024-01-02\n"
    assert got(rides, "rides", "--partition", "region=us") == b"us 2024-01-01\n"


def test_names_count_from_everywhere_and_paths_from_where_one_is(rides: Path) -> None:
    (rides / "sub").mkdir()
    track("get", "rides", "-o", "here.csv", cwd=rides / "sub").ok()
    assert (rides / "sub/here.csv").read_bytes() == b"eu 2024-01-02\n"


def test_the_copy_of_a_name_is_called_by_its_last_part(rides: Path, outside: Path) -> None:
    put(rides, "models/Churn 2", "--value", "1")
    track("get", "models/Churn 2", cwd=rides).ok()
    assert (rides / "Churn 2").read_bytes() == b"1\n"
    track("get", "rides", "-o", f"{outside}/", "--partition", "region=us", cwd=rides).ok()
    assert (outside / "rides").read_bytes() == b"us 2024-01-01\n"


# ---- declarations ----


def test_a_declaration_is_a_staged_file_and_holds_for_what_is_put(here: Path) -> None:
    done = track("declare", "rides", "--key", "region", "--time", "--granularity", "hour", cwd=here).ok()
    assert done.out == "rides  keys region; time by hour  new\n"
    assert git("diff", "--cached", "--name-only", cwd=here).split() == [".track/artifacts/rides/@declaration.toml"]
    put(here, "rides", "--value", "1", "--time", "2024-01-01T13:45:10+01:00", "--partition", "region=EU")
    assert (here / NAMED / "rides/region=%45%55/time=2024-01-01%5412.track").exists()
    assert got(here, "rides", "--time", "2024-01-01T12:59") == b"1\n"
    assert track("artifacts", "schema", "rides", "--json", cwd=here).json | {"version": 1} == {
        "version": 1, "kind": "artifacts schema", "name": "rides", "declared": True, "keys": ["region"],
        "time": "hour", "strict": False, "type": None,
    }  # fmt: skip


def test_keys_lie_in_the_declared_order(here: Path) -> None:
    track("declare", "x", "--key", "b", "--key", "a", cwd=here).ok()
    put(here, "x", "--value", "1", "--partition", "a=1", "--partition", "b=2")
    assert (here / NAMED / "x/b=2/a=1.track").exists()


def test_declaring_again_adds_keys_and_changes_the_rest(here: Path, outside: Path) -> None:
    (outside / "data").write_bytes(b"1")
    track("declare", "x", "--key", "a", cwd=here).ok()
    track("declare", "x", "--key", "b", "--type", "text/csv", "--strict", cwd=here).ok()
    assert (here / NAMED / "x/@declaration.toml").read_text() == (
        '[declaration]\nkeys = ["a", "b"]\nstrict = true\ntype = "text/csv"\n'
    )
    told(track("put", "x", "--value", "1", "--partition", "a=1", cwd=here), 2, "b is missing", "--partition b=VALUE")
    put(here, "x", outside / "data", "--partition", "a=1", "--partition", "b=2")
    assert pointer(here, "x/a=1/b=2").type == "text/csv"
    assert track("declare", "x", "--key", "b", cwd=here).ok().out.rstrip().endswith("unchanged")


def test_a_declaration_that_versions_do_not_fit_is_refused(here: Path) -> None:
    put(here, "x", "--value", "1", "--partition", "a=1", "--partition", "b=1")
    track("declare", "x", "--key", "c", cwd=here).ok()  # behind what is there
    told(track("declare", "x", "--strict", cwd=here), 6, "a version of `x` would not fit", "x/a=1/b=1.track")
    put(here, "days", "--value", "1", "--time", "2024-01-02")
    told(track("declare", "days", "--granularity", "month", cwd=here), 6, "would not fit")


def test_add_with_a_name_keeps_to_what_was_declared(here: Path) -> None:
    (here / "data.csv").write_bytes(b"1\n")
    track("declare", "x", "--key", "b", "--key", "a", "--time", cwd=here).ok()
    words = ("--name", "x", "--partition", "a=1", "--partition", "b=2", "--partition", "time=2024-01-01T13:45")
    track("add", "data.csv", *words, cwd=here).ok()
    assert pointer(here, "x/b=2/a=1/time=2024-01-01").partitions == {"b": "2", "a": "1", "time": "2024-01-01"}
    told(track("add", "data.csv", "--name", "x", "--partition", "c=1", cwd=here), 2, "no partition key `c`")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--granularity", "year"), "not a granularity: 'year'"),
        (("--key", "time"), "`time` is reserved"),
        (("--key", "a b"), "cannot be a partition key"),
        (("--type", "nonsense"), "not a media type"),
        (tuple(word for number in range(11) for word in ("--key", f"k{number}")), "11 partition keys, more than 10"),
    ],
)
def test_what_cannot_be_declared_is_refused(here: Path, words: tuple[str, ...], said: str) -> None:
    told(track("declare", "rides", *words, cwd=here), 2, said)
    assert not (here / NAMED).exists()


def test_a_broken_declaration_is_told_and_stands_in_nobody_elses_way(rides: Path) -> None:
    put(rides, "other", "--value", "1")
    (rides / NAMED / "rides/@declaration.toml").write_text("broken")
    told(track("put", "rides", "--value", "1", cwd=rides), 7, "rides/@declaration.toml")
    told(track("get", "rides", cwd=rides), 7, "rides/@declaration.toml")
    listed = track("artifacts", "list", cwd=rides)
    assert listed.code == 7 and listed.out.split()[0] == "other"
    track("status", cwd=rides).ok()


# ---- in a run ----


def test_in_a_run_what_is_put_is_an_output_and_what_is_brought_an_input(rides: Path) -> None:
    ours = f"{shlex.quote(sys.executable)} -m track"
    script = (
        f"{ours} get rides --partition region=us -o in.csv && tr a-z A-Z < in.csv > out.csv && "
        f"{ours} put loud out.csv && {ours} put answer --value 42 && rm in.csv out.csv"
    )
    done = track_apart("run", "--name", "loud", "--", "sh", "-c", script, cwd=rides)
    assert done.code == 0, done.err
    record = track("runs", "show", "loud", "--json", cwd=rides).ok().json
    made = pointer(rides, "loud")
    assert made.run == record["id"]
    named = {(one["path"], one["category"]) for one in record["artifacts"]} if "artifacts" in record else set()
    assert named >= {
        (".track/artifacts/rides/region=us/time=2024-01-01.track", "input"),
        (".track/artifacts/loud.track", "output"),
        (".track/artifacts/answer.track", "output"),
    }
    commit_all(rides, "a run")
    track("verify", cwd=rides).ok()


def test_a_key_that_nobody_can_declare_is_refused_and_one_written_by_hand_is_read_and_named(here: Path) -> None:
    put_text(here, "rides", "eu\n")
    refused = track("put", "other", here / ".gitignore", "--partition", "name=eu", cwd=here)
    assert refused.code == 2 and "`name` is reserved" in refused.err
    odd = here / NAMED / "rides" / "name=eu.track"
    odd.parent.mkdir()
    (here / NAMED / "rides.track").rename(odd)
    many = "/".join(f"k{number:02}=1" for number in range(12))
    (here / NAMED / "rides" / many).parent.mkdir(parents=True)
    (here / NAMED / "rides" / f"{many}.track").write_bytes(odd.read_bytes())
    for words in (("artifacts", "list"), ("artifacts", "schema", "rides"), ("artifacts", "values", "rides")):
        track(*words, cwd=here).ok()
    assert "name=eu" in track("artifacts", "show", "rides", cwd=here).ok().out
    assert track("card", "rides", cwd=here).code == 2
    (here.parent / "card.md").write_text("about it\n")
    track("card", "rides", "--set", here.parent / "card.md", cwd=here).ok()
    assert track("card", "rides", cwd=here).ok().out == "about it\n"
    found = track("doctor", cwd=here).out
    assert "name=eu.track: `name` is reserved" in found and "more than 10 partition keys" in found


def test_names_that_artifacts_list_refuses_are_found_by_doctor_and_never_called_none(here: Path) -> None:
    put_text(here, "rides", "eu\n")
    (here / NAMED / "Rides.track").write_bytes((here / NAMED / "rides.track").read_bytes())
    (here / NAMED / "rides.track").unlink()
    listed = track("artifacts", "list", cwd=here)
    assert listed.code == 7 and "Rides.track" in listed.err and "no named artifacts" not in listed.err
    assert "not how a named artifact is written: .track/artifacts/Rides.track" in track("doctor", cwd=here).out
    (here / NAMED / "Rides.track").unlink()
    put_text(here, "rides", "eu\n")
    (here / NAMED / "rides").mkdir()
    (here / NAMED / "rides" / "@declaration.toml").write_text('[declaration]\nkeys = ["name"]\n')
    assert "`name` is reserved" in track("doctor", cwd=here).out


LARGE = bytes(range(256)) * (48 << 10)  # 12 MiB


def settled(*places: Path) -> None:
    """Wait until the stat of these files says whether they change once more."""
    for place in places:
        probe = place.with_name("probe")
        while True:
            probe.write_bytes(b"")
            if probe.stat().st_mtime_ns > place.stat().st_ctime_ns + 100_000_000:
                break
            time.sleep(0.02)
        probe.unlink()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were read whole to be stored, of those that are no small ones."""
    found: list[int] = []
    add_file = Writer.add_file

    def told(self: Writer, fd: int, size: int, *more: object) -> object:
        found.append(size)
        return add_file(self, fd, size, *more)  # type: ignore[arg-type]  # whatever it takes

    monkeypatch.setattr(Writer, "add_file", told)
    return found


def test_a_large_file_that_did_not_change_is_not_read_again(here: Path, outside: Path, reads: list[int]) -> None:
    large, other = outside / "large.bin", outside / "in" / "large.bin"
    write_tree(outside, {"large.bin": LARGE, "in/large.bin": LARGE[1:]})
    settled(large, other)
    for place in (large, other, large, other, large):
        track("put", "large", place, cwd=here).ok()
        assert pointer(here, "large").digest == digest_of(place.read_bytes())
    assert reads == [len(LARGE), len(LARGE) - 1]

    stat = large.stat()
    large.write_bytes(LARGE[::-1])
    os.utime(large, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the same size and time
    settled(large)
    track("put", "large", large, cwd=here).ok()
    assert pointer(here, "large").digest == digest_of(LARGE[::-1])
    assert len(reads) == 3


def test_of_a_folder_only_what_changed_is_read_again(here: Path, outside: Path, reads: list[int]) -> None:
    folder = outside / "many"
    write_tree(folder, {"a.bin": LARGE, "deep/b.bin": LARGE[2:], "small": b"s", "to": Link(b"small"), "empty": Empty()})
    settled(folder / "a.bin", folder / "deep" / "b.bin", folder / "small")
    track("put", "many", folder, cwd=here).ok()
    first = pointer(here, "many")
    track("put", "again", folder, cwd=here).ok()
    assert pointer(here, "again").digest == first.digest and len(reads) == 2
    (folder / "deep" / "b.bin").write_bytes(LARGE[3:])
    settled(folder / "deep" / "b.bin")
    (folder / "small").unlink()
    track("put", "many", folder, cwd=here).ok()
    assert len(reads) == 3
    track("get", "many", "-o", outside / "got", cwd=here).ok()
    assert read_tree(outside / "got") == read_tree(folder)
    track("put", "both", folder, outside / "got" / "a.bin", cwd=here).ok()
    assert len(reads) == 4


@pytest.mark.parametrize("harm", ["collected", "damaged", "dry"])
def test_what_is_known_of_a_file_is_believed_only_while_the_store_has_it(
    here: Path, outside: Path, reads: list[int], harm: str
) -> None:
    large = outside / "large.bin"
    large.write_bytes(LARGE)
    settled(large)
    track("put", "large", large, *(["--dry-run"] if harm == "dry" else []), cwd=here).ok()
    if harm == "collected":
        git("rm", "-q", "-f", "--cached", ".track/artifacts/large.track", cwd=here)
        (here / NAMED / "large.track").unlink()
        shutil.rmtree(here / ".git" / "track" / "trash", ignore_errors=True)
        track("gc", "--grace", "0", cwd=here).ok()
    if harm == "damaged":
        (here / ".git" / "track" / "elsewhere.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    track("put", "large", large, cwd=here).ok()
    assert len(reads) == 2
    track("verify", cwd=here).ok()
    assert got(here, "large") == LARGE


def test_only_so_much_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "KEPT", 3)
    with closing(Elsewhere(tmp_path / "e.db", b"/x")) as cache:
        for name in (b"a", b"b", b"c", b"d"):
            cache.replace(name, Recorded("file", bytes(32)), [])
        assert [name for name in (b"a", b"b", b"c", b"d") if cache.recorded(name)] == [b"b", b"c", b"d"]
    with closing(Elsewhere(tmp_path / "e.db", b"/y")) as cache:
        assert cache.recorded(b"d") is None


def test_versions_are_asked_for_by_a_span_of_time_with_both_its_ends(here: Path) -> None:
    track("declare", "trips", "--key", "region", "--time", "--granularity", "day", cwd=here).ok()
    for day in ("2023-12-31", "2024-01-01", "2024-01-15", "2024-02-01"):
        track("put", "trips", "--value", day, "--as", "text", "--time", day, "--partition", "region=eu", cwd=here).ok()
    track("put", "trips", "--value", "none", "--partition", "region=us", cwd=here).ok()

    def days(span: str, *more: str) -> list[str]:
        shown = track("artifacts", "show", "trips", "--time", span, *more, "--json", cwd=here).ok().json
        return sorted(one["partitions"]["time"] for one in shown["versions"])

    assert days("2024-01-01..2024-01-31") == ["2024-01-01", "2024-01-15"]
    assert days("2024-01-01T12:00 .. 2024-02-01T00:30") == ["2024-01-01", "2024-01-15", "2024-02-01"]
    assert days("2024-01..", "--all") == ["2024-01-01", "2024-01-15", "2024-02-01"]
    assert days("..2023-12-31T23:00-02:00") == ["2023-12-31", "2024-01-01"]
    assert track("get", "trips", "--time", "2024-01-02..2024-01-31", "-o", "-", cwd=here).ok().out == '"2024-01-15"\n'
    assert track("show", "trips", "--time", "2024-01-16..", "--json", cwd=here).ok().json["value"] == "2024-02-01"
    told(
        track("artifacts", "show", "trips", "--time", "..", cwd=here), 2, "a span of time without an end", "2024-01-31"
    )
    backwards = track("artifacts", "show", "trips", "--time", "2024-02-01..2024-01-01", cwd=here)
    told(backwards, 2, "ends before it begins", "2024-01-01..2024-02-01")
    none = track("artifacts", "show", "trips", "--time", "2025-01-01..2025-02-01", cwd=here)
    told(none, 2, "no version with time=2025-01-01..2025-02-01", "track artifacts show trips")
    told(track("artifacts", "show", "trips", "--time", "x..y", cwd=here), 2, "not a time: 'x'", "write 2024-01-31")
    assert days("2024-01..2024-01") == ["2024-01-01", "2024-01-15"]
    track("put", "plain", "--value", "1", cwd=here).ok()
    told(track("get", "plain", "--time", "2024-01-01..", cwd=here), 2, "`plain` has no time", "track declare plain")
    told(track("put", "trips", "--value", "1", "--time", "2024-01-01..2024-01-02", cwd=here), 2, "not a time", "write")


def test_a_span_of_days_has_all_hours_of_its_last_day(here: Path) -> None:
    track("declare", "trips", "--time", "--granularity", "hour", cwd=here).ok()
    for hour in ("2024-01-30T05", "2024-01-31T00", "2024-01-31T23", "2024-02-01T00"):
        track("put", "trips", "--value", hour, "--as", "text", "--time", hour, cwd=here).ok()
    shown = track("artifacts", "show", "trips", "--time", "..2024-01-31", "--json", cwd=here).ok().json
    hours = sorted(one["partitions"]["time"] for one in shown["versions"])
    assert hours == ["2024-01-30T05", "2024-01-31T00", "2024-01-31T23"]


def test_the_times_of_what_is_gone_are_asked_for_as_they_were(here: Path) -> None:
    track("declare", "trips", "--time", "--granularity", "hour", cwd=here).ok()
    for hour in ("2024-01-30T05", "2024-01-31T13"):
        track("put", "trips", "--value", hour, "--as", "text", "--time", hour, cwd=here).ok()
    commit_all(here)
    git("rm", "-r", "-q", ".track/artifacts/trips", cwd=here)
    commit_all(here)
    for when, count in (("2024-01-31T13", 1), ("2024-01-30..2024-01-31", 2)):
        logged = track("log", "trips", "--time", when, "--json", cwd=here).ok().json
        assert len([one for one in logged["versions"] if one["op"] == "A"]) == count, when
        shown = track("artifacts", "show", "trips", "--all", "--time", when, "--json", cwd=here).ok().json
        assert len(shown["versions"]) == count, when
