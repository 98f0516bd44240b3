"""Ignoring: the lines of `.gitignore` files that keep tracked data out of Git."""

from collections.abc import Iterable

from track import publish
from track.flows import setup
from track.history.left_out import contents_left_out, is_sparse
from track.model.expressions import expression
from track.model.names import is_named_pointer
from track.project import Project

FILE = b".gitignore"
_SPECIAL = expression(rb"([\\*?\[\] ])")


def line_of(name: bytes) -> bytes:
    r"""The line that has Git ignore the file or folder `name` beside the ignore file, and nothing else.

    Git's syntax cannot say a line feed; `?` stands for it, which is any one character.
    """
    return b"/" + _SPECIAL.sub(rb"\\\1", name).replace(b"\n", b"?").replace(b"\r", b"?")


def ignore(project: Project, paths: Iterable[bytes]) -> list[bytes]:
    """Have Git ignore the data at `paths`; the ignore files that are its word for it, sorted, changed or not, but those
    that a sparse checkout leaves out and that say it already.

    Lines of ours stand sorted among each other, so that two people who add two files seldom touch the same place.

    Raises:
        ForbiddenPath: an ignore file is a link.
        DiskFull, StoreUnwritable: it could not be written; its old content stays.
    """
    touched = []
    named = {folder + b"/" + FILE if folder else FILE: names for folder, names in sorted(_by_folder(paths).items())}
    there = _there(project, named)
    for file, names in named.items():
        before = there[file]
        after = including(before, names)
        if after != before:
            _write(project, file, after)
        if after != before or setup.read(project, file) is not None:
            touched.append(file)
    return touched


def including(content: bytes, names: Iterable[bytes]) -> bytes:
    """The content of an ignore file with the line for each file or folder of these names beside it."""
    return _with(content, [line_of(name) for name in names])


def has_line(project: Project, path: bytes) -> bool:
    """Whether the ignore file beside the data at `path` has its line."""
    folder, _, name = path.rpartition(b"/")
    file = folder + b"/" + FILE if folder else FILE
    content = _there(project, [file])[file] if is_sparse(project.git) else setup.read(project, file)
    return line_of(name) in (row.rstrip() for row in (content or b"").splitlines())


def heed(project: Project, paths: Iterable[bytes]) -> list[bytes]:
    """Take the lines for `paths` out again; the files that changed, sorted. One of which nothing is left is removed."""
    touched = []
    for folder, names in sorted(_by_folder(paths).items()):
        file = folder + b"/" + FILE if folder else FILE
        before = setup.read(project, file)
        after = setup.without_lines(before or b"", [line_of(name) for name in names])
        if before is None or after == before:
            continue
        if after.strip():
            _write(project, file, after)
        else:
            with project.gate.parent(file) as (fd, name):
                publish.remove(name, dir_fd=fd)
        touched.append(file)
    return touched


def _there(project: Project, files: Iterable[bytes]) -> dict[bytes, bytes]:
    """The content of ignore files; of one that a sparse checkout leaves out, what Git's index has."""
    read = {file: setup.read(project, file) for file in files}
    staged = contents_left_out(project.git, {file for file, content in read.items() if content is None})
    return {file: staged.get(file, b"") if content is None else content for file, content in read.items()}


def _by_folder(paths: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for path in paths:
        if not is_named_pointer(path):
            folder, _, name = path.rpartition(b"/")
            found.setdefault(folder, []).append(name)
    return found


def _with(content: bytes, lines: Iterable[bytes]) -> bytes:
    """`content` with every line, each before the first rooted line that sorts after it, else at the end."""
    end = b"\r\n" if b"\r\n" in content else b"\n"
    rows = content.splitlines()
    for line in sorted(set(lines) - {row.rstrip() for row in rows} - set(rows)):
        place = next((at for at, row in enumerate(rows) if row.startswith(b"/") and row > line), len(rows))
        rows.insert(place, line)
    return b"".join(row + end for row in rows)


def _write(project: Project, file: bytes, content: bytes) -> None:
    with project.gate.parent(file, create=True) as (folder, name):
        publish.publish_bytes(name, content, dir_fd=folder)
