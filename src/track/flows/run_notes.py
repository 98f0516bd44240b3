"""What a project says of its runs beside their records: folders and alerts, as small files that are staged."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from track import publish
from track.errors import BadConfig, Conflict, TrackError, UsageError
from track.history import index
from track.model import toml
from track.model.alert import Alert, dump_alert, parse_alert
from track.model.names import display
from track.model.run_words import is_folder
from track.project import Project
from track.worktree.reading import read_whole

ALERTS = b".track/alerts/"
FOLDERS = b".track/folders"
_FACTS = ("description", "tags")


def alert_path(name: str) -> bytes:
    """Where the definition of an alert lies; what is no small letter, digit, `_` or `-` is written as `%HH`."""
    plain = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
    return ALERTS + b"".join(b"%c" % b if b in plain else b"%%%02X" % b for b in name.encode()) + b".toml"


def read_alert(project: Project, name: str) -> Alert | None:
    """The alert that the project calls so; None when it has none. Raises BadConfig or NewerFormat for what is none."""
    path = alert_path(name)
    content = _content(project, path)
    return None if content is None else parse_alert(content, display(path))


def every_alert(project: Project) -> tuple[dict[str, Alert], tuple[TrackError, ...]]:
    """The alerts of the project, sorted by name; and why others cannot be read. Nothing of it follows a link."""
    found: dict[str, Alert] = {}
    refused: list[TrackError] = []
    try:
        with project.gate.directory(ALERTS.rstrip(b"/"), own=True) as folder:
            names = sorted(os.fsencode(name) for name in os.listdir(folder) if name.endswith(".toml"))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    for name in names:
        try:
            content = _content(project, ALERTS + name)
            alert = None if content is None else parse_alert(content, display(ALERTS + name))
        except TrackError as error:
            refused.append(error)
            continue
        if alert is not None:
            found.setdefault(alert.name, alert)
    return dict(sorted(found.items())), tuple(refused)


def remove_alert(project: Project, name: str) -> bool:
    """Remove the definition of an alert from the working tree and from Git's index; whether there was one.

    Raises:
        Locked: another command holds the project for too long.
    """
    path = alert_path(name)
    with project.lock():
        try:
            with project.gate.parent(path, own=True) as (folder, last):
                publish.remove(last, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        with suppress(TrackError):  # it is gone, and `git status` says so
            index.stage(project.git, [path])
    return True


def define_alert(project: Project, alert: Alert) -> None:
    """Write and stage the definition of an alert, unless it is there.

    Raises:
        Conflict: the project has another one of that name.
        BadConfig, NewerFormat: what is there cannot be read.
    """

    def defined(before: bytes | None) -> bytes:
        if before is not None and parse_alert(before, display(path)) != alert:
            raise Conflict(
                f"the project has another alert called `{display(alert.name)}`",
                hint=f"choose another name, or change {display(path)}",
            )
        return dump_alert(alert)

    path = alert_path(alert.name)
    _write(project, path, defined)


def describe_folder(
    project: Project,
    folder: str,
    *,
    metadata: Mapping[str, Any] | None = None,
    tags: tuple[str, ...] | None = None,
    description: str | None = None,
) -> None:
    """Write and stage what is said of a folder of runs; what is not given stays as it was.

    Raises:
        UsageError: it is no folder.
        BadConfig: what is there cannot be read.
    """
    if not is_folder(folder) or any(part in (".", "..") for part in folder.split("/")):
        raise UsageError(f"not a folder for a run: '{display(str(folder))}'", hint="such as /experiments")

    def described(before: bytes | None) -> bytes:
        facts = _folder_facts(before, display(path))
        facts |= {"description": description} if description is not None else {}
        facts |= {"tags": list(tags)} if tags is not None else {}
        facts["metadata"] = {**facts.get("metadata", {}), **(metadata or {})}
        head = "".join(f"{name} = {toml.value(facts[name])}\n" for name in _FACTS if name in facts)
        table = toml.table("metadata", facts["metadata"], ordered=True) if facts["metadata"] else ""
        return (head + table).lstrip("\n").encode()

    path = FOLDERS + folder.rstrip("/").encode() + b"/folder.toml"
    _write(project, path, described)


def read_folder(project: Project, folder: str) -> dict[str, Any]:
    """What is said of a folder of runs. Raises BadConfig when that cannot be read."""
    path = FOLDERS + folder.rstrip("/").encode() + b"/folder.toml"
    return _folder_facts(_content(project, path), display(path))


def _folder_facts(content: bytes | None, name: str) -> dict[str, Any]:
    if content is None:
        return {}
    try:
        facts = toml.parse(content)
    except ValueError as error:
        raise BadConfig(f"{name} is not TOML: {error}", hint="git log -- FILE tells how it was") from None
    unknown = sorted(facts.keys() - {*_FACTS, "metadata"})
    if unknown or not isinstance(facts.get("metadata", {}), dict):
        raise BadConfig(
            f"{name} says what this version of track does not know: {display(', '.join(unknown) or 'metadata')}",
            hint="upgrade track: pip install --upgrade track-data",
        )
    return facts


def _content(project: Project, path: bytes) -> bytes | None:
    try:
        with project.gate.parent(path, own=True) as (folder, name):
            return read_whole(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(project: Project, path: bytes, change: Callable[[bytes | None], bytes]) -> None:
    """Change a file of ours in the working tree and stage it, one writer at a time."""
    with project.lock():
        before = _content(project, path)
        after = change(before)
        if after != before:
            with project.gate.parent(path, create=True, own=True) as (folder, name):
                publish.publish_bytes(name, after, dir_fd=folder)
            try:
                index.stage(project.git, [path])
            except TrackError:
                return  # it is there, and `git status` says so
