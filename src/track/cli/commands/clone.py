"""`track clone`: clone a Git repository and fetch its data."""

import click

from track.cli import late
from track.cli.foreseeing import note_foreseen
from track.cli.passing import documents_of, show_passed
from track.cli.rate import rate_flags, rate_option
from track.cli.session import count_text, emit, emit_json, hint, note, progress, refuse, size_text, table, warn
from track.cli.terminal import transient
from track.model.names import display

_HELP = """Clone a Git repository, set track up in the clone, and bring its data.

\b
  track clone https://example.org/acme/churn.git        into ./churn
  track clone git@example.org:acme/churn.git work       into ./work
  track clone --shallow URL                             pointers only: data comes when and where you ask for it
  track clone -n URL                                    say what would come, and from where
  track clone --no-data URL && cd churn && track pull models/   only a part of the data

It is `git clone` followed by `track pull`. With --no-data the pull is left to you; with --shallow data that you
never asked for does not count as missing, and `track pull` without a path looks after what you have. --depth is Git's
own and about commits; it goes with both. Nothing that comes with the repository is run. A remote that only the
repository names is read from when it is a provider's bucket or lies beside the repository; for any other, say yes
first with `track trust`.

\b
Exit codes: 0 done; 1 Git could not clone; 2 wrong usage; 3 written by a later version; 4 data is missing everywhere;
5 the remote was not reached, or may not be used yet; 6 the folder is there and not empty; 7 data is damaged;
3, 6, 7 a pointer cannot be read (the data of all others came).
After 3, 4, 5 and 7 the Git repository is cloned and `track pull` goes on.
"""


@click.command("clone", help=_HELP, short_help="clone a Git repository and fetch its data")
@click.argument("url", type=click.UNPROCESSED)
@click.argument("folder", required=False, type=click.UNPROCESSED)
@click.option("--no-data", is_flag=True, help="Set up the clone, and leave the data for `track pull`.")
@click.option("--shallow", is_flag=True, help="Pointers only, for good: data comes for what is asked for.")
@click.option("-n", "--dry-run", is_flag=True, help="Leave nothing, say what would come and from where.")
@click.option("-b", "--branch", metavar="NAME", help="The branch or tag to check out.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="So many commits of the Git history only.")
@rate_option
@click.option("--no-hooks", is_flag=True, help="Leave Git's hooks alone until `track hooks install`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    url: str,
    folder: str | None,
    no_data: bool,
    branch: str | None,
    rate: str | None,
    **options: int | bool | None,
) -> None:
    """Translate, call the verb, show."""
    depth, hooks, data, shallow = options["depth"], not options["no_hooks"], not no_data, bool(options["shallow"])
    with transient() as tell:
        done = late.clone.clone(
            url,
            folder,
            data=data,
            shallow=shallow,
            branch=branch,
            depth=depth,
            with_hooks=hooks,
            dry_run=bool(options["dry_run"]),
            rate=rate_flags(rate).get("transfer.rate"),
            tell=tell,
            progress=progress(),
        )
    for text in done.warnings:
        warn(text)
    if options["as_json"]:
        emit_json("clone", _document(done))
    else:
        _show(done, no_data, shallow)
    show_passed(done.passed)
    refuse(done.refused)


def _show(done: "late.clone.Cloned", no_data: bool, shallow: bool) -> None:
    where = display(str(done.root))
    if done.dry_run:
        _show_foreseen(done, where)
        return
    emit(f"cloned into {where}")
    if not done.is_project:
        note("track is not set up in this repository")
        hint(f"track -C {where} init")
        return
    for name, url in done.remotes:
        note(f"data from {display(name)}  {display(url)}")
    if shallow and done.artifacts_count:
        emit(f"{count_text(done.artifacts_count, 'artifact')}, pointers only")
        hint(f"track -C {where} pull PATH      brings what you need")
    elif no_data and done.artifacts_count:
        emit(f"{count_text(done.artifacts_count, 'artifact')}, no data yet")
        hint(f"track -C {where} pull")
    elif done.artifacts_count:
        table([("  " + display(path), size_text(size)) for path, size in done.placed], right=(1,))
        emit(f"{count_text(done.artifacts_count, 'artifact')}, {size_text(done.fetched_bytes)} fetched")


def _show_foreseen(done: "late.clone.Cloned", where: str) -> None:
    emit(f"would be cloned into {where}")
    if not done.is_project:
        note("track is not set up in this repository")
        return
    table([("  " + display(path), size_text(size)) for path, size in done.placed], right=(1,))
    if done.objects_count:
        note_foreseen(done.objects_count, done.fetched_bytes, done.remotes)
    else:
        note(f"{count_text(done.artifacts_count, 'artifact')}, no data (--dry-run)")


def _document(done: "late.clone.Cloned") -> dict[str, object]:
    return {
        "root": display(str(done.root)),
        "dry_run": done.dry_run,
        "objects": done.objects_count,
        "project": done.is_project,
        "artifacts": done.artifacts_count,
        "remotes": [{"name": display(name), "url": display(url)} for name, url in done.remotes],
        "fetched_bytes": done.fetched_bytes,
        "passed": documents_of(done.passed),
        "placed": [{"path": display(path), "size": size} for path, size in done.placed],
    }
