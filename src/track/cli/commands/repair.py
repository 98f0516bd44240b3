"""`track repair`: bring back what is damaged or lost."""

import sys

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, hint, opened, paint, progress, warn
from track.model.names import display

_HELP = """Bring back what is damaged or lost, from any right copy: working files, the store, every remote you have.

\b
  track repair                      the local store
  track repair --remote origin      a remote, from here and from every other remote
  track repair -n                   say what would be done, and change nothing
  track repair --json               for scripts

Everything is read first, as `track verify` does. For each thing that was bad it says what was wrong, where the bad one
is kept now, and where the right bytes came from; then what is right nowhere, and which files need it. Nothing is
deleted: what was bad stays in the quarantine of the store, or of the remote. Interrupted, the same again goes on.

\b
Exit codes: 0 everything is right; 2 wrong usage; 3 not a project; 4 what is missing is nowhere; 5 the remote is not
there, or not allowed yet; 6 another push or a collection takes too long; 7 what is damaged is right nowhere.
"""
_SHOWN = 50


@click.command("repair", help=_HELP, short_help="bring back what is damaged or lost from any right copy")
@click.option("--remote", metavar="NAME", help="Repair this remote instead of the local store.")
@click.option("-n", "--dry-run", is_flag=True, help="Change nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, remote: str | None, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.repair.repair(project, remote=remote, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("repair", _document(done))
    else:
        _show(done)
    if done.exit_code:
        sys.exit(done.exit_code)


def _show(done: "late.repair.Repaired") -> None:
    for one in done.mended[:_SHOWN]:
        emit(_line(one))
    if len(done.mended) > _SHOWN:
        emit(f"… and {len(done.mended) - _SHOWN:,} more: track repair --json")
    for remote in done.unasked:
        warn(f"remote `{display(remote.name)}` could not be asked: {remote.why}")
    for line in dict.fromkeys(done.lost_names):
        emit(paint(f"lost  {line}", "red"))
    if done.lost_count:
        hint("track push     in a clone where the data is whole, then the same again here")
    what = "file" if done.remote else "object"
    if not done.mended and not done.lost_names:
        emit("nothing to repair")
        return
    word = "would be restored" if done.is_dry else "restored"
    left = f"; {count_text(done.lost_count, 'object')} right nowhere" if done.lost_count else ""
    emit(f"{count_text(done.restored_count, what)} {word}{left}")


def _line(one: "late.store_repair.Mended") -> str:
    sources = ", ".join(f"{count:,} from {where}" for where, count in one.sources)
    if one.lost_count:
        sources = ", ".join(filter(None, (sources, f"{one.lost_count:,} right nowhere")))
    colour = "red" if one.lost_count else "green"
    return (
        f"{display(one.place) + ': ' if one.place else ''}{one.what}{': ' + paint(sources, colour) if sources else ''}"
    )


def _document(done: "late.repair.Repaired") -> dict[str, object]:
    return {
        "remote": done.remote,
        "dry_run": done.is_dry,
        "restored": done.restored_count,
        "lost": done.lost_count,
        "lost_names": list(done.lost_names),
        "unasked": [{"remote": one.name, "why": one.why} for one in done.unasked],
        "mended": [
            {
                "place": one.place,
                "what": one.what,
                "sources": [{"from": where, "objects": count} for where, count in one.sources],
                "lost": one.lost_count,
            }
            for one in done.mended
        ],
    }
