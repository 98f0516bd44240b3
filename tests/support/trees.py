"""Working trees written from a mapping and read back into one, to be compared byte for byte."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Link(NamedTuple):
    """A symbolic link to `target`."""

    target: bytes


class Executable(NamedTuple):
    """A file with its executable bit set."""

    content: bytes


class Empty(NamedTuple):
    """A directory with nothing in it."""


Node = bytes | Link | Executable | Empty


def write_tree(root: Path, nodes: Mapping[bytes | str, Node]) -> Path:
    """Write `nodes`, by path relative to `root`, and return `root`."""
    base = os.fsencode(root)
    os.makedirs(base, exist_ok=True)
    for path, node in nodes.items():
        full = os.path.join(base, os.fsencode(path))
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if isinstance(node, Link):
            os.symlink(node.target, full)
        elif isinstance(node, Empty):
            os.mkdir(full)
        else:
            content = node.content if isinstance(node, Executable) else node
            with open(full, "wb") as file:
                file.write(content)
            os.chmod(full, 0o755 if isinstance(node, Executable) else 0o644)
    return root


def read_tree(root: Path, *, leave_out: tuple[bytes, ...] = (b".git", b".store")) -> dict[bytes, Node]:
    """Everything below `root` as `write_tree` takes it; top names in `leave_out` are left out."""
    base = os.fsencode(root)
    found: dict[bytes, Node] = {}
    for folder, directories, files in os.walk(base):
        if folder == base:
            directories[:] = [name for name in directories if name not in leave_out]
            files = [name for name in files if name not in leave_out]
        for name in [*files, *directories]:
            full = os.path.join(folder, name)
            node = _node(full)
            if node is not None:
                found[os.path.relpath(full, base)] = node
    return found


def _node(full: bytes) -> Node | None:
    info = os.lstat(full)
    if stat.S_ISLNK(info.st_mode):
        return Link(os.readlink(full))
    if stat.S_ISDIR(info.st_mode):
        return None if os.listdir(full) else Empty()
    with open(full, "rb") as file:
        content = file.read()
    return Executable(content) if info.st_mode & 0o100 else content
