"""Runs compare: what several runs had in common, and in what they differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from track.errors import UsageError
from track.flows.run_find import Found, find_run
from track.model.record import Record, Used
from track.project import Project


class Row(NamedTuple):
    """A fact of each run, in the order in which they were named; None where a run has no such fact."""

    section: str
    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs do not agree."""
        return any(value != self.values[0] or type(value) is not type(self.values[0]) for value in self.values)


class Compared(NamedTuple):
    """Runs side by side: rows by section, and how many rows were left out as all runs agree in them."""

    runs: tuple[Found, ...]
    rows: tuple[Row, ...]
    same_count: int


def runs_compare(project: Project, names: Sequence[str], *, every: bool = False) -> Compared:
    """Put runs side by side: how they ran, parameters, metrics, environment, inputs, outputs.

    Only what differs, unless `every`. A metric is its last value, an input or output its digest.

    Raises:
        UsageError: fewer than two runs were named.
        UnknownRun: no run is called so, or several are.
    """
    if len(names) < 2:
        raise UsageError("at least two runs can be compared", hint="track runs compare RUN RUN")
    runs = tuple(find_run(project, name) for name in names)
    rows = tuple(_rows(runs))
    kept = rows if every else tuple(row for row in rows if row.differs)
    return Compared(runs, kept, len(rows) - len(kept))


def _rows(runs: Sequence[Found]) -> Iterator[Row]:
    sections = [_sections(run) for run in runs]
    for section in sections[0]:
        tables = [each[section] for each in sections]
        for name in dict.fromkeys(name for each in tables for name in each):
            yield Row(section, name, tuple(each.get(name) for each in tables))


def _sections(run: Found) -> dict[str, Mapping[str, Any]]:
    record = run.record
    return {
        "run": _head(run),
        "params": record.params,
        "metrics": {name: one.last for name, one in sorted(record.metrics.items())},
        "metadata": record.metadata,
        "environment": record.environment,
        "input": _digests(record, "input"),
        "code": _digests(record, "code"),
        "output": _digests(record, "output"),
    }


def _head(run: Found) -> dict[str, Any]:
    record, revision = run.record, run.record.revision
    facts: dict[str, Any] = {"status": run.status, "exit": record.exit, "command": " ".join(record.command) or None}
    facts |= {"folder": record.folder, "tags": " ".join(record.tags) or None, "by": record.by or None}
    if revision is not None:
        facts |= {"commit": revision.commit, "dirty": revision.dirty, "code": revision.tree}
    return {name: fact for name, fact in facts.items() if fact is not None}


def _digests(record: Record, category: str) -> dict[str, str]:
    used: tuple[Used, ...] = record.of(category)
    return {one.shown: str(one.digest) for one in used}
