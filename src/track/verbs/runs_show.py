"""Runs show: everything known of one run."""

from track.flows.run_find import Found, find_run
from track.project import Project


def runs_show(project: Project, name: str) -> Found:
    """The run called `name`: its id or four digits or more of it, its name, or the commit that adds its record.

    Raises:
        UnknownRun: no run is called so, or several are.
    """
    return find_run(project, name)
