"""Runs from any shell: created, logged to, closed, lost; what was logged is sealed and read back."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from track import publish
from track.errors import DiskFull, MissingObject, UnknownRun, UsageError
from track.flows.run_journal import journal_of
from track.flows.run_start import Wishes
from track.project import Project
from track.runs.journal import LOST_AFTER_S
from track.store.writer import Writer as StoreWriter
from track.verbs.events import events
from track.verbs.log_event import log_event
from track.verbs.log_metric import log_metric
from track.verbs.metrics_show import metrics_show
from track.verbs.runs_close import runs_close
from track.verbs.runs_create import runs_create
from track.verbs.runs_list import runs_list
from track.verbs.runs_reap import runs_reap
from track.verbs.runs_start import runs_start


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    return repo


def test_a_run_is_created_logged_to_and_closed_from_a_shell(here: Path) -> None:
    run = track("runs", "create", "--name", "x", "-p", "lr=0.1", cwd=here).ok().out.strip()
    for number in range(3):
        track("log", "metric", "--run", run, f"loss={1 / (number + 1)}", f"n={number}", cwd=here).ok()
    track("log", "event", "--run", "x", "refined\nthe grid", "--timestamp", "2022-01-03 16:42:30.849617", cwd=here).ok()
    assert "0.333333" in track("metrics", "show", "x", cwd=here).ok().out
    assert len(track("runs", "create", "--quiet", cwd=here).ok().out.strip()) == 36
    assert "what it logged: track metrics show" in track("runs", "show", "x", cwd=here).ok().out
    closed = track("runs", "close", run, cwd=here).ok()
    assert "completed" in closed.out
    shown = json.loads(track("metrics", "show", "x", "--json", cwd=here).ok().out)
    loss = shown["metrics"]["loss"]
    assert loss["points"]["value"] == [1.0, 0.5, 1 / 3] and loss["points"]["step"] == [0, 1, 2]
    assert (loss["count"], loss["min"], loss["max"], loss["last"]) == (3, 1 / 3, 1.0, 1 / 3)
    assert loss["points"]["time"] == sorted(loss["points"]["time"]) and loss["points"]["time"][0] > 0
    lines = track("metrics", "show", "x", "n", "--csv", cwd=here).ok().out.splitlines()
    assert lines[0] == "metric,step,time,timestamp,value"
    assert [line[:4] for line in lines[1:]] == [
        "n,0,",
        "n,1,",
        "n,2,",
    ]
    assert track("events", "x", cwd=here).ok().out == "2022-01-03 16:42:30.849617 UTC  refined\n  the grid\n"
    assert (
        track("events", "x", "--csv", cwd=here).ok().out.splitlines()[1].startswith("2022-01-03T16:42:30.849617+00:00,")
    )
    assert json.loads(track("events", "x", "--json", cwd=here).ok().out)["events"][0]["text"] == "refined\nthe grid"
    assert all(stamp.endswith("+00:00") and "T" in stamp for stamp in loss["points"]["timestamp"])
    record = json.loads(track("runs", "show", "x", "--json", cwd=here).ok().out)
    assert record["status"] == "completed" and record["params"] == {"lr": 0.1}
    assert git("diff", "--cached", "--name-only", cwd=here).startswith(".track/runs/")


def test_an_event_without_text_is_refused_and_says_where_none_came_from(here: Path) -> None:
    with Project.open(here) as project:
        run = runs_create(project, Wishes(name="x"))
        with pytest.raises(UsageError, match="here is nothing"):
            log_event(project, " \n", "x")
        assert track("log", "event", "", "--run", "x", cwd=here).code == 2
        empty = subprocess.run(
            [sys.executable, "-m", "track", "log", "event", "-", "--run", "x"],
            cwd=here, input=b"\n", capture_output=True,
        )  # fmt: skip
        assert empty.returncode == 2 and b"nothing came on standard input" in empty.stderr
        assert journal_of(project).find_living(run.id).record().status == "created"  # type: ignore[union-attr]


def test_a_run_is_created_then_running_then_ended(here: Path) -> None:
    with Project.open(here) as project:
        created = runs_create(project, Wishes(name="x"))
        assert created.status == "created"
        assert runs_start(project, "x").status == "running"
        with pytest.raises(UsageError, match="runs already"):
            runs_start(project, "x")
        other = runs_create(project, Wishes(name="y"))
        log_event(project, "begun", "y")
        assert journal_of(project).find_living(other.id).record().status == "running"  # type: ignore[union-attr]
        assert runs_close(project, "y", status="failed").record.status == "failed"
        with pytest.raises(UsageError, match="not how a run ends"):
            runs_close(project, "x", status="fine")
        with pytest.raises(UsageError, match="has ended"):
            log_metric(project, {"a": 1.0}, "y")
        with pytest.raises(UnknownRun):
            log_metric(project, {"a": 1.0}, "z")
        with pytest.raises(UsageError, match="no run was named"):
            log_metric(project, {"a": 1.0})
    aborted = track("runs", "abort", "x", "--reason", "the license server was away", cwd=here).ok()
    assert "terminated" in aborted.out
    assert "license server" in track("events", "x", cwd=here).ok().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["loss=high"], "not the value of a metric"),
        (["loss"], "not the value of a metric"),
        (["loss=nan"], "the value of loss is nan"),
        (["=1"], "not a name for a metric"),
        (["a\nb=1"], "not a name for a metric"),
        (["--time", "inf", "a=1"], "the value of time is inf"),
        (["--step", str(2**63), "a=1"], "more than 64 bits"),
        (["--timestamp", "yesterday", "a=1"], "not a time"),
    ],
)
def test_what_is_no_metric_is_refused_and_nothing_of_it_is_logged(here: Path, words: list[str], said: str) -> None:
    run = track("runs", "create", cwd=here).ok().out.strip()
    refused = track("log", "metric", "--run", run, "fine=1", *words, cwd=here)
    assert refused.code == 2 and said in refused.err
    assert "metrics" in track("metrics", "show", run, cwd=here).ok().err


def test_the_commands_of_a_run_log_to_it_and_what_they_begin_has_it_as_its_parent(here: Path) -> None:
    script = (
        f"{sys.executable} -m track log metric loss=0.5 && {sys.executable} -m track log event hello && "
        f"{sys.executable} -m track runs create --name inner"
    )
    track("run", "--name", "outer", "--", "sh", "-c", script, cwd=here).ok()
    with Project.open(here) as project:
        shown = metrics_show(project, "outer")
        assert list(shown.points["loss"].values) == [0.5] and "resources/cpu_s" in shown.summaries
        assert [event.text for event in events(project, "outer").events] == ["hello"]
        inner = next(run.record() for run in journal_of(project).living())
        assert (inner.name, inner.parent) == ("inner", shown.run.record.id)


def test_a_lost_run_keeps_what_it_logged(here: Path) -> None:
    with Project.open(here) as project:
        created = runs_create(project, is_started=True)
        log_metric(project, {"loss": 2.0}, created.id)
        log_event(project, "still here", created.id)
        (lost,) = runs_reap(project, now=time.time() + LOST_AFTER_S + 5).runs
        assert lost.status == "lost" and lost.metrics["loss"].last == 2.0
        assert [event.text for event in events(project, lost.id).events] == ["still here"]


def test_a_silent_run_of_a_shell_is_not_lost_while_the_shell_lives(here: Path) -> None:
    """As by a script that computes for an hour between two words."""
    script = """R=$(track runs create --start | cat); echo $R; track runs create --name waits >&2
    track runs start waits >&2; read go; track log event --run $R "at last" && track runs close $R >&2"""
    shell = subprocess.Popen(
        ["sh", "-c", f"track() {{ {sys.executable} -m track \"$@\"; }}\n{script}"],
        cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert shell.stdin is not None and shell.stdout is not None
        run = shell.stdout.readline().strip()
        deadline = time.monotonic() + 120
        with Project.open(here) as project:
            while [found.status for found in runs_list(project).runs] != ["running", "running"]:
                assert time.monotonic() < deadline and shell.poll() is None
            assert runs_reap(project, now=time.time() + 10 * LOST_AFTER_S).runs == ()
            shell.communicate("go\n", timeout=120)
            assert [event.text for event in events(project, run).events] == ["at last"]
            (lost,) = runs_reap(project, now=time.time() + 10 * LOST_AFTER_S).runs
            assert (lost.name, lost.status) == ("waits", "lost")
    finally:
        shell.kill()
        shell.wait()


def test_a_run_of_a_program_that_is_stopped_is_not_lost_before_it_is_killed(here: Path) -> None:
    script = "import os, signal, track\nrun = track.Run()\nrun.init('x')\nos.kill(os.getpid(), signal.SIGSTOP)"
    program = subprocess.Popen([sys.executable, "-c", script], cwd=here)
    try:
        os.waitid(os.P_PID, program.pid, os.WSTOPPED)
        with Project.open(here) as project:
            assert runs_reap(project, now=time.time() + 10 * LOST_AFTER_S).runs == ()
            program.kill()
            program.wait()
            (lost,) = runs_reap(project, now=time.time() + 10 * LOST_AFTER_S).runs
            assert (lost.name, lost.status) == ("x", "lost")
    finally:
        program.kill()
        program.wait()


def test_secrets_are_in_no_event(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "correct-horse")
    with Project.open(here) as project:
        run = runs_create(project).id
        log_event(project, "connected with correct-horse", run)
        runs_close(project, run)
        (event,) = events(project, run).events
    assert event.text == "connected with [redacted]"
    with Project.open(here) as project:
        run = runs_create(project).id
        log_event(project, "sent {'password': 'battery', 'port': 5}", run)
        assert [each.text for each in events(project, run).events] == ["sent {'password': '[redacted]', 'port': 5}"]
    assert not any(b"correct-horse" in path.read_bytes() for path in here.rglob("*") if path.is_file())


def test_a_run_that_cannot_be_sealed_goes_on_and_closing_it_again_finishes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(here) as project:
        run = runs_create(project).id
        log_metric(project, {"loss": 1.0}, run)
        with monkeypatch.context() as patch:
            patch.setattr(StoreWriter, "add_content", _full)
            with pytest.raises(DiskFull):
                runs_close(project, run)
        log_metric(project, {"loss": 2.0}, run)
        assert runs_close(project, run).record.metrics["loss"].count == 2


def _full(self: object, data: bytes) -> None:
    raise DiskFull("no space", hint="df")


def test_a_series_that_is_not_here_is_named(here: Path) -> None:
    with Project.open(here) as project:
        run = runs_create(project, Wishes(name="far")).id
        log_metric(project, {"loss": 1.0}, run)
        runs_close(project, run)
        store = project.store_path
    for pack in store.glob("packs/*/*.pack"):
        publish.remove(pack)
    with Project.open(here) as project, pytest.raises(MissingObject):
        metrics_show(project, "far")
    assert "loss" in track("metrics", "show", "far", cwd=here).ok().out  # the record has them in short


def test_versions_are_shown_with_the_word_and_without(here: Path) -> None:
    (here / "metric").write_bytes(b"1")
    track("add", "metric", cwd=here).ok()
    commit_all(here, "a file of that name")
    said = track("log", "versions", "metric", cwd=here).ok().out
    assert said and said == track("log", "--rev", "HEAD", "metric", cwd=here).ok().out


def test_the_program_itself_takes_an_event_from_standard_input(here: Path) -> None:
    run = track("runs", "create", cwd=here).ok().out.strip()
    told = subprocess.run(
        [sys.executable, "-m", "track", "log", "event", "--run", run, "-"],
        input=b"from a pipe\n",
        cwd=here,
        env=os.environ,
        capture_output=True,
    )
    assert told.returncode == 0, told.stderr
    assert "from a pipe" in track("events", run, cwd=here).ok().out
