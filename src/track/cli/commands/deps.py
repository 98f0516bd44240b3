"""`track deps`: what came from something."""

import click

from track.cli.tracing import FORMATS, show
from track.verbs.deps import deps

_HELP = """Show what came from something: the runs that used it, what these made, and so on forward.

\b
  track deps data/raw
  track deps data/raw --depth 1         the runs that used it
  track deps train.py                   code: the runs that it was, and what they made
  track deps brave-otter                a run: what it made, and who used that
  track deps data/raw --format dot | dot -Tsvg

A run used what an earlier one made when the content is the same, whatever the names are.

\b
Exit codes: 0 done; 2 nothing is called so, or several runs are; 3 not a project; 7 a record or pointer that cannot be
read, after the rest was shown.
"""


@click.command("deps", help=_HELP, short_help="what came from something, run by run")
@click.argument("item", metavar="ITEM", type=click.UNPROCESSED)
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Follow at most so many edges.")
@click.option("--rev", metavar="REV", help="The artifact as it is at this revision.")
@click.option("--all", "every", is_flag=True, help="Also runs that only other branches and tags have.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="tree", help="How to print it.", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, item: str, depth: int | None, rev: str | None, every: bool, form: str, as_json: bool) -> None:
    """Translate, call the verb, show."""
    show(deps, item, "json" if as_json else form, depth=depth, rev=rev, every=every)
