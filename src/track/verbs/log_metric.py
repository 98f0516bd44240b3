"""Log metric: add values of metrics to a living run."""

from collections.abc import Mapping

from track.flows.run_living import living_run, say_points, stamp_of
from track.project import Project


def log_metric(
    project: Project,
    values: Mapping[str, float],
    run: str | None = None,
    *,
    step: int | None = None,
    time: float | None = None,
    timestamp: str | None = None,
) -> None:
    """Log these values to the run called `run`, or to the one that started this command; in its spool on return.

    `step` is one more than the last, `time` in seconds since the run began, `timestamp` as people write it, in UTC.

    Raises:
        UsageError: a name, value or time that cannot be; the run has ended, or was not named.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable, Locked: it cannot be written.
    """
    stamp = None if timestamp is None else stamp_of(timestamp)
    say_points(living_run(project, run), values, step=step, seconds=time, stamp=stamp)
