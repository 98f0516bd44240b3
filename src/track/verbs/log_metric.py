"""Log metric: add values of metrics to a living run."""

from collections.abc import Mapping

from track.flows.run_alerts import look_once
from track.flows.run_living import say_points, stamp_of
from track.flows.run_meant import living_run
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
    Alerts of the run that are due are looked at.

    `step` is one more than the last, `time` in seconds since the run began, `timestamp` as people write it, in UTC.

    Raises:
        UsageError: a name, value or time that cannot be; the run has ended, or was not named.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable, Locked: it cannot be written.
    """
    stamp = None if timestamp is None else stamp_of(timestamp)
    living = living_run(project, run)
    say_points(living, values, step=step, seconds=time, stamp=stamp)
    look_once(project, living)
