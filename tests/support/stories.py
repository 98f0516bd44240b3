"""Shell dialogues in Markdown: what was typed, what it printed, and the tree it left.

A fence ```console holds commands after `$ ` (a further line of one after `> `) and what they print, stdout and stderr
together; a code other than 0 is a last line `[1]`. A fence ```tree lists the files left in the current folder: mode,
size and path, or a link's target. All fences of a page are one session in one folder.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.trees import Empty, Executable, Link, read_tree

FENCE = re.compile(r"^```(console|tree)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING = (
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "0.1 s"),
    (re.compile(r"\b[\d.]+ [KMGT]?i?B/s"), "1.0 MiB/s"),
)


_HOOKS = {"TRACK_HOOKS_INSTALL": "true"}


class Session(NamedTuple):
    """Where a story happens, and with which environment."""

    folder: Path
    environment: dict[str, str]


def new_session(place: Path) -> Session:
    """A folder in which `track` is the one under test."""
    tools, folder = place / "tools", place / "ada"
    tools.mkdir()
    folder.mkdir()
    for name, module in (("track", "track"), ("track-hook", "track.cli.hook")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m {module} "$@"\n')
        tool.chmod(0o755)
    path = os.pathsep.join((str(tools), os.environ.get("PATH", os.defpath)))
    return Session(folder, {**os.environ, "PATH": path, "PWD": str(folder), "HOME": str(folder)} | _HOOKS)


def retold(text: str, session: Session) -> str:
    """The page with what its commands print now."""
    parts, end, where = [], 0, session.folder
    for fence in FENCE.finditer(text):
        parts.append(text[end : fence.start(2)])
        if fence[1] == "tree":
            parts.append("".join(f"{line}\n" for line in listing(where)))
        else:
            for command in commands(fence[2]):
                shown, where = told(command, session, where)
                parts.append(shown)
        end = fence.end(2)
    return "".join(parts) + text[end:]


def commands(dialogue: str) -> Iterator[str]:
    """Each command of a dialogue, with its further lines."""
    lines: list[str] = []
    for line in dialogue.splitlines():
        if line.startswith("$ "):
            if lines:
                yield "\n".join(lines)
            lines = [line[2:]]
        elif line.startswith("> ") and lines:
            lines.append(line[2:])
    if lines:
        yield "\n".join(lines)


def told(command: str, session: Session, where: Path) -> tuple[str, Path]:
    """The command and what it printed, as the page shows it, and the folder it ended in."""
    note = session.folder.parent / "where"
    script = f"{command}\ncode=$?\npwd -P > '{note}'\nexit $code"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=where,
        env=session.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=240,
    )
    said = done.stdout.decode(errors="backslashreplace").replace(str(session.folder), "/home/ada")
    for pattern, instead in VARYING:
        said = pattern.sub(instead, said)
    if said and not said.endswith("\n"):
        said += "\n"
    code = f"[{done.returncode}]\n" if done.returncode else ""
    return "$ " + command.replace("\n", "\n> ") + "\n" + said + code, Path(note.read_text().strip())


def listing(folder: Path) -> Iterator[str]:
    """What is in a folder, `.git` and `.store` apart, sorted by path."""
    for path, node in sorted(read_tree(folder).items()):
        name = path.decode(errors="backslashreplace")
        if isinstance(node, Link):
            yield f"link {name} -> {node.target.decode(errors='backslashreplace')}"
        elif isinstance(node, Empty):
            yield f"dir  {name}/"
        else:
            content = node.content if isinstance(node, Executable) else node
            yield f"{'exec' if isinstance(node, Executable) else 'file'} {name}  {len(content)}"
