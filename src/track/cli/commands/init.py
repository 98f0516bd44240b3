"""`track init`: set track up in this Git repository."""

import os
import shlex

import click

from track.cli import late
from track.cli.hooking import say_hooks
from track.cli.session import count_text, emit, emit_json, hint, note, size_text, table, warn
from track.model.names import display

_SHOWN = 8
_HELP = """Set track up in this Git repository.

\b
  track init          here, in a Git repository
  track init --git    in a folder that is none yet: `git init` first

Writes .track/config.toml, a few lines in .gitattributes and .gitignore, and the store, which lies in the Git
directory; `.store` is a link to it. What was written is staged, for you to commit. No data is moved or uploaded.
Git's hooks are set up to call track, beside those that are there (`track help hooks`).
Again is fine: it adds what is missing. `track uninit` undoes it.

\b
Exit codes: 0 done; 3 not a Git repository, or set up by a later version; 6 another track works here;
7 a file that must be written is a link.
"""


@click.command("init", help=_HELP, short_help="set track up in this Git repository")
@click.option("--git", "make_git", is_flag=True, help="Make the Git repository first where there is none.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("--no-hooks", is_flag=True, help="Leave Git's hooks alone until `track hooks install`.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, say what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(make_git: bool, no_stage: bool, no_hooks: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    done = late.init.init(make_git=make_git, stage=not no_stage, with_hooks=not no_hooks, dry_run=dry_run)
    for text in done.warnings:
        warn(text)
    if as_json:
        emit_json("init", _document(done, dry_run))
        return
    _say_what(done, dry_run)
    if done.hooks_refused and not no_hooks:
        note(
            "no hooks, as was asked of this clone: data does not follow git checkout; to have them: track hooks install"
        )
    _say_found(done)


def _say_what(done: "late.init.Initialised", dry_run: bool) -> None:
    where = display(str(done.root))
    if done.git_made:
        emit(f"{'would make' if dry_run else 'made'} a Git repository in {where}")
    if not done.is_new:
        emit("nothing was written (--dry-run)" if done.git_made else f"track is already set up in {where}")
        if done.staged:
            note("staged " + ", ".join(display(path) for path in done.staged))
        return
    emit(f"track {'would be' if dry_run else 'is'} set up in {where}")
    staged = ", staged" if done.staged else ""
    rows = [("  " + display(path), "new" + staged) for path in done.made]
    rows += [("  " + display(path), "changed" + staged) for path in done.changed]
    if done.link in ("fine", "missing"):
        rows.append(("  .store", f"link to {display(str(done.store))}, where the bytes are; ignored by Git"))
    if done.hooked is not None and not done.hooked.left:
        rows.append(("  Git's hooks", "have data follow git checkout, and go with git push"))
    table(rows)
    if done.hooked is not None and done.hooked.left:
        say_hooks(done.hooked)
    if dry_run:
        note("nothing was written (--dry-run)")
    elif done.staged:
        hint("git commit -m 'set up track'")


def _say_found(done: "late.init.Initialised") -> None:
    if not done.found:
        return
    emit(f"found {count_text(len(done.found), 'large or data-like place')} not in Git:")
    shown = [(_name(done, one), one) for one in done.found[:_SHOWN]]
    table(
        [
            ("  " + display(name), size_text(one.size), count_text(one.files, "file") if one.is_folder else "")
            for name, one in shown
        ],
        right=(1,),
    )
    if len(done.found) > _SHOWN:
        emit(f"  and {len(done.found) - _SHOWN:,} more")
    hint("track add " + " ".join(display(shlex.quote(name)) for name, _ in shown[:3]))


def _name(done: "late.init.Initialised", found: "late.survey.Found") -> str:
    """Return the path as it is typed from where we are."""
    return os.path.relpath(done.root / os.fsdecode(found.path)) + ("/" if found.is_folder else "")


def _document(done: "late.init.Initialised", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "root": display(str(done.root)),
        "store": display(str(done.store)),
        "git_made": done.git_made,
        "made": [display(path) for path in done.made],
        "changed": [display(path) for path in done.changed],
        "staged": [display(path) for path in done.staged],
        "hooks": [] if done.hooked is None else [{"name": one.name, "state": one.state} for one in done.hooked.hooks],
        "found": [
            {"path": display(one.path), "size": one.size, "files": one.files, "folder": one.is_folder}
            for one in done.found
        ],
    }
