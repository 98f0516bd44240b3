"""`track show`: everything known about one artifact version."""

import click

from track.cli.fetching import answer, fetch_option
from track.cli.session import count_text, emit, emit_json, opened, paint, size_text, table
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import display, text_of
from track.verbs.show import Shown, show

_HELP = """Show everything known about one artifact, or one file inside it, in words.

\b
  track show data/train.parquet     as its pointer in the working tree says
  track show v1:images              at a revision
  track show :images/cats/1.jpg     a file inside, as the index says

Behind a colon, a path is from the top of the repository unless it begins with ./ or ../ .

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 4 the manifest is not here.
"""
_MODES = {"f": "file", "x": "executable file", "l": "link", "d": "empty directory"}


@click.command("show", help=_HELP, short_help="everything known about one artifact")
@click.argument("words", metavar="[REV:]PATH", type=click.UNPROCESSED)
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, words: str, fetches: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = answer(project, words, lambda: show(project, words), fetches)
    if as_json:
        emit_json("show", _document(found))
        return
    emit(paint(display(found.name) if found.name else display(found.path), "bold"))
    table([["", name, text] for name, text in _rows(found)])


def _rows(found: Shown) -> list[tuple[str, str]]:
    pointer = found.pointer
    rows = [("at", display(found.where)), ("pointer", display(found.pointer_path))]
    if found.entry is not None:
        rows += _entry_rows(found.entry, found)
    else:
        kind = "executable file" if pointer.executable else pointer.kind
        rows += [("kind", kind), ("digest", str(pointer.digest))]
        if pointer.kind == "value":
            rows.append(("value", display(str(pointer.value))))
        else:
            rows.append(("size", f"{size_text(pointer.size)} ({pointer.size:,} bytes)"))
        optional = (("files", pointer.files), ("rows", pointer.rows))
        rows += [(name, f"{number:,}") for name, number in optional if number is not None]
        rows += [(name, display(text)) for name, text in (("type", pointer.type), ("made by run", pointer.run)) if text]
        rows += [("tags", " ".join(map(display, pointer.tags)))] if pointer.tags else []
        rows += [(f"label {display(key)}", display(str(value))) for key, value in sorted(pointer.labels.items())]
        rows += [(f"partition {display(key)}", display(value)) for key, value in pointer.partitions.items()]
        rows += [("based on", f"{display(path)} {digest.short}") for path, digest in sorted(pointer.based_on.items())]
        rows += [("column", f"{display(name)} {display(kind)}") for name, kind in pointer.schema.items()]
    rows.append(("bytes", _whereabouts(found)))
    return rows


def _entry_rows(entry: Entry, found: Shown) -> list[tuple[str, str]]:
    rows = [("artifact", f"{display(found.artifact)}/ ({count_text(found.pointer.files or 0, 'file')})")]
    rows.append(("kind", _MODES[entry.mode]))
    if entry.mode != "d":
        rows += [("digest", str(Digest(entry.digest))), ("size", f"{size_text(entry.size)} ({entry.size:,} bytes)")]
    return rows


def _whereabouts(found: Shown) -> str:
    here = "in the store" if found.is_here else "not in the store"
    if found.pointer.kind == "value":
        return "in the pointer itself"
    if found.is_pushed is None:
        return f"{here}, no remote is set up"
    return f"{here}, {'at a remote' if found.is_pushed else 'not known to be at a remote'}"


def _document(found: Shown) -> dict[str, object]:
    pointer, entry = found.pointer, found.entry
    inside = None
    if entry is not None:
        digest = None if entry.mode == "d" else str(Digest(entry.digest))
        inside = {"path": text_of(entry.path), "mode": entry.mode, "size": entry.size, "digest": digest}
    return {
        "where": found.where,
        "path": text_of(found.path),
        "artifact": text_of(found.artifact),
        "pointer": text_of(found.pointer_path),
        "name": found.name,
        "kind": pointer.kind,
        "digest": str(pointer.digest),
        "executable": pointer.executable,
        "size": pointer.size,
        "files": pointer.files,
        "rows": pointer.rows,
        "value": pointer.value,
        "type": pointer.type,
        "run": pointer.run,
        "tags": list(pointer.tags),
        "labels": {key: _plain(value) for key, value in pointer.labels.items()},
        "partitions": dict(pointer.partitions),
        "schema": dict(pointer.schema),
        "based_on": {text_of(path): str(digest) for path, digest in pointer.based_on.items()},
        "entry": inside,
        "is_here": found.is_here,
        "is_pushed": found.is_pushed,
    }


def _plain(value: object) -> object:
    """A label's value as JSON can say it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
