"""Env diff: how the environment of a run differs from another one's, or from the one here."""

from collections.abc import Mapping
from typing import NamedTuple

from track.flows.run_environment import environment_of, packages_lists
from track.flows.run_find import Found, find_run
from track.flows.run_packages import differences, facts_of, packages_in, packages_of, python_here, text_of_facts
from track.progress import Progress, silent
from track.project import Project

_OF_A_RUN = ("left_running", "memory")
"""Facts that stand among those of an environment and are none."""

Difference = tuple[str, str | None, str | None]


class EnvironmentDiff(NamedTuple):
    """What differs, each as (name, of the run, of the other); None where it is not. `other` is None for here."""

    found: Found
    other: Found | None
    facts: tuple[Difference, ...]
    packages: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.facts and not self.packages


def env_diff(
    project: Project, name: str, other: str | None = None, *, fetch: bool = False, progress: Progress = silent
) -> EnvironmentDiff:
    """Compare the environment of a run with that of another, or with what the same command would find here.

    Raises:
        UnknownRun: no run is called so, or several are.
        MissingObject: a list of packages is not here, or nowhere.
    """
    found = find_run(project, name)
    mine = packages_of(project, found, fetch=fetch, again=f"track env diff {found.record.id}", progress=progress)
    if other is not None:
        second = find_run(project, other)
        again = f"track env diff {found.record.id} {second.record.id}"
        theirs = packages_of(project, second, fetch=fetch, again=again, progress=progress)
        facts = facts_of(second)
    else:
        second = None
        python = python_here(project, found.record.command) if "python" in found.record.environment else None
        here = environment_of(project, python, with_packages=False)
        facts = text_of_facts(here)
        theirs = packages_in(*packages_lists(python))
    before, facts = _environment(facts_of(found)), _environment(facts)
    return EnvironmentDiff(found, second, tuple(differences(before, facts)), tuple(differences(mine, theirs)))


def _environment(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: fact for name, fact in facts.items() if name not in _OF_A_RUN}
