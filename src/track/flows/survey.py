"""Survey: the large or data-like files of a working tree that Git does not have, and whole folders of them."""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from track.formats.media import type_of
from track.model.names import check_worktree_path
from track.project import Project

LARGE = 5 << 20
"""From this size (bytes) on, a file is large whatever its name."""

NOTICEABLE = 64 << 10
"""Below this size (bytes), a file alone is not worth a line; in a folder of many it counts."""

MOST_LOOKED_AT = 200_000
"""After so many names the survey stops: it is a hint, and nobody waits for it."""

_CODE = {
    "application/json", "application/toml", "application/x-ipynb+json", "application/xml", "application/yaml",
    "image/svg+xml", "text/html", "text/markdown", "text/plain",
}  # fmt: skip
_TOOLS = {
    b"__pycache__", b"build", b"dist", b"env", b"node_modules", b"site-packages", b"target", b"venv", b"wandb",
}  # fmt: skip


class Found(NamedTuple):
    """A file or folder that could be added: its path from the top, size in bytes, and number of files in it."""

    path: bytes
    size: int
    files: int
    is_folder: bool


class _Sum(NamedTuple):
    size: int
    files: int
    data_files: int
    tracked: int


def survey(project: Project) -> tuple[Found, ...]:
    """Return what could be added, the largest first. Folders of tools and hidden ones are passed over."""
    tracked = set(project.git.run("ls-files", "-z").split(b"\0"))
    known = {path.removesuffix(b".track") for path in tracked if path.endswith(b".track")}
    walk = _Walk(os.fsencode(project.root), tracked, known)
    found, _ = walk.folder(b"")
    return tuple(sorted(found, key=lambda one: (-one.size, one.path)))


class _Walk:
    """One walk through a working tree; it follows no links and stops after `MOST_LOOKED_AT` names."""

    def __init__(self, top: bytes, tracked: set[bytes], known: set[bytes]) -> None:
        self.top, self.tracked, self.known = top, tracked, known
        self.left = MOST_LOOKED_AT

    def folder(self, path: bytes) -> tuple[list[Found], _Sum]:
        """Return what is worth adding in a folder, the folder itself as one if all of it is data, and its sums."""
        found: list[Found] = []
        size = files = data = tracked = 0
        for entry in self._entries(path):
            inner = os.path.join(path, entry.name)
            if entry.is_dir(follow_symlinks=False):
                below, total = self.folder(inner)
                found += below
            else:
                total = self._file(inner, entry)
                if total.data_files and total.size >= NOTICEABLE:
                    found.append(Found(inner, total.size, 1, False))
            size, files = size + total.size, files + total.files
            data, tracked = data + total.data_files, tracked + total.tracked
        if path and files > 1 and not tracked and data >= 0.9 * files and size >= NOTICEABLE:
            found = [Found(path, size, files, True)]
        return found, _Sum(size, files, data, tracked)

    def _entries(self, path: bytes) -> Iterator[os.DirEntry[bytes]]:
        try:
            entries = sorted(os.scandir(os.path.join(self.top, path)), key=lambda entry: entry.name)
        except OSError:
            return
        if path and any(entry.name == b".git" for entry in entries):
            return
        for entry in entries:
            self.left -= 1
            inner = os.path.join(path, entry.name)
            if self.left < 0:
                return
            if not entry.name.startswith(b".") and entry.name not in _TOOLS and inner not in self.known:
                yield entry

    def _file(self, path: bytes, entry: os.DirEntry[bytes]) -> _Sum:
        if path in self.tracked or path.endswith(b".track"):
            return _Sum(0, 0, 0, 1)
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return _Sum(0, 0, 0, 0)
        if not stat.S_ISREG(status.st_mode) or check_worktree_path(path) is not None:
            return _Sum(0, 0, 0, 0)
        kind = type_of(path)
        is_data = status.st_size >= LARGE or (kind is not None and kind not in _CODE)
        return _Sum(status.st_size, 1, int(is_data), 0)
