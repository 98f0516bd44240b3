"""`track catalog`: what is known of every version and run, for other engines."""

from typing import Any

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, size_text, table, warn
from track.model.names import display

_HELP = """Give what is known of every version and run to other engines.

\b
  track catalog export ../catalog       as Parquet, for DuckDB, Polars, Spark or a warehouse

The catalog itself is an index in .git/track/catalog.db that follows the history: `track find` asks it.

\b
Exit codes: as those of the commands below.
"""

_EXPORT_HELP = """Write versions, runs, edges and metrics as Parquet into a folder or a bucket.

\b
  track catalog export ../catalog
  track catalog export s3://bucket/catalog --repository team-project
  track catalog export ../catalog --dry-run

All that any branch or tag has is written, with what stands in the working tree and the runs of this clone's journal: a
file for each table, <table>/<repository>.parquet. Many repositories can share a place; each replaces its own files
alone. A repository is called after its first commit, which all its clones have, unless --repository gives a name. No
data has to be here. The tables are in the reference of exports. It needs: pip install 'track-data[parquet]'

\b
Exit codes: 0 done; 2 wrong usage, or what writes Parquet is not installed; 3 not a project; 5 the place does not
answer or refuses; 6 something else is there, or the files of another repository with this name, or
this repository's under another name.
"""


@click.group("catalog", help=_HELP, short_help="give versions and runs to other engines")
def command() -> None:
    """What the commands below have in common: nothing."""


@command.command("export", help=_EXPORT_HELP, short_help="write versions, runs, edges and metrics as Parquet")
@click.argument("target", metavar="DIR|URL")
@click.option("--repository", metavar="NAME", help="What this repository is called there.")
@click.option("--endpoint", metavar="URL", help="The server of a bucket of S3, when it is not the provider's.")
@click.option("--region", metavar="REGION", help="The region of a bucket of S3.")
@click.option("--profile", metavar="PROFILE", help="The profile of ~/.aws for a bucket of S3.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def export_command(*, target: str, repository: str | None, dry_run: bool, as_json: bool, **way: Any) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.catalog_export.catalog_export(
            project,
            target,
            repository=repository,
            access=late.address.Access(**way),
            dry_run=dry_run,
            progress=progress(),
        )
    if as_json:
        tables = [{"name": one.name, "key": one.key, "rows": one.rows_count, "size": one.size} for one in done.tables]
        facts = {"url": done.url, "repository": done.repository, "dry_run": dry_run, "is_cut": done.is_cut}
        emit_json("catalog export", {**facts, "unreadable": len(done.unreadable), "tables": tables})
        return
    table([_row(one, dry_run) for one in done.tables], right=(1, 2))
    verb = "would be written" if dry_run else "written"
    emit(f"{verb} to {display(done.url)} as {done.repository}")
    _say_rest(done)


def _row(one: Any, dry_run: bool) -> tuple[str, ...]:
    return one.key, count_text(one.rows_count, "row"), "" if dry_run else size_text(one.size)


def _say_rest(done: "late.catalog_export.CatalogExported") -> None:
    if done.alike:
        note(f"the first commit is also that of {', '.join(done.alike)} there: where that is no fork, rows count twice")
        hint("remove the files of the name that is not used any more")
    if done.is_cut:
        warn("this clone is shallow: what was before its oldest commits is not in the export")
        hint("git fetch --unshallow")
    if done.unreadable:
        note(
            f"{count_text(len(done.unreadable), 'pointer or record', 'pointers and records')} cannot be read: left out"
        )
        hint("track doctor")
