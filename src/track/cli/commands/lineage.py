"""`track lineage`: what something came from."""

import click

from track.cli.tracing import FORMATS, show
from track.verbs.lineage import lineage

_HELP = """Show what something came from: the run that made it, its code, what that used, and so on back.

\b
  track lineage model.pt
  track lineage model.pt --depth 2      the run that made it, and what that used
  track lineage brave-otter             a run: its code and what it used
  track lineage brave-otter:plot.svg    what a run saved
  track lineage model.pt --rev v1.0
  track lineage model.pt --format mermaid

What a run used is what an earlier run made when the content is the same, whatever the names are. Where several made
it, the latest that had ended before counts, and the others are counted behind it.

\b
Exit codes: 0 done; 2 nothing is called so, or several runs are; 3 not a project; 7 a record or pointer that cannot be
read, after the rest was shown.
"""


@click.command("lineage", help=_HELP, short_help="what something came from, run by run")
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
    show(lineage, item, "json" if as_json else form, depth=depth, rev=rev, every=every)
