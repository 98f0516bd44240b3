"""`track runs unshare`: what was shared is taken back."""

import click

from track.cli import late
from track.cli.session import emit, note, opened
from track.model.names import display

_HELP = """Take back runs that this clone shared with `track push --runs`.

\b
  track runs unshare brave-otter
  track runs unshare brave-otter --remote backup
  track runs unshare -n brave-otter     only say what would be taken back
  track runs unshare --undo brave-otter   the next track push --runs shares it again

Others see the run no more after their next `track fetch --runs`; who has kept its record, or committed it, has it. A
mark at the remote keeps it so: no push shares the run there again, from a copy of this clone either. The bytes that it
named stay there until a collection finds that nothing names them, or until `track purge`.

\b
Exit codes: 0 done; 2 no such run, or one that this clone did not share there; 3 not a project; 5 the remote cannot be
asked or refuses; 6 another push takes too long; 7 what was shared before cannot be read.
"""


@click.command("unshare", help=_HELP, short_help="take back runs that were shared")
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("--remote", metavar="NAME", help="The remote to take them back from; else where a push goes.")
@click.option("--undo", is_flag=True, help="Let them be shared again.")
@click.option("-n", "--dry-run", is_flag=True, help="Change nothing, say what would be taken back.")
def unshare(names: tuple[str, ...], remote: str | None, undo: bool, dry_run: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.runs_unshare.runs_unshare(project, names, remote=remote, undo=undo, dry_run=dry_run)
    what = "shared again with the next track push --runs" if undo else "taken back"
    for record in done.runs:
        emit(f"{display(record.name)}  {record.short}  {'would be ' if dry_run else ''}{what}")
    if not undo and not dry_run:
        note(f"from {', '.join(map(display, done.remotes))}; others see it until their next track fetch --runs")
