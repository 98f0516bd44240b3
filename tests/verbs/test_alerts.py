"""Alerts from the command line: defined, listed, set by hand and removed; and how they stand in a run."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    return repo


def begun(here: Path, name: str = "one") -> str:
    return track("runs", "create", "--start", "--name", name, cwd=here).ok().out.strip()


def below(here: Path, name: str, *more: str) -> None:
    track("alerts", "add", name, "--type", "is below", "--metric", "q", "--threshold", "0.4", *more, cwd=here).ok()


def test_definitions_are_staged_listed_and_removed(here: Path) -> None:
    below(here, "quality too low", "--window", "5")
    track("alerts", "add", "diverged", "--type", "event", "--pattern", "[Dd]iverged", cwd=here).ok()
    assert git("diff", "--cached", "--name-only", cwd=here).split() == [
        ".track/alerts/diverged.toml",
        ".track/alerts/quality%20too%20low.toml",
    ]
    below(here, "quality too low", "--window", "5")  # the same again is the same
    listed = track("alerts", "list", cwd=here).ok().out.splitlines()
    assert listed == [
        "diverged         event [Dd]iverged",
        "quality too low  q is below 0.4, mean of 5 min, every 1 min",
    ]
    document = track("alerts", "list", "--json", cwd=here).ok().json
    assert document["run"] is None and document["alerts"][1]["definition"]["threshold"] == 0.4
    other = track("alerts", "add", "diverged", "--type", "by hand", cwd=here)
    assert other.code == 6 and "another alert called `diverged`" in other.err
    track("alerts", "remove", "diverged", cwd=here).ok()
    assert git("diff", "--cached", "--name-only", cwd=here).split() == [".track/alerts/quality%20too%20low.toml"]
    again = track("alerts", "remove", "diverged", cwd=here)
    assert again.code == 2 and "no alert `diverged`" in again.err


def test_an_alert_stands_in_a_run_as_it_was_found_and_set(here: Path) -> None:
    run = begun(here)
    below(here, "low", "--frequency", "0.02", "--window", "1000", "--run", run)
    track("alerts", "add", "diverged", "--type", "event", "--pattern", "diverged", "--run", run, cwd=here).ok()
    track("alerts", "add", "mesh", "--type", "by hand", cwd=here).ok()
    track("alerts", "add", "mesh", "--run", run, cwd=here).ok()
    track("log", "event", "--run", run, "it diverged", cwd=here).ok()
    track("log", "event", "--run", run, "all is well", cwd=here).ok()
    track("alerts", "set", "mesh", "critical", "--run", run, cwd=here).ok()
    shown = track("alerts", "list", "--run", run, "--json", cwd=here).ok().json
    assert {each["name"]: each["state"] for each in shown["alerts"]} == {
        "diverged": "critical",
        "low": "ok",
        "mesh": "critical",
    }
    critical = track("alerts", "list", "--run", "one", "--state", "critical", cwd=here).ok().out
    assert "diverged" in critical and "low" not in critical
    track("alerts", "set", "mesh", "ok", "--run", run, cwd=here).ok()
    track("runs", "close", run, cwd=here).ok()
    listed = track("alerts", "list", "--run", run, cwd=here).ok().out.splitlines()
    assert [line.split()[:2] for line in listed] == [["diverged", "critical"], ["low", "ok"], ["mesh", "ok"]]
    for command in (("set", "mesh", "critical"), ("add", "mesh"), ("remove", "mesh")):
        told = track("alerts", *command, "--run", run, cwd=here)
        assert told.code == 2 and "has ended" in told.err


def test_an_alert_that_watches_a_run_is_not_removed_under_it(here: Path) -> None:
    run = begun(here)
    below(here, "low", "--run", run)
    told = track("alerts", "remove", "low", cwd=here)
    assert told.code == 6 and "run one is watched by `low`" in told.err and f"--run {run}" in told.err
    track("alerts", "remove", "low", "--run", run, cwd=here).ok()
    assert track("alerts", "list", "--run", run, cwd=here).ok().out == ""
    track("alerts", "remove", "low", cwd=here).ok()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "x"), 2, "has no alert `x`"),
        (("add", "x", "--metric", "q"), 2, "an alert needs a type"),
        (("add", "x", "--type", "is below", "--metric", "q"), 2, "threshold is missing"),
        (("add", "x", "--type", "is inside range", "--metric", "q", "--range-low", "1"), 2, "range_high is missing"),
        (("add", "x", "--type", "is beneath"), 2, "is beneath"),
        (("add", "x", "--type", "event", "--pattern", "("), 2, "no regular expression"),
        (("add", "x", "--type", "by hand", "--notification", "email"), 3, "no setting says to whom"),
        (("add", "x", "--type", "by hand", "--run", "nobody"), 2, "no run is called `nobody`"),
        (("list", "--state", "critical"), 2, "in a run alone"),
        (("list", "--run", "nobody"), 2, "no run is called `nobody`"),
        (("set", "x", "critical"), 2, "no run was named"),
        (("set", "x", "bad"), 2, "bad"),
        (("remove", "x"), 2, "has no alert `x`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_told_and_leaves_nothing(
    here: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = track("alerts", *arguments, cwd=here)
    assert done.code == code and told in done.err, done.err
    assert not (here / ".track/alerts").exists()


def test_a_definition_that_cannot_be_read_is_named_after_the_others(here: Path) -> None:
    below(here, "low")
    (here / ".track/alerts/broken.toml").write_text("nonsense")
    (here / ".track/alerts/link.toml").symlink_to("/etc/hostname")
    listed = track("alerts", "list", cwd=here)
    assert listed.code == 3 and "low" in listed.out and "broken.toml" in listed.err
