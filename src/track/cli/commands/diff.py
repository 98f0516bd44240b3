"""`track diff`: what differs between two places, down to the files inside artifacts."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial

import click

from track.cli import late
from track.cli.changes import WORDS, has_inside, inside_of, lines, row_of, sizes_of, title_of
from track.cli.fetch_option import fetch_option
from track.cli.fetching import bring_manifests
from track.cli.separated import Separated, has_separator, paths_behind
from track.cli.session import (
    count_text,
    emit,
    emit_bytes,
    emit_json,
    hint,
    opened,
    paint,
    progress,
    refuse,
    size_text,
    table,
    warn,
)
from track.model.change import Change
from track.model.names import display, text_of
from track.model.pointer import Pointer

_HELP = """Show what differs: artifacts, the files inside them, and their sizes.

\b
  track diff                        the working tree against the index
  track diff HEAD~1                 the working tree against a revision
  track diff v1 v2                  two revisions; also v1..v2
  track diff main...                since HEAD left main
  track diff v1 v2 -- images/cats   only these artifacts, folders or files
  track diff --md main...           for a pull request
  track diff --exit-code --stat     for scripts

Equal content at a new path is a rename, in the same artifact or another. Between revisions no file is read.

\b
Letters: A added, M modified, D deleted, R renamed, T executable or not, = only labels or tags differ.

\b
Exit codes: 0 done; 1 something differs and --exit-code was given; 2 no such revision or path; 3 not a project;
4 what is needed to look inside is not here; 3, 6, 7 a pointer cannot be read (all others are compared).
"""


@click.command("diff", cls=Separated, help=_HELP, short_help="what changed between two revisions")
@click.argument("words", nargs=-1, metavar="[A [B]] [--] [PATH]...", type=click.UNPROCESSED)
@click.option("--staged", "--cached", is_flag=True, help="Compare the index with HEAD, or with A.")
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, for a pull request.")
@click.option("--stat", is_flag=True, help="Print one line an artifact.")
@click.option("--name-status", is_flag=True, help="Print a letter and a path a line, in a form that stays.")
@click.option("-z", "nul", is_flag=True, help="End fields with NUL and leave paths as they are; implies --name-status.")
@click.option("--no-renames", is_flag=True, help="Show a rename as deleted and added.")
@click.option("--limit", default=20, show_default=True, metavar="N", help="Files shown an artifact; 0 shows all.")
@click.option("--exit-code", is_flag=True, help="Return 1 when something differs.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    words: tuple[str, ...],
    staged: bool,
    fetches: bool,
    as_json: bool,
    as_markdown: bool,
    stat: bool,
    name_status: bool,
    nul: bool,
    no_renames: bool,
    limit: int,
    exit_code: bool,
) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        revs, paths = (words, paths_behind(ctx)) if has_separator(ctx) else late.view.arguments(project, words, 2)
        asking = partial(
            late.diff.diff, project, revs, paths, staged=staged, renames=not no_renames, progress=progress()
        )
        found = asking()
        if fetches and bring_manifests(project, _lacking(found)):
            found = asking()
    if as_json:
        emit_json("diff", _document(found))
    elif name_status or nul:
        emit_bytes(b"".join(_lines(found, nul)))
    elif as_markdown:
        emit(_markdown(found, limit))
    else:
        _show(found, limit, stat=stat)
    lacking = [artifact for artifact in found.artifacts if artifact.trouble]
    for artifact in lacking:
        warn(f"what differs inside {title_of(artifact)} is not known: {artifact.trouble}")
        if "was purged on" not in (artifact.trouble or ""):
            hint("the same with --fetch brings the manifests that say so")
    refuse(found.refused)
    if lacking:
        sys.exit(4)
    if exit_code and found.artifacts:
        sys.exit(1)


def _lacking(found: "late.diff.Diff") -> list[tuple[bytes, Pointer]]:
    """Both sides of the artifacts of which nobody knows here what differs inside."""
    troubled = [artifact for artifact in found.artifacts if artifact.trouble]
    sides = [(artifact.path, pointer) for artifact in troubled for pointer in (artifact.old, artifact.new)]
    return [(path, pointer) for path, pointer in sides if pointer is not None]


def _lines(found: "late.diff.Diff", nul: bool) -> Iterator[bytes]:
    """A line for each file; for an artifact without files that could be named, one for itself."""
    for artifact in found.artifacts:
        rows: Iterable[tuple[str, bytes | None, bytes]] = [
            (change.op, change.renamed_from, change.path) for change in artifact.changes
        ]
        if not artifact.changes and not artifact.moved_out_count:
            rows = [(artifact.op, artifact.renamed_from, artifact.path)]
        for op, source, path in rows:
            fields = [path] if source is None else [source, path]
            if nul:
                yield b"\0".join([op.encode(), *fields]) + b"\0"
            else:
                yield "\t".join([op, *map(_field, fields)]).encode() + b"\n"


def _field(path: bytes) -> str:
    return text_of(path).replace("\t", "\\x09").replace("\n", "\\x0a")


def _show(found: "late.diff.Diff", limit: int, *, stat: bool) -> None:
    sides = f"{display(found.old)} -> {display(found.new)}"
    if not found.artifacts:
        emit(f"{sides}: nothing differs")
        return
    emit(f"{paint(sides, 'bold')}  {count_text(len(found.artifacts), 'artifact')}, {_signed(found.size_delta)}")
    emit("")
    if stat:
        table([row_of(artifact) for artifact in found.artifacts], right=(2,))
        return
    for artifact in found.artifacts:
        for line in lines(artifact, limit):
            emit(line)


def _signed(size_bytes: int) -> str:
    return ("+" if size_bytes >= 0 else "-") + size_text(abs(size_bytes))


def _markdown(found: "late.diff.Diff", limit: int) -> str:
    count = count_text(len(found.artifacts), "artifact")
    title = (
        f"### Data: {count} changed, {_signed(found.size_delta)}" if found.artifacts else "### Data: nothing differs"
    )
    lines = [title, "", f"{_code(found.old)} -> {_code(found.new)}", ""]
    if found.artifacts:
        lines += ["| | artifact | size | inside |", "|---|---|---|---|"]
    for artifact in found.artifacts:
        source = f"{_code(display(artifact.renamed_from))} -> " if artifact.renamed_from is not None else ""
        cells = [f"{artifact.op} {WORDS[artifact.op]}", source + _code(title_of(artifact)), sizes_of(artifact)]
        lines.append("| " + " | ".join([*cells, _cell(inside_of(artifact))]) + " |")
    for artifact in found.artifacts:
        changes = artifact.changes if has_inside(artifact) else ()
        if not changes:
            continue
        shown = changes[:limit] if limit else changes
        lines += ["", f"<details><summary>{len(changes):,} in {_escaped(title_of(artifact))}</summary>", ""]
        for change in shown:
            source = f"{_code(display(change.renamed_from))} -> " if change.renamed_from is not None else ""
            lines.append(f"- {change.op} {source}{_code(display(change.path))}")
        if len(changes) > len(shown):
            lines.append(f"- and {len(changes) - len(shown):,} more")
        lines += ["", "</details>"]
    return "\n".join(lines)


def _code(text: str) -> str:
    """A code span that a foreign name cannot leave, in a table too."""
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    return _code(text) if any(char in text for char in "|`<>*_[]@#") else text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _document(found: "late.diff.Diff") -> dict[str, object]:
    return {
        "old": found.old,
        "new": found.new,
        "size_delta": found.size_delta,
        "artifacts": [
            {
                "op": artifact.op,
                "path": text_of(artifact.path),
                "name": artifact.name,
                "kind": artifact.kind,
                "renamed_from": _text(artifact.renamed_from),
                "old": _side(artifact.old, artifact.old_size, artifact.old_files),
                "new": _side(artifact.new, artifact.new_size, artifact.new_files),
                "added": artifact.count("A"),
                "modified": artifact.count("M"),
                "deleted": artifact.count("D"),
                "renamed": artifact.count("R"),
                "mode_changed": artifact.count("T"),
                "moved_out": artifact.moved_out_count,
                "facts": [
                    {"what": fact.what, "old": _json(fact.old), "new": _json(fact.new)} for fact in artifact.facts
                ],
                "files": [_change_document(change) for change in artifact.changes],
                "trouble": artifact.trouble,
            }
            for artifact in found.artifacts
        ],
    }


def _side(pointer: Pointer | None, size_bytes: int, files_count: int) -> dict[str, object] | None:
    if pointer is None:
        return None
    return {"pointer_digest": str(pointer.digest), "size": size_bytes, "files": files_count}


def _change_document(change: Change) -> dict[str, object]:
    sides = {
        name: None
        if entry is None
        else {"mode": entry.mode, "size": entry.size, "digest": f"blake3:{entry.digest.hex()}"}
        for name, entry in (("old", change.old), ("new", change.new))
    }
    return {"op": change.op, "path": text_of(change.path), "renamed_from": _text(change.renamed_from), **sides}


def _text(path: bytes | None) -> str | None:
    return None if path is None else text_of(path)


def _json(value: object) -> object:
    """A label's value as JSON can say it."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return {str(key): _json(item) for key, item in value.items()} if isinstance(value, dict) else str(value)
