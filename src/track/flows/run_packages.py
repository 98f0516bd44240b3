"""Packages: which versions of what were installed for the Python of a run, and which are here."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from track import publish
from track.errors import UsageError
from track.flows.run_find import Found
from track.flows.run_needs import need
from track.flows.run_versions import file_version
from track.model.digest import Digest
from track.model.names import display
from track.model.run_words import PACKAGES
from track.progress import Progress, silent
from track.project import Project
from track.runs import observe
from track.runs.command import succeeds
from track.runs.observe import Python

CONDA = "conda:"
"""Before the name of a package that conda installed."""
_USUAL = ("python", "python3")


def packages_of(
    project: Project, found: Found, *, fetch: bool, again: str, progress: Progress = silent
) -> dict[str, str]:
    """Name -> version of what was installed for the Python of a run, and by conda, as `packages_in` has them; nothing
    where nothing is known. Raises as `need`.
    """
    lists = []
    for name in PACKAGES:
        told = found.record.environment.get(name)
        digest = Digest.parse(told) if isinstance(told, str) else None
        if digest is not None:
            need(project, found, [file_version(name.encode(), digest)], fetch=fetch, again=again, progress=progress)
        lists.append([] if digest is None else project.store.read(digest).decode("utf-8", "replace").splitlines())
    return packages_in(*lists)


def packages_in(lines: Sequence[str], of_conda: Sequence[str] = ()) -> dict[str, str]:
    """Name -> version out of `name-version` lines, as installers name their folders, sorted by name.

    Names are as indexes spell them: lower case, with hyphens (PEP 503). What conda installed, of `name-version-build`,
    is called `conda:name` and has `version=build`.
    """
    found = {}
    for line in lines:
        name, hyphen, version = line.rpartition("-")
        if hyphen:
            found[name.lower().replace("_", "-").replace(".", "-")] = version
    for line in of_conda:
        name, *rest = line.rsplit("-", 2)
        found[f"{CONDA}{name}"] = "=".join(rest)
    return dict(sorted(found.items()))


def python_here(project: Project, command: Sequence[str]) -> Python | None:
    """The Python that the person would get here for a command: its own interpreter, else the first in PATH."""
    variables = dict(os.environ)
    names = [command[0]] if observe.is_python(command) else []
    program = next(filter(None, (shutil.which(name, path=variables.get("PATH")) for name in (*names, *_USUAL))), None)
    room = publish.stage(project.worktree_state / "environment")
    publish.make_directories(room)
    try:
        watch = observe.watch((program or sys.executable,), room, project.root, mode="python", variables=variables)
        succeeds((program or sys.executable, "-c", ""), {**variables, **watch.variables})
        return observe.observed(room, project.root).python
    finally:
        publish.remove_tree(room)


def facts_of(found: Found) -> dict[str, str]:
    """What is known of the environment of a run as text, without its list of packages."""
    return text_of_facts(found.record.environment)


def text_of_facts(facts: Mapping[str, object]) -> dict[str, str]:
    """The facts of an environment as text, without its lists of packages."""
    return {name: _text(fact) for name, fact in facts.items() if name not in PACKAGES}


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> list[tuple[str, str | None, str | None]]:
    """(name, first, second) of what differs, sorted by name; None where it is not."""
    names = sorted(first.keys() | second.keys())
    return [(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)]


def no_packages(found: Found) -> UsageError:
    """The error for a run of which no packages are known."""
    return UsageError(
        f"no packages are known of run {display(found.record.name)}",
        hint="only a run of a Python program that is observed says what was installed for it",
    )


def _text(fact: object) -> str:
    if isinstance(fact, bool):
        return "true" if fact else "false"
    return " ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
