"""`track log`: the versions of an artifact and what commits did; and `track log metric` and `event`, to a run."""

import sys

import click

from track.cli import late
from track.cli.commits_text import commit_document, commit_lines, version_document, version_lines
from track.cli.missing_text import say_what_is_missing
from track.cli.partitions import asked_partition_options, partitions_of
from track.cli.session import emit, emit_json, note, opened
from track.errors import UsageError
from track.model.names import display, name_of, text_of

_GROUP_HELP = """Show the history of artifacts and runs, or log to a run.

\b
  track log                                  what commits did to artifacts and runs
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
  track log rides                   a named artifact, all its partitions
  track log rides --partition region=eu
  track log rides@prod              what the alias named, and when
  track log brave-otter             the commits that have a run
  track log                         what commits did to artifacts and runs, the last hundred
  track log v1.0..main              what these commits did

A pointer that was renamed is followed, unless --no-follow. Words that mean several things are refused with what they
mean: ./rides is the path, rides@latest the name, an id the run or commit.

\b
Letters: A added, M modified, D deleted, R renamed.

\b
Exit codes: 0 done; 2 no such revision, artifact or run, or several are called so; 3 not a project; 7 a declaration
that cannot be read.
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
Exit codes: 0 done; 1 it cannot be written; 2 no text, no such run, or one that has ended; 3 not a project; 6 locked.
"""


class _Log(click.Group):
    """What is no command of the group is a path: `track log PATH` is `track log versions PATH`."""

    default = "versions"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As a group does, with `versions` said where it was left out."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


@click.group("log", cls=_Log, help=_GROUP_HELP, short_help="the history of artifacts and runs; or log to a run")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("versions", help=_HELP, short_help="the versions of an artifact, or what commits did")
@click.argument("words", metavar="[PATH|NAME[@VERSION]|RUN|REV]", required=False, type=click.UNPROCESSED)
@click.option("--rev", default="HEAD", show_default=True, metavar="REV", help="Show what this revision reaches.")
@asked_partition_options
@click.option("-n", "--max-count", type=click.IntRange(min=1), metavar="N", help="Show only the last N.")
@click.option("--stat", is_flag=True, help="Count the files inside that changed.")
@click.option("--no-follow", is_flag=True, help="Stop where the pointer got its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def versions(
    *,
    words: str | None,
    rev: str,
    partitions: tuple[str, ...],
    time: str | None,
    max_count: int | None,
    stat: bool,
    no_follow: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    asked = partitions_of(partitions)
    if words is None and (asked or time is not None):
        raise UsageError("a partition of what?", hint="track log NAME --partition key=value")
    with opened() as project:
        found = late.log.log(
            project, words, rev, partitions=asked, time=time, stat=stat, follow=not no_follow, most=max_count
        )
    if as_json:
        emit_json("log", _document(found))
    else:
        _show(found)
    if not as_json and found.is_more:
        note(f"the last {len(found.commits):,} commits that did something; -n N shows more")
    say_what_is_missing(False, found.absent_count)


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
        late.log_metric.log_metric(project, named, run, step=step, time=seconds, timestamp=timestamp)


@command.command("event", help=_EVENT_HELP, short_help="log a line of text to a run")
@click.argument("text", metavar="TEXT")
@click.option("--run", metavar="RUN", help="The run; else that of TRACK_RUN_ID.")
@click.option("--timestamp", metavar="TIME", help="When it happened.")
def event(*, text: str, run: str | None, timestamp: str | None) -> None:
    """Translate, call the verb."""
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").rstrip("\n")
        if not text.strip():
            raise UsageError("nothing came on standard input", hint="./solver 2>&1 | tail -n 3 | track log event -")
    with opened() as project:
        late.log_event.log_event(project, text, run, timestamp=timestamp)


def _measured(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(f"not the value of a metric: {display(text)}", hint="write name=number: loss=0.25") from None


def _show(found: "late.log.Logged") -> None:
    blocks = [
        *(version_lines(one, _which(found, one)) for one in found.versions),
        *(commit_lines(one) for one in found.commits),
    ]
    for number, lines in enumerate(blocks):
        if number:
            emit("")
        for line in lines:
            emit(line)
    if not blocks:
        note("no commit did anything to artifacts and runs")


def _which(found: "late.log.Logged", version: "late.log.Version") -> str | None:
    """Which partition it is, where there may be several."""
    return None if found.path else name_of(version.path)


def _document(found: "late.log.Logged") -> dict[str, object]:
    return {
        "path": text_of(found.path) if found.path else None,
        "name": found.name,
        "versions": [version_document(one) for one in found.versions],
        "commits": [commit_document(one) for one in found.commits],
        "absent": found.absent_count,
    }
