"""`track trust`: allow what a repository asks for."""

import sys

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened, paint
from track.errors import NotTrusted
from track.model.names import display, typed

_HELP = """Allow what this repository asks for: a remote to be used, a server, a place on your machine, a command.

\b
  track trust                    show the exact lines, and ask
  track trust origin             only what is called so
  track trust brave-otter        a run: its command may be executed again
  track trust --yes              allow without asking, as in a script
  track trust --list             what asks, and what was allowed
  track trust --revoke origin    take it back

A clone may come from a stranger. Before you allow it, nothing is sent anywhere, and data is read only from a bucket at
its provider's own address and from a folder beside the repository. A command that came with the record of a run is
executed again when you allowed that run.

What you allow holds for this clone and for these very lines: when they change you are asked again. It is remembered in
your own state directory, never in the repository.

\b
Exit codes: 0 done; 1 you said no; 2 nothing is called so; 3 not a project, or the record cannot be read; 5 there is
something to allow and nobody to ask.
"""


@click.command("trust", help=_HELP, short_help="allow what a repository asks for")
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.UNPROCESSED)
@click.option("--yes", is_flag=True, help="Allow without asking.")
@click.option("--list", "only_list", is_flag=True, help="Allow nothing; show what asks and what was allowed.")
@click.option("--revoke", is_flag=True, help="Take back what was allowed.")
@click.option("--json", "as_json", is_flag=True, help="As --list, as one JSON document.")
def command(names: tuple[str, ...], yes: bool, only_list: bool, revoke: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    if yes + (only_list or as_json) + revoke > 1:
        raise click.UsageError("--yes, --list and --revoke exclude one another")
    with opened() as project:
        if revoke:
            done = late.trust.trust(project, names, revoke=True)
            for wish in done.revoked:
                emit(f"{wish.label}  not allowed any more")
            if not done.revoked:
                note("nothing was allowed in this clone")
            return
        found = list(late.trust_list.trust_list(project, names))
        if as_json:
            emit_json("trust", {"wishes": [_document(one) for one in found]})
            return
        if only_list:
            _list(found)
            return
        _allow(project, names, found, yes)


def _list(found: "list[late.trust_list.TrustListed]") -> None:
    for one in found:
        _show(one)
    if not found:
        note("nothing in this clone needs to be allowed")


def _allow(
    project: "late.project.Project", names: tuple[str, ...], found: "list[late.trust_list.TrustListed]", yes: bool
) -> None:
    """Show what is not allowed yet, ask where somebody can be asked, and remember the answer."""
    waiting = [one for one in found if one.is_asked and not one.is_given]
    if names:
        late.trust.trust(project, names, shown=())  # says so when nothing is called so
    if not waiting:
        note(f"nothing waits to be allowed: {count_text(len(found), 'thing')} allowed before")
        return
    for one in waiting:
        _show(one)
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        these = "".join(f" {typed(name)}" for name in names)
        raise NotTrusted(
            "nothing was allowed: without a terminal nobody can be asked", hint=f"track trust --yes{these}"
        )
    if not yes and not click.confirm("allow this?", err=True):
        note("nothing was allowed")
        click.get_current_context().exit(1)
    done = late.trust.trust(project, names, shown=[one.wish for one in waiting])
    for wish in done.given:
        note(f"{wish.label}: allowed in this clone   to take it back: track trust --revoke {display(wish.name)}")


def _show(one: "late.trust_list.TrustListed") -> None:
    state = paint("allowed", "green") if one.is_given else paint("not allowed yet", "yellow")
    if one.has_changed:
        state = paint("changed since you allowed it", "yellow")
    if not one.is_asked:
        state += ", not asked for any more"
    emit(f"{one.wish.label}  {state}")
    for text in one.wish.lines:
        emit(f"    {text}")


def _document(one: "late.trust_list.TrustListed") -> dict[str, object]:
    return {
        "kind": one.wish.kind,
        "name": display(one.wish.name),
        "lines": list(one.wish.lines),
        "digest": str(one.wish.digest),
        "allowed": one.is_given,
        "changed": one.has_changed,
        "asked": one.is_asked,
    }
