"""`track get`: copy data out to any place."""

import click

from track.cli.choosing import choice_options
from track.cli.session import count_text, note, opened, progress, size_text
from track.flows.choice import choice_of
from track.model.names import display
from track.verbs.get import get

_HELP = """Copy an artifact, or a part of it, at any revision to a place that is not tracked.

\b
  track get v1:data/train.csv -o old.csv        a file as it was
  track get HEAD~3:images/cats -o /tmp/cats     a part of a directory artifact
  track get models/churn.pkl -o /srv/           into a folder, under its own name
  track get images --include '*.png' -o pngs    only these files of a directory

Nothing is overwritten without --force, and a folder with files in it never. It appears there whole or not at all.
Only what is in the store is copied: `track fetch` brings what is not.

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 4 bytes are not here; 6 something stands at the
target; 7 the bytes in the store are damaged.
"""


@click.command("get", help=_HELP, short_help="copy data out to any place")
@click.argument("words", metavar="[REV:]PATH", type=click.UNPROCESSED)
@click.option("-o", "--output", "target", metavar="TARGET", help="Where to; ending with / means into that folder.")
@click.option("--force", is_flag=True, help="Replace a file that stands there.")
@choice_options
def command(*, words: str, target: str | None, force: bool, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    """Translate, call the verb, show."""
    choice = choice_of(include, exclude)
    with opened() as project:
        done = get(project, words, target, choice=choice, force=force, progress=progress())
    size = size_text(done.size) + (f", {count_text(done.files, 'file')}" if done.kind == "directory" else "")
    note(f"copied {display(done.path)} at {display(done.where)} to {display(str(done.target))} ({size})")
