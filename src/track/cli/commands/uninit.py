"""`track uninit`: take track out again and leave plain files."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, size_text, table
from track.model.names import display

_HELP = """Take track out of this working tree again and leave plain files.

\b
  track uninit -n             what would be removed
  track uninit                remove pointers, ignore lines, the store and the link to it
  track uninit --keep-store   the same, but the stored bytes stay in the Git directory
  track uninit --force        give up older versions that are nowhere else

Every working file stays. The store goes only when everything in it is in a working file too, each hashed for this,
or at a remote. Pointers in commits stay there: Git keeps history. Nothing is staged that was not staged before.

\b
Exit codes: 0 done; 3 not a project; 6 the store has bytes that are nowhere else, a sparse checkout leaves
out files of track, or another track works here; 7 a working file is a link to a damaged object.
"""


@click.command("uninit", help=_HELP, short_help="take track out again and leave plain files")
@click.option("--force", is_flag=True, help="Remove the store though it has bytes that are nowhere else.")
@click.option("--keep-store", is_flag=True, help="Leave the store where it is.")
@click.option("-n", "--dry-run", is_flag=True, help="Read everything, remove nothing, say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(force: bool, keep_store: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.uninit.uninit(project, force=force, keep_store=keep_store, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("uninit", _document(done, dry_run))
    else:
        _show(done, dry_run)


def _show(done: "late.uninit.Uninitialised", dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    emit(f"track {would or 'is '}taken out of {display(str(done.root))}; your files stay")
    rows = [("  " + display(path), would + "removed") for path in done.removed]
    rows += [("  " + display(path), "lines removed") for path in done.changed]
    rows += [("  " + display(path), would + "a file of its own") for path in done.plain]
    table(rows)
    if done.store is not None:  # a line of its own: its place may be long
        emit(f"  {display(str(done.store))}  {would}removed, with every object in it")
    if done.lost_count:
        emit(
            f"{count_text(done.lost_count, 'object')}, {size_text(done.lost_bytes)}, {'are' if dry_run else 'were'} "
            "in no working file and at no remote"
        )
    if dry_run:
        note("nothing was removed (--dry-run)")
    elif done.removed or done.changed:
        hint("git status      shows what is left to commit")


def _document(done: "late.uninit.Uninitialised", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "root": display(str(done.root)),
        "removed": [display(path) for path in done.removed],
        "changed": [display(path) for path in done.changed],
        "staged": [display(path) for path in done.staged],
        "plain": [display(path) for path in done.plain],
        "store": None if done.store is None else display(str(done.store)),
        "lost_count": done.lost_count,
        "lost_bytes": done.lost_bytes,
    }
