"""`track alias`: words for versions of named artifacts."""

import click

from track.cli import late
from track.cli.partitions import partition_options, partitions_of
from track.cli.session import emit, emit_json, note, opened, table
from track.errors import UsageError
from track.model.names import display, text_of, typed

_HELP = """Give a version of a named artifact a word, move or remove it, or list the words there are.

\b
  track alias rides prod                           the latest version
  track alias rides prod --partition region=eu     the latest of this partition
  track alias rides@9f2c41 prod                    the version whose digest begins so
  track alias rides@staging prod                   what another alias names
  track alias rides@v1 prod                        the latest at a revision
  track alias rides                                list them
  track alias rides prod --remove

`track get rides@prod` brings that version. An alias is a pointer below .track/artifacts, staged to be reviewed and
committed like every other: whoever pulls has it, and what it names is pushed and kept.

\b
Exit codes: 0 done; 2 no such artifact, version or alias, or wrong usage; 3 not a project; 7 a pointer that cannot be
read.
"""


@click.command("alias", help=_HELP, short_help="give versions of named artifacts a word, such as prod")
@click.argument("words", metavar="[REV:]NAME[@VERSION]", type=click.UNPROCESSED)
@click.argument("word", required=False, metavar="[ALIAS]", type=click.UNPROCESSED)
@partition_options
@click.option("--remove", is_flag=True, help="Take the alias away; the version stays.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    words: str,
    word: str | None,
    partitions: tuple[str, ...],
    time: str | None,
    remove: bool,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    if word is None and (remove or partitions or time is not None):
        raise UsageError("no alias was named", hint=f"track alias {typed(words)} ALIAS")
    with opened() as project:
        done = late.alias.alias(
            project,
            words,
            word,
            partitions=partitions_of(partitions),
            time=time,
            remove=remove,
            stage=not no_stage,
            dry_run=dry_run,
        )
    if as_json:
        emit_json("alias", _document(done, dry_run))
    elif word is None:
        table([_row(done, one) for one in done.aliases])
        if not done.aliases:
            note(f"{display(done.name)} has no aliases")
    else:
        _say(done, word, remove=remove, dry_run=dry_run, no_stage=no_stage)


def _say(done: "late.alias.Aliased", word: str, *, remove: bool, dry_run: bool, no_stage: bool) -> None:
    would = "would be " if dry_run and done.changed is not None else ""
    did = "removed" if remove else "moved" if done.before is not None else "new"
    shown = f"{display(done.name)}@{display(word)}"
    now = next((one for one in done.aliases if one.alias == word), None)
    means = (
        f"  {now.digest.short}  {late.named.label(done.name, now.partitions)}"
        if now is not None and not dry_run
        else ""
    )
    emit(f"{shown}{means}  {would}{did if done.changed is not None else 'unchanged'}")
    if dry_run:
        note("nothing was written (--dry-run)")
    elif done.changed is not None and no_stage:
        note("written, not staged: git add .track/artifacts with your code")
    elif done.changed is not None:
        note("staged: git commit records it")


def _row(done: "late.alias.Aliased", one: "late.alias.Alias") -> list[str]:
    return [f"{display(done.name)}@{display(one.alias)}", one.digest.short, late.named.label(done.name, one.partitions)]


def _document(done: "late.alias.Aliased", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "name": done.name,
        "changed": done.changed,
        "before": str(done.before) if done.before is not None else None,
        "aliases": [
            {
                "alias": one.alias,
                "partitions": dict(one.partitions),
                "digest": str(one.digest),
                "pointer": text_of(one.path),
            }
            for one in done.aliases
        ],
        "staged": [text_of(path) for path in done.staged],
    }
