"""`track deps`: what came from something."""

from typing import Any

import click

from track.cli import late
from track.cli.tracing import show, traces

_HELP = """Show what came from something: the runs that used it, what these made, and so on forward.

\b
  track deps data/raw
  track deps data/raw --depth 1         the runs that used it
  track deps train.py                   code: the runs that it was, and what they made
  track deps brave-otter                a run: what it made, and who used that
  track deps 8caab8c0                   a version by its id, as `track find` prints it
  track deps data/raw --only runs       the runs behind it, without what they made
  track deps data/raw --format dot | dot -Tsvg

A run used what an earlier one made when the content is the same, whatever the names are.

\b
Exit codes: 0 done; 2 nothing is called so, or several runs are; 3 not a project; 7 a record or pointer here that cannot
be read, after the rest was shown.
"""


@click.command("deps", help=_HELP, short_help="what came from something, run by run")
@traces
def command(item: str, **asked: Any) -> None:
    """Translate, call the verb, show."""
    show(late.deps.deps, item, **asked)
