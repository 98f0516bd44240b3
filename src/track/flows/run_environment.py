"""What a run ran in: Python and its packages, the lock file, the platform, and the variables that people allow."""

import fnmatch
import os
import platform
import sys
from pathlib import Path

from track.flows.run_secrets import secrets_of
from track.flows.run_start import readable
from track.model.record import Used
from track.model.run_words import PACKAGES
from track.model.secrets import bytes_without_told, is_secret_name, redacted, redacted_bytes, without_told
from track.project import Project
from track.runs.machine import conda_packages, graphics
from track.runs.observe import Python

LOCKS = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "environment.yml"),
    *("requirements.txt", "Cargo.lock", "package-lock.json", "renv.lock", "Manifest.toml"),
)
"""Files at the top that say which packages belong to the code; the first that Git tracks is named."""

STREAM_LIMIT = 64 << 20
"""Bytes of a stream's end that are kept with a run."""


def environment_of(project: Project, python: Python | None, *, with_packages: bool = True) -> dict[str, object]:
    """The facts of a record's `[environment]`; the list of packages is stored, and its digest is the fact.

    Without packages, nothing is written.

    Raises:
        DiskFull, StoreUnwritable: the store cannot take the list.
    """
    facts = python_facts(project, python) if with_packages else _version(python)
    facts["platform"] = f"{sys.platform}-{platform.machine()}"
    facts["cpus"] = os.cpu_count() or 1
    processors, driver = graphics()
    facts |= {"gpu": readable(processors)} if processors is not None else {}
    facts |= {"gpu_driver": readable(driver)} if driver is not None else {}
    if (lock := _lock(project)) is not None:
        facts["lock"] = lock
    if (conda := os.environ.get("CONDA_DEFAULT_ENV")) is not None:
        facts["conda"] = readable(conda)
    hidden = secrets_of(project)
    for name, value in sorted(_allowed(project).items()):
        facts[readable(f"env.{name}")] = redacted(without_told(readable(value)), hidden)
    return facts


def python_facts(project: Project, python: Python | None) -> dict[str, object]:
    """The facts about the Python of a run, if one ran, and what is installed for it; the list is stored.

    Raises:
        DiskFull, StoreUnwritable: the store cannot take the list.
    """
    facts = _version(python)
    with project.store.writer() as writer:
        for name, packages in zip(PACKAGES, packages_lists(python), strict=True):
            if packages:
                listed = "".join(f"{package}\n" for package in packages).encode("utf-8", "surrogateescape")
                facts[name] = str(writer.add_content(listed))
        writer.commit()
    return facts


def _version(python: Python | None) -> dict[str, object]:
    if python is None:
        return {}
    facts: dict[str, object] = {"python": readable(python.version)}
    if python.implementation != "cpython":
        facts["implementation"] = readable(python.implementation)
    return facts


def packages_lists(python: Python | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is installed for a Python, and what conda installed, for it or where it is active; by PACKAGES."""
    own, executable = (python.packages, python.executable) if python is not None else ((), "")
    return own, conda_packages(executable, os.environ)


def streams_of(project: Project, room: Path) -> tuple[Used, ...]:
    """What the command wrote to its two streams, stored without secrets; an empty stream is none.

    Raises:
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    found = []
    hidden = secrets_of(project)
    with project.store.writer() as writer:
        for name in ("stdout", "stderr"):
            content = redacted_bytes(bytes_without_told(_end_of(room / name)), hidden)
            if content:
                digest = writer.add_content(content)
                found.append(Used("output", digest, len(content), name=f"{name}.log", type="text/plain", how="api"))
        writer.commit()
    return tuple(found)


def _end_of(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - STREAM_LIMIT))
            return file.read(STREAM_LIMIT)
    except FileNotFoundError:
        return b""


def _lock(project: Project) -> str | None:
    """The lock file and its id in Git's index, `uv.lock@1b2c3d4e…`: Git has its content for good."""
    for record in project.git.run("ls-files", "-z", "--stage", "--", *LOCKS).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        return f"{os.fsdecode(path)}@{head.split(b' ')[1].decode('ascii')}"
    return None


def _allowed(project: Project) -> dict[str, str]:
    """The variables that `runs.env` names, patterns allowed; never one that looks secret."""
    patterns = (project.config.text("runs.env") or "").split()
    found = {}
    for name, value in os.environ.items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) and not is_secret_name(name):
            found[name] = value
    return found
