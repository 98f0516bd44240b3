"""`track log`: the versions of one artifact; and `track log metric` and `event`, which log to a run."""

import sys
from datetime import UTC, datetime

import click

from track.cli.session import emit, emit_json, opened, paint, size_text
from track.errors import UsageError
from track.model.names import display, text_of
from track.verbs.log import Logged, Version, log
from track.verbs.log_event import log_event
from track.verbs.log_metric import log_metric

_GROUP_HELP = """Show the versions of one artifact, or log to a run.

\b
  track log data/train.csv                   the versions of an artifact, as `track log versions` does
  track log metric --run brave-otter loss=0.25
  track log event "the grid was refined"     to the run that started this command

\b
Exit codes: 0 done; 2 wrong usage, or no such revision, artifact or run; 3 not a project.
"""

_HELP = """Show the versions of one artifact, newest first: commit, date, author, and how it grew or shrank.

\b
  track log versions data/train.csv   the same as track log data/train.csv
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

_METRIC_HELP = """Log values of metrics to a living run.

\b
  track log metric --run brave-otter loss=0.25 accuracy=0.9
  track log metric loss=0.25                         to the run that started this command
  track log metric --step 3 --time 1.5 loss=0.25
  track log metric --timestamp "2021-05-03 14:13:27.281920" loss=0.25

The run is that of --run, or of the variable TRACK_RUN_ID, which every command of `track run` has. What is logged is
in the run's folder when the command returns. The step is one more than the last; times without a zone are UTC.

\b
Exit codes: 0 done; 1 it cannot be written; 2 a name or value that cannot be, or no such run, or one that has ended;
3 not a project; 6 locked.
"""

_EVENT_HELP = """Log a line of text to a living run.

\b
  track log event --run brave-otter "the grid was refined"
  track log event "the grid was refined"             to the run that started this command
  ./solver 2>&1 | tail -n 3 | track log event -      what is on standard input

Values of variables that look secret are left out.

\b
Exit codes: 0 done; 1 it cannot be written; 2 no such run, or one that has ended; 3 not a project; 6 locked.
"""
_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed"}


class _Log(click.Group):
    """What is no command of the group is a path: `track log PATH` is `track log versions PATH`."""

    default = "versions"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As a group does, with `versions` said where it was left out."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


@click.group("log", cls=_Log, help=_GROUP_HELP, short_help="the versions of an artifact; or log to a run")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("versions", help=_HELP, short_help="the versions of an artifact")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.option("--rev", default="HEAD", show_default=True, metavar="REV", help="Show what this revision reaches.")
@click.option("-n", "--max-count", type=click.IntRange(min=1), metavar="N", help="Show only the last N.")
@click.option("--stat", is_flag=True, help="Count the files inside that changed.")
@click.option("--no-follow", is_flag=True, help="Stop where the pointer got its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def versions(*, path: str, rev: str, max_count: int | None, stat: bool, no_follow: bool, as_json: bool) -> None:
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


@command.command("metric", help=_METRIC_HELP, short_help="log values of metrics to a run")
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--run", metavar="RUN", help="The run; else that of TRACK_RUN_ID.")
@click.option("--step", type=int, metavar="N", help="The step; else one more than the last.")
@click.option("--time", "seconds", type=float, metavar="SECONDS", help="The time since the run began.")
@click.option("--timestamp", metavar="TIME", help="When it was measured.")
def metric(
    *, values: tuple[str, ...], run: str | None, step: int | None, seconds: float | None, timestamp: str | None
) -> None:
    """Translate, call the verb."""
    named = dict(map(_measured, values))
    with opened() as project:
        log_metric(project, named, run, step=step, time=seconds, timestamp=timestamp)


@command.command("event", help=_EVENT_HELP, short_help="log a line of text to a run")
@click.argument("text", metavar="TEXT")
@click.option("--run", metavar="RUN", help="The run; else that of TRACK_RUN_ID.")
@click.option("--timestamp", metavar="TIME", help="When it happened.")
def event(*, text: str, run: str | None, timestamp: str | None) -> None:
    """Translate, call the verb."""
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").rstrip("\n")
    with opened() as project:
        log_event(project, text, run, timestamp=timestamp)


def _measured(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(f"not the value of a metric: {display(text)}", hint="write name=number: loss=0.25") from None


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
