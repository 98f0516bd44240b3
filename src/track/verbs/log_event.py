"""Log event: add a line of text to a living run."""

from track.errors import UsageError
from track.flows.run_alerts import look_once
from track.flows.run_living import say_event, stamp_of
from track.flows.run_meant import living_run
from track.project import Project


def log_event(project: Project, text: str, run: str | None = None, *, timestamp: str | None = None) -> None:
    """Log a text to the run called `run`, or to the one that started this command; in its spool on return.
    Alerts of the run that are due are looked at.

    Values that look secret are left out of it. `timestamp` is as people write it, in UTC.

    Raises:
        UsageError: there is no text, or a time that cannot be; the run has ended, or was not named.
        UnknownRun: no run is called so, or several are.
        DiskFull, StoreUnwritable, Locked: it cannot be written.
    """
    if not text.strip():
        raise UsageError("an event says something, and here is nothing", hint='track log event "the grid was refined"')
    stamp = None if timestamp is None else stamp_of(timestamp)
    living = living_run(project, run)
    say_event(project, living, text, stamp=stamp)
    look_once(project, living, text)
