"""`track runs compare`: runs side by side."""

import click

from track.cli import late
from track.cli.session import count_text, emit_json, note, opened, table
from track.model.names import display

_HELP = """Show in what runs differ: parameters, metrics, environment, inputs, outputs.

\b
  track runs compare brave-otter calm-heron
  track runs compare 6a4c9b7e 71d4 HEAD     several, by any of their names
  track runs compare brave-otter calm-heron --all

Metrics are their last values, inputs and outputs their digests.

\b
Exit codes: 0 done; 2 no such run, several of that name, or fewer than two; 3 not a project.
"""


@click.command("compare", help=_HELP, short_help="in what runs differ")
@click.argument("names", nargs=-1, metavar="RUN RUN...")
@click.option("--all", "every", is_flag=True, help="Also what is the same in all of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def compare(*, names: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        compared = late.runs_compare.runs_compare(project, names, every=every)
    if as_json:
        rows = [{"section": row.section, "name": row.name, "values": list(row.values)} for row in compared.rows]
        ids = [found.record.id for found in compared.runs]
        emit_json("runs compare", {"runs": ids, "rows": rows, "same": compared.same_count})
        return
    _show(compared)


def _show(compared: "late.runs_compare.Compared") -> None:
    rows = [("", *(display(found.record.name) for found in compared.runs))]
    section = None
    for row in compared.rows:
        if row.section != section:
            section = row.section
            rows.append((section, *("" for _ in compared.runs)))
        rows.append((f"  {display(row.name)}", *map(_cell, row.values)))
    table(rows)
    if not compared.rows:
        note("these runs do not differ")
    elif compared.same_count:
        note(f"{count_text(compared.same_count, 'fact')} the same in all: --all shows them")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return display(" ".join(map(str, value)))
    text = str(value)
    return text.removeprefix("blake3:")[:8] if text.startswith("blake3:") else display(text)
