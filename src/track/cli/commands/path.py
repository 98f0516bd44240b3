"""`track path`: how one thing came from another."""

import sys
from typing import Any

import click

from track.cli import late
from track.cli.tracing import finds_a_way, show

_HELP = """Show how TARGET came from SOURCE: the runs between them, and what these used and made.

\b
  track path data/raw model.pt
  track path data/raw model.pt --longer         also ways that are longer than the shortest
  track path train.py report.pdf --only runs    from code: the runs that it led over
  track path brave-otter model.pt --json

Both are named as for `track lineage`. The target stands first, and below it what it came from, back to the source.

\b
Exit codes: 0 done; 1 there is no way from the one to the other; 2 nothing is called so, or several runs are; 3 not a
project; 7 a record or pointer here that cannot be read, after the rest was shown.
"""


@click.command("path", help=_HELP, short_help="how one thing came from another")
@finds_a_way
def command(source: str, target: str, **asked: Any) -> None:
    """Translate, call the verb, show."""
    if not show(late.path.path, source, target, **asked):
        sys.exit(1)
