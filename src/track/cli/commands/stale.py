"""`track stale`: what was made from something that is another by now."""

import sys

import click

from track.cli import late
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit, emit_json, note, opened, refuse
from track.cli.stale_text import document, reasons
from track.model.names import called, display

_HELP = """Show which artifacts were made from something that is another by now.

\b
  track stale
  track stale reports                   only what lies there
  track stale --exit-code               for scripts: 1 when anything is stale
  track stale --json

A run says what it used; where a path holds something else by now, what the run made is stale, and so is what was made
from that. What a run made that failed or was ended is stale, too. What no run made is never stale. Edits count once
they are added; changes of code do not count: `track lineage` shows them. `track rerun --stale` makes it all again.

\b
Exit codes: 0 done; 1 something is stale and --exit-code was given; 2 nothing is tracked there; 3 not a project;
7 a record or pointer that cannot be read, after the rest was shown.
"""


@click.command("stale", help=_HELP, short_help="what was made from something that changed since")
@click.argument("paths", nargs=-1, metavar="[PATH...]", type=click.UNPROCESSED)
@click.option("--exit-code", is_flag=True, help="Return 1 when anything is stale.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], exit_code: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.stale.stale(project, paths)
    if as_json:
        emit_json(
            "stale",
            {
                "artifacts": [document(one) for one in found.artifacts],
                "made": found.made_count,
                "absent": found.absent_count,
            },
        )
    else:
        _show(found)
    say_what_is_missing(False, found.absent_count)
    refuse(found.refused)
    if exit_code and found.artifacts:
        sys.exit(1)


def _show(found: "late.stale.Staleness") -> None:
    for one in found.artifacts:
        emit(f"{display(called(one.path))}  made by {display(one.run.name)} ({one.run.short})")
        for reason in reasons(one):
            emit(f"  {reason}")
    if found.artifacts:
        note(f"{len(found.artifacts):,} of {found.made_count:,} that runs made {_are(len(found.artifacts))} stale")
    else:
        note(f"nothing is stale: {count_text(found.made_count, 'artifact')} that runs made")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
