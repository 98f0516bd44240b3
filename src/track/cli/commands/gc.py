"""`track gc`: free the space of what nothing names any more."""

import sys
from collections.abc import Mapping

import click

from track.cli import late
from track.cli.collected import (
    document_of_reflogs,
    document_of_remote,
    document_of_sources,
    show_by_reflogs,
    show_remote,
    show_sources,
)
from track.cli.passing import documents_of, show_passed
from track.cli.rate import setting_flag
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, size_text, warn
from track.cli.shrunk import SENDING, document_of_shrunk, show_shrunk
from track.model.names import display
from track.model.policy import Policy, parse_policy

_HELP = """Take what nothing names any more out of the local store, or out of a remote, to free its space.

\b
  track gc                what nothing named for 14 days goes into the store's trash, and after 14 more for good
  track gc -n             say what would go, how much it is, and what named it last
  track gc --grace 3      3 days instead of what the setting gc.grace says
  track gc --grace 0      everything that nothing names, now and for good
  track gc --keep tips    of the history only what branches and tags name, instead of what the setting gc.keep says
  track gc --keep 'last 3, newer than 90d'    besides, the last 3 versions of each artifact and those of 90 days
  track gc --max-size 10GB    and let go of what remotes verifiably hold, until the store takes no more than that
  track gc --forget ../b  the repository ../b uses this store no more
  track gc --remote       at the default remote: what no clone needs is condemned, and deleted by the same command a
                          day later, unless it is needed again by then
  track gc --remote box -n               say what would go at the remote box, and why
  track gc --remote box --forget 1f03    what the clone 1f03… said that it needs at box counts no more

Needed is what any branch, tag, stash, reflog, index or working tree of any repository that uses the store names, and
what `track restore` can bring back. With --keep, or the setting gc.keep, of the commits only those count that are the
tip of a branch or tag, and what it names besides; what is in use stays in any case. What a policy passes over, or
--max-size has no room for, goes when at least as many remotes hold it as --min-copies, or store.min_copies, says: they
are asked then, and what went comes back with `track fetch`.

What is in the trash comes back by itself when it is needed again. Without --remote, nothing is taken
from remotes.

At a remote, needed is besides what any branch or tag of the Git remotes names, what other clones said when they pushed,
and what pushes that are under way claim; and no less of the history is kept than any clone keeps that pushed there.
What the policies pass over goes when at least so many other places hold it: other remotes, and the local store.
Ages are told by the remote's own clock.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 a manifest is lost, so that nobody knows what is needed (nothing
was done; --force does it all the same); 5 the remote does not answer, or may not be used; 6 a repository that uses the
store cannot be read or is shallow, a branch of a Git remote is not here, or other commands are at work; 1 the disk is
full or may not be written.
"""
_SHOWN = 20


@click.command("gc", help=_HELP, short_help="free the space of what nothing names any more")
@click.option(
    "--remote", "remote", is_flag=False, flag_value="", metavar="[NAME]", help="At this remote, or the default one."
)
@click.option("--grace", "grace_days", type=click.IntRange(0, 36_500), metavar="DAYS", help="Instead of gc.grace.")
@click.option("--keep", metavar="WHAT", help="Instead of gc.keep: all, tips, 'last 3', 'newer than 90d', or several.")
@click.option("--min-copies", metavar="N", help="Instead of store.min_copies.")
@click.option("--max-size", metavar="SIZE", help="Instead of store.max_size, such as 10GB.")
@click.option(
    "--forget",
    multiple=True,
    metavar="WHO",
    help="A repository that uses this store no more, or, with --remote, a clone; may be repeated.",
)
@click.option("--force", is_flag=True, help="Go on in a shallow clone, or when a manifest is lost.")
@click.option("-n", "--dry-run", is_flag=True, help="Take nothing away, say what would go and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    remote: str | None,
    grace_days: int | None,
    keep: str | None,
    min_copies: str | None,
    max_size: str | None,
    forget: tuple[str, ...],
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    policy = None if keep is None else parse_policy(keep)
    flags = {
        **setting_flag("store.min_copies", "--min-copies", min_copies, hint="--min-copies 1"),
        **setting_flag("store.max_size", "--max-size", max_size, hint="--max-size 10GB"),
    }
    if remote is not None:
        if grace_days is not None:
            raise click.UsageError("--grace is about the local store; at a remote it is a day, by its own clock")
        if max_size is not None:
            raise click.UsageError("--max-size is about the local store")
        _at_remote(remote or None, policy, flags, forget=forget, force=force, dry_run=dry_run, as_json=as_json)
        return
    with opened(flags) as project:
        done = late.gc.gc(
            project,
            keep=policy,
            grace_days=grace_days,
            forget=forget,
            force=force,
            dry_run=dry_run,
            progress=progress(),
        )
        shrunk = None if done.is_stopped else late.shrink.shrink(project, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("gc", {**_document(done), "shrunk": document_of_shrunk(shrunk)})
    else:
        _show(done)
        if shrunk is not None:
            show_shrunk(shrunk)
        if done.is_dry:
            note("nothing was changed (--dry-run)")
    if done.exit_code:
        sys.exit(done.exit_code)


def _at_remote(
    remote: str | None, policy: Policy | None, flags: Mapping[str, str],
    *, forget: tuple[str, ...], force: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    with opened(flags) as project:
        done = late.gc_remote.gc_remote(
            project, remote, keep=policy, forget=forget, force=force, dry_run=dry_run, progress=progress()
        )
    if as_json:
        emit_json("gc", document_of_remote(done))
    else:
        show_remote(done)
    if done.exit_code:
        sys.exit(done.exit_code)


def _show(done: "late.gc.Collected") -> None:
    show_sources(done.sources)
    for path in done.shallow:
        warn(f"{display(str(path))} is a shallow clone: only what its commits name was counted")
    _show_lost(done)
    count = f"{count_text(done.objects_count, 'object')}, {size_text(done.object_bytes)}"
    trash = f"after {count_text(done.grace_days, 'day')} in the trash" if done.grace_days else "for good"
    if done.is_dry and not done.is_stopped:
        emit(f"{count}, would go, {trash}" if done.objects_count else "nothing would go")
    elif not done.is_stopped:
        went = "are in the trash" if done.grace_days else "are gone"
        emit(f"{count}, {went}" if done.objects_count else "nothing to take away")
    _show_rest(done)


def _show_lost(done: "late.gc.Collected") -> None:
    for lost in done.lost[:_SHOWN]:
        warn(f"a manifest of {display(lost.name)} is neither here nor known to be at a remote ({lost.digest.short})")
    if done.is_stopped:
        would = "would be" if done.is_dry else "was"
        warn(f"nobody knows what is needed below it: nothing {would} taken away")
        hint("track fetch --all       brings it, if a remote has it")
        hint("track gc --force        gives up what only it names")


def _show_rest(done: "late.gc.Collected") -> None:
    if done.given_up_count:
        kept = display(str(done.policy))
        what = count_text(done.given_up_count, "version")
        now = "is" if done.given_up_count == 1 else "are"
        note(f"{what} of the history {'would be' if done.is_dry else now} given up: kept is `{kept}`")
    show_by_reflogs(done.by_reflogs, str(done.policy), now_s=done.now_s, grace_days=done.grace_days)
    if done.by_steps_count:
        note(
            f"{count_text(done.by_steps_count, 'version')} that `{display(str(done.policy))}` passes over: kept, for "
            "track restore can bring them back (a step leaves after trash.days days, or trash.steps commands)"
        )
        hint("track restore      lists the steps")
    if done.unheld_count:
        count = count_text(done.unheld_count, "object")
        note(
            f"{count}, {size_text(done.unheld_bytes)}, of what `{display(str(done.policy))}` passes over: kept, for "
            f"fewer than {count_text(done.min_copies, 'remote')} verifiably hold them (store.min_copies)"
        )
        hint(SENDING)
        hint("track gc --min-copies 0      gives them up all the same, for good")
    if done.young_count:
        note(
            f"{count_text(done.young_count, 'object')}, {size_text(done.young_bytes)}, "
            f"named by nothing, and stored less than {count_text(done.grace_days, 'day')} ago: kept"
        )
    if done.among_live_count:
        note(f"{size_text(done.among_live_bytes)} among what is needed in the same packs: kept")
    if done.unreadable_count:
        note(f"{count_text(done.unreadable_count, 'pack')} that cannot be read: kept (track verify)")
    if done.revived_count:
        note(f"{count_text(done.revived_count, 'file')} came back from the trash: needed again")
    _show_freed(done)
    if done.trash_bytes and not done.is_dry:
        note(f"{size_text(done.trash_bytes)} in the trash")
    show_passed(done.passed)


def _show_freed(done: "late.gc.Collected") -> None:
    if done.emptied_bytes:
        note(f"{size_text(done.emptied_bytes)} of the trash {'would go' if done.is_dry else 'are gone'}")
    if done.is_stopped or not (done.emptied_bytes or done.objects_count):
        return
    would, now = ("would take about", "") if done.is_dry else ("takes", " than before")
    size = size_text(abs(done.freed_bytes))
    if done.freed_bytes > 0:
        note(f"the store {would} {size} less on the disk{now}")
    elif done.freed_bytes < 0:
        note(f"the store {would} {size} more on the disk until the trash is emptied: what stays is written anew")
    elif done.emptied_bytes:
        note("nothing of that comes free on the disk: the same files have other names")


def _document(done: "late.gc.Collected") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "keep": str(done.policy),
        "given_up": done.given_up_count,
        "unheld": {"objects": done.unheld_count, "bytes": done.unheld_bytes, "copies": done.min_copies},
        "by_steps": done.by_steps_count,
        "by_reflogs": document_of_reflogs(done.by_reflogs),
        "passed": documents_of(done.passed),
        "grace_days": done.grace_days,
        "repositories": [display(str(path)) for path in done.repositories],
        "shallow": [display(str(path)) for path in done.shallow],
        "pointers": done.named_count,
        "needed": done.needed_count,
        "objects": done.objects_count,
        "object_bytes": done.object_bytes,
        "file_bytes": done.file_bytes,
        "young": {"objects": done.young_count, "bytes": done.young_bytes},
        "among_live": {"objects": done.among_live_count, "bytes": done.among_live_bytes},
        "unreadable_packs": done.unreadable_count,
        "emptied_bytes": done.emptied_bytes,
        "freed_bytes": done.freed_bytes,
        "trash_bytes": done.trash_bytes,
        "revived": done.revived_count,
        "lost": [{"name": lost.name, "digest": str(lost.digest)} for lost in done.lost],
        "stopped": done.is_stopped,
        "sources": document_of_sources(done.sources),
    }
