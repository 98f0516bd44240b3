"""Env freeze: what was installed for a run, as an installer reads it."""

from track.flows.run_find import find_run
from track.flows.run_packages import CONDA, no_packages, packages_of
from track.progress import Progress, silent
from track.project import Project


def env_freeze(project: Project, name: str, *, fetch: bool = False, progress: Progress = silent) -> tuple[str, ...]:
    """The lines of a requirements file with what was installed for a run, sorted by name.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: no packages are known of it.
        MissingObject: the list of packages is not here, or nowhere.
    """
    found = find_run(project, name)
    known = packages_of(project, found, fetch=fetch, again=f"track env freeze {found.record.id}", progress=progress)
    if not (known := {name: version for name, version in known.items() if not name.startswith(CONDA)}):
        raise no_packages(found)
    return tuple(f"{package}=={version}" for package, version in known.items())
