"""`track mv`: rename and move artifacts."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened
from track.model.names import display

_HELP = """Rename and move artifacts, or files in them, without reading or storing anything again.

\b
  track mv data/train.csv data/training.csv     another name: pointer, ignore line and file
  track mv images photos                        a directory
  track mv a.csv b.csv tables/                  several, into a folder
  track mv model.bin models/                    where `models` is an artifact: the file becomes a part of it
  track mv images/2024 recent                   a part of `images` becomes an artifact of its own
  track mv images/a.png images/b.png            within one directory

Labels and tags go along; unsaved edits move as they stand. Nothing that is there is ever replaced. The change is
staged, and `track restore last` takes it back.

\b
Exit codes: 0 done; 2 wrong usage, no such artifact or a place that is not ours; 3 not a project;
4 a manifest that is not here; 6 something is at the target, or locked; 7 a path that may not be used.
"""


@click.command("mv", help=_HELP, short_help="rename and move artifacts, without storing anything again")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...", type=click.UNPROCESSED)
@click.argument("target", metavar="TARGET", type=click.UNPROCESSED)
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be moved, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(paths: tuple[str, ...], target: str, no_stage: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.mv.mv(project, paths, target, stage=not no_stage, dry_run=dry_run)
    if as_json:
        emit_json("mv", _document(done, dry_run))
        return
    would = "would be " if dry_run else ""
    for move in done.moves:
        emit(f"{display(move.source)} -> {display(move.target)}  {would}{move.how}")
    if dry_run:
        note("nothing was changed (--dry-run)")
    elif not done.moves:
        note("moved already")
    else:
        if done.staged:
            note(f"{count_text(len(done.pointers), 'pointer')} staged: git commit records it")
        note(f"to take it back: track restore {done.step}")


def _document(done: "late.mv.Moved", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "step": done.step,
        "pointers": [display(path) for path in done.pointers],
        "staged": [display(path) for path in done.staged],
        "moves": [
            {"source": display(move.source), "target": display(move.target), "how": move.how} for move in done.moves
        ],
    }
