"""`track ls`: the artifacts of one place, or what is inside one."""

import click

from track.cli import late
from track.cli.fetch_option import fetch_option
from track.cli.fetching import answer
from track.cli.session import count_text, emit, emit_bytes, emit_json, opened, refuse, size_text, table
from track.model.names import display, text_of

_HELP = """List artifacts, or the files inside a directory artifact.

\b
  track ls                      the artifacts below this folder
  track ls images               what is inside the artifact images
  track ls -R images/cats       every file below a folder in it
  track ls -l v1:               the artifacts at a revision, with sizes
  track ls :data                the artifacts in the index
  track ls --fetch images       bring the manifest that says so, when it is not here

Behind a colon, a path is from the top of the repository unless it begins with ./ or ../ .

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 4 the manifest is not here;
3, 6, 7 a pointer cannot be read (all others are shown all the same).
"""


@click.command("ls", help=_HELP, short_help="list artifacts, or the files inside one")
@click.argument("words", default="", metavar="[REV:][PATH]", type=click.UNPROCESSED)
@click.option("-l", "--long", "is_long", is_flag=True, help="Show kind, size, files, digest and labels.")
@click.option("-R", "--recursive", is_flag=True, help="Show every file inside, not folders.")
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-z", "nul", is_flag=True, help="End paths with NUL and leave them as they are.")
def command(*, words: str, is_long: bool, recursive: bool, fetches: bool, as_json: bool, nul: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = answer(project, words, lambda: late.ls.ls(project, words, recursive=recursive), fetches)
    if as_json:
        emit_json("ls", _document(found))
    elif nul:
        emit_bytes(b"".join(item.path + b"\0" for item in found.items))
    elif is_long:
        table([_row(item) for item in found.items], right=(1, 2))
    elif found.items:
        emit("\n".join(map(_title, found.items)))
    refuse(found.refused)


def _title(item: "late.ls.Listed") -> str:
    if item.name is not None:
        return item.name if item.name.isprintable() else display(item.name)
    return display(item.path) + ("/" if item.kind == "directory" else "")


def _row(item: "late.ls.Listed") -> list[str]:
    kind = "executable" if item.is_executable else item.kind
    files = count_text(item.files, "file") if item.files is not None else ""
    marks = [display(tag) for tag in item.tags]
    marks += [f"{display(key)}={display(str(value))}" for key, value in item.labels]
    digest = item.digest.short if item.digest is not None else ""
    return [kind, size_text(item.size) if item.kind != "value" else "", files, digest, _title(item), " ".join(marks)]


def _document(found: "late.ls.Listing") -> dict[str, object]:
    return {
        "where": found.where,
        "artifact": None if found.artifact is None else text_of(found.artifact),
        "items": [
            {
                "path": text_of(item.path),
                "name": item.name,
                "kind": item.kind,
                "executable": item.is_executable,
                "size": item.size,
                "files": item.files,
                "digest": None if item.digest is None else str(item.digest),
                "tags": list(item.tags),
                "labels": {key: value if _is_plain(value) else str(value) for key, value in item.labels},
            }
            for item in found.items
        ],
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
