"""`track metrics`: what runs measured."""

import click

from track.cli import series_text
from track.cli.session import emit, emit_json, note, opened, table
from track.model.names import display
from track.verbs.metrics_show import metrics_show

_HELP = """Show what runs measured.

\b
  track metrics show brave-otter              the last, least, greatest and mean value of each metric
  track metrics show brave-otter loss --csv   every point of one, as CSV

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

\b
Exit codes: 0 done; 2 no such run or metric; 3 not a project; 4 the series is not here; 7 it is damaged.
"""


@click.group("metrics", help=_HELP, short_help="show what runs measured")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("show", help=_SHOW_HELP, short_help="the metrics of a run")
@click.argument("run", metavar="RUN")
@click.argument("names", nargs=-1, metavar="METRIC...")
@click.option("--csv", "as_csv", is_flag=True, help="Print every point as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, every point included.")
def show(run: str, names: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        shown = metrics_show(project, run, names, with_points=as_csv or as_json)
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
