"""`track artifacts`: what there is of named artifacts."""

from typing import Any

import click

from track.cli import late
from track.cli.missing_text import say_what_is_missing
from track.cli.partitions import asked_partition_options, partitions_of
from track.cli.schema_text import schema_document, schema_text
from track.cli.session import count_text, emit, emit_json, note, opened, refuse, size_text, table
from track.model.names import display, text_of, typed

_HELP = """List named artifacts and their versions, the values of their partitions, and what was declared.

\b
  track artifacts list                        the names
  track artifacts show rides                  what each partition has, newest first
  track artifacts show rides --all            every version that any branch has
  track artifacts values rides region         the values of a key
  track artifacts schema rides                its keys, time and type

\b
Exit codes: 0 done; 2 no such artifact or revision, or wrong usage; 3 not a project; 7 a pointer that cannot be read,
after the others were listed.
"""

_LIST_HELP = """List the named artifacts, with their keys, how many partitions have a version, and their aliases.

\b
  track artifacts list
  track artifacts list churn            those with this in their name
  track artifacts list --rev v1 --json

\b
Exit codes: 0 done; 2 no such revision, or no name that has this in it; 3 not a project; 7 a pointer that cannot be
read, after the others were listed.
"""

_SHOW_HELP = """List the versions of a named artifact, newest first.

\b
  track artifacts show rides
  track artifacts show rides --partition region=eu --time 2024-01-31
  track artifacts show rides --time 2024-01-01..2024-01-31 all of these days, both ends too; 2024-01-01.. is from then
  track artifacts show v1:rides                           as it was there
  track artifacts show rides --all                        every version that any branch or tag has
  track artifacts show rides --all --latest-per-partition --limit 10

A version is as old as the run that made it, else as the first commit that has it; what is not committed is the newest.

\b
Exit codes: 0 done; 2 no such artifact, version or revision, or a key that was not declared; 3 not a project;
7 a pointer that cannot be read.
"""


_VALUES_HELP = """List the values of partition keys, and how many partitions have each.

\b
  track artifacts values rides
  track artifacts values rides region
  track artifacts values v1:rides time --json

\b
Exit codes: 0 done; 2 no such artifact, revision or key; 3 not a project; 7 a declaration that cannot be read.
"""

_SCHEMA_HELP = """Show the partition keys, time and type of a named artifact, as declared or as its versions have them.

\b
  track artifacts schema rides
  track artifacts schema v1:rides --json

\b
Exit codes: 0 done; 2 no such artifact or revision; 3 not a project; 7 a declaration that cannot be read.
"""


@click.group("artifacts", help=_HELP, short_help="list named artifacts, their versions and partitions")
def command() -> None:
    """What the commands below have in common: nothing."""


@command.command("list", help=_LIST_HELP, short_help="list the names")
@click.argument("search", required=False, metavar="[TEXT]", type=click.UNPROCESSED)
@click.option("--rev", metavar="REV", help="What there was at this revision.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_command(*, search: str | None, rev: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.artifacts_list.artifacts_list(project, search, rev=rev)
    if as_json:
        emit_json("artifacts list", {"where": found.where, "artifacts": [_artifact(one) for one in found.artifacts]})
    elif found.artifacts:
        table([_row(one) for one in found.artifacts], right=(2,))
    elif not found.refused:
        note("no named artifacts: track put NAME FILE makes one")
    refuse(found.refused)


@command.command("show", help=_SHOW_HELP, short_help="list the versions of one")
@click.argument("words", metavar="[REV:]NAME[@VERSION]", type=click.UNPROCESSED)
@asked_partition_options
@click.option("--all", "every", is_flag=True, help="Every version that any branch or tag has.")
@click.option("--latest-per-partition", is_flag=True, help="Of each partition the latest alone.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show so many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show_command(
    *,
    words: str,
    partitions: tuple[str, ...],
    time: str | None,
    every: bool,
    latest_per_partition: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.artifacts_show.artifacts_show(
            project,
            words,
            partitions_of(partitions),
            time,
            every=every,
            latest_per_partition=latest_per_partition,
            limit=limit,
        )
    if as_json:
        emit_json("artifacts show", _versions(found))
        return
    table([_version_row(one) for one in found.versions], right=(2,))
    if len(found.versions) < found.count:
        note(f"{len(found.versions):,} of {count_text(found.count, 'version')} shown")
    say_what_is_missing(False, found.absent_count)


@command.command("values", help=_VALUES_HELP, short_help="list the values of a key")
@click.argument("words", metavar="[REV:]NAME", type=click.UNPROCESSED)
@click.argument("key", required=False, metavar="[KEY]", type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def values_command(*, words: str, key: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.artifacts_values.artifacts_values(project, words, key)
    if as_json:
        emit_json("artifacts values", {"name": found.name, "values": {one: dict(n) for one, n in found.values.items()}})
        return
    rows = [
        [display(one), display(value), f"{n:,}"] for one, counts in found.values.items() for value, n in counts.items()
    ]
    table([row if key is None else row[1:] for row in rows], right=(2,) if key is None else (1,))
    if not rows:
        note(f"{display(found.name)} has no partitions")


@command.command("schema", help=_SCHEMA_HELP, short_help="show the keys, time and type")
@click.argument("words", metavar="[REV:]NAME", type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def schema_command(*, words: str, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.artifacts_schema.artifacts_schema(project, words)
    if as_json:
        facts = {"name": found.name, "declared": found.is_declared, **schema_document(found.declaration)}
        emit_json("artifacts schema", facts)
        return
    emit(f"{display(found.name)}  {schema_text(found.declaration)}")
    if not found.is_declared:
        note(f"not declared; its versions have it so: track declare {typed(found.name)}      writes it down")


def _row(one: "late.artifacts_list.NamedArtifact") -> list[str]:
    keys = [*one.keys, *([f"time ({one.time})"] if one.time is not None else [])]
    aliases = " ".join(f"@{display(alias)}" for alias in one.aliases)
    kinds = ", ".join(display(kind) for kind in one.kinds)
    partitions = count_text(one.partitions_count, "partition" if keys else "version")
    return [display(one.name), kinds, size_text(one.size), partitions, display(", ".join(keys)), aliases]


def _artifact(one: "late.artifacts_list.NamedArtifact") -> dict[str, Any]:
    return {
        "name": one.name,
        "keys": list(one.keys),
        "time": one.time,
        "declared": one.is_declared,
        "partitions": one.partitions_count,
        "size": one.size,
        "kinds": list(one.kinds),
        "types": list(one.types),
        "aliases": list(one.aliases),
    }


def _version_row(one: "late.artifacts_show.ShownVersion") -> list[str]:
    version = one.version
    when = f"{version.created:%Y-%m-%d %H:%M}" if version.created is not None else "not committed"
    what = _value(version.pointer.value) if version.pointer.kind == "value" else size_text(version.pointer.size)
    marks = [f"@{display(alias)}" for alias in one.aliases] + ([] if one.is_here else ["(not here)"])
    name = late.named.label(version.name, version.partitions)
    return [version.pointer.digest.short, when, what, name, " ".join(marks), display(version.user or "")]


def _value(value: object) -> str:
    shown = display(str(value))
    return shown if len(shown) <= 24 else shown[:23] + "…"


def _versions(found: "late.artifacts_show.ShownVersions") -> dict[str, Any]:
    return {
        "name": found.name,
        "count": found.count,
        "absent": found.absent_count,
        "versions": [
            {
                "partitions": dict(one.version.partitions),
                "digest": str(one.version.pointer.digest),
                "kind": one.version.pointer.kind,
                "value": one.version.pointer.value,
                "size": one.version.pointer.size,
                "files": one.version.pointer.files,
                "type": one.version.pointer.type,
                "run": one.version.pointer.run,
                "pointer": text_of(one.version.path),
                "where": one.version.where,
                "created": one.version.created.isoformat() if one.version.created is not None else None,
                "user": one.version.user,
                "commit": one.version.commit,
                "aliases": list(one.aliases),
                "here": one.is_here,
            }
            for one in found.versions
        ],
    }
