"""Show, log, label, tag, lineage and who-uses take named artifacts, runs and commits, and never guess between them."""

import json
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.named import commit_at, new_rides, pointer, put_text
from support.repositories import commit_all, git
from track.project import Project
from track.verbs.log import log


@pytest.fixture
def rides(repo: Path) -> Path:
    """Three partitions of `rides`, and a run called `train`."""
    new_rides(repo)
    (repo / "in.csv").write_text("1\n")
    track("add", "in.csv", cwd=repo).ok()
    track(
        "run", "--quiet", "--name", "train", "-i", "in.csv", "-o", "out.csv", "--", "cp", "in.csv", "out.csv", cwd=repo
    )
    commit_all(repo, "a run")
    return repo


@pytest.fixture
def three(rides: Path) -> Path:
    """The same with a tracked path and a run that are called `rides`, too."""
    (rides / "rides").write_text("a path\n")
    track("add", "rides", cwd=rides).ok()
    track("run", "--quiet", "--name", "rides", "-o", "more.csv", "--", "cp", "in.csv", "more.csv", cwd=rides).ok()
    commit_all(rides, "the same name three times")
    return rides


def run_id(repo: Path, name: str) -> str:
    (found,) = [run for run in track("runs", "list", "--json", cwd=repo).ok().json["runs"] if run["name"] == name]
    return str(found["id"])


def refused(done: Completed, *said: str) -> None:
    assert done.code == 2, done
    assert all(text in done.err for text in said), done.err


# ---- show ----


def test_show_takes_a_named_artifact_and_every_version_of_it(rides: Path) -> None:
    latest = track("show", "rides", "--json", cwd=rides).ok().json
    assert (latest["what"], latest["name"]) == ("artifact", "rides region=eu time=2024-01-02")
    assert latest == track("show", "rides@latest", "--json", cwd=rides).ok().json
    us = track("show", "rides", "--partition", "region=us", "--json", cwd=rides).ok().json
    assert us["partitions"] == {"region": "us", "time": "2024-01-01"}
    assert (us["created"], us["user"]) == ("2021-06-01T12:00:00+00:00", "ann")
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    for words in ("rides@prod", f"rides@{us['digest']}", f"rides@{us['digest'][7:15]}"):
        found = track("show", words, "--json", cwd=rides).ok().json
        assert (found["digest"], found["commit"]) == (us["digest"], us["commit"])
    old = track("show", "HEAD~3:rides", "--json", cwd=rides).ok().json
    assert (old["where"], old["partitions"]["region"]) == ("HEAD~3", "eu")
    assert "2021-06-01 12:00 UTC by ann" in track("show", "rides", "--partition", "region=us", cwd=rides).ok().out


def test_show_tells_of_a_run_what_runs_show_tells(rides: Path) -> None:
    id = run_id(rides, "train")
    for words in ("train", id, id[-8:]):
        assert track("show", words, cwd=rides).ok().out == track("runs", "show", "train", cwd=rides).ok().out
        assert track("show", words, "--json", cwd=rides).ok().json["id"] == id


def test_show_tells_what_a_commit_did(rides: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=rides).strip()
    for words in ("HEAD", "main", head, head[:9]):
        found = track("show", words, "--json", cwd=rides).ok().json
        assert (found["what"], found["commit"], found["subject"]) == ("commit", head, "a run")
        assert [(one["op"], one["path"]) for one in found["artifacts"]] == [("A", "in.csv"), ("A", "out.csv")]
        assert [(one["op"], one["name"]) for one in found["runs"]] == [("A", "train")]
    text = track("show", "HEAD~1", cwd=rides).ok().out
    assert "A added  rides region=eu time=2024-01-02" in text
    (rides / "code.py").write_text("1")
    commit_all(rides, "code alone")
    assert "it did nothing to artifacts and runs" in track("show", "HEAD", cwd=rides).ok().err


def test_what_nothing_is_called_comes_with_the_nearest_artifact_or_run(rides: Path) -> None:
    refused(track("show", "ridse", cwd=rides), "did you mean rides ?")
    refused(track("show", "tarin", cwd=rides), "did you mean the run train ?")
    refused(track("show", "zzz", cwd=rides), "no artifact is called `zzz`", "track runs list", "track log")
    refused(track("show", "rides", "--partition", "regio=eu", cwd=rides), "no partition key `regio`", "region ?")
    refused(track("show", "rides", "--partition", "region=asia", cwd=rides), "there is region=eu")
    refused(track("show", "rides@nope", cwd=rides), "no alias, no digest and no revision")


# ---- one word, several things ----


@pytest.mark.parametrize("verb", [("show",), ("log",)])
def test_what_several_things_are_called_is_listed_with_words_that_mean_one(three: Path, verb: tuple[str, ...]) -> None:
    id = run_id(three, "rides")
    done = track(*verb, "rides", cwd=three)
    refused(done, "`rides` is a tracked path, a named artifact and a run", "./rides ", "rides@latest ", id)
    path = track(*verb, "./rides", "--json", cwd=three).ok().json
    name = track(*verb, "rides@latest", "--json", cwd=three).ok().json
    run = track(*verb, id, "--json", cwd=three).ok().json
    assert path["path"] == "rides"
    assert (name.get("name") or "").startswith("rides")
    assert run.get("id") == id or run["commits"][0]["runs"][0]["id"] == id


def test_a_branch_that_is_called_as_an_artifact_is_listed_too(rides: Path) -> None:
    git("branch", "rides", "HEAD~1", cwd=rides)
    commit = git("rev-parse", "HEAD~1", cwd=rides).strip()
    refused(track("show", "rides", cwd=rides), "a named artifact and a commit", f"{commit[:12]} ", "rides@latest")
    assert track("show", commit[:12], "--json", cwd=rides).ok().json["commit"] == commit


@pytest.mark.parametrize("verb", ["lineage", "deps"])
def test_lineage_does_not_guess_either(three: Path, verb: str) -> None:
    id = run_id(three, "rides")
    refused(track(verb, "rides", cwd=three), "a tracked path, a named artifact and a run", "./rides ", id)
    kinds = []
    for words in ("./rides", "rides@latest", id):
        graph = track(verb, words, "--json", cwd=three).ok().json
        kinds.append(next(node["kind"] for node in graph["nodes"] if node["id"] == graph["start"]))
    assert kinds == ["artifact", "artifact", "run"]
    refused(track("path", "in.csv", "rides", cwd=three), "a tracked path, a named artifact and a run")


def test_who_uses_and_label_do_not_guess_either(three: Path) -> None:
    for verb in (("who-uses",), ("label",), ("tag",)):
        refused(track(*verb, "rides", cwd=three), "a tracked path and a named artifact", "./rides ", "rides@latest ")
    assert track("who-uses", "./rides", "--json", cwd=three).ok().json["versions"] == 1
    assert track("who-uses", "rides@latest", "--json", cwd=three).ok().json["versions"] == 3
    track("label", "./rides", "of=path", cwd=three).ok()
    assert "of=path" in track("find", "labels.of = path", cwd=three).ok().out


def test_digits_mean_something_only_where_nothing_is_called_so(rides: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=rides).strip()
    (rides / head[:8]).write_text("a file\n")
    track("add", head[:8], cwd=rides).ok()
    assert track("show", head[:8], "--json", cwd=rides).ok().json["path"] == head[:8]
    assert track("show", head[:9], "--json", cwd=rides).ok().json["what"] == "commit"


# ---- log ----


def subjects(repo: Path, *words: str) -> list[str]:
    return [one["subject"] for one in track("log", *words, "--json", cwd=repo).ok().json["versions"]]


def test_log_takes_a_name_its_partitions_a_version_and_an_alias(rides: Path) -> None:
    put_text(rides, "rides", "us again\n", "--partition", "region=us", "--time", "2024-01-01")
    commit_at(rides, "us again", 2024)
    assert subjects(rides, "rides") == ["us again", "eu 2024-01-02", "us 2024-01-01", "eu 2024-01-01"]
    assert subjects(rides, "rides", "-n", "2") == ["us again", "eu 2024-01-02"]
    assert subjects(rides, "rides", "--partition", "region=us") == ["us again", "us 2024-01-01"]
    assert subjects(rides, "rides", "--time", "2024-01-02") == ["eu 2024-01-02"]
    assert subjects(rides, "rides", "--rev", "HEAD~3") == ["us 2024-01-01", "eu 2024-01-01"]
    track("alias", "rides@HEAD~3", "prod", "--partition", "region=us", cwd=rides).ok()
    commit_at(rides, "prod", 2025)
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    commit_at(rides, "prod moved", 2025)
    assert subjects(rides, "rides@prod") == ["prod moved", "prod"]
    text = track("log", "rides", "-n", "1", cwd=rides).ok().out
    assert "M modified  rides region=us time=2024-01-01" in text and "us again" in text


def test_log_knows_a_name_that_is_gone(rides: Path) -> None:
    git("rm", "-rq", ".track/artifacts/rides", cwd=rides)
    git("commit", "-qm", "no rides any more", cwd=rides)
    found = track("log", "rides", "--json", cwd=rides).ok().json["versions"]
    assert [one["op"] for one in found] == ["D", "D", "D", "A", "A", "A"]
    refused(track("log", "ridez", cwd=rides), "no commit that `HEAD` reaches has an artifact called `ridez`", "rides ?")
    refused(track("log", "rides", "--partition", "region=asia", cwd=rides), "no version with region=asia", "region=us")


def test_log_of_a_run_and_of_commits(rides: Path) -> None:
    of_run = track("log", "train", "--json", cwd=rides).ok().json
    assert [one["subject"] for one in of_run["commits"]] == ["a run"]
    whole = track("log", "--json", cwd=rides).ok().json["commits"]
    assert [one["subject"] for one in whole] == ["a run", "eu 2024-01-02", "us 2024-01-01", "eu 2024-01-01"]
    for words in ("HEAD~3..HEAD~1", "HEAD~3...HEAD~1"):
        found = track("log", words, "--json", cwd=rides).ok().json["commits"]
        assert [one["subject"] for one in found] == ["eu 2024-01-02", "us 2024-01-01"]
    some = track("log", "HEAD", "-n", "1", cwd=rides).ok()
    assert "A added  run train" in some.out and "the last 1 commits" in some.err
    refused(track("log", "--partition", "region=eu", cwd=rides), "a partition of what?")


def test_log_of_a_run_that_no_commit_has_says_so(rides: Path) -> None:
    track("run", "--quiet", "--no-keep", "--name", "lost", "--", "true", cwd=rides)
    track("run", "--quiet", "--name", "new", "-o", "n.csv", "--", "cp", "in.csv", "n.csv", cwd=rides).ok()
    refused(track("log", "new", cwd=rides), "no commit that `HEAD` reaches has the run new", "git commit")


def test_a_commit_with_pointers_that_were_broken_is_told_with_what_is_wrong(rides: Path) -> None:
    (rides / "bad.csv.track").write_text('[artifact]\nkind = "file"\ndigest = "blake3:zz"\n')
    (rides / "other.track").write_text("gpx data of somebody else\n")
    commit_all(rides, "broken")
    (rides / "bad.csv.track").unlink()
    commit_all(rides, "gone")
    with Project.open(rides) as project:
        found = log(project, most=2).commits
    assert [[(one.op, one.path, bool(one.trouble)) for one in commit.versions] for commit in found] == [
        [("D", b"bad.csv", False)],
        [("A", b"bad.csv", True)],
    ]
    assert "bad.csv" in track("show", "HEAD~1", cwd=rides).ok().out


# ---- label and tag ----


def test_label_takes_some_partitions_or_one_version(rides: Path) -> None:
    track("label", ".track/artifacts/rides", "stage=raw", cwd=rides).ok()
    track("label", "rides", "--partition", "region=eu", "stage=gold", cwd=rides).ok()
    places = ("region=eu/time=2024-01-01", "region=eu/time=2024-01-02", "region=us/time=2024-01-01")
    assert [pointer(rides, f"rides/{place}").labels["stage"] for place in places] == ["gold", "gold", "raw"]
    before = pointer(rides, f"rides/{places[2]}").digest
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    commit_all(rides)
    track("label", "rides@prod", "checked=true", cwd=rides).ok()
    track("tag", "rides@prod", "reviewed", cwd=rides).ok()
    for place in (places[2], "@prod"):
        found = pointer(rides, f"rides/{place}")
        assert (found.labels["checked"], found.tags, found.digest) == (True, ("reviewed",), before)
    assert pointer(rides, f"rides/{places[0]}").labels.get("checked") is None
    assert track("label", "rides@latest", cwd=rides).ok().out == "rides region=eu time=2024-01-02  stage = gold\n"
    shown = track("label", "rides", "--time", "2024-01-01", "--json", cwd=rides).ok().json["artifacts"]
    assert [one["name"] for one in shown] == ["rides region=eu time=2024-01-01", "rides region=us time=2024-01-01"]


def test_an_alias_keeps_the_labels_of_its_own_version(rides: Path) -> None:
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    put_text(rides, "rides", "us again\n", "--partition", "region=us", "--time", "2024-01-01")
    commit_all(rides)
    track("label", "rides@prod", "frozen=yes", cwd=rides).ok()
    assert pointer(rides, "rides/@prod").labels == {"frozen": "yes"}
    assert pointer(rides, "rides/region=us/time=2024-01-01").labels == {}


def test_a_version_that_only_the_history_has_cannot_be_labelled(rides: Path) -> None:
    put_text(rides, "rides", "us again\n", "--partition", "region=us", "--time", "2024-01-01")
    commit_all(rides)
    before = git("status", "--porcelain", cwd=rides)
    old = track("show", "HEAD~1:rides", "--partition", "region=us", "--json", cwd=rides).ok().json["digest"]
    refused(track("label", f"rides@{old[7:19]}", "a=b", cwd=rides), "in the history alone", "track alias")
    refused(track("label", "rides@nope", "a=b", cwd=rides), "no alias, no digest and no revision")
    refused(track("label", "ridez@prod", "a=b", cwd=rides), "rides ?")
    refused(track("label", "rides", "--partition", "city=nyc", "a=b", cwd=rides), "no partition key `city`")
    refused(track("label", "--partition", "city=nyc", cwd=rides), "partitions of what?")
    assert git("status", "--porcelain", cwd=rides) == before


def test_json_of_show_and_log_is_as_before_for_paths(rides: Path) -> None:
    found = json.loads(track("log", "in.csv", "--json", cwd=rides).ok().out)
    assert (found["path"], found["name"], found["versions"][0]["op"]) == ("in.csv", None, "A")
