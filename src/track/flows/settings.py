"""Settings: change one value in a configuration file, keeping a person's comments and order."""

import os
from pathlib import Path

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from track import publish
from track.config import Layer, find_key, parse_value, read_file, secret_in, user_file
from track.errors import BadConfig, UsageError
from track.flows.setup import FIRST_CONFIG
from track.history.left_out import contents_left_out
from track.model.names import display
from track.model.settings import Value
from track.project import CONFIG, Project


def file_of(project: Project | None, layer: Layer) -> Path:
    """Return the file of a layer: `clone`, `project` or `user`.

    Raises:
        UsageError: the layer has no file, or needs a project and there is none.
    """
    if layer == "user":
        return user_file()
    if project is None:
        raise UsageError("not in a project: only the user's own settings can be changed here", hint="--user")
    if layer == "clone":
        return project.state / "config.toml"
    if layer == "project":
        return project.root / os.fsdecode(CONFIG)
    raise UsageError(f"the {layer} layer has no file")


def write(project: Project | None, layer: Layer, name: str, text: str) -> Value:
    """Set one value and return it as it is read back; comments and everything else in the file stay.

    Raises:
        BadConfig: there is no such setting, the value is not one of it, or the file is broken.
        UsageError: the committed file may not hold it: a place on this machine, or a secret.
    """
    key = find_key(name)
    value = parse_value(key, text, "the command line")
    if layer == "project" and not key.committed:
        raise UsageError(
            f"`{name}` says something about one machine; it is not committed", hint=f"track config --clone {name} VALUE"
        )
    if layer == "project" and secret_in(name, value):
        raise UsageError(
            f"the value of `{name}` looks like a secret; it is not committed", hint=f"track config --clone {name} VALUE"
        )
    path = file_of(project, layer)
    document = _document(path, _instead(project, layer) or (FIRST_CONFIG if layer == "project" else b""))
    *tables, last = name.split(".")
    place: Container | Table = document
    for table in tables:
        if table not in place:
            place[table] = tomlkit.table(is_super_table=table != tables[-1])
        inner = place[table]
        if not isinstance(inner, Container | Table):
            raise BadConfig(f"`{table}` in {display(str(path))} is not a table")
        place = inner
    place[last] = value
    _save(path, document)
    return value


def remove(project: Project | None, layer: Layer, *names: str) -> bool:
    """Take values out of a layer's file, with tables that are empty then, at once; return whether one was there.

    Raises:
        BadConfig: the file is broken.
    """
    path = file_of(project, layer)
    document = _document(path, _instead(project, layer))
    was_there = [_taken(document, name.split(".")) for name in names]
    if any(was_there):
        _save(path, document)
    return any(was_there)


def _instead(project: Project | None, layer: Layer) -> bytes:
    """What a layer's file says where a sparse checkout leaves it out."""
    return (_project_left_out(project) if project is not None and layer == "project" else None) or b""


def _taken(document: tomlkit.TOMLDocument, parts: list[str]) -> bool:
    """Take one value out of a document; whether it was there."""
    places: list[Container | Table] = [document]
    for table in parts[:-1]:
        inner = places[-1].get(table)
        if not isinstance(inner, Container | Table):
            return False
        places.append(inner)
    if parts[-1] not in places[-1]:
        return False
    del places[-1][parts[-1]]
    for depth in range(len(places) - 1, 0, -1):
        if len(places[depth]) == 0:
            del places[depth - 1][parts[depth - 1]]
    return True


def _document(path: Path, first: bytes) -> tomlkit.TOMLDocument:
    read_file(path)  # says what is wrong with it in the words of every other command
    try:
        return tomlkit.parse(path.read_bytes() if path.exists() else first)
    except TOMLKitError as error:
        raise BadConfig(f"{display(str(path))} is not TOML: {error}", hint="correct it, or remove it") from error


def _save(path: Path, document: tomlkit.TOMLDocument) -> None:
    """Write the file; one that is a link (a user's dotfiles) is written where it points to."""
    target = Path(os.path.realpath(path))
    publish.make_directories(target.parent)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
    publish.publish_bytes(target, tomlkit.dumps(document).encode(), mode=mode)


def _project_left_out(project: Project) -> bytes | None:
    """The settings that a sparse checkout leaves out. Raises Unreadable where a partial clone lacks them."""
    if os.path.lexists(project.root / os.fsdecode(CONFIG)):
        return None
    return contents_left_out(project.git, [CONFIG]).get(CONFIG)
