"""`track show`: everything known about one artifact version, one run or one commit."""

from importlib import import_module

import click

from track.cli.fetch_option import fetch_option
from track.cli.partitions import asked_partition_options

_HELP = """Show everything known about one artifact, or one file inside it, about a run, or what a commit did.

\b
  track show data/train.parquet     as its pointer in the working tree says
  track show v1:images              at a revision
  track show :images/cats/1.jpg     a file inside, as the index says
  track show rides@prod             a named artifact: an alias, a digest, a revision, or the latest
  track show rides --partition region=eu --time 2024-01-31
  track show brave-otter            a run, by its name or id
  track show HEAD~1                 what a commit did to artifacts and runs
  track show 8caab8c0               the version, or what a run saved, that `track find` prints with this id

Behind a colon, a path is from the top of the repository unless it begins with ./ or ../ . Words that mean several
things are refused with what they mean: ./rides is the path, rides@latest the name, an id the run or commit.

\b
Exit codes: 0 done; 2 nothing is called so, or several things are; 3 not a project; 4 the manifest is not here;
7 a pointer that cannot be read.
"""


@click.command("show", help=_HELP, short_help="everything known about one artifact, run or commit")
@click.argument("words", metavar="[REV:]PATH|NAME[@VERSION]|RUN|COMMIT|ID", type=click.UNPROCESSED)
@asked_partition_options
@click.option("--all", "every", is_flag=True, help="The latest version of a name that any branch or tag has.")
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *, words: str, partitions: tuple[str, ...], time: str | None, every: bool, fetches: bool, as_json: bool
) -> None:
    """Translate, call the verb, show: what that needs is more than what completes its words, and loaded here."""
    import_module("track.cli.shown").ask(words, partitions, time, every=every, fetches=fetches, as_json=as_json)
