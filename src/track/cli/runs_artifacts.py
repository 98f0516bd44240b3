"""`track runs artifacts` and `track runs get`: what a run used, made and ran, as a list and as files."""

import os
from pathlib import Path

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened, progress, size_text, table
from track.model.names import display
from track.model.run_words import CATEGORIES

_LIST_HELP = """List the artifacts of a run: what it used (input), made (output) and ran (code).

\b
  track runs artifacts brave-otter
  track runs artifacts brave-otter --category output
  track runs artifacts brave-otter --json

\b
Exit codes: 0 done; 2 no such run; 3 not a project.
"""

_GET_HELP = """Put artifacts of a run into a folder as files: one by its name, or all.

\b
  track runs get brave-otter result.npy                     into the current folder
  track runs get brave-otter -o data                        all of them, into `data`
  track runs get brave-otter -o data --category output
  track runs get brave-otter -o data --startswith system/ --endswith .dat

Names with slashes make folders. What is there with the right content is left alone; a file that differs is refused
before anything is written, and replaced with --force. What is not here comes from a remote. In a run, what is brought
so is one of its inputs.

\b
Exit codes: 0 done; 2 no such run or artifact, or several of one name that differ; 3 not a project; 4 bytes are nowhere;
5 no remote can be asked; 6 another file is in the way; 7 bytes are damaged, or a name leaves the folder.
"""


@click.command("artifacts", help=_LIST_HELP, short_help="what a run used, made and ran")
@click.argument("run", metavar="RUN")
@click.option("--category", type=click.Choice(CATEGORIES), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def artifacts(*, run: str, category: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        listed = late.run_artifacts_list.run_artifacts_list(project, run, category)
    if as_json:
        facts = ("name", "category", "size", "kind", "type", "how")
        rows = [
            {
                **{fact: getattr(each, fact) for fact in facts},
                "digest": str(each.digest),
                "metadata": dict(each.metadata),
            }
            for each in listed
        ]
        emit_json("runs artifacts", {"artifacts": rows})
        return
    rows_shown = []
    for each in listed:
        name = display(each.name) + "/" * (each.kind == "directory")
        rows_shown.append((each.category, name, each.digest.short, size_text(each.size), each.type or ""))
    table(rows_shown, right=(3,))
    if not listed:
        note("no artifacts" if category is None else f"no artifact is {category}")


@click.command("get", help=_GET_HELP, short_help="artifacts of a run as files")
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-o", "--output", "folder", default=".", metavar="FOLDER", help="Into this folder; else the current one.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Only these.")
@click.option("--startswith", default="", metavar="TEXT", help="Only those whose names begin so.")
@click.option("--contains", default="", metavar="TEXT", help="Only those whose names have this.")
@click.option("--endswith", default="", metavar="TEXT", help="Only those whose names end so.")
@click.option("--force", is_flag=True, help="Replace files that differ.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def get(*, run: str, folder: str, force: bool, as_json: bool, **wanted: str | None) -> None:
    """Translate, call the verb, show."""
    chosen = late.run_artifacts_get.Wanted(**wanted)  # type: ignore[arg-type]  # its fields are these options
    reader = os.environ.get(late.run_start.RUN_ID)
    with opened() as project:
        got = late.run_artifacts_get.run_artifacts_get(
            project, run, folder, chosen, force=force, reader=reader, progress=progress()
        )
    if as_json:
        emit_json("runs get", {"folder": str(got.folder), "placed": _texts(got.placed), "skipped": _texts(got.skipped)})
    else:
        _show(got)


def _show(got: "late.run_artifacts_get.ArtifactsGot") -> None:
    for path in got.placed:
        emit(display(os.path.relpath(path)))
    said = [f"{count_text(len(got.placed), 'file')} placed"] if got.placed else []
    said += [f"skipped {len(got.skipped):,} that were there"] if got.skipped else []
    note(", ".join(said) or "no artifact is like that")


def _texts(paths: tuple[Path, ...]) -> list[str]:
    return [display(str(path)) for path in paths]
