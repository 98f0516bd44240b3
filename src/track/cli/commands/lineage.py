"""`track lineage`: what something came from."""

from typing import Any

import click

from track.cli import late
from track.cli.tracing import show, traces

_HELP = """Show what something came from: the run that made it, its code, what that used, and so on back.

\b
  track lineage model.pt
  track lineage model.pt --depth 2      the run that made it, and what that used
  track lineage brave-otter             a run: its code and what it used
  track lineage brave-otter:plot.svg    what a run saved
  track lineage 8caab8c0              a version by its id, as `track find` prints it
  track lineage model.pt --only artifacts
  track lineage model.pt --rev v1.0
  track lineage model.pt --format mermaid

What a run used is what an earlier run made when the content is the same, whatever the names are. Where several made
it, the latest that had ended before counts, and the others are named behind it.

\b
Exit codes: 0 done; 2 nothing is called so, or several runs are; 3 not a project; 7 a record or pointer here that cannot
be read, after the rest was shown.
"""


@click.command("lineage", help=_HELP, short_help="what something came from, run by run")
@traces
def command(item: str, **asked: Any) -> None:
    """Translate, call the verb, show."""
    show(late.lineage.lineage, item, **asked)
