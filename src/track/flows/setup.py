"""Setup: the lines and files that make a Git repository a project, put there and taken out again."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from track import publish
from track.errors import ForbiddenPath, Unreadable
from track.history import drivers
from track.history.left_out import contents_left_out
from track.model.names import display
from track.project import CONFIG, IGNORE_LINE, Project

ATTRIBUTES = b".gitattributes"
IGNORE = b".gitignore"

LINES: dict[bytes, tuple[bytes, ...]] = {
    ATTRIBUTES: (b".gitignore merge=union", b"*.track -text", drivers.ATTRIBUTES),
    IGNORE: (IGNORE_LINE,),
}
"""The lines that a project needs in files at its top, which people write too."""

FIRST_CONFIG = b"""\
# Settings of this project, for everybody who clones it: `track config` lists them.
# Places on one machine and secrets do not belong here.
format = 1
"""

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Written(NamedTuple):
    """Files of a working tree that were made, changed or removed; sorted paths from the top."""

    made: tuple[bytes, ...] = ()
    changed: tuple[bytes, ...] = ()
    removed: tuple[bytes, ...] = ()

    @property
    def all(self) -> tuple[bytes, ...]:
        """Every one of them, sorted."""
        return tuple(sorted((*self.made, *self.changed, *self.removed)))


def put(project: Project, *, dry_run: bool = False) -> Written:
    """Write what of the committed set-up is missing; what people wrote in the same files stays.

    With `dry_run`, nothing is written and the result says what would be.

    Raises:
        ForbiddenPath: one of the files is a link.
        DiskFull, StoreUnwritable: the others may be written already; the same call goes on.
    """
    made: list[bytes] = []
    changed: list[bytes] = []
    lacking: list[tuple[bytes, bytes]] = []
    here = {name: read(project, name) for name in (*LINES, CONFIG)}
    staged = contents_left_out(project.git, {name for name, before in here.items() if before is None})
    for name, before in here.items():
        said = staged.get(name, before)  # what a sparse checkout leaves out keeps what it says
        wanted = with_lines(said or b"", LINES[name]) if name in LINES else said or FIRST_CONFIG
        if wanted != before:
            lacking.append((name, wanted))
            (made if before is None else changed).append(name)
    if not dry_run:
        for name, content in lacking:
            _write(project, name, content)
    return Written(tuple(sorted(made)), tuple(sorted(changed)))


def take(project: Project, *, dry_run: bool = False) -> Written:
    """Remove what `put` writes; a file of which nothing else is left is removed, people's own lines stay.

    With `dry_run`, nothing is written and the result says what would be.
    """
    changed: list[bytes] = []
    removed: list[bytes] = []
    for name in (*LINES, CONFIG):
        before = read(project, name)
        if before is None:
            continue
        after = without_lines(before, LINES[name]) if name in LINES else b""
        if after == before:
            continue
        (changed if after.strip() else removed).append(name)
        if not dry_run and after.strip():
            _write(project, name, after)
        elif not dry_run:
            _remove(project, name)
    if not dry_run:
        _remove_if_empty(project, os.path.dirname(CONFIG))
    return Written((), tuple(sorted(changed)), tuple(sorted(removed)))


def read(project: Project, path: bytes) -> bytes | None:
    """Return the content of a file of ours in the working tree; none when it is not there.

    Raises:
        ForbiddenPath: it is a link, or no file.
        Unreadable: it cannot be read.
    """
    try:
        with project.gate.parent(path, own=True) as (folder, name):
            return _content(os.open(name, _READ, dir_fd=folder), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if os.path.islink(os.path.join(os.fsencode(project.root), path)):
            raise _not_a_file(path) from error
        raise Unreadable(f"{display(path)} cannot be read: {error.strerror}") from error


def with_lines(content: bytes, lines: Sequence[bytes]) -> bytes:
    """Return `content` with those of `lines` that it lacks at its end, in its own kind of line end."""
    present = {line.strip() for line in content.splitlines()}
    lacking = [line for line in lines if line not in present]
    if not lacking:
        return content
    end = b"\r\n" if b"\r\n" in content else b"\n"
    separator = b"" if not content or content.endswith(b"\n") else end
    return content + separator + b"".join(line + end for line in lacking)


def without_lines(content: bytes, lines: Sequence[bytes]) -> bytes:
    """Return `content` without `lines`; every other byte stays."""
    return b"".join(line for line in content.splitlines(keepends=True) if line.strip() not in lines)


def _content(fd: int, path: bytes) -> bytes:
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _not_a_file(path)
        content = b""
        while piece := os.read(fd, 1 << 20):
            content += piece
        return content
    finally:
        os.close(fd)


def _not_a_file(path: bytes) -> ForbiddenPath:
    return ForbiddenPath(
        f"{display(path)} is a link or no file; track does not write through it", hint="replace it by a file"
    )


def _write(project: Project, path: bytes, content: bytes) -> None:
    with project.gate.parent(path, create=True, own=True) as (folder, name):
        publish.publish_bytes(name, content, dir_fd=folder, mode=_mode(folder, name))


def _mode(folder: int, name: bytes) -> int:
    try:
        return stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return 0o666


def _remove(project: Project, path: bytes) -> None:
    with project.gate.parent(path, own=True) as (folder, name):
        publish.remove(name, dir_fd=folder)


def _remove_if_empty(project: Project, path: bytes) -> None:
    with suppress(OSError), project.gate.parent(path, own=True) as (folder, name):
        publish.remove_directory(name, dir_fd=folder)  # fails when somebody keeps something there: that is theirs
