"""`track events`: what a run said."""

import click

from track.cli import late, series_text
from track.cli.session import emit, emit_json, note, opened, progress
from track.model.names import display

_HELP = """Show what a run said: the texts and exceptions that were logged, in their order, with the time in UTC.

\b
  track events brave-otter
  track events brave-otter --json
  track events brave-otter --csv
  track events brave-otter --fetch      from a remote where they are not here

A run is named as for `track runs`. Of a living run what it wrote until now is shown.

\b
Exit codes: 0 done; 2 no such run; 3 not a project; 4 the events are not here; 5 no remote that can be asked;
7 they are damaged.
"""


@click.command("events", help=_HELP, short_help="show what a run said")
@click.argument("run", metavar="RUN")
@click.option("--fetch", is_flag=True, help="Bring them from a remote where they are not here.")
@click.option("--csv", "as_csv", is_flag=True, help="Print them as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, run: str, fetch: bool, as_csv: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        shown = late.events.events(project, run, fetch=fetch, progress=progress())
    if as_json:
        rows = [{"timestamp": series_text.when(event.stamp), "text": event.text} for event in shown.events]
        emit_json("events", {"run": shown.run.record.id, "name": shown.run.record.name, "events": rows})
    elif as_csv:
        rows_of_csv = ((series_text.when(event.stamp), event.text) for event in shown.events)
        series_text.emit_rows([("timestamp", "text"), *rows_of_csv])
    else:
        for event in shown.events:
            first, *more = event.text.split("\n")
            emit(f"{series_text.when_shown(event.stamp)}  {display(first)}")
            for line in more:
                emit(f"  {display(line)}")
        if not shown.events:
            note(f"run {display(shown.run.record.name)} logged no events")
