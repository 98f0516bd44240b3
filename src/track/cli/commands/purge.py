"""`track purge`: remove a version for good."""

import sys

import click

from track.cli import late
from track.cli.collected import SHOWN
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, warn
from track.errors import UsageError
from track.model.names import display, typed

_HELP = """Remove a version for good, from every remote and from the local store, when the law or a mistake asks for it.

\b
  track purge faces.zip --because 'consent was withdrawn'    the version that the pointer here names
  track purge faces.zip@v1 --because 'as above'              the version at a commit, branch or tag
  track purge rides@prod --because 'as above'                a version of a named artifact: an alias, digest or tag
  track purge -n faces.zip@v1 --because 'as above'           say what would go, and everything that names it

It cannot be undone, and happens at once. Paths, names, aliases and other clones that name the same bytes are told
before. What was removed, when, by whom and why is written down at every remote, and whoever misses the data is told so.
No push sends it again. Pointers and names stay in Git's history, and the working copy is yours to delete. A remote
that is only read is looked at when the others are done, and what is left there is told.

What other versions are made of too, here or in what other clones pushed, stays, unless --shared leaves them without
it: -n says before how much that is.

\b
Exit codes: 0 done; 1 something stays that other versions are made of, or that is, or may be, in a damaged pack; 2
wrong usage, no reason, or no consent; 3 not a project; 4 its manifest is nowhere; 5 a remote does not answer (the
same command goes on there); 6 all of it belongs to other versions, the history is not all here, or other commands are
at work; 7 damaged data.
"""


@click.command("purge", help=_HELP, short_help="remove a version for good, everywhere")
@click.argument("artifact", metavar="ARTIFACT[@VERSION]", type=click.UNPROCESSED)
@click.option("--because", metavar="WHY", help="Why, for those who will miss the data.")
@click.option("--shared", is_flag=True, help="Also what other versions are made of too.")
@click.option("--yes", is_flag=True, help="Do not ask; it cannot be undone.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, artifact: str, because: str | None, shared: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, ask, call the verb, show."""
    with opened() as project:
        if because and not dry_run and not yes:  # without a reason nothing is asked: the verb says so
            planned = late.purge.purge(project, artifact, reason=because, shared=shared, dry_run=True)
            _ask(planned, artifact, because, shared=shared)
        done = late.purge.purge(
            project, artifact, reason=because or "", shared=shared, dry_run=dry_run, progress=progress()
        )
    if as_json:
        emit_json("purge", _document(done))
    else:
        _show(done)
    if done.exit_code and not dry_run:
        sys.exit(done.exit_code)


def _ask(planned: "late.purge.Purged", artifact: str, because: str, *, shared: bool) -> None:
    what = f"{display(planned.path)} ({planned.digest.short}, {count_text(planned.objects_count, 'object')})"
    _show_names(planned)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{what} would be removed for good, and nobody is here to say yes",
            hint=f"track purge --yes {'--shared ' if shared else ''}{typed(artifact)} --because={typed(because)}",
        )
    if not click.confirm(f"remove {what} for good, here and at every remote?", err=True):
        raise UsageError("nothing was removed")


def _show_names(done: "late.purge.Purged") -> None:
    """Everything that names the same bytes."""
    for one in done.names[:SHOWN]:
        where = ", ".join(display(each) for each in one.where[:SHOWN])
        if one.clone:
            note(f"named by clone {one.clone[:8]} at {display(one.remote)}: {where}")
        else:
            note(f"named by {one.name}: {where}")
    if len(done.names) > SHOWN:
        note(f"and by {len(done.names) - SHOWN} more: --json names all")


def _show(done: "late.purge.Purged") -> None:
    if done.is_dry:
        _show_names(done)
    would = "would be " if done.is_dry else ""
    count = count_text(done.objects_count, "object")
    emit(f"{display(done.path)}  {done.digest.short}  {count} {would}removed for good")
    for one in done.remotes:
        if one.error is not None:
            warn(f"{display(one.remote)} ({display(one.url)}): not there yet: {one.error.message}")
            for line in one.error.details:
                note(f"  {line}")
            for line in (one.error.hint or "the same command goes on there").splitlines():
                hint(line)
            continue
        if one.is_read_only:
            _show_mirror(one)
            continue
        emit(f"{display(one.remote)}  {display(one.url)}  {count_text(one.objects_count, 'object')} removed")
        if one.aside_count:
            note(f"{count_text(one.aside_count, 'file')} of the quarantine of {display(one.remote)} went with it")
        if one.unreadable_count:
            which = "it" if one.aside_count == 1 else f"{one.unreadable_count:,} of them"
            note(f"  nobody can tell what was in {which}: some of it may have been")
        _show_kept(one.remote, len(one.kept_packs), "")
        _show_kept(one.remote, len(one.doubtful_packs), "maybe ")
        if one.lost:
            lost = count_text(len(one.lost), "object")
            warn(f"{lost} of other versions lay beside it at {display(one.remote)}, damaged: not there any more")
            hint(f"track repair --remote {typed(one.remote)}      in a clone that has them")
    if done.shared_count:
        count = count_text(done.shared_count, "object")
        more = "--shared removes them too" if done.is_dry else "they go when those versions are purged"
        warn(f"{count} of it belong to other versions too: kept ({more})")
    if done.unreadable:
        packs = count_text(len(done.unreadable), "pack")
        warn(f"{packs} in quarantine here cannot be read, and may hold some of it: kept")
        for path in done.unreadable[:SHOWN]:
            hint(f"rm {typed(str(path))}      removes it, with whatever else could be rescued from it")
    if done.is_dry:
        note("nothing was changed (--dry-run)")
    else:
        note("the pointer and the working copy are as they were: check out another version, or let go of the name:")
        hint(f"track rm --cached {typed(display(done.path))}      its files are yours to delete then")


def _show_mirror(one: "late.purge.PurgedRemote") -> None:
    """What is left at a remote that is only read."""
    where = f"{display(one.remote)} ({display(one.url)})"
    if one.left_count == 0:
        emit(f"{display(one.remote)}  {display(one.url)}  only read; nothing of it is there")
        return
    left = "could not be asked" if one.left_count is None else f"still has {count_text(one.left_count, 'object')} of it"
    warn(f"{where} is only read, and {left}: nothing is removed there from here")
    hint("whoever may write there has to: the same command in a clone that sends to it, or a new copy of what is done")


def _show_kept(remote: str, count: int, doubt: str) -> None:
    """Packs at a remote that could not be written anew without pieces of what was purged."""
    if not count:
        return
    stay, have = ("stays: it is", "has") if count == 1 else ("stay: they are", "have")
    packs = f"{count_text(count, 'pack')} at {display(remote)} {stay}"
    warn(f"{packs} damaged, and {doubt}{have} pieces of it beside what others need")
    hint(f"track repair --remote {typed(remote)}      then the same command again")


def _document(done: "late.purge.Purged") -> dict[str, object]:
    return {
        "path": display(done.path),
        "digest": str(done.digest),
        "dry_run": done.is_dry,
        "objects": done.objects_count,
        "shared": done.shared_count,
        "here": done.here_count,
        "names": [
            {"name": one.name, "where": [display(each) for each in one.where], "remote": one.remote, "clone": one.clone}
            for one in done.names
        ],
        "unreadable": [display(str(path)) for path in done.unreadable],
        "remotes": [
            {
                "remote": display(one.remote),
                "url": display(one.url),
                "objects": one.objects_count,
                "kept_packs": [str(pack) for pack in one.kept_packs],
                "doubtful_packs": [str(pack) for pack in one.doubtful_packs],
                "lost": [str(digest) for digest in one.lost],
                "aside": one.aside_count,
                "unreadable_aside": one.unreadable_count,
                "read_only": one.is_read_only,
                "left": one.left_count,
                "error": None if one.error is None else one.error.message,
            }
            for one in done.remotes
        ],
    }
