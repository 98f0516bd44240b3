"""`track migrate`: bring a project to the latest format."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened
from track.model.names import display, text_of

_HELP = """Bring the store, the pointers and the committed configuration to the latest format.

\b
  track migrate        do it, and stage what changed in the working tree
  track migrate -n     say what would be changed

So far there is only format 1: everything is read, and there is nothing to do. A later version of track reads older
formats as they are; nothing has to be migrated before its time. What an older version cannot read, it refuses and
says so. Old commits keep the format that they have.

\b
Exit codes: 0 done, or nothing to do; 2 wrong usage; 3 not a project, or of a format that this version does not know;
5 the store is not one; 6 other commands are at work, or a pointer with a merge conflict in it; 7 a damaged pointer.
"""


@click.command("migrate", help=_HELP, short_help="bring a project to the latest format")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Change nothing, say what would be changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, no_stage: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.migrate.migrate(project, stage=not no_stage, dry_run=dry_run)
    if as_json:
        emit_json("migrate", _document(done))
        return
    would = "would go" if done.is_dry else "went"
    for file in done.files:
        emit(f"{display(file.path)}  {would} from format {file.source} to {file.target}")
    if not done.files:
        emit(f"format {done.format}: nothing to do")
        note(f"{count_text(done.pointers_count, 'pointer')} read, the store and the configuration")
    elif done.is_dry:
        note("nothing was written (--dry-run)")
    elif done.staged:
        note(f"{count_text(len(done.staged), 'file')} staged: git commit records them")


def _document(done: "late.migrate.Migrated") -> dict[str, object]:
    return {
        "format": done.format,
        "dry_run": done.is_dry,
        "stores": done.stores_count,
        "pointers": done.pointers_count,
        "files": [
            {"kind": file.kind, "path": text_of(file.path), "from": file.source, "to": file.target}
            for file in done.files
        ],
        "staged": [text_of(path) for path in done.staged],
    }
