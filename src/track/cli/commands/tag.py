"""`track tag`: put tags on artifacts, take them off and show them."""

import click

from track.cli import late
from track.cli.marks import document, say_done
from track.cli.partitions import partition_options, partitions_of
from track.cli.separated import Separated, has_separator, paths_behind
from track.cli.session import emit, emit_json, note, opened
from track.errors import UnknownPath, UsageError
from track.model.labels import tag_of
from track.model.names import display

_HELP = """Put tags on artifacts, take them off, or show them. Only the pointers change, never the data.

\b
  track tag data/train.csv                    show its tags
  track tag                                   show those of every artifact
  track tag data/train.csv reviewed gold      put two tags on it
  track tag data/ images reviewed             on several artifacts, all those below a folder too
  track tag data/train.csv gold --remove      take one off
  track tag rides@prod reviewed               one version of a named artifact
  track tag reviewed -- data images           tags before `--`, paths behind it: nothing can be mistaken

Without `--`, words that name artifacts come first, and the others are tags. Pointers are staged, so that `git commit`
records the tags; works also where the data is not checked out. These are not Git's tags, which name commits.

\b
Exit codes: 0 done; 2 wrong usage, or no such artifact; 3 not a project; 6 a pointer with a merge conflict in it, or
another command at work; 7 a damaged pointer.
"""


@click.command("tag", cls=Separated, help=_HELP, short_help="set and show tags of artifacts")
@click.argument("words", nargs=-1, metavar="[PATH]... [TAG]... [-- PATH...]", type=click.UNPROCESSED)
@click.option("--remove", is_flag=True, help="Take these tags off.")
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
    remove: bool,
    partitions: tuple[str, ...],
    time: str | None,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        paths, names = _read(project, ctx, words)
        if remove and not names:
            raise UsageError("which tag is to be removed?", hint="track tag PATH NAME --remove")
        done = late.tag.tag(
            project,
            paths,
            names,
            remove=remove,
            partitions=partitions_of(partitions),
            time=time,
            stage=not no_stage,
            dry_run=dry_run,
        )
    if as_json:
        emit_json("tag", document(done.artifacts, dry_run=dry_run))
    elif names:
        say_done(done.artifacts, "tags", dry_run=dry_run, no_stage=no_stage)
    else:
        _show(done)


def _read(project: "late.project.Project", ctx: click.Context, words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The paths and tags among words: artifacts come first, and the first word is one in any case."""
    if has_separator(ctx):
        return list(paths_behind(ctx)), [tag_of(word) for word in words]
    paths: list[str] = []
    names: list[str] = []
    for word in words:
        if not paths or late.marking.is_artifact(project, word):
            if names:
                raise UsageError(
                    f"`{display(word)}` names an artifact and stands behind a tag",
                    hint=f"track tag {display(' '.join(names))} {display(word)} -- PATH   if it is a tag",
                )
            paths.append(word)
        elif "/" in word:
            raise UnknownPath(f"no artifact is called `{display(word)}`", hint="track ls")
        else:
            names.append(tag_of(word))
    return paths, names


def _show(done: "late.tag.Tagged") -> None:
    shown = 0
    for artifact in done.artifacts:
        if artifact.tags:
            emit(f"{display(artifact.name or artifact.path)}  {' '.join(map(display, artifact.tags))}")
            shown += 1
    if not shown:
        note("no tags" if len(done.artifacts) == 1 else f"no tags at {len(done.artifacts):,} artifacts")
