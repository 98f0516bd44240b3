"""`track log`: the versions of one artifact."""

from datetime import UTC, datetime

import click

from track.cli.session import emit, emit_json, opened, paint, size_text
from track.model.names import display, text_of
from track.verbs.log import Logged, Version, log

_HELP = """Show the versions of one artifact, newest first: commit, date, author, and how it grew or shrank.

\b
  track log data/train.csv          the versions that HEAD reaches
  track log --stat images           count the files that changed inside
  track log --rev main images       the versions that another revision reaches
  track log -n 3 --json images      the last three, for a program

A pointer that was renamed is followed, unless --no-follow.

\b
Letters: A added, M modified, D deleted, R renamed.

\b
Exit codes: 0 done; 2 no such revision or artifact; 3 not a project.
"""
_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed"}


@click.command("log", help=_HELP, short_help="the versions of an artifact")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.option("--rev", default="HEAD", show_default=True, metavar="REV", help="Show what this revision reaches.")
@click.option("-n", "--max-count", type=click.IntRange(min=1), metavar="N", help="Show only the last N.")
@click.option("--stat", is_flag=True, help="Count the files inside that changed.")
@click.option("--no-follow", is_flag=True, help="Stop where the pointer got its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, path: str, rev: str, max_count: int | None, stat: bool, no_follow: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = log(project, path, rev, stat=stat, follow=not no_follow)
    shown = found.versions[:max_count]
    if as_json:
        emit_json("log", _document(found, shown))
        return
    for number, version in enumerate(shown):
        if number:
            emit("")
        _show(version)


def _show(version: Version) -> None:
    date = datetime.fromtimestamp(version.authored, UTC).strftime("%Y-%m-%d %H:%M")
    emit(f"{paint(version.commit[:12], 'yellow')}  {date} UTC  {display(version.author)}  {display(version.subject)}")
    moved = f" from {display(version.renamed_from)}" if version.renamed_from is not None else ""
    said = [f"{version.op} {_WORDS[version.op]}{moved}"]
    pointer = version.pointer
    if version.trouble is not None:
        said.append(version.trouble)
    elif pointer is not None:
        said.append(pointer.digest.short)
        said.append(display(str(pointer.value)) if pointer.kind == "value" else size_text(pointer.size))
        said += [f"{pointer.files:,} files"] if pointer.files is not None else []
        said += [f"tag {display(tag)}" for tag in pointer.tags]
    if version.before is not None and pointer is not None:
        said += _deltas(version)
    emit("  " + "  ".join(said))


def _deltas(version: Version) -> list[str]:
    assert version.before is not None and version.pointer is not None
    if version.before.digest == version.pointer.digest:
        return ["same content"]
    sign = "+" if version.size_delta >= 0 else "-"
    said = [f"({sign}{size_text(abs(version.size_delta))}" + _files(version) + ")"]
    if version.counts is not None:
        signs = zip("+~-", version.counts, strict=True)
        said.append(" ".join(f"{mark}{count:,}" for mark, count in signs if count))
    return said


def _files(version: Version) -> str:
    return f", {version.files_delta:+,} files" if version.files_delta else ""


def _document(found: Logged, shown: tuple[Version, ...]) -> dict[str, object]:
    return {
        "path": text_of(found.path),
        "name": found.name,
        "versions": [
            {
                "commit": version.commit,
                "parents": list(version.parents),
                "author": version.author,
                "email": version.email,
                "date": datetime.fromtimestamp(version.authored, UTC).isoformat().replace("+00:00", "Z"),
                "subject": version.subject,
                "op": version.op,
                "path": text_of(version.path),
                "renamed_from": None if version.renamed_from is None else text_of(version.renamed_from),
                "digest": str(version.pointer.digest) if version.pointer else None,
                "kind": version.pointer.kind if version.pointer else None,
                "size": version.pointer.size if version.pointer else None,
                "files": version.pointer.files if version.pointer else None,
                "tags": list(version.pointer.tags) if version.pointer else [],
                "size_delta": version.size_delta,
                "files_delta": version.files_delta,
                "added": version.counts[0] if version.counts else None,
                "modified": version.counts[1] if version.counts else None,
                "deleted": version.counts[2] if version.counts else None,
                "trouble": version.trouble,
            }
            for version in shown
        ],
    }
