"""`track metrics`: what runs measured."""

import shutil
from pathlib import Path

import click

from track.cli import late, series_text
from track.cli.session import count_text, emit, emit_json, note, opened, progress, table
from track.errors import UsageError
from track.model.chart import svg_chart, text_chart
from track.model.names import display
from track.publish import publish_bytes

_HELP = """Show what runs measured.

\b
  track metrics show brave-otter              the last, least, greatest and mean value of each metric
  track metrics show brave-otter loss --csv   every point of one, as CSV
  track metrics diff brave-otter calm-heron   how two runs differ
  track metrics plot brave-otter loss         a drawing in the terminal

A run is named as for `track runs`. Of a living run what it wrote until now is shown.

\b
Exit codes: 0 done; 2 no such run or metric; 3 not a project; 4 the series is not here; 7 it is damaged.
"""

_SHOW_HELP = """Show the metrics of a run: the last, least, greatest and mean value of each, and how many there are.

\b
  track metrics show brave-otter
  track metrics show brave-otter loss accuracy
  track metrics show brave-otter --csv        every point: metric, step, time, timestamp, value
  track metrics show brave-otter --json       the same for a program
  track metrics show brave-otter --csv --fetch    from a remote where the points are not here

\b
Exit codes: 0 done; 2 no such run or metric; 3 not a project; 4 the series is not here; 5 no remote that can be asked;
7 it is damaged.
"""

_DIFF_HELP = """Show how the metrics of two runs differ: the last values, and how much they grew.

\b
  track metrics diff brave-otter calm-heron
  track metrics diff brave-otter calm-heron loss
  track metrics diff brave-otter calm-heron --json

\b
Exit codes: 0 done; 2 no such run or metric; 3 not a project.
"""

_PLOT_HELP = """Draw metrics of runs: in the terminal, or as SVG or PNG into a file.

\b
  track metrics plot brave-otter loss
  track metrics plot brave-otter loss --with calm-heron --over time
  track metrics plot brave-otter -o metrics.svg
  track metrics plot brave-otter -o metrics.png         with matplotlib: pip install 'track-data[figures]'

All metrics that have points are drawn where none is named. A living run is drawn as far as it is.

\b
Exit codes: 0 done; 1 the file cannot be written; 2 no such run or metric, or nothing to draw; 3 not a project;
4 the series is not here; 5 no remote that can be asked; 7 it is damaged.
"""


_fetch = click.option("--fetch", is_flag=True, help="Bring the points from a remote where they are not here.")


@click.group("metrics", help=_HELP, short_help="show what runs measured")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("show", help=_SHOW_HELP, short_help="the metrics of a run")
@click.argument("run", metavar="RUN")
@click.argument("names", nargs=-1, metavar="METRIC...")
@_fetch
@click.option("--csv", "as_csv", is_flag=True, help="Print every point as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, every point included.")
def show(*, run: str, names: tuple[str, ...], fetch: bool, as_csv: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        shown = late.metrics_show.metrics_show(
            project, run, names, with_points=as_csv or as_json, fetch=fetch, progress=progress()
        )
    if as_json:
        emit_json("metrics show", series_text.document(shown))
    elif as_csv:
        series_text.emit_csv(shown.points)
    else:
        rows = [series_text.row(name, each) for name, each in shown.summaries.items()]
        table([series_text.TITLES, *rows] if rows else [], right=(1, 2, 3, 4, 5))
        if not rows:
            note(f"run {display(shown.run.record.name)} has no metrics")
        elif shown.run.place == "living":
            emit("(not ended)")


@command.command("diff", help=_DIFF_HELP, short_help="how the metrics of two runs differ")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@click.argument("names", nargs=-1, metavar="METRIC...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def diff(before: str, after: str, names: tuple[str, ...], as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.metrics_diff.metrics_diff(project, before, after, names)
    if as_json:
        emit_json("metrics diff", series_text.diff_document(found))
        return
    rows = [series_text.diff_row(change) for change in found.changes]
    titles = ("metric", display(found.before.record.name), display(found.after.record.name), "change")
    table([titles, *rows] if rows else [], right=(1, 2, 3))
    if not rows:
        note("neither run has metrics")


@command.command("plot", help=_PLOT_HELP, short_help="draw metrics of runs")
@click.argument("run", metavar="RUN")
@click.argument("names", nargs=-1, metavar="METRIC...")
@click.option("--with", "others", multiple=True, metavar="RUN", help="Another run beside it; may be repeated.")
@click.option("--over", type=click.Choice(["step", "time"]), default="step", show_default=True, help="What goes right.")
@_fetch
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Draw into this file, .svg or .png."
)
def plot(
    *, run: str, names: tuple[str, ...], others: tuple[str, ...], over: str, fetch: bool, output: str | None
) -> None:
    """Translate, call the verb, show."""
    if output is not None and not output.lower().endswith((".svg", ".png")):
        raise UsageError(f"neither an SVG nor a PNG file: {display(output)}", hint="-o loss.svg   or   -o loss.png")
    with opened() as project:
        shown = [
            late.metrics_show.metrics_show(project, each, names, fetch=fetch, progress=progress())
            for each in (run, *others)
        ]
    lines = series_text.chart_lines(shown, over)
    if not lines:
        raise UsageError("there are no points to draw", hint=f"track metrics show {run}")
    title = "step" if over == "step" else "seconds since the run began"
    if output is None:
        for line in text_chart(lines, title, width=shutil.get_terminal_size().columns - 2):
            emit(line)
        return
    is_png = output.lower().endswith(".png")
    drawn = late.known.picture(lines, title) if is_png else svg_chart(lines, title).encode("utf-8")
    with late.copying.making_in(Path(output).absolute().parent):
        publish_bytes(output, drawn, durable=False)
    note(f"{count_text(len(lines), 'line')} drawn into {display(output)}")
