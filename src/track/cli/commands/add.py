"""`track add`: store files and directories and leave pointers to commit."""

import click

from track.cli import late
from track.cli.hooking import ensure_hooks
from track.cli.session import count_text, emit, emit_json, note, opened, progress, size_text
from track.errors import UsageError
from track.model.labels import label_of, tag_of
from track.model.names import display

_HELP = """Store files and directories, and leave a small pointer beside each to commit with the code.

\b
  track add data/train.csv             one file
  track add images/                    a directory, as one artifact
  track add 'raw/*.parquet'            every file that matches
  track add images/new.png             one entry of the artifact images/
  track add data/ --label ticket=AB-7  with a label

The data stays where it is; a line in .gitignore keeps it out of Git. Pointers and ignore files are staged, so
that `git commit` records this version. Adding what has not changed changes nothing. Data that is still the version
from before Git moved its pointer, as after `git pull` without hooks, is refused: `track checkout` brings the new one.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 tracked data that is not here;
6 changed while it was read, tracked by Git, inside another artifact, or out of step; 7 a path that may not be used.
"""


@click.command("add", help=_HELP, short_help="store files and leave pointers to commit")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.UNPROCESSED)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the version; may be repeated.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag of the version; may be repeated.")
@click.option("--name", metavar="NAME", help="Store as a named artifact, which has no working copy.")
@click.option(
    "--partition", "partitions", multiple=True, metavar="KEY=VALUE", help="A partition of the named artifact."
)
@click.option("--type", "kind", metavar="TYPE", help="The media type, where the name does not say it; it stays.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("--force", is_flag=True, help="Also record data whose pointer Git has moved, taking that change back.")
@click.option("-n", "--dry-run", is_flag=True, help="Read everything, write nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    paths: tuple[str, ...],
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    name: str | None,
    partitions: tuple[str, ...],
    kind: str | None,
    no_stage: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    marks = late.add.Marks(
        labels=tuple(map(label_of, labels)),
        tags=tuple(map(tag_of, tags)),
        type=kind,
        name=name,
        partitions=dict(map(_partition, partitions)),
    )
    with opened() as project:
        added = late.add.add(
            project, paths, marks=marks, stage=not no_stage, force=force, dry_run=dry_run, progress=progress()
        )
        if not dry_run:
            ensure_hooks(project)
    if as_json:
        emit_json("add", _document(added, dry_run))
        return
    for artifact in added.artifacts:
        emit(_line(artifact, dry_run))
    _say_next(added, dry_run, no_stage)


def _partition(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"not a partition: {display(text)}", hint="write key=value, such as --partition region=eu")
    return key, value


def _line(artifact: "late.add.AddedArtifact", dry_run: bool) -> str:
    name = display(artifact.path) + ("/" if artifact.kind == "directory" else "")
    parts = [name, size_text(artifact.size)]
    if artifact.files is not None:
        parts.append(count_text(artifact.files, "file"))
    parts.append(_what(artifact, dry_run))
    if artifact.ignored_count:
        parts.append(f"{count_text(artifact.ignored_count, 'file')} left out by .trackignore")
    return "  ".join(parts)


def _what(artifact: "late.add.AddedArtifact", dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    if not artifact.is_changed:
        return "unchanged"
    if artifact.is_new:
        return f"{would}new"
    if artifact.kind == "file":
        return f"{would}changed"
    counts = (("+", artifact.added_count), ("~", artifact.modified_count), ("-", artifact.removed_count))
    shown = " ".join(f"{sign}{count:,}" for sign, count in counts if count)
    return f"{would}changed  {shown}" if shown else f"{would}changed"


def _say_next(added: "late.add.Added", dry_run: bool, no_stage: bool) -> None:
    changed = [artifact for artifact in added.artifacts if artifact.is_changed]
    if dry_run:
        note("nothing was written (--dry-run)")
    elif changed and no_stage:
        note("pointers written, not staged: git add them with your code")
    elif changed:
        note(f"{count_text(len(changed), 'pointer')} staged: git commit records this version")


def _document(added: "late.add.Added", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "stored_bytes": added.stored_bytes,
        "staged": [display(path) for path in added.staged],
        "artifacts": [
            {
                "path": display(artifact.path),
                "pointer": display(artifact.pointer),
                "kind": artifact.kind,
                "digest": artifact.digest,
                "size": artifact.size,
                "files": artifact.files,
                "new": artifact.is_new,
                "changed": artifact.is_changed,
                "added": artifact.added_count,
                "modified": artifact.modified_count,
                "removed": artifact.removed_count,
                "ignored": artifact.ignored_count,
            }
            for artifact in added.artifacts
        ],
    }
