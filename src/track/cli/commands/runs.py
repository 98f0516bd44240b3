"""`track runs`: list, show, keep and drop runs, and begin and end those that no command of ours executes."""

from typing import Any

import click

from track.cli import run_options, runs_table, runs_text
from track.cli.runs_comparing import compare
from track.cli.session import count_text, emit, emit_json, note, opened, progress, refuse, table
from track.model.names import display
from track.runs.holder import caller
from track.verbs.log_event import log_event
from track.verbs.runs_close import ClosedRun, runs_close
from track.verbs.runs_create import runs_create
from track.verbs.runs_drop import runs_drop
from track.verbs.runs_keep import runs_keep
from track.verbs.runs_list import Listed, runs_list
from track.verbs.runs_reap import runs_reap
from track.verbs.runs_show import runs_show
from track.verbs.runs_start import runs_start

_HELP = """List, show, keep and drop runs.

\b
  track runs list                       newest first
  track runs show brave-otter           everything known of one
  track runs compare brave-otter HEAD   in what they differ
  track runs keep brave-otter           put one that waits in the journal into the working tree
  track runs drop brave-otter           forget one that waits
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

_KEEP_HELP = """Put runs that wait in the journal into the working tree, and stage them.

\b
  track runs keep brave-otter
  track runs keep --all

The record is written, and the pointers of what the run made, where that is still what the files hold.

\b
Exit codes: 0 done; 2 no such run; 3 not a project; 6 Git is in the middle of something.
"""

_DROP_HELP = """Forget runs that wait in the journal.

\b
  track runs drop brave-otter
  track runs drop -n 6a4c9b7e           only say what would be dropped

What they alone named goes with a later `track gc`.

\b
Exit codes: 0 done; 2 no such run, or one that is in the working tree or still runs; 3 not a project.
"""

_REAP_HELP = """Write down which runs are lost: silent for three minutes, and who began them is not known to live.

\b
  track runs reap
  track runs reap -n                    only say which

All that a lost run had written until then is kept with it.
One that cannot be read is named and left as it is; all others are done.

\b
Exit codes: 0 done; 1 one could not be kept; 3 not a project; 3, 7 one cannot be read.
"""

_CREATE_HELP = """Begin a run that no command of track executes, and print its id.

\b
  track runs create --name sweep-3 --tag sweep -p lr=0.1
  R=$(track runs create)
  track log metric --run $R loss=0.25   from any language, process or host that reaches this clone
  track runs close $R

It is `created` until something is logged, or `track runs start`. With TRACK_RUN_ID set, that run is its parent.

\b
Exit codes: 0 done; 1 it cannot be written; 2 wrong usage; 3 not a project.
"""

_START_HELP = """Start a run that was created: it is lost when it is silent and the shell that started it is gone.

\b
  track runs start $R

\b
Exit codes: 0 done; 2 no such run, or one that runs already or has ended; 3 not a project.
"""

_CLOSE_HELP = """End a run that was created: what was logged is sealed, and its record is staged for your next commit.

\b
  track runs close $R
  track runs close $R --failed          it did not do what it was for

Without a name the run of TRACK_RUN_ID is meant.

\b
Exit codes: 0 done; 1 it cannot be written; 2 no such run, or one that has ended; 3 not a project; 6 locked.
"""

_ABORT_HELP = """End a run that was created as terminated: somebody stopped it.

\b
  track runs abort $R
  track runs abort $R --reason "the license server was away"

\b
Exit codes: 0 done; 1 it cannot be written; 2 no such run, or one that has ended; 3 not a project; 6 locked.
"""


@click.group("runs", help=_HELP, short_help="list, show, keep and drop runs")
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
    with opened() as project:
        listed = runs_list(project, place="journal" if journal else "shared" if shared else None, sort=sort, **asked)
    if as_json:
        runs = [runs_text.document(found) for found in listed.runs]
        emit_json("runs list", {"runs": runs, "matching": listed.matching_count, "known": listed.known_count})
    elif as_csv:
        for line in runs_table.csv_lines(listed.runs):
            emit(line)
    else:
        _show_list(listed, sort)
    refuse(listed.refused)


def _show_list(listed: Listed, sort: str | None) -> None:
    rows = [runs_text.row(found) for found in listed.runs]
    if sort is not None:
        rows = [(*row, cell) for row, cell in zip(rows, runs_table.asked_of(listed.runs, sort), strict=True)]
    table(rows, right=(3,))
    if not listed.runs:
        note("no runs" if not listed.known_count else f"none of {count_text(listed.known_count, 'run')}")
    elif len(listed.runs) < listed.matching_count:
        note(f"{len(listed.runs):,} of {count_text(listed.matching_count, 'run')}")


command.add_command(compare)


@command.command("show", help=_SHOW_HELP, short_help="everything known of one run")
@click.argument("name", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = runs_show(project, name)
    if as_json:
        emit_json("runs show", runs_text.document(found))
        return
    for line in runs_text.lines(found):
        emit(line)


@command.command("keep", help=_KEEP_HELP, short_help="put runs into the working tree")
@click.argument("names", nargs=-1, metavar="RUN...")
@click.option("--all", "every", is_flag=True, help="All that wait in the journal.")
def keep(names: tuple[str, ...], every: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        kept = runs_keep(project, names, every=every, progress=progress())
    for record in kept.runs:
        emit(f"{display(record.name)}  {record.short}  kept")
    for path in kept.moved_on:
        note(f"{display(path)} holds something else by now, and has no new pointer")
    if kept.runs:
        note(f"{count_text(len(kept.staged), 'file')} staged: git commit keeps it")
    else:
        note("no run waits in the journal")


@command.command("drop", help=_DROP_HELP, short_help="forget runs that wait in the journal")
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("-n", "--dry-run", is_flag=True, help="Drop nothing, say what would be dropped.")
def drop(names: tuple[str, ...], dry_run: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        dropped = runs_drop(project, names, dry_run=dry_run)
    for record in dropped:
        emit(f"{display(record.name)}  {record.short}  {'would be dropped' if dry_run else 'dropped'}")


@command.command("reap", help=_REAP_HELP, short_help="write down which runs are lost")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say which runs are lost.")
def reap(dry_run: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        reaped = runs_reap(project, dry_run=dry_run)
    for record in reaped.runs:
        emit(f"{display(record.name)}  {record.short}  {'is lost' if dry_run else 'lost'}")
    if not reaped.runs:
        note("no run is lost")
    elif not dry_run:
        note("in the journal: track runs keep puts them into the working tree")
    refuse(reaped.refused)


@command.command("create", help=_CREATE_HELP, short_help="begin a run that anybody may log to")
@run_options.wishes
@click.option("--start", is_flag=True, help="It runs at once.")
def create(*, start: bool, **said: Any) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        record = runs_create(project, run_options.wished(**said), is_started=start, holder=caller())
    emit(record.id)
    note(f"run {display(record.name)} {record.status}: track runs close {record.short}")


@command.command("start", help=_START_HELP, short_help="start a run that was created")
@click.argument("name", metavar="RUN", required=False)
def start(name: str | None) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        record = runs_start(project, name, holder=caller())
    emit(f"{display(record.name)}  {record.short}  {record.status}")


@command.command("close", help=_CLOSE_HELP, short_help="end a run that was created")
@click.argument("name", metavar="RUN", required=False)
@click.option("--failed", is_flag=True, help="It failed.")
def close(name: str | None, failed: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        _say_closed(runs_close(project, name, status="failed" if failed else "completed"))


@command.command("abort", help=_ABORT_HELP, short_help="end a run as terminated")
@click.argument("name", metavar="RUN", required=False)
@click.option("--reason", metavar="TEXT", help="Why; logged as an event.")
def abort(name: str | None, reason: str | None) -> None:
    """Translate, call the verbs, show."""
    with opened() as project:
        if reason is not None:
            log_event(project, reason, name)
        _say_closed(runs_close(project, name, status="terminated"))


def _say_closed(closed: ClosedRun) -> None:
    record = closed.record
    emit(f"{display(record.name)}  {record.short}  {record.status}")
    if closed.why_not is None:
        note("its record is staged: git commit keeps it")
    else:
        note(f"it is in the journal only: {closed.why_not}")
