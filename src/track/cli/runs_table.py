"""Runs as a table for other programs: CSV, a run a line."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from track.cli import late
from track.cli.csv_line import csv_line
from track.model.names import display
from track.model.query_text import parse_field

_HEAD = ("id", "name", "folder", "status", "started", "ended", "seconds", "by", "exit", "tags", "commit", "command")
_TABLES = ("params", "metrics", "metadata")


def csv_lines(runs: "Sequence[late.run_find.Found]") -> Iterator[str]:
    """The lines of a CSV (RFC 4180) with a head: facts of each run, then `params.`, `metrics.` (last) and `metadata.`
    of all of them, sorted.
    """
    columns = [(f"{table}.{name}", table, name) for table in _TABLES for name in _names(runs, table)]
    yield csv_line([*_HEAD, *(column for column, _, _ in columns)])
    for run in runs:
        cells = [_cell(late.run_query.value_of(run, (name,))) for name in _HEAD]
        yield csv_line([*cells, *(_cell(_fact(run, table, name)) for _, table, name in columns)])


def asked_of(runs: "Sequence[late.run_find.Found]", sort: str) -> list[str]:
    """For each run `FIELD=VALUE` of the field that they are sorted by, to be shown; empty where it has none."""
    field = sort.removeprefix("-")
    path = parse_field(field, late.run_query.FIELDS)
    values = [late.run_query.value_of(run, path) for run in runs]
    return ["" if value is None else f"{display(field)}={display(_cell(value))}" for value in values]


def _names(runs: "Sequence[late.run_find.Found]", table: str) -> list[str]:
    return sorted({name for run in runs for name in getattr(run.record, table)})


def _fact(run: "late.run_find.Found", table: str, name: str) -> object:
    fact = getattr(run.record, table).get(name)
    return fact.last if table == "metrics" and fact is not None else fact


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
