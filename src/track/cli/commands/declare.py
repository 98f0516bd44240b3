"""`track declare`: the keys, time and type of a named artifact."""

import click

from track.cli import late
from track.cli.schema_text import schema_document, schema_text
from track.cli.session import emit, emit_json, note, opened
from track.model.moments import GRANULARITIES
from track.model.names import display, text_of

_HELP = """Declare which partition keys a named artifact has, whether it has a time, and its type.

\b
  track declare rides --key region
  track declare rides --time                            a version for each day, in UTC
  track declare rides --key region --time --granularity hour --type text/csv
  track declare rides --strict                          every version gives every key

The declaration is a small file below .track/artifacts, staged to be reviewed and committed. Once there is one, a key
that is not in it is refused. Declaring again adds keys behind those there are and changes the rest; versions that
would not fit are refused. An artifact has at most ten keys.

\b
Exit codes: 0 done; 2 wrong usage, or what cannot be declared; 3 not a project; 6 versions that are there would not
fit; 7 a declaration that cannot be read.
"""


@click.command("declare", help=_HELP, short_help="say which partitions a named artifact has")
@click.argument("name", metavar="NAME", type=click.UNPROCESSED)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A partition key; may be repeated, in their order.")
@click.option("--time", "has_time", is_flag=True, help="Versions have a time.")
@click.option(
    "--granularity", metavar="UNIT", help=f"To what times are floored: {', '.join(GRANULARITIES)} (default day)."
)
@click.option("--type", "media_type", metavar="TYPE", help="The media type of versions that say none.")
@click.option("--strict/--no-strict", "is_strict", default=None, help="Whether every version must give every key.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say what would be declared.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    name: str,
    keys: tuple[str, ...],
    has_time: bool,
    granularity: str | None,
    media_type: str | None,
    is_strict: bool | None,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    wanted = late.declare.Wanted(keys, has_time or granularity is not None, granularity, media_type, is_strict)
    with opened() as project:
        done = late.declare.declare(project, name, wanted, stage=not no_stage, dry_run=dry_run)
    if as_json:
        emit_json("declare", _document(done, dry_run))
        return
    would = "would be " if dry_run else ""
    state = "unchanged" if not done.is_changed else f"{would}new" if done.is_new else f"{would}changed"
    emit(f"{display(done.name)}  {schema_text(done.declaration)}  {state}")
    if dry_run:
        note("nothing was written (--dry-run)")
    elif done.is_changed and no_stage:
        note(f"{display(done.path)} written, not staged: git add it with your code")
    elif done.is_changed:
        note(f"{display(done.path)} staged: git commit records it")


def _document(done: "late.declare.Declared", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "name": done.name,
        **schema_document(done.declaration),
        "path": text_of(done.path),
        "new": done.is_new,
        "changed": done.is_changed,
        "staged": [text_of(path) for path in done.staged],
    }
