"""`track runs keep`, `drop` and `reap`, and `create`, `start`, `close` and `abort`: what changes runs.

Apart from `track runs list`, which is to be there at once.
"""

from typing import Any

import click

from track.cli import late, run_options
from track.cli.session import count_text, emit, emit_bytes, note, opened, progress, refuse
from track.model.names import display

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


@click.command("keep", help=_KEEP_HELP, short_help="put runs into the working tree")
@click.argument("names", nargs=-1, metavar="RUN...")
@click.option("--all", "every", is_flag=True, help="All that wait in the journal.")
def keep(names: tuple[str, ...], every: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        kept = late.runs_keep.runs_keep(project, names, every=every, progress=progress())
    for record in kept.runs:
        emit(f"{display(record.name)}  {record.short}  kept")
    for path in kept.moved_on:
        note(f"{display(path)} holds something else by now, and has no new pointer")
    if kept.runs:
        note(f"{count_text(len(kept.staged), 'file')} staged: git commit keeps it")
    else:
        note("no run waits in the journal")


@click.command("drop", help=_DROP_HELP, short_help="forget runs that wait in the journal")
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("-n", "--dry-run", is_flag=True, help="Drop nothing, say what would be dropped.")
def drop(names: tuple[str, ...], dry_run: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        dropped = late.runs_drop.runs_drop(project, names, dry_run=dry_run)
    for record in dropped:
        emit(f"{display(record.name)}  {record.short}  {'would be dropped' if dry_run else 'dropped'}")


@click.command("reap", help=_REAP_HELP, short_help="write down which runs are lost")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say which runs are lost.")
def reap(dry_run: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        reaped = late.runs_reap.runs_reap(project, dry_run=dry_run)
    for record in reaped.runs:
        emit(f"{display(record.name)}  {record.short}  {'is lost' if dry_run else 'lost'}")
    if not reaped.runs:
        note("no run is lost")
    elif not dry_run:
        note("in the journal: track runs keep puts them into the working tree")
    refuse(reaped.refused)


@click.command("create", help=_CREATE_HELP, short_help="begin a run that anybody may log to")
@run_options.wishes
@click.option("--start", is_flag=True, help="It runs at once.")
def create(*, start: bool, **said: Any) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        record = late.runs_create.runs_create(
            project, run_options.wished(**said), is_started=start, holder=late.holder.caller()
        )
    emit_bytes(f"{record.id}\n".encode("ascii"))  # under -q too: it is what this is called for
    note(f"run {display(record.name)} {record.status}: track runs close {record.short}")


@click.command("start", help=_START_HELP, short_help="start a run that was created")
@click.argument("name", metavar="RUN", required=False)
def start(name: str | None) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        record = late.runs_start.runs_start(project, name, holder=late.holder.caller())
    emit(f"{display(record.name)}  {record.short}  {record.status}")


@click.command("close", help=_CLOSE_HELP, short_help="end a run that was created")
@click.argument("name", metavar="RUN", required=False)
@click.option("--failed", is_flag=True, help="It failed.")
def close(name: str | None, failed: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        _say_closed(late.runs_close.runs_close(project, name, status="failed" if failed else "completed"))


@click.command("abort", help=_ABORT_HELP, short_help="end a run as terminated")
@click.argument("name", metavar="RUN", required=False)
@click.option("--reason", metavar="TEXT", help="Why; logged as an event.")
def abort(name: str | None, reason: str | None) -> None:
    """Translate, call the verbs, show."""
    with opened() as project:
        if reason is not None:
            late.log_event.log_event(project, reason, name)
        _say_closed(late.runs_close.runs_close(project, name, status="terminated"))


def _say_closed(closed: "late.runs_close.ClosedRun") -> None:
    record = closed.record
    emit(f"{display(record.name)}  {record.short}  {record.status}")
    if closed.why_not is None:
        note("its record is staged: git commit keeps it")
    else:
        note(f"it is in the journal only: {closed.why_not}")
