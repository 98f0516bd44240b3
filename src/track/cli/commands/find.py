"""`track find`: versions of artifacts, or runs, that are like a query says."""

import json
from typing import Any

import click

from track.cli import found_text, late
from track.cli.found_json import Printed
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit_told, hint, note, opened, table
from track.errors import UsageError
from track.model.names import display

_HELP = """Find artifacts, or runs, by what is known of them: labels, who, when, metrics, what they came from.

\b
  track find 'label.datatype = annotation_file and user = andy and created > 7d'
  track find 'file ~ "\\.txt$"' --label ticket=AB-123 --since 2026-01-31
  track find --history 'name = data/train.csv'    every version that HEAD reaches
  track find --all --history 'digest = blake3:…'  wherever in all branches and tags
  track find 'based_on = data/raw.csv'            what was made from it
  track find 'metric.auc > 0.9' --json            by what the run that made it measured
  track find --runs 'params.lr < 0.1 and tag = gold' --limit 5
  track find --sort=-size --limit 5               the largest five; what has no such field comes last
  track find --query '{"labels.datatype": {"$in": ["a", "b"]}}'

Tracked paths, named artifacts and what runs saved are looked at alike: as they are in the working tree, at --rev, or
at every ref with --all; with --history also as they were before. No data has to be here. The newest come first. A query
in text or as a dictionary is in the reference of queries, with all fields.

\b
Exit codes: 0 done, also when nothing is found; 2 the query or the field is wrong, or no such revision; 3 not a project.
"""
TABLE_LIMIT = 100


@click.command("find", help=_HELP, short_help="artifacts and runs that are like a query says")
@click.argument("text", metavar="[QUERY]", required=False)
@click.option("--query", "given", metavar="JSON", help="The query as a dictionary in JSON.")
@click.option("--runs", is_flag=True, help="Find runs.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="With this label; may be repeated.")
@click.option("--user", metavar="NAME", help="Made by this person.")
@click.option("--since", metavar="DATE|AGE", help="Not older than this: 2026-01-31, 7d.")
@click.option("--name", metavar="NAME", help="Called so; *, ** and ? stand for others.")
@click.option("--rev", metavar="REV", help="As of this revision.")
@click.option("--all", "every", is_flag=True, help="At every branch and tag.")
@click.option("--history", is_flag=True, help="Every version there ever was.")
@click.option("--sort", metavar="FIELD", help="By this field; -FIELD: greatest first. Else the newest come first.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many; a table has 100 by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--jsonl", "as_lines", is_flag=True, help="Print a JSON document a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line with commas for each, below a head.")
def command(
    *, text: str | None, given: str | None, labels: tuple[str, ...], as_json: bool, as_lines: bool, as_csv: bool,
    limit: int | None, runs: bool, **asked: Any,
) -> None:  # fmt: skip
    """Translate, call the verb, show."""
    if as_json + as_lines + as_csv > 1:
        raise click.UsageError("--json, --jsonl and --csv exclude each other")
    is_table = not (as_json or as_lines or as_csv)
    printed = Printed(("runs" if runs else "versions") if as_json else None)
    lines = found_text.Csv(emit_told, runs=runs)
    ask = late.find.find  # loaded while Git answers what it is asked ahead; to open the project waits for that
    with opened() as project:
        found = ask(
            project, _query(text, given), runs=runs, labels=[_pair(label) for label in labels],
            limit=TABLE_LIMIT if limit is None and is_table else limit,
            give=None if is_table else lines.give if as_csv else printed.give,
            before=lines.see if as_csv else None, **asked,
        )  # fmt: skip
    if as_json:
        printed.end(
            {
                "matching": found.matching_count,
                "known": found.known_count,
                "is_cut": found.is_cut,
                "absent": found.absent_count,
            }
        )
    elif as_csv and not lines.count:
        lines.begin()
    elif is_table:
        table([found_text.row(item) for item in found.items], right=(2,) if not runs else ())
    _say_rest(found, printed.count + lines.count + len(found.items), "run" if runs else "version")


def _say_rest(found: "late.find.Found", shown_count: int, noun: str) -> None:
    if not shown_count:
        note(f"nothing found among {count_text(found.known_count, noun)}")
        for doubt in found.doubts:
            hint(doubt)
    else:
        note(f"shown {shown_count:,} of {found.matching_count:,}")
    for each in found.unclear:
        note(each)
    say_what_is_missing(found.is_cut, found.absent_count)
    if found.unreadable:
        note(f"{count_text(len(found.unreadable), 'pointer or record', 'pointers and records')} cannot be read")
        hint("track doctor")


def _query(text: str | None, given: str | None) -> Any:
    if text is not None and given is not None:
        raise click.UsageError("a query in text and --query exclude each other")
    if given is None:
        return text
    try:
        found = json.loads(given)
    except ValueError as error:
        raise UsageError(f"--query is not JSON: {display(str(error))}", hint="""'{"user": "andy"}'""") from None
    except RecursionError:
        raise UsageError("--query has too many dictionaries in each other", hint="""'{"user": "andy"}'""") from None
    if not isinstance(found, dict):
        raise UsageError("--query is no dictionary", hint="""'{"user": "andy"}'""")
    return found


def _pair(label: str) -> tuple[str, str]:
    key, sign, value = label.partition("=")
    if not sign or not key:
        raise UsageError(f"not KEY=VALUE: `{display(label)}`", hint="--label ticket=AB-123")
    return key, value
