"""`track card`: what is written about named artifacts."""

import click

from track.cli import late
from track.cli.commands.put import read_card
from track.cli.partitions import partition_options, partitions_of
from track.cli.session import emit, emit_json, note, opened
from track.errors import UsageError
from track.model.names import display, text_of

_HELP = """Show what is written about a named artifact or a partition of it, set it, or take it away.

\b
  track card rides                                  show it
  track card rides --partition region=eu            of a partition; without one, that of the whole artifact
  track card v1:rides                               as it was there
  track card rides --set CARD.md                    set it, from a file of Markdown (`-`: what is piped in)
  track card rides --partition region=eu --set eu.md
  track card rides --remove
  track put rides rides.csv --card CARD.md          with a version

A card is a file of Markdown beside the pointers below .track/artifacts, staged to be reviewed and committed.

\b
Exit codes: 0 done; 1 the file cannot be read; 2 no such artifact or version, it has no card, or wrong usage; 3 not a
project; 7 a declaration that cannot be read.
"""


@click.command("card", help=_HELP, short_help="show and set what is written about a named artifact")
@click.argument("words", metavar="[REV:]NAME[@VERSION]", type=click.UNPROCESSED)
@partition_options
@click.option("--set", "file", metavar="FILE", help="Markdown that becomes the card.")
@click.option("--remove", is_flag=True, help="Take the card away.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    words: str,
    partitions: tuple[str, ...],
    time: str | None,
    file: str | None,
    remove: bool,
    no_stage: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    if file is not None and remove:
        raise UsageError("--set and --remove at once", hint="one or the other")
    text = None if file is None else read_card(file)
    with opened() as project:
        done = late.card.card(
            project,
            words,
            partitions=partitions_of(partitions),
            time=time,
            text=text,
            remove=remove,
            stage=not no_stage,
        )
    if as_json:
        emit_json("card", _document(done))
    elif text is None and not remove:
        emit("\n".join(map(display, done.card.text.rstrip("\n").split("\n"))))
    else:
        did = "unchanged" if not done.is_changed else "removed" if remove else "set"
        emit(f"{late.named.label(done.name, done.card.partitions)}  card {did}")
        if done.is_changed:
            note(f"{display(done.card.path)} " + ("not staged" if no_stage else "staged: git commit records it"))


def _document(done: "late.card.Carded") -> dict[str, object]:
    return {
        "name": done.name,
        "partitions": dict(done.card.partitions),
        "path": text_of(done.card.path),
        "text": done.card.text,
        "changed": done.is_changed,
        "staged": [text_of(path) for path in done.staged],
    }
