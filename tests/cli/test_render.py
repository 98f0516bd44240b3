"""How sizes, counts, times, tables and progress read."""

import csv
import io
import os
import sys
from pathlib import Path

import pytest

from support.terminal import on_terminal
from track.cli import meter as meters
from track.cli import terminal
from track.cli.csv_line import csv_line
from track.cli.meter import Meter, Standing, meter
from track.cli.render import count_text, duration_text, size_text, table
from track.progress import silent


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (432950113, "412.9 MiB"),
        (2 * 1024**3, "2.0 GiB"),
        (10 * 1024**4, "10.0 TiB"),
        (5 * 1024**7, "5120.0 EiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_sizes_are_iec(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_counts_agree_with_their_noun() -> None:
    assert [count_text(n, "file") for n in (0, 1, 8201)] == ["0 files", "1 file", "8,201 files"]
    assert count_text(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("elapsed_s", "text"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_times_say_what_matters(elapsed_s: float, text: str) -> None:
    assert duration_text(elapsed_s) == text


def test_tables_align_by_what_is_seen() -> None:
    rows = [("name", "size"), ("\x1b[31mé\x1b[0m", "1 B"), ("数据", "10 B")]
    assert table(rows, right=(1,)) == "name  size\n\x1b[31mé\x1b[0m      1 B\n数据  10 B"
    assert table([]) == ""
    assert table([("a", ""), ("bb", "")]) == "a\nbb"


def test_progress_says_how_much_how_fast_and_how_long() -> None:
    standing = Standing("adding images", 512 * 1024, 2 * 1024 * 1024, 25, 100, 2.0)
    assert standing.text() == "adding images: 25 of 100, 512.0 KiB of 2.0 MiB, 256.0 KiB/s, 6.0 s left"
    assert Standing("looking", 0, 0, 7, 0, 2.0).text() == "looking: 7"
    assert Standing("looking", 0, 0, 0, 0, 0.0).text() == "looking"


@pytest.mark.parametrize(
    ("standing", "seen"),
    [
        (
            Standing("sending", 45 << 20, 57 << 20, 168, 305, 9.0),
            ["168 of 305, 45.0 MiB of 57.0 MiB, 5.0 MiB/s, 2.4 s left"],
        ),
        (
            Standing("sending", 45 << 40, 57 << 40, 1234567, 2345678, 9e6),
            ["sending: 45.0 TiB of 57.0 TiB, 5.2 MiB/s, 666 h 40 min left"],
        ),
        (Standing("looking through the store", 0, 0, 1234567, 0, 9.0), ["looking through the store: 1,234,567"]),
    ],
)
def test_a_terminal_of_80_columns_shows_the_rate_and_the_time_left(
    standing: Standing, seen: list[str], tmp_path: Path
) -> None:
    code = f"""
from track.cli.bars import Bar
from track.cli.meter import Standing
bar = Bar()
bar.show({standing!r})
bar.close()
"""
    ended, shown = on_terminal([sys.executable, "-c", code], cwd=tmp_path, env={"COLUMNS": "80"})
    assert ended == 0 and all(part in shown for part in seen) and "…" not in shown, shown


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(meters, "time", made)
    terminal.begin([])
    return made


def test_in_ci_progress_is_a_plain_line_every_30_s(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Meter(draw_bar=False)
    drawn.begin("pushing", count=100)
    for _ in range(100):
        clock.now_s += 1.0
        drawn.advance(count=1)
    drawn.end()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["pushing: 30 of 100", "pushing: 60 of 100", "pushing: 90 of 100"]


def test_a_bar_appears_after_half_a_second_and_not_more_than_ten_times_a_second(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []

    class Bar:
        def show(self, standing: Standing) -> None:
            shown.append(standing.done_count)

        def close(self) -> None:
            shown.append(-1)

    monkeypatch.setattr(meters, "import_module", lambda name: type("bars", (), {"Bar": Bar}))
    drawn = Meter(draw_bar=True)
    drawn.begin("adding", count=100)
    for _ in range(100):
        clock.now_s += 0.01
        drawn.advance(count=1)
    terminal.note("a line takes the bar away first")
    drawn.end()
    assert shown == [50, 60, 70, 80, 90, 100, -1]


def test_short_work_draws_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Meter(draw_bar=True)
    drawn.begin("adding")
    clock.now_s += 0.4
    drawn.advance(count=1)
    drawn.end()
    assert capsys.readouterr().err == ""


def test_progress_is_silent_in_a_pipe_and_when_quiet_and_plain_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.begin([])
    assert meter() is silent
    monkeypatch.setenv("CI", "true")
    assert isinstance(meter(), Meter)
    terminal.configure(quiet=True)
    assert meter() is silent


def test_on_a_real_terminal_the_bar_is_drawn_and_erased(tmp_path: Path) -> None:
    code = (
        "import time; from track.cli import terminal; from track.cli.meter import meter\n"
        "terminal.begin([]); m = meter(); m.begin('adding images', count=10)\n"
        "for _ in range(8): time.sleep(0.1); m.advance(count=1)\n"
        "m.end(); terminal.emit('done')"
    )
    ended, shown = on_terminal([sys.executable, "-c", code], cwd=tmp_path, env=dict(os.environ))
    assert ended == 0
    assert "adding images: " in shown
    assert " of 10" in shown
    assert shown.endswith("done\n")
    assert "\x1b[2K" in shown


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "\r\n", 'say "x"', "a,b", "", " x ", "'x'", "字\u202e", "a\n"])
def test_a_line_of_csv_is_read_back_as_it_was(text: str) -> None:
    [row] = csv.reader(io.StringIO(csv_line([text, 5, text]) + "\n", newline=""))
    assert row == [text, "5", text]
