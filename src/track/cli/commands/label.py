"""`track label`: set, take away and show the labels of artifacts."""

import click

from track.cli import late
from track.cli.marks import document, say_done, text_value
from track.cli.partitions import partition_options, partitions_of
from track.cli.separated import Separated, has_separator, paths_behind
from track.cli.session import emit, emit_json, note, opened
from track.errors import UsageError
from track.model.labels import flat, key_of, key_text, label_of
from track.model.names import display

_HELP = """Set labels of artifacts, take them away, or show them. Only the pointers change, never the data.

\b
  track label data/train.csv                            show its labels
  track label                                           show those of every artifact
  track label data/train.csv ticket=AB-7 rows.bad=12    set two, one of them in the table `rows`
  track label data/ images licence=CC-BY-4.0            at several artifacts, all those below a folder too
  track label data/train.csv --remove ticket            take one away
  track label answer stage=gold                         a named artifact
  track label rides --partition region=eu stage=gold    its versions with this partition
  track label rides@prod stage=gold                     one version: by an alias, a digest, or @latest
  track label 'note="42"' -- data/a=b.csv               a text that looks like a number; a path with a `=`

true, false and numbers are what they look like, all else is text; in double quotes it is text in any case. A dot in
a key leads into a table, unless that part of the key is in double quotes. Pointers are staged, so that `git commit`
records the labels; works also where the data is not checked out.

\b
Exit codes: 0 done; 2 wrong usage, or no such artifact; 3 not a project; 6 a pointer with a merge conflict in it, or
another command at work; 7 a damaged pointer.
"""


@click.command("label", cls=Separated, help=_HELP, short_help="set and show labels of artifacts")
@click.argument("words", nargs=-1, metavar="[PATH]... [KEY=VALUE]... [-- PATH...]", type=click.UNPROCESSED)
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Take this label away; may be repeated.")
@partition_options
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    words: tuple[str, ...],
    removed: tuple[str, ...],
    partitions: tuple[str, ...],
    time: str | None,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    paths, given = _read(ctx, words)
    keys = [key_of(key) for key in removed]
    asked = partitions_of(partitions)
    with opened() as project:
        done = late.label.label(
            project, paths, given, remove=keys, partitions=asked, time=time, stage=not no_stage, dry_run=dry_run
        )
    acts = bool(given or keys)
    if as_json:
        emit_json("label", document(done.artifacts, dry_run=dry_run))
        return
    if acts:
        say_done(done.artifacts, "labels", dry_run=dry_run, no_stage=no_stage)
    else:
        _show(done)


def _read(ctx: click.Context, words: tuple[str, ...]) -> tuple[list[str], list[tuple[tuple[str, ...], object]]]:
    """The paths and labels among words: paths come first, and a `=` after a slash is part of a path."""
    paths: list[str] = []
    given: list[tuple[tuple[str, ...], object]] = []
    for word in words:
        if _is_label(word):
            given.append(label_of(word))
        elif has_separator(ctx):
            raise UsageError(
                f"not a label: {display(word)}", hint="before `--` stand labels: track label key=value -- PATH"
            )
        elif given:
            raise UsageError(
                f"`{display(word)}` stands behind a label", hint="name the artifacts first, then key=value"
            )
        else:
            paths.append(word)
    return [*paths, *paths_behind(ctx)], given


def _is_label(word: str) -> bool:
    before, equals, _ = word.partition("=")
    return bool(equals) and ("/" not in before or word.startswith('"'))


def _show(done: "late.label.Labelled") -> None:
    shown = 0
    for artifact in done.artifacts:
        name = artifact.name or artifact.path
        for key, value in flat(artifact.labels):
            emit(f"{display(name)}  {display(key_text(key))} = {text_value(value)}")
            shown += 1
    if not shown:
        note("no labels" if len(done.artifacts) == 1 else f"no labels at {len(done.artifacts):,} artifacts")
