"""`track export`: data as plain files in any folder."""

import click

from track.cli import late
from track.cli.session import count_text, emit_json, note, opened, progress, size_text
from track.model.names import display, text_of

_HELP = """Copy artifacts out as plain files, under the paths that they have here, for whoever has no track.

\b
  track export --to /srv/release                    everything, as its pointers say
  track export data/ --to /srv/release --rev v1.0   what lies there, as it was
  track export 'images/*.png' --to out              what of it a pattern matches

What is copied are files, links and empty folders with the modes they were added with, never links into the store, and
every byte is checked. A folder that is not there appears whole. In one that is there nothing is overwritten: what has
the same content stays, and anything else is refused before a file is written. Working files are not looked at, and
only what is in the store is copied: `track fetch` brings what is not. Named artifacts have no path; `track get` copies
them. To leave a repository without track, see `track uninit`.

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 4 bytes are not here; 6 something stands there; 7 the
bytes in the store are damaged; 1 it cannot be made there.
"""


@click.command("export", help=_HELP, short_help="copy artifacts out as plain files")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--to", required=True, metavar="FOLDER", help="Where to.")
@click.option("--rev", metavar="REV", help="The commit, branch or tag; else what the pointers here say.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say what would be there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], to: str, rev: str | None, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.export.export(project, paths, to=to, rev=rev, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("export", _document(done))
        return
    how = "would export" if dry_run else "exported"
    artifacts, files = count_text(len(done.artifacts), "artifact"), count_text(done.files_count, "file")
    note(f"{how} {artifacts} of {display(done.where)} to {display(str(done.target))} ({size_text(done.size)}, {files})")
    if done.present_count:
        note(f"{count_text(done.present_count, 'file')} of these {'were' if done.present_count > 1 else 'was'} there")
    if done.passed:
        note(f"{count_text(len(done.passed), 'named artifact')} left out: track get copies them")
    if dry_run:
        note("nothing was written (--dry-run)")


def _document(done: "late.export.Exported") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "where": done.where,
        "target": display(str(done.target)),
        "artifacts": [text_of(path) for path in done.artifacts],
        "files": done.files_count,
        "size": done.size,
        "present": done.present_count,
        "left_out": [text_of(path) for path in done.passed],
    }
