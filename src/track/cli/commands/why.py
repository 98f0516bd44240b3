"""`track why`: who made this, from what, with which code."""

import click

from track.cli import late, runs_text
from track.cli.session import emit, emit_json, hint, note, opened, refuse
from track.model.names import called, display, name_of

_HELP = """Tell who made an artifact, from what, and with which code.

\b
  track why model.pt
  track why model.pt --rev v1.0
  track why images/cat.png              the artifact that it lies in
  track why model.pt --json

"code at" is what was checked out when the run began, "recorded in" the commit that added its record, and "matches"
are commits with exactly the code that it saw, whatever happened to the history since.

\b
Exit codes: 0 done; 2 no artifact, or no such revision; 3 not a project; 7 a record or pointer that cannot be read.
"""


@click.command("why", help=_HELP, short_help="who made this, from what, with which code")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.option("--rev", metavar="REV", help="The version at this revision, not the one in the working tree.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(path: str, rev: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    ask = late.why.why  # loaded while Git answers what it is asked ahead; to open the project waits for that
    with opened() as project:
        reason = ask(project, path, rev)
    if as_json:
        emit_json("why", _document(reason))
    else:
        _show(reason)
    refuse(reason.refused)


def _show(reason: "late.why.Reason") -> None:
    emit(f"{display(called(reason.path))}  {reason.digest.short}")
    if reason.run is None:
        note("no run is known that made it")
        hint(late.why.hint_of(reason))
        return
    for line in runs_text.lines(reason.run):
        emit(f"  {line}")
    if reason.recorded is not None:
        emit(f"    recorded in {reason.recorded[:12]}")
    if reason.matching:
        emit(f"    matches {' '.join(commit[:12] for commit in reason.matching[:5])}")
    if reason.others:
        emit(f"  also made by {', '.join(_name(found) for found in reason.others[:5])}")


def _name(found: "late.run_find.Found") -> str:
    return f"{display(found.record.name)} ({found.record.short})"


def _document(reason: "late.why.Reason") -> dict[str, object]:
    return {
        "path": display(reason.path),
        "name": name_of(reason.path),
        "digest": str(reason.digest),
        "run": None if reason.run is None else runs_text.document(reason.run),
        "also": [found.record.id for found in reason.others],
        "recorded": reason.recorded,
        "matching": list(reason.matching),
    }
