"""`track runs`: list, show, keep and drop runs, and begin and end those that no command of ours executes."""

from typing import Any

import click

from track.cli import late, runs_table, runs_text
from track.cli.later import Later
from track.cli.runs_comparing import compare
from track.cli.session import count_text, emit, emit_json, emit_told, hint, note, opened, refuse, table

_HELP = """List, show, keep and drop runs.

\b
  track runs list                       newest first
  track runs show brave-otter           everything known of one
  track runs compare brave-otter HEAD   in what they differ
  track runs artifacts brave-otter      what it used, made and ran; `track runs get` brings it as files
  track runs keep brave-otter           put one that waits in the journal into the working tree
  track runs drop brave-otter           forget one that waits
  track runs unshare brave-otter        take back one that was shared
  track runs reap                       write down which runs are lost
  track runs create --name x            begin one that anybody may log to; close or abort ends it

A run is named by its name, by its id, by four or more digits of the beginning or end of that, or by the commit that
adds its record.

\b
Exit codes: 0 done; 2 wrong usage, or no such run; 3 not a project; 6 Git is in the middle of something;
7 a record that cannot be read.
"""

_LIST_HELP = """List the runs that this clone knows, newest first.

\b
  track runs list
  track runs list --status failed --tag sweep --folder /experiments
  track runs list --journal             those that wait in this clone's journal
  track runs list --where 'metrics.auc > 0.9 and params.lr < 0.1 and tag = gold' --sort -metrics.auc
  track runs list --where 'created > 7d and not status = failed' --csv
  track runs list --shared              those that others shared: track fetch --runs
  track runs list --json

What can stand in --where is in the reference of queries. Runs that have no such field as --sort names come last.

\b
Exit codes: 0 done; 2 the query or the field is wrong; 3 not a project; 7 a record that cannot be read, after the
others were listed.
"""

_SHOW_HELP = """Show everything known of a run.

\b
  track runs show brave-otter
  track runs show 6a4c9b7e --json
  track runs show HEAD                  the run whose record the last commit adds

\b
Exit codes: 0 done; 2 no such run, or several; 3 not a project.
"""

_LATER = {
    **dict.fromkeys(("keep", "drop", "reap", "create", "start", "close", "abort"), "track.cli.runs_changing"),
    **dict.fromkeys(("artifacts", "get"), "track.cli.runs_artifacts"),
    "unshare": "track.cli.runs_sharing",
}


@click.group("runs", cls=Later, later=_LATER, help=_HELP, short_help="list, show, keep and drop runs")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("list", help=_LIST_HELP, short_help="the runs that this clone knows")
@click.option("--status", metavar="STATUS", help="Only runs that ended, or are, like this.")
@click.option("--folder", metavar="/FOLDER", help="Only runs in this folder or below it.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; may be repeated.")
@click.option("--journal", is_flag=True, help="Only runs that wait in the journal.")
@click.option("--shared", is_flag=True, help="Only runs that others shared, and no commit here has.")
@click.option("--where", metavar="QUERY", help="Only runs that are like this.")
@click.option("--sort", metavar="FIELD", help="By this field; -FIELD: greatest first.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line with commas for each run, below a head.")
def list_(*, journal: bool, shared: bool, as_json: bool, as_csv: bool, sort: str | None, **asked: Any) -> None:
    """Translate, call the verb, show."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if journal and shared:
        raise click.UsageError("--journal and --shared exclude each other")
    ask = late.runs_list.runs_list  # loaded while Git answers; to open the project waits for that
    with opened() as project:
        listed = ask(project, place="journal" if journal else "shared" if shared else None, sort=sort, **asked)
    if as_json:
        runs = [runs_text.document(found) for found in listed.runs]
        emit_json("runs list", {"runs": runs, "matching": listed.matching_count, "known": listed.known_count})
    elif as_csv:
        for line in runs_table.csv_lines(listed.runs):
            emit_told(line)
    else:
        _show_list(listed, sort)
    refuse(listed.refused)


def _show_list(listed: "late.runs_list.Listed", sort: str | None) -> None:
    rows = [runs_text.row(found) for found in listed.runs]
    if sort is not None:
        rows = [(*row, cell) for row, cell in zip(rows, runs_table.asked_of(listed.runs, sort), strict=True)]
    table(rows, right=(3,))
    if not listed.runs:
        note("no runs" if not listed.known_count else f"none of {count_text(listed.known_count, 'run')}")
        for doubt in listed.doubts:
            hint(doubt)
    elif len(listed.runs) < listed.matching_count:
        note(f"{len(listed.runs):,} of {count_text(listed.matching_count, 'run')}")


command.add_command(compare)


@command.command("show", help=_SHOW_HELP, short_help="everything known of one run")
@click.argument("name", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str, as_json: bool) -> None:
    """Translate, call the verb, show."""
    ask = late.runs_show.runs_show  # loaded while Git answers; to open the project waits for that
    with opened() as project:
        found = ask(project, name)
    if as_json:
        emit_json("runs show", runs_text.document(found))
        return
    for line in runs_text.lines(found):
        emit(line)
