"""`track fetch`: bring the bytes that pointers name into the local store."""

import click

from track.cli import late
from track.cli.choosing import choice_options
from track.cli.consent import allow, yes_option
from track.cli.foreseeing import documents_foreseen, note_foreseen, show_foreseen
from track.cli.passing import documents_of, show_passed
from track.cli.rate import rate_flags, rate_option
from track.cli.separated import Separated, paths_behind, remote_and_revisions
from track.cli.session import (
    count_text,
    emit_json,
    hint,
    note,
    opened,
    progress,
    refuse,
    size_text,
    tell_still_here,
)
from track.cli.shared_text import documents_of_shared, note_shared
from track.cli.shrunk import stay_within
from track.model.names import display

_HELP = """Bring the bytes that pointers name into the local store. Working files stay as they are.

\b
  track fetch                      what the pointers in the working tree name
  track fetch lab                  from the remote `lab` alone
  track fetch origin v1.0          what this revision names
  track fetch --all                what every branch and tag names
  track fetch -- images/2024       only this part of the directory `images`
  track fetch --runs               besides, the runs that others shared with track push --runs
  track fetch -n                   say what would come, and from where
  track fetch --manifests          only what says which files directories have: ls, diff and du need no more
  track fetch --include '*.png' -- images    only these files of it

Every byte is checked against its digest before it is stored. The remote that is known to have it is asked first
(see the setting `fetch.from`); one that does not answer, or of which a copy is damaged, is passed over for the next.
An interrupted fetch goes on when it is run again.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 bytes that no remote has (the rest came); 5 no remote, or it is
not there, is no store, or not allowed yet; 7 what a remote has is damaged (nothing of that was stored);
3, 6, 7 a pointer cannot be read (what all others need came).
"""


@click.command("fetch", cls=Separated, help=_HELP, short_help="bring bytes from the remote into the store")
@click.argument("names", nargs=-1, metavar="[REMOTE] [REV]... [-- PATH...]", type=click.UNPROCESSED)
@click.option("--all", "every", is_flag=True, help="What every branch and tag names.")
@click.option("--manifests", is_flag=True, help="Only the manifests of directories, and no data.")
@click.option("--runs", is_flag=True, help="Also the records of runs that others shared.")
@click.option("-n", "--dry-run", is_flag=True, help="Fetch and write nothing, say what would come and from where.")
@choice_options
@rate_option
@yes_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    rate: str | None,
    **flags: bool,
) -> None:
    """Translate, call the verb, show."""
    choice = late.choice.choice_of(include, exclude)
    with opened(rate_flags(rate)) as project:
        remote, revs = remote_and_revisions("fetch", names, project.config.names("remote.*.url"))
        if flags["yes"]:
            allow(project, remote)
        fetched = late.fetch.fetch(
            project,
            remote,
            revs,
            paths=paths_behind(ctx),
            choice=choice,
            every=flags["every"],
            manifests=flags["manifests"],
            runs=flags["runs"],
            dry_run=flags["dry_run"],
            progress=progress(),
        )
        stay_within(project)
        tell_still_here(project)
        is_shallow = project.config.is_on("checkout.shallow")
    if flags["as_json"]:
        emit_json("fetch", _document(fetched))
    elif fetched.dry_run and fetched.objects_count:
        show_foreseen(fetched.foreseen)
        note_foreseen(fetched.objects_count, fetched.fetched_bytes, fetched.remotes)
    elif fetched.objects_count:
        places = " and ".join(f"{display(name)} ({display(url)})" for name, url in fetched.remotes)
        count = count_text(fetched.objects_count, "object")
        note(f"{count}, {size_text(fetched.fetched_bytes)}, fetched from {places}")
    elif not fetched.versions_count and is_shallow and not fetched.refused:
        note("nothing was ever placed in this shallow clone")
        hint("track fetch -- PATH      brings what you name; track ls says what there is")
    elif not fetched.refused:
        note(f"everything is here: {count_text(fetched.versions_count, 'artifact')}")
    if not flags["as_json"]:
        note_shared(fetched.shared)
    show_passed(fetched.passed)
    refuse(fetched.refused)


def _document(fetched: "late.fetch.Fetched") -> dict[str, object]:
    return {
        "remotes": [{"name": name, "url": display(url)} for name, url in fetched.remotes],
        "dry_run": fetched.dry_run,
        "artifacts": fetched.versions_count,
        "objects": fetched.objects_count,
        "fetched_bytes": fetched.fetched_bytes,
        "passed": documents_of(fetched.passed),
        "shared_runs": documents_of_shared(fetched.shared),
        "lacking": documents_foreseen(fetched.foreseen),
    }
