"""`track pull`: bring bytes from the remote and place the files."""

from functools import partial

import click

from track.cli import late
from track.cli.choosing import choice_options
from track.cli.consent import allow, yes_option
from track.cli.foreseeing import documents_foreseen, note_foreseen, show_foreseen
from track.cli.hooking import ensure_hooks
from track.cli.passing import documents_of, show_passed
from track.cli.rate import rate_flags, rate_option
from track.cli.session import (
    count_text,
    emit,
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

_HELP = """Bring the bytes that the pointers in the working tree need, and place the files.

\b
  track pull                    everything
  track pull images/            one artifact, or all in a folder
  track pull images/2024        only this part of the directory `images`
  track pull images --include '*.png' --exclude 'raw/'    only these files of it
  track pull --from lab         from the remote `lab` alone
  track pull --runs             besides, the runs that others shared with track push --runs
  track pull -n                 say what would be fetched and placed
  track pull --yes              allow the remote that the repository names, and read from it

Every byte is checked against its digest before it is placed. Edited files whose content is saved nowhere are never
replaced, unless --force moves them to the trash: beside a pointer that did not move they stay, and elsewhere nothing
is placed (6) until you have chosen. An interrupted pull goes on when it is run again.
The remote that is known to have it is asked first (see the setting `fetch.from`); one that does not answer, or of
which a copy is damaged, is passed over for the next. With nothing to fetch, the first one is asked only whether
something was purged there, and a remote that does not answer fails nothing.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 bytes that no remote has (the rest was placed); 5 no remote, or
it is not there, is no store, or not allowed yet; 6 unsaved work would be lost, or the project is locked; 7 what a
remote has is damaged (nothing of that was placed); 3, 6, 7 a pointer cannot be read (the data of all others came).
"""


@click.command("pull", help=_HELP, short_help="fetch, and place the files")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--from", "remote", metavar="REMOTE", help="Ask this remote alone.")
@click.option("--runs", is_flag=True, help="Also the records of runs that others shared.")
@click.option("--force", is_flag=True, help="Move edits that are saved nowhere to the trash.")
@click.option(
    "-n", "--dry-run", is_flag=True, help="Change nothing, say what would come, from where, and what would be placed."
)
@choice_options
@rate_option
@yes_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    paths: tuple[str, ...],
    remote: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    rate: str | None,
    **flags: bool,
) -> None:
    """Translate, call the verb, show."""
    force, dry_run, choice = flags["force"], flags["dry_run"], late.choice.choice_of(include, exclude)
    with opened(rate_flags(rate)) as project:
        if flags["yes"]:
            allow(project, remote)
        pulling = partial(late.pull.pull, project, paths, remote=remote, choice=choice, force=force, dry_run=dry_run)
        pulled = pulling(runs=flags["runs"], progress=progress())
        if not dry_run:
            ensure_hooks(project)
            stay_within(project)
            tell_still_here(project)
        is_shallow = project.config.is_on("checkout.shallow")
    if flags["as_json"]:
        emit_json("pull", _document(pulled))
    else:
        _show(pulled, is_shallow)
        note_shared(pulled.shared)
    show_passed(pulled.passed)
    refuse(pulled.refused)


def _show(pulled: "late.pull.Pulled", is_shallow: bool) -> None:
    would = "would be " if pulled.dry_run else ""
    show_foreseen(pulled.foreseen)
    for artifact in pulled.artifacts:
        emit(_line(artifact, would))
    if pulled.given_up and not pulled.dry_run:
        what = "1 unsaved file is" if len(pulled.given_up) == 1 else f"{len(pulled.given_up):,} unsaved files are"
        note(f"{what} in the trash: track restore {pulled.step} brings everything back")
    if pulled.dry_run and pulled.objects_count:
        note_foreseen(pulled.objects_count, pulled.fetched_bytes, pulled.remotes)
    elif pulled.objects_count:
        places = " and ".join(f"{display(name)} ({display(url)})" for name, url in pulled.remotes)
        note(f"{count_text(pulled.objects_count, 'object')}, {size_text(pulled.fetched_bytes)}, fetched from {places}")
    elif not pulled.versions_count and is_shallow:
        note("nothing was ever placed in this shallow clone")
        hint("track pull PATH      brings what you need; track ls says what there is")
    elif not (pulled.artifacts or pulled.lacking or pulled.refused):
        note(f"everything is here and in place: {count_text(pulled.versions_count, 'artifact')}")


def _line(artifact: "late.bring.BroughtArtifact", would: str) -> str:
    name = display(artifact.path) + ("/" if artifact.kind == "directory" else "")
    counts = (
        (artifact.created_count, "placed"),
        (artifact.replaced_count, "replaced"),
        (artifact.removed_count, "removed"),
    )
    did = [f"{count_text(count, 'file')} {would}{word}" for count, word in counts if count]
    if artifact.stays:
        did.append(f"{count_text(len(artifact.stays), 'file')} edited, left alone")
    done = ", ".join(did)
    size = f"{size_text(artifact.size)}  " if artifact.size or not artifact.stays else ""
    return f"{name}  {size}{done or would + 'in place'}"


def _document(pulled: "late.pull.Pulled") -> dict[str, object]:
    return {
        "dry_run": pulled.dry_run,
        "step": pulled.step,
        "given_up": [display(path) for path in pulled.given_up],
        "remotes": [{"name": name, "url": display(url)} for name, url in pulled.remotes],
        "objects": pulled.objects_count,
        "fetched_bytes": pulled.fetched_bytes,
        "passed": documents_of(pulled.passed),
        "shared_runs": documents_of_shared(pulled.shared),
        "lacking": documents_foreseen(pulled.foreseen),
        "artifacts": [
            {
                "path": display(artifact.path),
                "kind": artifact.kind,
                "digest": artifact.digest,
                "created": artifact.created_count,
                "replaced": artifact.replaced_count,
                "removed": artifact.removed_count,
                "size": artifact.size,
                "left_alone": [display(path) for path in artifact.stays],
            }
            for artifact in pulled.artifacts
        ],
    }
