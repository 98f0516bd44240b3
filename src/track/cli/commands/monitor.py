"""`track monitor`: lines of numbers on standard input are metrics of a run."""

import sys
from typing import Any

import click

from track.cli import late, run_options
from track.cli.failure import INTERRUPTED
from track.cli.session import count_text, emit, note, opened, warn
from track.model.names import display

_HELP = """Log lines of numbers from standard input as metrics of a run, as they come; a new run ends with them.

\b
  track monitor --name cooling < temperatures.csv       the first line names the metrics
  ./solver | track monitor --delimiter " " --columns "step residual"
  ./solver | track monitor --run brave-otter            a run that lives; it goes on

Inside a run, as under track run, the lines are metrics of that one, which goes on; with a name, a tag or another fact
they are a run of their own in it.

A column `step` is the step, and no metric. A cell without a finite number is left out, and so is a line with more
cells than columns; both are told at the end.
A blank as the delimiter stands for any number of blanks.

\b
Exit codes: 0 done; 1 it cannot be written; 2 wrong usage, or no such run; 3 not a project; 130 Ctrl-C was the end.
"""


@click.command("monitor", help=_HELP, short_help="log lines of numbers as metrics")
@click.option("--run", metavar="RUN", help="A run that lives, instead of a new one.")
@click.option("-d", "--delimiter", default=",", show_default=True, metavar="TEXT", help="What stands between cells.")
@click.option("--columns", metavar="NAMES", help="The names, where the first line is none of names.")
@run_options.wishes
def command(*, run: str | None, delimiter: str, columns: str | None, **said: Any) -> None:
    """Translate, call the verbs, show."""
    between = delimiter.replace("\\t", "\t")
    names = None if columns is None else [name.strip() for name in columns.split(None if between == " " else between)]
    with opened() as project:
        done = late.monitor.monitor(
            project, sys.stdin.buffer, run_options.wished(**said), run=run, delimiter=between, columns=names
        )
        ended = "terminated" if done.was_interrupted else "completed"
        closed = late.runs_close.runs_close(project, done.record.id, status=ended) if done.is_new else None
    for text in done.left_out:
        warn(f"left out: {display(text)}")
    if done.left_out_count > len(done.left_out):
        warn(f"left out: something in {done.left_out_count - len(done.left_out)} more lines")
    status = done.record.status if closed is None else closed.record.status
    emit(f"{display(done.record.name)}  {done.record.short}  {status}")
    note(f"{count_text(done.values_count, 'value')} logged")
    if closed is not None and closed.why_not is not None:
        note(f"it is in the journal only: {closed.why_not}")
    if done.was_interrupted:
        click.get_current_context().exit(INTERRUPTED)
