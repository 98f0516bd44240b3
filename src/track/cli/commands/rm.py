"""`track rm`: remove artifacts, or what is in them."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened, progress
from track.model.names import display

_HELP = """Remove artifacts from the next version: pointer, line in .gitignore and working copy, staged.

\b
  track rm data/train.csv            one artifact
  track rm images/2019 'images/*.tmp'    these entries of the directory `images`
  track rm 'raw/*.parquet'           every artifact that matches
  track rm --cached notes.pdf        let track forget it; the file stays, and is Git's to see
  track rm -n images                 say what would go

Older versions stay in Git's history and in the store, and `track restore last` brings everything back. A file whose
content is saved nowhere is never removed without --force, which moves it to the trash.

\b
Exit codes: 0 done; 2 wrong usage, or no such artifact; 3 not a project; 4 a manifest that is not here;
6 would lose unsaved work, or locked; 7 damaged data, or a path that may not be used.
"""


@click.command("rm", help=_HELP, short_help="remove artifacts, or what is in them, and their data")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.UNPROCESSED)
@click.option("--cached", is_flag=True, help="Leave the working files where they are, as plain files.")
@click.option("-f", "--force", is_flag=True, help="Move unsaved files to the trash.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], cached: bool, force: bool, no_stage: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.rm.rm(
            project, paths, cached=cached, force=force, stage=not no_stage, dry_run=dry_run, progress=progress()
        )
    if as_json:
        emit_json("rm", _document(done, dry_run))
        return
    for artifact in done.artifacts:
        emit(_line(artifact, dry_run))
    _say_more(done, dry_run)


def _line(artifact: "late.rm.RemovedArtifact", dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    name = display(artifact.path) + ("/" if artifact.kind == "directory" else "")
    what = f"{would}removed" if not artifact.parts else f"{count_text(len(artifact.parts), 'path')} {would}removed"
    files = "files stay" if artifact.is_cached else count_text(artifact.removed_count, "file")
    return f"{name}  {what}  {files}"


def _say_more(done: "late.rm.Removed", dry_run: bool) -> None:
    if dry_run:
        note("nothing was changed (--dry-run)")
        return
    if not done.artifacts:
        note("removed already")
        return
    if done.given_up:
        what = "1 unsaved file is" if len(done.given_up) == 1 else f"{len(done.given_up):,} unsaved files are"
        note(f"{what} in the trash")
    if done.staged:
        note("staged: git commit records it")
    note(f"to bring everything back: track restore {done.step}")


def _document(done: "late.rm.Removed", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "step": done.step,
        "staged": [display(path) for path in done.staged],
        "given_up": [display(path) for path in done.given_up],
        "artifacts": [
            {
                "path": display(artifact.path),
                "pointer": display(artifact.pointer),
                "kind": artifact.kind,
                "parts": [display(part) for part in artifact.parts],
                "removed": artifact.removed_count,
                "cached": artifact.is_cached,
            }
            for artifact in done.artifacts
        ],
    }
