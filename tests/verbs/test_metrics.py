"""Metrics of several runs: their difference, drawings, and lines of numbers as they come."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from track.errors import UsageError
from track.flows.run_find import find_run
from track.flows.run_meant import living_run
from track.flows.run_series import points_of_run
from track.flows.run_start import Wishes
from track.model.said import Heard
from track.project import Project
from track.runs import spool
from track.runs.spool import Writer, said_bytes
from track.verbs.log_metric import log_metric
from track.verbs.metrics_diff import metrics_diff
from track.verbs.metrics_show import metrics_show
from track.verbs.monitor import monitor
from track.verbs.runs_close import runs_close
from track.verbs.runs_create import runs_create


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    with Project.open(repo) as project:
        for name, start in (("one", 4.0), ("two", 3.0)):
            run = runs_create(project, Wishes(name=name)).id
            for number in range(3):
                log_metric(project, {"loss": start - number, f"only {name}": 1.0}, run)
            if name == "one":
                runs_close(project, run)
    return repo


def test_two_runs_are_compared_one_of_them_alive(here: Path) -> None:
    said = track("metrics", "diff", "one", "two", cwd=here).ok().out.splitlines()
    assert [line.split() for line in said] == [
        ["metric", "one", "two", "change"],
        ["loss", "2", "1", "-1"],
        ["only", "one", "1", "-"],
        ["only", "two", "-", "1"],
    ]
    document = json.loads(track("metrics", "diff", "one", "two", "loss", "--json", cwd=here).ok().out)
    assert document["metrics"] == {"loss": {"before": 2.0, "after": 1.0, "change": -1.0}}
    with Project.open(here) as project, pytest.raises(UsageError, match="neither run has a metric nothing"):
        metrics_diff(project, "one", "two", ["nothing"])


def test_metrics_are_drawn_in_the_terminal_and_into_a_file(here: Path) -> None:
    drawn = track("metrics", "plot", "one", "loss", "--with", "two", cwd=here).ok().out
    assert "* one: loss" in drawn and "+ two: loss" in drawn and "step" in drawn
    track("metrics", "plot", "one", "--over", "time", "-o", "all.svg", cwd=here).ok()
    lines = ElementTree.fromstring((here / "all.svg").read_text()).findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    refused = track("metrics", "plot", "one", "-o", "all.gif", cwd=here)
    assert refused.code == 2 and "neither an SVG nor a PNG file" in refused.err
    track("metrics", "plot", "one", "--with", "two", "-o", "all.png", cwd=here).ok()
    drawn_png = (here / "all.png").read_bytes()
    assert drawn_png.startswith(b"\x89PNG\r\n\x1a\n") and int.from_bytes(drawn_png[16:20], "big") == 1200
    with Project.open(here) as project:
        log_metric(project, {"loss": 1e300, "$_{": -1.0, "_under": 1.0}, "two")
    far = track("metrics", "plot", "two", "-o", "far.png", cwd=here)
    assert far.code == 2 and "beyond 1e150" in far.err
    track("metrics", "plot", "two", "$_{", "_under", "-o", "odd.png", cwd=here).ok()
    nowhere = track("metrics", "plot", "one", "-o", "nowhere/all.svg", cwd=here)
    assert nowhere.code == 1 and "nothing can be made in" in nowhere.err and "-o" in nowhere.err
    with Project.open(here) as project:
        runs_close(project, runs_create(project, Wishes(name="empty")).id)
    assert "no points to draw" in track("metrics", "plot", "empty", cwd=here).err


def test_a_column_that_is_called_step_is_the_step(here: Path) -> None:
    with Project.open(here) as project:
        lines = [b"step,loss\n", b"5,1\n", b"7,2\n", b"x,3\n", b"nan,4\n"]
        done = monitor(project, lines, Wishes(name="stepped"))
        points = metrics_show(project, "stepped").points
    assert list(points) == ["loss"] and list(points["loss"].steps) == [5, 7, 8, 9]
    assert (done.values_count, done.left_out_count) == (4, 2)


def test_lines_of_numbers_are_metrics(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "track", "monitor", "--name", "m", "--delimiter", ","],
        input=b"x,y\n1,2\n\n3,4\n",
        cwd=here,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    with Project.open(here) as project:
        points = metrics_show(project, "m").points
        assert {name: list(each.values) for name, each in points.items()} == {"x": [1.0, 3.0], "y": [2.0, 4.0]}
        assert find_run(project, "m").record.status == "completed"


def test_lines_inside_a_run_are_its_metrics_and_those_with_a_name_a_run_in_it(here: Path) -> None:
    script = "printf 'x,step\\n1,5\\n2,7\\n' | $TRACK monitor; printf 'y\\n3\\n' | $TRACK monitor --name inner"
    script = script.replace("$TRACK", f"{sys.executable} -m track")
    track("run", "--name", "outer", "--no-keep", "--observe", "off", "--", "sh", "-ec", script, cwd=here).ok()
    with Project.open(here) as project:
        points = metrics_show(project, "outer").points
        outer, inner = find_run(project, "outer").record, find_run(project, "inner").record
        own = metrics_show(project, "inner").points
    assert list(points["x"].values) == [1.0, 2.0] and list(points["x"].steps) == [5, 7]
    assert "y" not in points and list(own["y"].values) == [3.0]
    assert (outer.status, inner.status, inner.parent) == ("completed", "completed", outer.id)


def test_ctrl_c_is_the_end_of_lines_that_have_none(here: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "track", "monitor", "--name", "m"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=here,
    ) as running:
        assert running.stdin is not None
        running.stdin.write(b"x\n1\n2\n")
        running.stdin.flush()
        deadline = time.monotonic() + 60
        while '"last": 2.0' not in track("metrics", "show", "m", "--json", cwd=here).out:
            assert time.monotonic() < deadline
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    with Project.open(here) as project:
        found = find_run(project, "m")
        assert found.record.status == "terminated" and list(metrics_show(project, "m").points["x"].values) == [1.0, 2.0]


def test_what_is_no_number_is_left_out_and_told(here: Path) -> None:
    with Project.open(here) as project:
        lines = [b"1 2\n", b"bad  4\n", b"5 nan\n", b"7 8 9\n", b"10\n", b"11 12"]
        done = monitor(project, lines, Wishes(name="m"), delimiter=" ", columns=["a", "b"])
        points = metrics_show(project, "m").points
        assert list(points["a"].values) == [1.0, 5.0, 10.0, 11.0] and list(points["b"].values) == [2.0, 4.0, 12.0]
        assert done.left_out_count == 4 and done.values_count == 7 and done.left_out[0] == "line 2: bad 4"
        more = monitor(project, [b"13\t14"], run="m", delimiter="\t", columns=["a", "b"])
        assert more.record.id == done.record.id and metrics_show(project, "m").summaries["a"].count == 5
        for wrong, columns, said in (
            (",", ["a", "a"], "called alike"),
            (",", ["a", ""], "not a name"),
            ("", ["a"], "delimiter is empty"),
        ):
            with pytest.raises(UsageError, match=said):
                monitor(project, [b"1,2"], delimiter=wrong, columns=columns)
        with pytest.raises(UsageError, match="nothing came"):
            monitor(project, [])


def test_png_without_the_library_that_draws_it_names_the_extra(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("matplotlib", "track.formats.chart_png"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused = track("metrics", "plot", "one", "-o", "all.png", cwd=here)
    assert refused.code == 2 and "matplotlib is needed" in refused.err and "track-data[figures]" in refused.err
    assert not (here / "all.png").exists()


def test_logging_one_by_one_reads_each_line_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    hear = spool.hear

    def counted(content: bytes, into: Heard) -> int:
        heard.append(len(content))
        return hear(content, into)

    monkeypatch.setattr(spool, "hear", counted)
    with Project.open(here) as project:
        run = runs_create(project, Wishes(name="many")).id
        living = living_run(project, run)
        for number in range(200):
            log_metric(project, {"loss": float(number)}, run)
        other = Writer(living)  # another process that logs meanwhile
        other.put_points({"loss": 1.0}, 499, 0.0, 1)
        other.close()
        log_metric(project, {"loss": 0.0}, run)
        assert sum(heard) <= said_bytes(living)
        (living.folder / "steps.json").write_text("half of i")
        log_metric(project, {"loss": 0.0}, run)
        steps = list(points_of_run(project, find_run(project, run))["loss"].steps)
        assert sorted(steps) == [*range(200), 499, 500, 501]
