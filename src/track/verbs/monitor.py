"""Monitor: lines of numbers, as they come, are metrics of a run."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from track.errors import UsageError
from track.flows.run_living import check_metric, now_micros
from track.flows.run_meant import living_run
from track.flows.run_metrics import step_of
from track.flows.run_start import RUN_ID, Wishes, begin
from track.model.moments import micros
from track.model.names import display
from track.model.record import Record
from track.project import Project
from track.runs.spool import Writer

_TOLD = 5


class Monitored(NamedTuple):
    """What came: the run's draft, how many values were logged, how many lines had something that was left out, and
    the first of those lines, with their numbers; whether Ctrl-C was the end of it, and whether the run began with it.
    """

    record: Record
    values_count: int
    left_out_count: int
    left_out: tuple[str, ...]
    was_interrupted: bool = False
    is_new: bool = False


def monitor(
    project: Project,
    lines: Iterable[bytes],
    wishes: Wishes | None = None,
    *,
    run: str | None = None,
    delimiter: str = ",",
    columns: Sequence[str] | None = None,
) -> Monitored:
    """Log every line to the living run called `run`, or to the one that started this command, until there are no more.

    Where there is neither, or `wishes` say something about a run, a new one begins; whichever it is goes on then.
    The first line names the columns, unless `columns` does; one that is called `step` is the step. A cell without a
    finite number is left out, and so is a line with more cells than columns. Blank lines are nothing. Ctrl-C is the end
    of the lines: many have no other.

    Raises:
        UsageError: the delimiter is empty, or a column cannot be the name of a metric; or the run has ended.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable: it cannot be written.
    """
    if not delimiter:
        raise UsageError("the delimiter is empty", hint="one or more letters, such as ',' or a tab")
    rows = _rows(lines, delimiter)
    if columns is None:
        first = next(rows, None)
        if first is None:
            raise UsageError("nothing came", hint="pipe lines of numbers into it, the first with their names")
        columns = first[1]
    names = [check_metric(name) for name in columns]
    if len(set(names)) < len(names):
        raise UsageError(f"two columns are called alike: {display(', '.join(names))}", hint="name them with --columns")
    outer, wishes = os.environ.get(RUN_ID), wishes or Wishes()
    is_new = run is None and (not outer or wishes != Wishes())
    living = begin(project, wishes._replace(parent=wishes.parent or outer)) if is_new else living_run(project, run)
    draft = living.record()
    started, count, left_out_count, left_out = micros(draft.started), 0, 0, list[str]()
    writer, was_interrupted = Writer(living, is_blocking=True), False
    try:
        next_step = 0
        for number, cells in rows:
            values = _values(names, cells)
            if len(values) < len(names) or len(cells) > len(names):
                left_out_count += 1
                left_out += [f"line {number}: {delimiter.join(cells)}"] if left_out_count <= _TOLD else []
            step, next_step = step_of(values, next_step)
            if values and len(cells) <= len(names):
                at = now_micros()
                writer.put_points(values, step, (at - started) / 1e6, at)
                count += len(values)
    except KeyboardInterrupt:
        was_interrupted = True
    writer.close()
    return Monitored(draft, count, left_out_count, tuple(left_out), was_interrupted, is_new)


def _rows(lines: Iterable[bytes], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text.strip():
            cells = text.split(delimiter) if not delimiter.isspace() or delimiter == "\t" else text.split()
            yield number, [cell.strip() for cell in cells]


def _values(names: Sequence[str], cells: Sequence[str]) -> dict[str, float]:
    """The cells that hold a finite number, by the names of their columns."""
    found = {}
    for name, cell in zip(names, cells, strict=False):
        try:
            value = float(cell)
        except ValueError:
            continue
        if math.isfinite(value):
            found[name] = value
    return found
