"""Env show: what a run ran in."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from track.errors import UnknownPath
from track.flows.run_find import Found, find_run
from track.flows.run_packages import facts_of, packages_of
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project


class Environment(NamedTuple):
    """What a run ran in: facts such as `python` and `platform`, and the packages of its Python, by name."""

    found: Found
    facts: Mapping[str, str]
    packages: Mapping[str, str]


def env_show(
    project: Project, name: str, packages: Sequence[str] = (), *, fetch: bool = False, progress: Progress = silent
) -> Environment:
    """The environment of a run; with `packages`, these alone, and no other facts.

    Raises:
        UnknownRun: no run is called so, or several are.
        UnknownPath: one of the packages was not there.
        MissingObject: the list of packages is not here, or nowhere.
    """
    found = find_run(project, name)
    again = f"track env show {found.record.id}"
    known = packages_of(project, found, fetch=fetch, again=again, progress=progress)
    if not packages:
        return Environment(found, facts_of(found), known)
    wanted = {each: known.get(each, known.get(each.lower().replace("_", "-").replace(".", "-"))) for each in packages}
    absent = [each for each, version in wanted.items() if version is None]
    if absent:
        raise UnknownPath(
            f"`{display(absent[0])}` was not installed for run {display(found.record.name)}", hint=f"all of it: {again}"
        )
    return Environment(found, {}, {each: version for each, version in wanted.items() if version is not None})
