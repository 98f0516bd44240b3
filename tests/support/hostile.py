"""Repositories as a stranger with bad intentions makes them, and a witness of what commands do in them.

Trees are written into Git object by object, since Git itself would refuse many of their names.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from support.repositories import git, new_repository
from support.scene import TRACK
from support.strace import CHANGING, COPIES, WRITES, Event, Outcome, changing, run


class Symlink(NamedTuple):
    """A symbolic link in a Git tree."""

    target: bytes


Tree = Mapping[bytes, "bytes | Symlink | Tree"]

GITLESS = "0000000000000000000000000000000000000000"


def commit_tree(repo: Path, tree: Tree, *, branch: str = "main") -> str:
    """Commit `tree` as it stands, whatever its names, and return the commit's id; the working tree is left alone."""
    top = _write_tree(repo, tree)
    parent = git("rev-parse", "--verify", "--quiet", "HEAD", cwd=repo, check=False).strip()
    parents = ["-p", parent] if parent else []
    commit = git("commit-tree", top, *parents, "-m", "a gift", cwd=repo).strip()
    git("update-ref", f"refs/heads/{branch}", commit, cwd=repo)
    return commit


def _write_tree(repo: Path, tree: Tree) -> str:
    rows = []
    for name, node in tree.items():
        if isinstance(node, bytes):
            rows.append((name, b"100644", _write_object(repo, "blob", node)))
        elif isinstance(node, Symlink):
            rows.append((name, b"120000", _write_object(repo, "blob", node.target)))
        else:
            rows.append((name + b"/", b"40000", _write_tree(repo, node)))
    raw = b"".join(
        mode + b" " + name.removesuffix(b"/") + b"\0" + bytes.fromhex(oid) for name, mode, oid in sorted(rows)
    )
    return _write_object(repo, "tree", raw)


def _write_object(repo: Path, kind: str, content: bytes) -> str:
    path = repo / ".git" / "gift"
    path.write_bytes(content)
    oid = git("hash-object", "-w", "--literally", "-t", kind, str(path), cwd=repo).strip()
    path.unlink()
    return oid


def entry(path: bytes, content: bytes = b"harm", *, mode: str = "f", size: int | None = None) -> bytes:
    """One line of a manifest's leaf, true but for what is asked to be false; `path` is written as it is."""
    length = len(content) if size is None else size
    return b"%s %d %s %s\n" % (mode.encode(), length, blake3(content).hexdigest().encode(), path)


def leaf(*entries: bytes) -> bytes:
    """A manifest of one node."""
    return b"track-manifest 1 0\n" + b"".join(entries)


def pointer(
    content: bytes, *, kind: str = "file", size: int | None = None, files: int | None = None, more: str = ""
) -> bytes:
    """A pointer at `content` (a manifest's root node, where `kind` is "directory")."""
    lines = ["[artifact]", f'kind = "{kind}"', f'digest = "blake3:{blake3(content).hexdigest()}"']
    lines.append(f"size = {len(content) if size is None else size}")
    if files is not None:
        lines.append(f"files = {files}")
    return ("\n".join(lines) + "\n" + more).encode()


class Witnessed(NamedTuple):
    """What a command did: how it ended, each change it made outside the allowed places, programs, sockets."""

    outcome: Outcome
    outside: list[str]
    programs: list[str]
    sockets: list[str]


_OPENED = re.compile(r"= \d+<([^>]+)>$")
_FIRST_FD = re.compile(r"^\d+<([^>]*)>")
_ANY_FD = re.compile(r"\b\d+<([^>]*)>")
_NAMED = re.compile(r'(?:AT_FDCWD|\d+)<([^>]*)>, "((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PROGRAM = re.compile(r'^(?:\d+ +)?execve\("([^"]+)"', re.MULTILINE)
_SOCKET = re.compile(r"^(?:\d+ +)?((?:socket|connect|bind|sendto)\(.*)$", re.MULTILINE)


def witness(args: Sequence[str], *, cwd: Path, log: Path, allowed: Sequence[Path]) -> Witnessed:
    """Run `track args` under the eyes of strace, its children too; `allowed` are the places it may write below.

    So is a temporary folder of its own.
    """
    calls = (*CHANGING, "execve", "execveat", "socket", "connect", "bind", "sendto")
    with tempfile.TemporaryDirectory(dir=log.parent) as scratch:
        outcome = run([*TRACK, *args], cwd=cwd, log=log, calls=calls, follow=True, env={"TMPDIR": scratch})
    seen = seen_in(outcome.log, cwd, [*allowed, Path(scratch)])
    return Witnessed(outcome, seen.outside, seen.programs[1:], seen.sockets)


class Seen(NamedTuple):
    """What a trace shows: each change outside the allowed places, programs that were started, sockets."""

    outside: list[str]
    programs: list[str]
    sockets: list[str]


def seen_in(log: str, cwd: Path, allowed: Sequence[Path]) -> Seen:
    """What stands in a trace, or in a part of one; `allowed` are the places that may be written below."""
    places = [str(place.resolve()) for place in allowed]
    outside = [str(event) for event in changing(log) if not _is_inside(event, cwd, places)]
    lines = [line for line in log.splitlines() if "ENOENT" not in line]
    programs = _PROGRAM.findall("\n".join(lines))
    sockets = [text for text in _SOCKET.findall(log) if "AF_UNIX" not in text and "pipe" not in text]
    return Seen(outside, programs, sockets)


def _is_inside(event: Event, cwd: Path, places: Sequence[str]) -> bool:
    """Whether a change was made below one of the places, or was refused by the system, or goes to a device."""
    if re.search(r"= -1 E[A-Z]+", event.text):
        return True
    touched = _touched(event, cwd)
    return all(path.startswith("/dev/") or any(_below(path, place) for place in places) for path in touched)


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


def _touched(event: Event, cwd: Path) -> list[str]:
    """The absolute paths that a change is about, links resolved by the kernel where it opened something."""
    opened = _OPENED.search(event.text)
    if event.call.startswith("open") and opened:
        return [opened[1]]
    first = _FIRST_FD.match(event.text)
    if first and event.call in (*WRITES, "ioctl", "fchmod", "fchown", "fsetxattr"):
        return [first[1]]
    if event.call in COPIES:
        descriptors = _ANY_FD.findall(event.text)
        return [descriptors[0 if event.call == "sendfile" else -1]]
    named = _NAMED.findall(event.text)
    if named:
        return [_join(folder, name) for folder, name in named]
    return [_join(str(cwd), name) for name in _PLAIN.findall(event.text)]


def _join(folder: str, name: str) -> str:
    """The path with its parents resolved, but not the last part: a link may be replaced."""
    path = Path(folder) / name
    return str(path.parent.resolve() / path.name)


def stranger(path: Path, tree: Tree) -> Path:
    """A repository with one commit of `tree`, and nothing checked out."""
    new_repository(path)
    commit_tree(path, tree)
    return path
