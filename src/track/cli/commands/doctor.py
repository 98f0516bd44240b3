"""`track doctor`: look for what is wrong."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, hint, note, paint, table
from track.model.names import display

_MARKS = {"fine": "ok", "note": "note", "finding": "!!"}
_COLORS = {"fine": "green", "note": "yellow", "finding": "red"}
_HELP = """Look for what is wrong with this project, this clone or this machine.

Nothing is repaired, and no remote is asked.

\b
  track doctor           what was looked at, and what needs somebody
  track doctor --json    the same for scripts, or to paste into a report

\b
Exit codes: 0 nothing found; 1 something needs somebody; 3 not a project, or its configuration cannot be read.
"""


@click.command("doctor", help=_HELP, short_help="look for what is wrong")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with late.project.Project.open(set_up=False) as project:
        found = late.doctor.doctor(project)
    if as_json:
        emit_json("doctor", _document(found))
    else:
        _show(found)
    if found.findings:
        click.get_current_context().exit(1)


def _show(found: "late.doctor.Diagnosis") -> None:
    table(
        [(paint(_MARKS[check.state], _COLORS[check.state]), check.name, display(check.text)) for check in found.checks]
    )
    if not found.findings:
        note("nothing needs you")
        return
    emit("")
    emit(f"{count_text(len(found.findings), 'finding')}:")
    for check in found.findings:
        emit(f"  {check.name}: {display(check.text)}")
        if check.hint:
            hint(display(check.hint))


def _document(found: "late.doctor.Diagnosis") -> dict[str, object]:
    return {"findings": len(found.findings), "checks": [_check(check) for check in found.checks]}


def _check(check: "late.doctor.Check") -> dict[str, object]:
    return {"name": check.name, "state": check.state, "text": check.text, "hint": check.hint}
