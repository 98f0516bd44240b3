"""Alerts of living runs: their definitions are the project's, their states the run's, and mail goes once."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import track
from support.cli import track as in_shell
from support.cli import track_here as command
from support.repositories import commit_all, git
from support.running import free_port
from track.errors import BadConfig, Conflict, UsageError
from track.flows.run_alerts import Watch, add_alert, set_alert, tell, watch_of
from track.flows.run_find import find_run
from track.flows.run_living import say_points, time_of
from track.flows.run_notes import describe_folder
from track.flows.run_start import Wishes, begin
from track.model.alert import Alert
from track.project import Project
from track.runs.journal import Living
from track.runs.mail import Post, send
from track.verbs.log_event import log_event
from track.verbs.log_metric import log_metric
from track.verbs.runs_close import runs_close

MINUTE = 60_000_000
FACTS: dict[str, Any] = {"type": "is below", "metric": "quality", "frequency": 1, "window": 1, "threshold": 0.4}


class Inbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    """A mail server on a free port of this machine."""
    taken = Inbox()
    port = free_port()
    controller = Controller(taken, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield taken, port
    finally:
        controller.stop()


@pytest.fixture
def here(repo: Path) -> Iterator[Path]:
    command("init", cwd=repo).ok()
    commit_all(repo, "init")
    before = os.getcwd()
    os.chdir(repo)
    yield repo
    os.chdir(before)


def settings(port: int) -> None:
    for name, value in (
        ("alerts.email-to", "ada@example.org"),
        ("alerts.smtp-host", "127.0.0.1"),
        ("alerts.smtp-port", str(port)),
        ("alerts.smtp-security", "none"),
    ):
        command("config", name, value, cwd=os.getcwd()).ok()


def begun(project: Project, **facts: Any) -> tuple[Living, Alert]:
    living = begin(project, Wishes(name="x"))
    alert = Alert(**{"name": "quality too low", **FACTS, **facts})
    add_alert(project, living, alert)
    return living, alert


def test_an_average_that_goes_below_is_critical_and_mailed_once(here: Path, inbox: tuple[Inbox, int]) -> None:
    taken, port = inbox
    settings(port)
    with Project.open(here) as project:
        living, alert = begun(project, notification="email")
        start = round(living.record().started.timestamp() * 1e6)
        now = start
        post = Post("127.0.0.1", port, "none", "track@example.org", ("ada@example.org",))
        watch = Watch(living, [alert], post, lambda: now)
        for minute, value in ((0.5, 0.5), (1.5, 0.3), (2.5, 0.9), (3.5, 0.1)):
            say_points(living, {"quality": value}, stamp=start + round(minute * MINUTE))
        states = []
        for minute in (1, 2, 3, 4):
            now = start + minute * MINUTE + 5
            watch.look()
            watch.finish()
            states.append(living.record().alerts["quality too low"])
        assert states == ["ok", "critical", "ok", "critical"]
        tell(post, living, living.record(), [alert], send)  # another process that looks sends nothing either
        record = runs_close(project, "x").record
    assert record.alerts == {"quality too low": "critical"}
    (message,) = taken.messages
    assert message["To"] == "ada@example.org" and "quality too low" in message["Subject"]
    assert "quality is below 0.4" in message.get_payload()


def test_none_sends_nothing_and_a_server_that_is_not_there_breaks_nothing(here: Path, inbox: tuple[Inbox, int]) -> None:
    taken, port = inbox
    away = Post("127.0.0.1", 1, "none", "track@example.org", ("ada@example.org",))
    back = away._replace(port=port)
    settings(port)
    with Project.open(here) as project:
        living, quiet = begun(project)
        loud = Alert(name="loud", type="by hand", notification="email")
        add_alert(project, living, loud)
        set_alert(project, living, quiet.name, "critical")
        set_alert(project, living, "loud", "critical", lambda post, subject, text: send(away, subject, text))
        assert taken.messages == [] and living.record().alerts["loud"] == "critical"
        tell(back, living, living.record(), [loud, quiet], send)
        assert len(taken.messages) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"host": "a" * 70 + ".invalid"}, {"sender": "a\nb"}],
    ids=["a host", "a sender"],
)
def test_what_smtp_cannot_say_breaks_nothing_and_the_next_look_tries_again(
    here: Path, inbox: tuple[Inbox, int], wrong: dict[str, str]
) -> None:
    taken, port = inbox
    back = Post("127.0.0.1", port, "none", "track@example.org", ("ada@example.org",))
    settings(port)
    with Project.open(here) as project:
        living, _ = begun(project)
        loud = Alert(name="loud", type="by hand", notification="email")
        add_alert(project, living, loud)
        set_alert(project, living, "loud", "critical", lambda post, *mail: send(back._replace(**wrong), *mail))
        assert taken.messages == []
        tell(back, living, living.record(), [loud], send)
        assert len(taken.messages) == 1


def test_a_definition_is_staged_used_again_and_never_changed_behind_it(here: Path) -> None:
    with Project.open(here) as project:
        living, alert = begun(project)
        add_alert(project, living, alert)
        with pytest.raises(Conflict, match="another alert called `quality too low`"):
            add_alert(project, living, Alert(**{"name": alert.name, **FACTS, "threshold": 0.5}))
        for state, name, said in (("bad", alert.name, "not a state"), ("ok", "nothing", "has no alert `nothing`")):
            with pytest.raises(UsageError, match=said):
                set_alert(project, living, name, state)
        with pytest.raises(BadConfig, match="to whom"):
            add_alert(project, living, Alert(name="m", type="by hand", notification="email"))
        assert list(living.record().alerts) == [alert.name]
    assert ".track/alerts/quality%20too%20low.toml" in git("diff", "--cached", "--name-only", cwd=here)


def test_events_that_match_are_critical(here: Path) -> None:
    with Project.open(here) as project:
        living = begin(project, Wishes(name="x"))
        add_alert(project, living, Alert(name="diverged", type="event", pattern="[Dd]iverged"))
        watch = watch_of(project, living)
        watch.look()
        log_event(project, "the solver diverged", living.id)
        assert living.record().alerts == {"diverged": "critical"}


def test_who_logs_from_a_shell_looks_at_what_is_due_and_what_is_over_is_ok_again(here: Path) -> None:
    with Project.open(here) as project:
        living, alert = begun(project)
        start = round(living.record().started.timestamp() * 1e6)
        living.edit(lambda draft: replace(draft, started=draft.started - timedelta(minutes=3)))
        log_metric(project, {"quality": 0.1}, living.id, timestamp=time_of(start - 30_000_000).isoformat())
        assert living.record().alerts == {alert.name: "critical"}
        say_points(living, {"quality": 2.0}, stamp=start - 20_000_000)
        log_metric(project, {"other": 2.0}, living.id)
        assert living.record().alerts == {alert.name: "ok"}


def test_a_run_in_python_adds_alerts_and_describes_its_folder(here: Path) -> None:
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init("x", folder="/tests")
        run.add_alert(
            name="density invalid",
            type="is outside range",
            metric="density",
            frequency=1,
            window=1,
            range_low=1.0,
            range_high=5.0,
        )
        run.add_alert("quality too low", "is below", "quality", 1, 1, threshold=0.4)
        run.add_alert("look at me", "by hand")
        run.set_alert("look at me", "critical")
        with pytest.raises(UsageError, match="threshold is missing"):
            run.add_alert("y", "is above", "quality", 1, 1)
        with pytest.raises(UsageError, match="not one of is above"):
            run.add_alert("y", "is near", "quality", 1, 1, threshold=1)
        run.folder_details("/tests", metadata={"environment": "testing"}, tags=["test"], description="My first tests")
        run.folder_details("/tests", description="Others")
        run.folder_details("/a/b/c")
        with pytest.raises(UsageError, match="not a folder"):
            run.folder_details("tests")
    with Project.open(here) as project:
        found = find_run(project, "x").record.alerts
    assert found == {"density invalid": "ok", "quality too low": "ok", "look at me": "critical"}
    text = (here / ".track/folders/tests/folder.toml").read_text()
    assert text == 'description = "Others"\ntags = ["test"]\n\n[metadata]\nenvironment = "testing"\n'
    (here / ".track/folders/tests/folder.toml").write_text('colour = "red"\n')
    with Project.open(here) as project, pytest.raises(BadConfig, match="colour"):
        describe_folder(project, "/tests", description="x")
    assert ".track/folders/tests/folder.toml" in git("diff", "--cached", "--name-only", cwd=here)


def test_a_program_in_another_process_mails_once_when_it_goes_critical(here: Path, inbox: tuple[Inbox, int]) -> None:
    """Scenario S7 as a person plays it: in a shell, with programs that end, and a server that listens."""
    taken, port = inbox
    settings(port)
    words = ("--type", "event", "--pattern", "[Dd]iverged", "--notification", "email")
    in_shell("alerts", "add", "diverged", *words, cwd=here).ok()
    in_shell("alerts", "add", "quiet", "--type", "event", "--pattern", "[Dd]iverged", cwd=here).ok()
    in_shell("runs", "create", "--start", "--name", "solver", cwd=here).ok()
    for name in ("diverged", "quiet"):
        in_shell("alerts", "add", name, "--run", "solver", cwd=here).ok()
    in_shell("log", "event", "--run", "solver", "all is well", cwd=here).ok()
    assert taken.messages == []
    for step in (7, 8):
        in_shell("log", "event", "--run", "solver", f"diverged at step {step}", cwd=here).ok()
    in_shell("runs", "close", "solver", cwd=here).ok()
    (message,) = taken.messages
    assert message["To"] == "ada@example.org" and "diverged" in message["Subject"] and "solver" in str(message)
    with Project.open(here) as project:
        assert find_run(project, "solver").record.alerts == {"diverged": "critical", "quiet": "critical"}
