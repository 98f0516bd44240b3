"""`track push`: send the bytes that pointers name to a remote."""

import click

from track.cli import late
from track.cli.consent import allow, yes_option
from track.cli.rate import rate_flags, rate_option
from track.cli.separated import Separated, paths_behind, remote_and_revisions
from track.cli.session import count_text, emit, emit_json, note, opened, progress, refuse, size_text, tell_still_here
from track.cli.shrunk import stay_within
from track.model.names import display, is_record_path

_HELP = """Send the bytes that pointers name, as far as the remote lacks them.

\b
  track push                       what is committed (HEAD) and staged, to the default remote
  track push lab                   to the remote `lab`
  track push origin v1.0 main      what these revisions name
  track push --to lab --to backup  to both of these remotes
  track push --all                 every branch and tag
  track push -- images/            only this
  track push -n                    say what would be sent
  track push --runs                besides, the runs that no pushed commit has: others see them with track fetch --runs
  track push --verify              read back what was sent, and hash it, before it counts as there
  track push --yes                 allow the remote that the repository names, and send to it

An interrupted push goes on when it is run again. Only what the pointers name is ever sent. Where none is named,
it goes to the remotes of the setting `push.to`, else to the default one; one that fails stops no other.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 bytes that are neither here nor at the remote (the rest was
sent); 5 no remote, or it is not there, full of something else, or not allowed yet; 6 another push takes too long;
7 a stored object, or what was sent, is damaged; 3, 6, 7 a pointer cannot be read (what all others need was sent).
"""


@click.command("push", cls=Separated, help=_HELP, short_help="send what commits point at to the remote")
@click.argument("names", nargs=-1, metavar="[REMOTE] [REV]... [-- PATH...]", type=click.UNPROCESSED)
@click.option("--to", multiple=True, metavar="REMOTE", help="Send to this remote; may stand several times.")
@click.option("--all", "every", is_flag=True, help="Every branch and tag.")
@click.option("-n", "--dry-run", is_flag=True, help="Send nothing, say what would be sent.")
@click.option("--runs", is_flag=True, help="Share runs that no pushed commit has, with what they name.")
@click.option("--verify", is_flag=True, help="Read back what was sent, and hash it.")
@rate_option
@yes_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    to: tuple[str, ...],
    rate: str | None,
    **flags: bool,
) -> None:
    """Translate, call the verb, show."""
    with opened(rate_flags(rate)) as project:
        remotes = project.config.names("remote.*.url")
        if to and names and names[0] not in remotes:  # with --to, the names are revisions
            remote, revs = None, names
        else:
            remote, revs = remote_and_revisions("push", names, remotes)
        paths = paths_behind(ctx)
        if flags["yes"]:
            for named in late.routes.targets(project, (*([remote] if remote is not None else []), *to)):
                allow(project, named.name)
        pushed = late.push.push(
            project,
            remote,
            revs,
            to=to,
            paths=paths,
            every=flags["every"],
            dry_run=flags["dry_run"],
            verify=flags["verify"],
            runs=flags["runs"],
            progress=progress(),
        )
        if not flags["dry_run"]:
            stay_within(project)
            tell_still_here(project)
    each = (pushed, *pushed.also)
    if flags["as_json"]:
        emit_json("push", {**_document(pushed), "remotes": [_document(one) for one in each]})
    else:
        for one in each:
            _show(one)
    refuse(pushed.refused)


def _show(pushed: "late.push.Pushed") -> None:
    for damaged, aside in pushed.damaged_runs:
        note(f"{damaged} was damaged there: it is in {aside} now, and the runs that are here were shared anew")
    where = f"{display(pushed.remote)} ({display(pushed.url)})"
    artifacts = [version for version in pushed.versions if not is_record_path(version.path)]
    if pushed.is_up_to_date:
        if not pushed.refused:
            note(f"{where} has everything: {count_text(len(artifacts), 'artifact')}")
        return
    for version in artifacts:
        if version.is_new:
            name = display(version.path) + ("/" if version.kind == "directory" else "")
            emit(f"{name}  {size_text(version.size)}  {'would be sent' if pushed.dry_run else 'pushed'}")
    runs = {version.path for version in pushed.versions if version.is_new and is_record_path(version.path)}
    if runs:
        emit(f"what was kept with {count_text(len(runs), 'run')}  {'would be sent' if pushed.dry_run else 'pushed'}")
    if pushed.shared_runs_count:
        emit(f"{count_text(pushed.shared_runs_count, 'run')}  {'would be shared' if pushed.dry_run else 'shared'}")
    count = count_text(pushed.objects_count, "object")
    if pushed.dry_run:
        note(f"{count}, {size_text(pushed.lacking_bytes)}, would be sent to {where} (--dry-run)")
    else:
        note(f"{count}, {size_text(pushed.sent_bytes)}, sent to {where}")


def _document(pushed: "late.push.Pushed") -> dict[str, object]:
    return {
        "remote": pushed.remote,
        "url": display(pushed.url),
        "dry_run": pushed.dry_run,
        "objects": pushed.objects_count,
        "lacking_bytes": pushed.lacking_bytes,
        "sent_bytes": pushed.sent_bytes,
        "packs": pushed.packs_count,
        "requests": pushed.requests_count,
        "shared_runs": pushed.shared_runs_count,
        "damaged_runs": [{"file": damaged, "aside": aside} for damaged, aside in pushed.damaged_runs],
        "artifacts": [
            {
                "path": display(version.path),
                "kind": version.kind,
                "digest": str(version.digest),
                "size": version.size,
                "files": version.files,
                "new": version.is_new,
            }
            for version in pushed.versions
            if not is_record_path(version.path)
        ],
        "runs": sorted({display(one.path) for one in pushed.versions if one.is_new and is_record_path(one.path)}),
    }
