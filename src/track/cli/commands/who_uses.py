"""`track who-uses`: who was made from an artifact, by any of its versions."""

import click

from track.cli import late
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit_json, note, opened, table
from track.model.names import display

_HELP = """List the runs that used an artifact, whichever version of it, and the artifacts that say they come from it.

\b
  track who-uses data/train.csv
  track who-uses model --all            a named artifact, at every branch and tag
  track who-uses data/train.csv --json

The newest come first. The version that was used is named; `latest` is the newest in the history. What came of those in
turn is shown by `track deps`.

\b
Exit codes: 0 done, also when nobody does; 2 there is no such artifact; 3 not a project.
"""


@click.command("who-uses", help=_HELP, short_help="who was made from an artifact, by any of its versions")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.option("--all", "every", is_flag=True, help="At every branch and tag.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, path: str, every: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    ask = late.who_uses.who_uses  # loaded while Git answers what it is asked ahead; to open the project waits for that
    with opened() as project:
        found = ask(project, path, every=every)
    if as_json:
        facts = {"versions": found.versions_count, "is_cut": found.is_cut, "absent": found.absent_count}
        emit_json("who-uses", {"name": found.name, "uses": [_document(use) for use in found.uses], **facts})
    else:
        table([_row(use) for use in found.uses])
    _say_rest(found)


def _say_rest(found: "late.who_uses.Users") -> None:
    versions = count_text(found.versions_count, "version")
    if found.uses:
        note(f"{count_text(len(found.uses), 'user')} of {versions}")
    else:
        note(f"nobody is known to use {display(found.name)}: {versions} looked at")
    say_what_is_missing(found.is_cut, found.absent_count)


def _row(use: "late.who_uses.Use") -> tuple[str, ...]:
    id = use.id[-8:] if use.kind == "run" else use.id[:8]
    which = f"{use.digest.short}{' latest' if use.is_latest else ''}"
    return id, f"{use.when:%Y-%m-%d %H:%M}", use.kind, display(use.name), display(use.user), which


def _document(use: "late.who_uses.Use") -> dict[str, object]:
    return {**use._asdict(), "when": use.when.isoformat(), "digest": str(use.digest)}
