"""`track put`: the next version of a named artifact."""

import json
import os
import sys

import click

from track.cli import late
from track.cli.hooking import ensure_hooks
from track.cli.partitions import partition_options, partitions_of
from track.cli.session import count_text, emit, emit_json, note, opened, progress, size_text
from track.errors import UnknownPath, Unreadable, UsageError
from track.model.labels import label_of, tag_of
from track.model.names import display, text_of

_HELP = """Store files or a value under a name, without a working copy, and stage the pointer of this version.

\b
  track put rides rides.csv                                   a file
  track put rides eu.csv --partition region=eu                a partition of it
  track put rides eu.csv --partition region=eu --time 2024-01-31
  track put churn-model model/                                a folder, or several files, as one directory
  pg_dump db | track put dump - --type application/sql        what is piped in
  track put answer --value 42                                 a value: it stands in the pointer itself
  track put limits --value '{"max": 3}' --label ticket=AB-7   JSON, with a label

The pointer lies below .track/artifacts, one file for each partition, and is committed with the code; `track get`
brings a version back, `track declare` says which keys there are. Of an artifact that nobody declared, the first
version decides. The same content once more changes nothing. In a run, the version is one of its outputs.

A value is the JSON that it looks like (42, 0.5, true, null, "text", [1, 2], {"a": 1}), else text; --as says it.

\b
Exit codes: 0 done; 1 a file that cannot be read as it stands; 2 wrong usage, nothing is there, or a key that was not
declared; 3 not a project; 6 changed while it was read, or a place of track's own; 7 a pointer that cannot be read.
"""

_KINDS = ("text", "int", "float", "bool", "json")


@click.command("put", help=_HELP, short_help="store files or a value under a name")
@click.argument("name", metavar="NAME", type=click.UNPROCESSED)
@click.argument("paths", nargs=-1, metavar="[FILE...]", type=click.UNPROCESSED)
@partition_options
@click.option("--value", metavar="VALUE", help="A value instead of files.")
@click.option("--as", "kind", type=click.Choice(_KINDS), help="What the value is, where it looks like something else.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the version; may be repeated.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag of the version; may be repeated.")
@click.option("--type", "media_type", metavar="TYPE", help="The media type, where the name does not say it; it stays.")
@click.option("--card", metavar="FILE", help="Markdown about it, which `track card` shows.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Read everything, keep nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    name: str,
    paths: tuple[str, ...],
    partitions: tuple[str, ...],
    time: str | None,
    value: str | None,
    kind: str | None,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    media_type: str | None,
    card: str | None,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    remarks = late.put.Remarks(
        tuple(map(label_of, labels)), tuple(map(tag_of, tags)), media_type, None if card is None else read_card(card)
    )
    with opened() as project:
        done = late.put.put(
            project,
            name,
            _content(paths, value, kind),
            partitions=partitions_of(partitions),
            time=time,
            remarks=remarks,
            run=os.environ.get(late.run_start.RUN_ID),
            stage=not no_stage,
            dry_run=dry_run,
            progress=progress(),
        )
        if not dry_run:
            ensure_hooks(project)
    if as_json:
        emit_json("put", _document(done, dry_run))
        return
    emit(_line(done, dry_run))
    _say_next(done, dry_run=dry_run, no_stage=no_stage)


def read_card(path: str) -> str:
    """The text of a card's file, `-` for what is piped in.

    Raises:
        UnknownPath, Unreadable, UsageError: it is not there, cannot be read, or is no text.
    """
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        with open(path, "rb") as file:
            return file.read().decode("utf-8")
    except FileNotFoundError:
        raise UnknownPath(f"there is no file `{display(path)}` for the card", hint="see what is there: ls") from None
    except OSError as error:
        raise Unreadable(f"cannot read `{display(path)}`: {error.strerror}", hint="name a file of Markdown") from error
    except UnicodeDecodeError:
        raise UsageError(f"`{display(path)}` is not UTF-8", hint="a card is text, written in Markdown") from None


def _content(paths: tuple[str, ...], value: str | None, kind: str | None) -> "late.put.Content":
    if value is None and kind is not None:
        raise UsageError("--as says what a value is, and there is none", hint="give it: --value VALUE")
    if "-" in paths:
        if len(paths) > 1:
            raise UsageError(
                "what is piped in cannot be put together with files", hint="put it alone: track put NAME -"
            )
        return late.put.Content(stream=sys.stdin.buffer)
    if value is None:
        return late.put.Content(paths)
    return late.put.Content(paths, value=_value(value, kind), is_value=True)


def _value(text: str, kind: str | None) -> object:
    """The value that was typed."""
    if kind == "text":
        return text
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if kind is None:
            return text
        raise _not_a(text, kind) from error
    if kind == "float" and isinstance(found, int) and not isinstance(found, bool):
        return float(found)
    kinds = {"int": int, "float": float, "bool": bool, "json": object, None: object}
    if not isinstance(found, kinds[kind]) or (kind == "int" and isinstance(found, bool)):
        raise _not_a(text, kind or "json")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def _not_a(text: str, kind: str) -> UsageError:
    what = {"int": "whole number", "float": "number", "bool": "true or false", "json": "JSON"}[kind]
    return UsageError(f"not {what}: '{display(text)}'", hint="--as text     puts it as it stands")


def _line(done: "late.put.Put", dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    state = "unchanged" if not done.is_changed else f"{would}new" if done.is_new else f"{would}changed"
    size = [] if done.kind == "value" else [size_text(done.size)]
    files = [count_text(done.files, "file")] if done.files is not None else []
    left = [f"{count_text(done.ignored_count, 'file')} left out by .trackignore"] if done.ignored_count else []
    return "  ".join([late.named.label(done.name, done.partitions), done.digest.short, *size, *files, state, *left])


def _say_next(done: "late.put.Put", *, dry_run: bool, no_stage: bool) -> None:
    if dry_run:
        note("nothing was written (--dry-run)")
    elif done.is_changed and no_stage:
        note(f"{display(done.pointer)} written, not staged: git add it with your code")
    elif done.is_changed:
        note(f"{display(done.pointer)} staged: git commit records this version")


def _document(done: "late.put.Put", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "name": done.name,
        "partitions": dict(done.partitions),
        "pointer": text_of(done.pointer),
        "kind": done.kind,
        "digest": str(done.digest),
        "size": done.size,
        "files": done.files,
        "new": done.is_new,
        "changed": done.is_changed,
        "stored_bytes": done.stored_bytes,
        "staged": [text_of(path) for path in done.staged],
        "ignored": done.ignored_count,
        "run": done.run,
    }
