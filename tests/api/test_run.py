"""`track.Run` as programs use it: in this process, on a real repository; what it recorded is read back by the verbs."""

import logging
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import track
from support.cli import track_here as command
from support.repositories import commit_all, git
from support.trees import write_tree
from track.api import run as run_module
from track.errors import NoFormat, TrackError, UnknownPath, UsageError
from track.flows.run_find import find_run
from track.flows.run_journal import journal_of
from track.model.digest import digest_of
from track.model.record import Record
from track.project import Project
from track.runs.spool import Writer
from track.verbs.events import events
from track.verbs.metrics_show import metrics_show


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    command("init", cwd=repo).ok()
    commit_all(repo, "init")
    before = os.getcwd()
    os.chdir(repo)
    yield repo
    os.chdir(before)
    assert run_module._open == [] and "TRACK_RUN_ID" not in os.environ


def strict() -> track.Run:
    run = track.Run()
    run.config(suppress_errors=False)
    return run


def record(here: Path, name: str) -> Record:
    with Project.open(here) as project:
        return find_run(project, name).record


def said(here: Path, name: str) -> list[str]:
    with Project.open(here) as project:
        return [event.text for event in events(project, name).events]


def test_a_run_with_nothing_said_has_two_words_for_a_name_and_is_completed(here: Path) -> None:
    with track.Run() as run:
        assert run.init()
        assert run.name is not None and re.fullmatch("[a-z]+-[a-z]+", run.name)
        assert run.record.status == "running" and run.record.folder == "/"
    found = record(here, run.name)
    assert found.status == "completed" and found.environment["python"] and found.command[0]
    assert git("diff", "--cached", "--name-only", cwd=here).startswith(".track/runs/")


def test_what_is_said_of_a_run_is_in_its_record(here: Path) -> None:
    run = strict()
    run.init(
        name="my-first-run",
        metadata={"environment": "test"},
        tags=["test"],
        description="This is a test",
        folder="/tests",
    )
    run.update_tags(["unconverged"])
    run.update_tags(["unconverged"])
    run.update_metadata({"status": "unconverged"})
    run.close()
    found = record(here, "my-first-run")
    assert found.tags == ("test", "unconverged") and found.folder == "/tests"
    assert found.metadata == {"environment": "test", "status": "unconverged"}
    assert found.description == "This is a test"


def test_set_tags_replaces_them(here: Path) -> None:
    with strict() as run:
        run.init("x", tags=["a", "b"])
        run.set_tags(["c"])
        with pytest.raises(UsageError, match="tags is one text and no list"):
            run.set_tags("c")
        with pytest.raises(UsageError, match="is a list"):
            run.update_metadata({"x": []})
    assert record(here, "x").tags == ("c",)


def test_metrics_have_steps_times_and_stamps_of_their_own_or_as_told(here: Path) -> None:
    with strict() as run:
        run.init("m")
        for number in range(3):
            run.log_metrics({"parameter1": 1.2 * number, "parameter2": 3.5})
        run.log_metrics({"told": 1.2}, 7, -1.5, "2021-05-03 14:13:27.281920")
    with Project.open(here) as project:
        points = metrics_show(project, "m").points
    first = list(points["parameter1"])
    assert [point.step for point in first] == [0, 1, 2] and [point.value for point in first] == [0.0, 1.2, 2.4]
    assert len({point.stamp for point in first}) == 3 and 0 <= first[0].time <= first[1].time <= first[2].time
    (told,) = points["told"]
    assert told == (7, -1.5, 1_620_051_207_281_920, 1.2)


def test_events_are_texts_exceptions_and_what_logging_is_told(here: Path) -> None:
    logger = logging.getLogger("solver")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    with strict() as run:
        run.init("e")
        handler = track.LogHandler(run, logging.INFO)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logger.addHandler(handler)
        logging.getLogger("track").addHandler(handler)
        run.log_event("test-event-1", timestamp="2022-01-03 16:42:30.849617")
        run.log_event(ValueError("x"))
        try:
            raise KeyError("y")
        except KeyError as error:
            run.log_event(error)
        logger.warning("w")
        logger.debug("not this")
        logging.getLogger("track").warning("nor this")
        logger.info("broken %d", "format")  # what cannot be formatted does not reach the program
    logger.removeHandler(handler)
    logging.getLogger("track").removeHandler(handler)
    found = said(here, "e")
    assert found[:2] == ["test-event-1", "ValueError: x"] and found[3:] == ["WARNING w"]
    assert found[2].startswith("Traceback") and found[2].endswith("KeyError: 'y'")
    logger.warning("after the end")


def test_an_exception_fails_the_run_and_goes_on(here: Path) -> None:
    with pytest.raises(ZeroDivisionError), track.Run() as run:
        run.init("bad")
        1 / 0  # noqa: B018
    assert record(here, "bad").status == "failed" and "ZeroDivisionError" in said(here, "bad")[0]
    with pytest.raises(KeyboardInterrupt), track.Run() as run:
        run.init("stopped")
        raise KeyboardInterrupt
    assert record(here, "stopped").status == "terminated"
    with pytest.raises(SystemExit), track.Run() as run:
        run.init("left")
        sys.exit(0)
    assert record(here, "left").status == "completed"


def test_a_status_that_was_set_is_how_it_ends(here: Path) -> None:
    with strict() as run:
        run.init("x")
        run.set_status("failed")
        with pytest.raises(UsageError, match="not how a run ends"):
            run.set_status("fine")
    assert record(here, "x").status == "failed"


def test_files_are_saved_under_their_names_or_paths_with_a_type(here: Path) -> None:
    names = ("blockMeshDict", "controlDict", "fvSchemes", "fvSolution", "meshQualityDict", "snappyHexMeshDict")
    names = (*names, "surfaceFeaturesDict")
    write_tree(here, {f"system/{name}": name.encode() for name in names})
    write_tree(here, {"data.png": b"png", "in.lj": b"lj", "group1/file1": b"1", "group2/file1": b"2", "empty": b""})
    write_tree(here, {"größe.txt": b"x", "large": b"z" * (1 << 20)})
    with strict() as run:
        run.init("s")
        run.save_directory("system", "input", preserve_path=True)
        assert [used.name for used in run.inputs] == [f"system/{name}" for name in names]
        run.save_directory("./system", "code", "text/plain")
        run.save("data.png", "output")
        run.save(here / "in.lj", "input", "text/plain")
        run.save("./empty", "output", preserve_path=True)
        run.save("größe.txt", "output")
        run.save("large", "output", None, False, "renamed")
        run.save("group1/file1", "input")
        run.save("group1/file1", "input")
        with pytest.raises(UsageError) as refused:
            run.save("group2/file1", "input")
        assert "preserve_path=True" in (refused.value.hint or "")
        run.save_all(["group1/file1", "group2"], "input", preserve_path=True)
        assert {used.name for used in run.outputs} == {"data.png", "empty", "größe.txt", "renamed"}
    found = {(used.category, used.name): used for used in record(here, "s").artifacts}
    assert {used.name for used in record(here, "s").of("code")} == set(names)
    assert found["output", "data.png"].type == "image/png" and found["input", "in.lj"].type == "text/plain"
    assert found["output", "empty"].type == "application/octet-stream" and found["output", "empty"].size == 0
    assert found["input", "group2/file1"].digest == digest_of(b"2") and found["input", "file1"].how == "api"
    with Project.open(here) as project:
        assert project.store.absent([used.digest for used in found.values()]) == set()
        assert project.store.read(found["output", "renamed"].digest) == b"z" * (1 << 20)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("a", "result"), UsageError, "not a category"),
        (("a", "input", "text/text"), UsageError, "not a file type"),
        (("nothing", "input"), UnknownPath, "`nothing` is not there"),
        (("d", "input"), UsageError, "is a folder"),
        (("../outside", "input", None, True), UsageError, "leads out of this folder"),
        (("a", "input", None, False, "a//b"), UsageError, "not a name"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is(
    here: Path, arguments: tuple[Any, ...], error: type[TrackError], said: str
) -> None:
    write_tree(here, {"a": b"a", "d/a": b"a"})
    (here.parent / "outside").write_bytes(b"o")
    with strict() as run:
        run.init("x")
        with pytest.raises(error, match=said):
            run.save(*arguments)
        with pytest.raises(UnknownPath, match="missing"):
            run.save_all(["a", "missing"], "input")
        with pytest.raises(UsageError, match="is no folder"):
            run.save_directory("a", "input")
        with pytest.raises(UsageError, match="items is one text and no list"):
            run.save_all("a", "input")
        assert run.record.artifacts == ()


def test_objects_are_saved_and_pickled_only_when_that_is_allowed(here: Path) -> None:
    with strict() as run:
        run.init("o")
        run.save_object({"lr": 0.1}, "input", "settings")
        run.save_object("text", "output", "note")
        with pytest.raises(NoFormat):
            run.save_object({1, 2}, "output", "set")
        run.save_object({1, 2}, "output", "set", allow_pickle=True)
        with pytest.raises(UsageError, match="needs a name"):
            run.save_object("text", "output", "")
    found = {used.name: used.type for used in record(here, "o").artifacts}
    assert found == {"settings": "application/json", "note": "text/plain", "set": "application/x-pickle"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"x": float("nan")}, "the value of x is nan"),
        ({"x": -math.inf}, "the value of x is -inf"),
        ({"x": "high"}, "is no number"),
        ({"x": True}, "is no number"),
        ({"": 1.0}, "not a name for a metric"),
        ({3: 1.0}, "not a name for a metric"),
        ({}, "names and their values"),
        (3, "names and their values"),
    ],
)
def test_metrics_that_cannot_be_are_refused_whole(here: Path, values: Any, said: str) -> None:
    with strict() as run:
        run.init("x")
        with pytest.raises(UsageError, match=said):
            run.log_metrics({"fine": 1.0, **values} if isinstance(values, dict) and values else values)
        for wrong in ({"step": 1.5}, {"time": math.nan}, {"timestamp": "yesterday"}, {"timestamp": 3}):
            with pytest.raises(UsageError):
                run.log_metrics({"fine": 1.0}, **wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="not an event"):
            run.log_event(3)  # type: ignore[arg-type]
    assert record(here, "x").points is None


def test_calls_before_init_and_after_close_and_config_too_late_are_told(here: Path) -> None:
    run = strict()
    for early in (
        lambda: run.log_metrics({"x": 1.0}),
        lambda: run.log_event("x"),
        run.close,
        lambda: run.save("a", "code"),
    ):
        with pytest.raises(UsageError, match="before init"):
            early()
    assert run.id is None and run.name is None
    run.init("x")
    with pytest.raises(UsageError, match="config was called after init"):
        run.config(queue_size=3)
    with pytest.raises(UsageError, match="init was called twice"):
        run.init("y")
    run.close()
    run.close()
    for late in (lambda: run.log_metrics({"x": 1.0}), lambda: run.update_tags(["x"])):
        with pytest.raises(UsageError, match="after close"):
            late()
    assert run.record.status == "completed" and run.name == "x"
    with pytest.raises(UsageError, match="not a size"):
        strict().config(False, queue_size=0)


def test_what_goes_wrong_is_told_once_and_breaks_nothing(
    here: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    run = track.Run()
    assert not run.log_metrics({"x": 1.0})
    assert not run.save("nothing", "input")
    assert not run.init("not/a|name")
    assert not run.config(queue_size="many")  # type: ignore[arg-type]
    warned = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warned) == 1 and "before init" in warned[0].getMessage()
    os.chdir(tmp_path)
    with track.Run() as elsewhere:
        assert not elsewhere.init()
        assert not elsewhere.log_event("x")
    os.chdir(here)
    with pytest.raises(track.TrackError):
        os.chdir(tmp_path)
        try:
            strict().init()
        finally:
            os.chdir(here)


def test_a_full_queue_drops_or_blocks_and_the_record_says_how_many(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    real = Writer.flush

    def stalled(self: Writer, rounds: int = sys.maxsize) -> bool:
        go.wait(60)
        return real(self, rounds)

    monkeypatch.setattr(Writer, "flush", stalled)
    run = track.Run()
    run.config(suppress_errors=False, queue_size=5)
    run.init("drops")
    for number in range(12):
        run.log_metrics({"x": float(number)})
    go.set()
    run.close()
    series = record(here, "drops").points
    assert series is not None and (series.count, series.dropped) == (5, 7)
    go.clear()
    run = track.Run()
    run.config(suppress_errors=False, queue_blocking=True, queue_size=5)
    run.init("blocks")
    threading.Timer(0.3, go.set).start()
    for number in range(12):
        run.log_metrics({"x": float(number)})
    run.close()
    series = record(here, "blocks").points
    assert series is not None and (series.count, series.dropped) == (12, 0)


def test_runs_inside_runs_have_parents_and_current_is_the_innermost(here: Path) -> None:
    assert track.Run.current() is None
    with strict() as outer:
        outer.init("outer")
        with strict() as inner:
            inner.init()
            assert track.Run.current() is inner
            assert inner.record.parent == outer.id
        assert track.Run.current() is outer


PROGRAM = """
import sys, track
with track.Run() as run:
    run.init({name})
    run.log_metrics({{"x": 1.0}})
    run.save_object("made", "output", "note")
    assert track.Run.current() is run
with track.Run() as second:
    second.init()
    second.log_event("second")
print(run.id, second.id)
"""


def test_under_track_run_the_first_run_without_a_name_is_that_run_and_others_are_inside_it(here: Path) -> None:
    (here / "joins.py").write_text(PROGRAM.format(name=""))
    (here / "nests.py").write_text(PROGRAM.format(name="'mine'"))
    for number, script in enumerate(("joins.py", "nests.py")):
        command("run", "--name", f"outer {number}", "--", sys.executable, script, cwd=here).ok()
    joined, nested, mine = record(here, "outer 0"), record(here, "outer 1"), record(here, "mine")
    assert joined.metrics["x"].last == 1.0 and "note" in {used.name for used in joined.of("output")}
    assert joined.status == "completed" and joined.exit == 0 and joined.metrics["resources/cpu_s"].count == 1
    assert "x" not in nested.metrics and mine.parent == nested.id and mine.metrics["x"].count == 1
    with Project.open(here) as project:
        parents = [each.parent for each in journal_of(project).ended()]
    assert parents.count(joined.id) == 1 and parents.count(nested.id) == 1  # nests.py: the second joined


def program(here: Path, text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", text], cwd=here, capture_output=True, text=True, timeout=120)


def test_a_program_that_forgets_to_close_is_closed_as_it_ended(here: Path) -> None:
    begin = "import track\nrun = track.Run()\nrun.init({!r})\nrun.log_metrics({{'x': 1.0}})\n"
    assert program(here, begin.format("ends")).returncode == 0
    failed = program(here, begin.format("raises") + "raise ValueError('no')")
    assert failed.returncode == 1 and failed.stderr.rstrip().endswith("ValueError: no")
    assert record(here, "ends").status == "completed" and record(here, "ends").metrics["x"].count == 1
    assert record(here, "raises").status == "failed" and "ValueError: no" in said(here, "raises")[0]


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("raise SystemExit(3)", "failed", 3),
        ("sys.exit(3)", "failed", 3),
        ("exit(4)", "failed", 4),
        ("raise SystemExit('no such file')", "failed", 1),
        ("raise SystemExit(0)", "completed", 0),
        ("sys.exit()", "completed", 0),
        ("try: sys.exit(3)\nexcept SystemExit as error: print(error.code)", "completed", None),
        ("try: sys.exit(3)\nexcept SystemExit as error: error.code = 7; raise", "failed", 7),
        ("threading.Thread(target=lambda: sys.exit(3)).start()", "completed", None),
        ("child = os.fork()\nif not child: sys.exit(3)\nos.waitpid(child, 0)", "completed", None),
    ],
    ids=["raised", "sys.exit", "exit", "a text", "zero", "none", "caught", "changed", "thread", "child"],
)
def test_a_program_that_exits_has_failed_by_its_code(here: Path, ending: str, status: str, code: int | None) -> None:
    begin = "import os, sys, threading, track\nrun = track.Run()\nrun.init('x')\nSystemExit(5).code\n"
    done = program(here, begin + ending)
    assert done.returncode == (code or 0), done.stderr
    assert (record(here, "x").status, record(here, "x").exit) == (status, code)


def test_an_exit_out_of_the_block_of_a_run_is_its_code(here: Path) -> None:
    assert program(here, "import track\nwith track.Run() as run:\n    run.init('x')\n    exit(3)\n").returncode == 3
    assert (record(here, "x").status, record(here, "x").exit) == ("failed", 3)


CHILDREN = '''
import multiprocessing, threading, os, subprocess, sys, track
run = track.Run()
run.config(suppress_errors=False)
run.init("family")
def log(name):
    for n in range(500):
        run.log_metrics({name: float(n)}, step=n)
thread = threading.Thread(target=log, args=("thread",)); thread.start()
child = multiprocessing.get_context("fork").Process(target=log, args=("child",)); child.start()
OTHER = """
import track
run = track.Run.current()
for n in range(500):
    run.log_metrics({'other': float(n)}, step=n)
"""
other = subprocess.run([sys.executable, "-c", OTHER])
log("main")
thread.join(); child.join()
run.close()
'''


def test_threads_children_and_programs_log_to_one_run_and_all_of_it_is_there_in_order(here: Path) -> None:
    done = program(here, CHILDREN)
    assert done.returncode == 0, done.stderr
    with Project.open(here) as project:
        points = metrics_show(project, "family").points
    for name in ("thread", "child", "other", "main"):
        assert list(points[name].values) == [float(number) for number in range(500)], name
    assert record(here, "family").status == "completed"


def test_importing_track_loads_nothing_of_the_run_before_it_is_asked_for(here: Path) -> None:
    loaded = program(here, "import sys, track\nprint([m for m in sys.modules if m.startswith('track')])")
    assert loaded.stdout.strip() == "['track']"


def test_a_run_can_be_joined_by_its_id(here: Path) -> None:
    with strict() as run:
        run.init("x")
        assert run.id is not None
        with strict() as other:
            other.attach(run.id)
            other.log_event("from outside")
        deadline = time.monotonic() + 60
        while said(here, "x") != ["from outside"]:
            assert time.monotonic() < deadline
        assert run.record.status == "running"
    assert said(here, "x") == ["from outside"]


def test_secrets_are_in_nothing_that_a_run_says(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "correct-horse")
    with strict() as run:
        run.init("x", {"url": "https://correct-horse@host"}, ["correct-horse"])
        run.update_metadata({"password": "hidden-anyway"})
        run.log_event(RuntimeError("no entry for correct-horse"))
    found = [path for path in here.rglob("*") if path.is_file() and b"correct-horse" in path.read_bytes()]
    assert found == [] and b"hidden-anyway" not in next((here / ".track/runs").rglob("*.toml")).read_bytes()


def test_a_secret_that_a_program_learns_later_is_in_no_event_and_none_is_in_a_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "correct-horse")
    with strict() as run:
        run.init("x")
        monkeypatch.setenv("DB_PASSWORD", "battery-staple")
        run.log_event("no entry for battery-staple")
        run.folder_details(
            "/a", {"password": "hidden-anyway", "url": "h?correct-horse"}, ["correct-horse"], "correct-horse"
        )
    assert said(here, "x") == ["no entry for [redacted]"]
    folder = (here / ".track/folders/a/folder.toml").read_text()
    assert "correct-horse" not in folder and "hidden-anyway" not in folder and folder.count("[redacted]") == 4


def test_runs_may_be_closed_in_any_order_and_the_next_has_no_parent_that_has_ended(here: Path) -> None:
    first, second, third = strict(), strict(), strict()
    first.init("first")
    second.init("second")
    first.close()
    assert os.environ["TRACK_RUN_ID"] == second.id
    second.close()
    assert "TRACK_RUN_ID" not in os.environ
    third.init("third")
    third.close()
    assert third.record.parent is None and second.record.parent == first.record.id


def test_half_a_character_in_an_event_is_written_as_it_can_be_and_ends_no_writing(here: Path) -> None:
    with strict() as run:
        run.init("halves")
        assert run.log_event("half \ud800 a character")
        assert run.log_event("and on")
    assert said(here, "halves") == ["half \\xed\\xa0\\x80 a character", "and on"]


def test_attaching_to_no_run_is_refused_also_where_one_is_alive(here: Path) -> None:
    with strict() as run:
        run.init("alive")
        with pytest.raises(UsageError, match="no run was named"):
            strict().attach("")
