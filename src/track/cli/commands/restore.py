"""`track restore`: list what can be undone, and undo it."""

import time

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened, progress, size_text, table
from track.model.names import display, typed

_HELP = """Undo the last add, checkout, pull, rm, mv or merge: pointers and data are again what they were before it.

\b
  track restore                   what can be undone, the newest first
  track restore last              undo the newest command that was not undone yet
  track restore 12                what command 12 touched becomes as it was before it
  track restore 12 data/a.csv     only this artifact, or this part of one
  track restore -n last           say what would change

Files that `--force` gave up come back from the trash. Restoring is itself a step that can be undone. Files whose
content is saved nowhere are never overwritten without --force, which moves them to the trash in turn. How far back
it goes: `track config trash.days` and `track config trash.steps`.

\b
Exit codes: 0 done; 2 no such step, or wrong usage; 3 not a project; 4 data that is not here any more;
6 would lose unsaved work, or locked; 7 damaged data.
"""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


@click.command("restore", help=_HELP, short_help="undo the last add, checkout, pull, rm or mv")
@click.argument("which", metavar="[STEP|last]", required=False)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("-f", "--force", is_flag=True, help="Move unsaved files that are in the way to the trash.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(which: str | None, paths: tuple[str, ...], force: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        if which is None:
            _show_list(late.restore_list.restore_list(project), as_json)
            return
        done = late.restore.restore(project, which, paths, force=force, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("restore", _document(done, dry_run))
        return
    would = "would be " if dry_run else ""
    for path in done.artifacts:
        emit(f"{display(path)}  {would}as before {_title(done.words)}")
    _say_more(done, dry_run)


def _say_more(done: "late.restore.Restored", dry_run: bool) -> None:
    if dry_run:
        note("nothing was changed (--dry-run)")
        return
    if not done.artifacts:
        note(f"everything is as it was before step {done.number}")
        return
    if done.staged:
        note(f"{count_text(len(done.pointers), 'pointer')} staged")
    if done.given_up:
        what = "1 unsaved file is" if len(done.given_up) == 1 else f"{len(done.given_up):,} unsaved files are"
        note(f"{what} in the trash now")
    note(f"to take this back: track restore {done.step}")


def _show_list(steps: "tuple[late.restore_list.Undoable, ...]", as_json: bool) -> None:
    if as_json:
        emit_json("restore", {"steps": [_row_document(step) for step in steps]})
        return
    if not steps:
        note("nothing was done yet that could be undone")
    now_s = time.time()
    table([_row(step, now_s) for step in steps], right=(0,))


def _row(step: "late.restore_list.Undoable", now_s: float) -> tuple[str, ...]:
    remarks = []
    if step.undone_by is not None:
        remarks.append(f"undone by {step.undone_by}")
    if not step.is_done:
        remarks.append("interrupted")
    if step.given_up_bytes:
        remarks.append(f"{size_text(step.given_up_bytes)} in the trash")
    names = ", ".join(display(path) for path in step.artifacts[:3])
    more = f" and {len(step.artifacts) - 3} more" if len(step.artifacts) > 3 else ""
    return str(step.number), _ago(now_s - step.time_s), _title(step.words), names + more, ", ".join(remarks)


def _title(words: tuple[str, ...]) -> str:
    shown = " ".join(typed(word) for word in words[:4])
    return shown if len(words) <= 4 else f"{shown} …"


def _ago(elapsed_s: float) -> str:
    for size_s, unit in _UNITS:
        if elapsed_s >= size_s:
            return f"{count_text(int(elapsed_s // size_s), unit)} ago"
    return "just now"


def _row_document(step: "late.restore_list.Undoable") -> dict[str, object]:
    return {
        "step": step.number,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(step.time_s)),
        "command": list(map(display, step.words)),
        "artifacts": [display(path) for path in step.artifacts],
        "given_up_bytes": step.given_up_bytes,
        "undoes": step.undoes,
        "undone_by": step.undone_by,
        "done": step.is_done,
    }


def _document(done: "late.restore.Restored", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "undone": done.number,
        "step": done.step,
        "artifacts": [display(path) for path in done.artifacts],
        "pointers": [display(path) for path in done.pointers],
        "staged": [display(path) for path in done.staged],
        "given_up": [display(path) for path in done.given_up],
    }
