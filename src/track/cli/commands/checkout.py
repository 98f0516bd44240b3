"""`track checkout`: make working files what their pointers say."""

import os
from importlib import import_module

import click

from track.cli import late
from track.cli.choosing import choice_options
from track.cli.separated import Separated, has_separator, paths_behind
from track.cli.session import count_text, emit, emit_json, note, opened, progress, refuse, size_text
from track.errors import ForbiddenPath, TrackError, UnknownPath, UnknownRevision, UsageError
from track.model.names import display, typed

_NAMED = 8
_HELP = """Make working files what their pointers say. What is saved nowhere is never lost.

\b
  track checkout                      after `git checkout` or `git pull`: all data as the pointers here say
  track checkout data/train.csv       only this artifact
  track checkout images/2024          only this part of the directory `images`
  track checkout v1.0                 the data of another revision; pointers are left to Git
  track checkout v1.0 -- model.bin    this artifact as it was, with its pointer (unstaged)
  track checkout images --include '*.png'    only these files of the directory `images`
  track checkout --inputs brave-otter the paths that a run used, as it used them, with their pointers (unstaged)
  track checkout --force              edits and unknown files to the trash: exactly what the pointers say

Files that are as they should be are not touched. A file whose content is neither in the store nor at a remote is
never replaced without --force, which moves it to the trash first. Edits of files that are the same in both versions
stay, as in Git, also where the pointer did not move; name the artifact to have them go. If one would be lost, nothing
is changed. `track restore` takes a checkout back. Nothing is fetched: `track pull` brings what is not here.

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 4 data that is not here (the rest was placed);
6 would lose unsaved work, or locked; 7 damaged data, or a path that may not be written;
3, 6, 7 a pointer cannot be read (the data of all others was placed).
"""


@click.command("checkout", cls=Separated, help=_HELP, short_help="bring data to a revision without losing unsaved work")
@click.argument("names", nargs=-1, metavar="[REV] [--] [PATH]...", type=click.UNPROCESSED)
@click.option("-f", "--force", is_flag=True, help="Move unsaved edits, and files that no version knows, to the trash.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, change nothing.")
@click.option("--inputs", "run", metavar="RUN", help="Make the paths that this run used what they were for it.")
@click.option("--fetch", is_flag=True, help="With --inputs: bring what is not here from a remote.")
@choice_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    run: str | None,
    **flags: bool,
) -> None:
    """Translate, call the verb, show."""
    force, dry_run, choice = flags["force"], flags["dry_run"], late.choice.choice_of(include, exclude)
    if run is not None or flags["fetch"]:
        if run is None or names or include or exclude:
            raise UsageError("--inputs takes a run and nothing else", hint="track checkout --inputs RUN")
        _check_out_inputs(run, fetch=flags["fetch"], force=force, dry_run=dry_run, as_json=flags["as_json"])
        return
    with opened() as project:
        rev, paths = _told_apart(project, names, paths_behind(ctx) if has_separator(ctx) else None)
        done = late.checkout.checkout(
            project, rev, paths, choice=choice, force=force, dry_run=dry_run, progress=progress()
        )
    if flags["as_json"]:
        emit_json("checkout", _document(done, dry_run))
    else:
        for artifact in done.artifacts:
            emit(_line(artifact, dry_run))
        _say_more(done, dry_run)
    refuse(done.refused)


def _check_out_inputs(run: str, *, fetch: bool, force: bool, dry_run: bool, as_json: bool) -> None:
    with opened() as project:
        inputs = import_module("track.verbs.checkout_inputs").checkout_inputs  # speaks to remotes, which is large
        placed = inputs(project, run, fetch=fetch, force=force, dry_run=dry_run, progress=progress())
    done = late.checkout.CheckedOut(
        placed.artifacts, placed.pointers, placed.inputs_count, (), placed.step, placed.given_up, placed.pointers
    )
    if as_json:
        emit_json("checkout", _document(done, dry_run))
        return
    for artifact in done.artifacts:
        emit(_line(artifact, dry_run))
    _say_more(done, dry_run)
    if placed.saved_elsewhere:
        note(f"saved to the run alone, and left out: {display(' '.join(placed.saved_elsewhere))}")


def _told_apart(
    project: "late.project.Project", names: tuple[str, ...], behind: tuple[str, ...] | None
) -> tuple[str | None, tuple[str, ...]]:
    """(revision, paths) out of what was typed, by Git's rules; `behind` is what stood behind `--`, if it was there.

    Raises:
        UsageError: a name is both, so that `--` has to tell.
        UnknownRevision: a name is neither.
    """
    if not names:
        return None, behind or ()
    if behind is not None:
        if len(names) > 1:
            raise UsageError("more than one revision was named", hint="track checkout REV -- PATH…")
        return names[0], behind
    is_path = _is_known(project, names[0])
    try:
        project.git.resolve(names[0])
    except UnknownRevision:
        if not is_path and os.path.lexists(os.path.join(project.cwd, names[0])):
            name, pointer = typed(names[0]), typed(names[0].rstrip("/") + ".track")
            raise UnknownPath(
                f"`{display(names[0])}` has no pointer here",
                hint=f"if it had one, Git has it: git checkout HEAD -- {pointer}\nto track it: track add {name}",
            ) from None
        if not is_path:
            raise
        return None, names
    if is_path:
        shown = display(names[0])
        hint = f"track checkout {shown} --, or track checkout -- {shown}"
        raise UsageError(f"{shown} is both a revision and a path", hint=hint)
    return names[0], names[1:]


def _is_known(project: "late.project.Project", name: str) -> bool:
    try:
        late.reach.versions_here(project, [project.relative(name)])
    except (UsageError, ForbiddenPath):
        return False
    except TrackError:  # it is there, and cannot be read
        return True
    return True


def _line(artifact: "late.bring.BroughtArtifact", dry_run: bool) -> str:
    name = display(artifact.path) + ("/" if artifact.kind == "directory" else "")
    signs = (("+", artifact.created_count), ("~", artifact.replaced_count), ("-", artifact.removed_count))
    counts = " ".join(f"{sign}{count:,}" for sign, count in signs if count)
    if artifact.kind == "file" and counts in ("+1", "~1"):
        counts = "new" if counts == "+1" else "replaced"
    parts = [name, f"would be {counts}" if dry_run and counts else counts]
    if artifact.size:
        parts.append(size_text(artifact.size))
    if artifact.stays:
        is_one = len(artifact.stays) == 1
        parts.append(f"{count_text(len(artifact.stays), 'edited file')} left as {'it is' if is_one else 'they are'}")
    return "  ".join(part for part in parts if part)


def _say_more(done: "late.checkout.CheckedOut", dry_run: bool) -> None:
    if done.unstaged:
        named = " ".join(map(typed, done.unstaged)) if len(done.unstaged) <= _NAMED else "POINTER…"
        note(f"{count_text(len(done.unstaged), 'pointer')} written, not staged: git add {named}")
    if len(done.pointers) > len(done.unstaged):
        note(f"{count_text(len(done.pointers) - len(done.unstaged), 'pointer')} written, as Git's index has it")
    if done.given_up and not dry_run:
        what = "1 unsaved file is" if len(done.given_up) == 1 else f"{len(done.given_up):,} unsaved files are"
        note(f"{what} in the trash: track restore {done.step} brings everything back")
    if dry_run:
        note("nothing was changed (--dry-run)")
    elif not done.artifacts and not done.refused:
        note(f"everything is as its pointer says: {count_text(done.count, 'artifact')}")


def _document(done: "late.checkout.CheckedOut", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "step": done.step,
        "given_up": [display(path) for path in done.given_up],
        "pointers": [display(path) for path in done.pointers],
        "unstaged": [display(path) for path in done.unstaged],
        "artifacts": [
            {
                "path": display(artifact.path),
                "kind": artifact.kind,
                "digest": artifact.digest,
                "created": artifact.created_count,
                "replaced": artifact.replaced_count,
                "removed": artifact.removed_count,
                "size": artifact.size,
                "left": [display(path) for path in artifact.stays],
            }
            for artifact in done.artifacts
        ],
    }
