"""`track get`: copy data out to any place."""

import os

import click

from track.cli import late
from track.cli.choosing import choice_options
from track.cli.partitions import asked_partition_options, partitions_of
from track.cli.session import count_text, emit_bytes, note, opened, progress, size_text
from track.model.names import display

_HELP = """Copy an artifact, or a part of it, or a version of a named artifact to a place that is not tracked.

\b
  track get v1:data/train.csv -o old.csv        a file as it was
  track get rides@prod -o - | wc -l             one file to standard output; -o ./- makes a file called -
  track get HEAD~3:images/cats -o /tmp/cats     a part of a directory artifact
  track get models/churn.pkl -o /srv/           into a folder, under its own name
  track get images --include '*.png' -o pngs    only these files of a directory
  track get rides --partition region=eu         the latest version of a named artifact that has this partition
  track get rides --time 2024-01-31 -o jan.csv  of that day (hour, week, month: as declared), in UTC
  track get rides --time 2024-01-01..           the latest version of a day from then on
  track get rides@prod                          the one that an alias names
  track get rides@9f2c41                        the one whose digest begins so
  track get rides@v1                            the latest at a revision; v1:rides is the same
  track get rides --all --partition region=eu   the latest that any branch has

A word that is a path and a name is refused: ./rides is the path, rides@latest the name. In a run, a version that is
brought by its name is one of its inputs. A value is written as JSON.
Nothing is overwritten without --force, and a folder with files in it never. It appears there whole or not at all.
Only what is in the store is copied: `track fetch` brings what is not.

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 4 bytes are not here; 6 something stands at the
target; 7 the bytes in the store are damaged.
"""


@click.command("get", help=_HELP, short_help="copy data out to any place")
@click.argument("words", metavar="[REV:]PATH|NAME[@VERSION]", type=click.UNPROCESSED)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="TARGET",
    help="Where to; ending with / means into that folder, - is standard output.",
)
@asked_partition_options
@click.option("--all", "every", is_flag=True, help="Of a name, also versions that only other branches or tags have.")
@click.option("--force", is_flag=True, help="Replace a file that stands there.")
@choice_options
def command(
    *,
    words: str,
    target: str | None,
    partitions: tuple[str, ...],
    time: str | None,
    every: bool,
    force: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:
    """Translate, call the verb, show."""
    choice = late.choice.choice_of(include, exclude)
    version = late.get.Version(partitions_of(partitions), time, every)
    run = os.environ.get(late.run_start.RUN_ID)
    with opened() as project:
        out = emit_bytes if target == "-" else None
        done = late.get.get(
            project, words, target, version=version, choice=choice, force=force, run=run, out=out, progress=progress()
        )
    size = size_text(done.size) + (f", {count_text(done.files, 'file')}" if done.kind == "directory" else "")
    target = display(str(done.target)) if done.target is not None else "standard output"
    note(f"copied {display(done.name or done.path)} at {display(done.where)} to {target} ({size})")
