"""`track whereis`: which remotes hold every piece of an artifact."""

import time

import click

from track.cli import late
from track.cli.fetch_option import fetch_option
from track.cli.fetching import bring_manifests, refresh
from track.cli.session import count_text, emit, emit_json, hint, opened, paint, refuse, size_text, table
from track.model.names import display, text_of

_HELP = """Say which remotes hold every piece of an artifact, which hold a part of it, and when that was confirmed.

\b
  track whereis                      every artifact
  track whereis images               one of them
  track whereis images/cats          a part of it
  track whereis v1:data/train.csv    at a revision
  track whereis --fetch images       ask the remotes first

Without --fetch no remote is asked: it is what push and fetch last confirmed, and when.

\b
Exit codes: 0 done; 2 no such revision or path; 3 not a project; 5 with --fetch, a remote could not be asked (what is
known is shown all the same); 3, 6, 7 a pointer cannot be read (all others are shown).
"""
_WORDS = {"all": "everything", "none": "nothing", "unknown": "not known"}


@click.command("whereis", help=_HELP, short_help="which remotes hold every piece of an artifact")
@click.argument("words", nargs=-1, metavar="[[REV:]PATH]...", type=click.UNPROCESSED)
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, words: tuple[str, ...], fetches: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        failed = refresh(project) if fetches else ()
        found = late.whereis.whereis(project, words)
        if fetches and not failed and _bring(project, found):
            found = late.whereis.whereis(project, words)
    if as_json:
        emit_json("whereis", _document(found))
    else:
        for artifact in found.artifacts:
            _show(artifact)
        _say_more(found, fetches)
    refuse((*failed, *found.refused))


def _bring(project: "late.project.Project", found: "late.whereis.Found") -> bool:
    """Bring the manifests without which it is not known what there is; whether any came."""
    lacking = [
        (one.artifact, one.pointer) for one in found.artifacts if one.objects_count is None and not one.is_purged
    ]
    return bring_manifests(project, lacking)


def _show(one: "late.whereis.Whereabouts") -> None:
    name = display(one.path) + ("/" if one.kind == "directory" else "")
    pieces = f", {count_text(one.objects_count, 'object')}" if one.objects_count is not None else ""
    emit(f"{paint(name, 'bold')}  {size_text(one.size)}{pieces}  {one.digest.short}")
    table([_row(one, holding) for holding in one.holdings])


def _row(one: "late.whereis.Whereabouts", holding: "late.whereis.Holding") -> list[str]:
    if holding.remote is None:
        return ["", "here", _held(one, holding), "", ""]
    when = "never asked"
    if holding.confirmed_s is not None:
        when = f"confirmed {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(holding.confirmed_s))}"
    elif holding.state != "unknown":
        when = "confirmed some time ago"
    return ["", display(holding.remote), _held(one, holding), when, display(holding.url)]


def _held(one: "late.whereis.Whereabouts", holding: "late.whereis.Holding") -> str:
    if holding.state != "part":
        return _WORDS[holding.state]
    return f"{holding.objects_count:,} of {one.objects_count:,} objects, {size_text(holding.size or 0)}"


def _say_more(found: "late.whereis.Found", fetches: bool) -> None:
    asked = (one for one in found.artifacts if not one.is_purged)  # what was removed for good is nowhere
    if fetches or not any(each.state == "unknown" for one in asked for each in one.holdings):
        return
    hint("track whereis --fetch      asks the remotes, and brings the manifests that say what there is")


def _document(found: "late.whereis.Found") -> dict[str, object]:
    return {
        "artifacts": [
            {
                "where": one.where,
                "path": text_of(one.path),
                "kind": one.kind,
                "digest": str(one.digest),
                "objects": one.objects_count,
                "size": one.size,
                "is_safe": one.is_safe,
                "is_purged": one.is_purged,
                "here": _held_document(one.holdings[0]),
                "remotes": [
                    {
                        "name": holding.remote,
                        "url": display(holding.url),
                        **_held_document(holding),
                        "confirmed": _stamp(holding.confirmed_s),
                    }
                    for holding in one.holdings[1:]
                ],
            }
            for one in found.artifacts
        ]
    }


def _held_document(holding: "late.whereis.Holding") -> dict[str, object]:
    return {"state": holding.state, "objects": holding.objects_count, "size": holding.size}


def _stamp(at_s: float | None) -> str | None:
    return None if at_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
