"""What DVC tracks in a working tree: every output that its files declare, with the repository of DVC's it is of."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from track.errors import TrackError, Unreadable
from track.flows import setup
from track.formats.dvc_yaml import load
from track.model.dvc import KEPT_BY_GIT, Output, kept_by_git, parse_lock, parse_pointer_file
from track.model.names import check_worktree_path, display
from track.project import Project

POINTER = b".dvc"
LOCK = b"dvc.lock"
PIPELINE = b"dvc.yaml"
_NAMES = ("--", "*.dvc", "*dvc.lock")


class Declared(NamedTuple):
    """An output at `path`, which `file` declares; `home` is the folder of the repository of DVC's that they are in."""

    file: bytes
    path: bytes
    home: bytes
    output: Output

    @property
    def is_locked(self) -> bool:
        """Whether a pipeline makes it, so that the file stays."""
        return self.file.rpartition(b"/")[2] == LOCK


class Refused(NamedTuple):
    """What cannot be imported, or was not, and why; `path` is the data's, where it is known."""

    file: bytes
    path: bytes | None
    error: TrackError


class Found(NamedTuple):
    """The outputs by their path, files that cannot be read, and DVC's pointers that Git has and that are gone here.

    `partly` are files that declare something which was not chosen, too: they are needed for that.
    """

    outputs: tuple[Declared, ...]
    refused: tuple[Refused, ...]
    gone: tuple[bytes, ...]
    partly: frozenset[bytes] = frozenset()


def find(project: Project) -> Found:
    """Every output of DVC's in the working tree: of its pointers and of its lock files, sorted by path."""
    listed = project.git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", *_NAMES, globs=True)
    outputs: list[Declared] = []
    refused: list[Refused] = []
    gone: list[bytes] = []
    for file in sorted({name for name in listed.split(b"\0") if is_dvcs(name)}):
        try:
            content = setup.read(project, file)
            if content is None:
                gone.append(file)
                continue
            outputs.extend(_declared(project, file, content))
        except TrackError as error:
            refused.append(Refused(file, None, error))
    outputs.sort(key=lambda one: (one.path, one.is_locked, one.file))
    return Found(tuple(outputs), tuple(refused), tuple(name for name in gone if name.endswith(POINTER)))


def chosen(found: Found, paths: Sequence[bytes]) -> tuple[Found, list[bytes]]:
    """What lies at or below these paths, or is declared there (none: all of it); and the paths that matched nothing."""
    if not paths or b"" in paths:
        return found, []
    used: set[bytes] = set()

    def is_in(*names: bytes | None) -> bool:
        hits = [path for path in paths for name in names if name and (name == path or name.startswith(path + b"/"))]
        used.update(hits)
        return bool(hits)

    outputs = tuple(one for one in found.outputs if is_in(one.path, one.file))
    refused = tuple(one for one in found.refused if is_in(one.path, one.file))
    gone = tuple(file for file in found.gone if is_in(file, file[: -len(POINTER)]))
    taken = {(one.file, one.path) for one in outputs}
    partly = frozenset(one.file for one in found.outputs if (one.file, one.path) not in taken)
    return Found(outputs, refused, gone, partly), [path for path in paths if path not in used]


def is_dvcs(file: bytes) -> bool:
    """Whether a file of this name is a pointer or a lock file of DVC's."""
    folder, _, name = file.rpartition(b"/")
    if b".dvc" in folder.split(b"/"):  # DVC's own folder
        return False
    return name == LOCK or (name.endswith(POINTER) and name != POINTER)


def outputs_in(file: bytes, content: bytes, pipeline: bytes | None, home: bytes) -> Iterator[Declared]:
    """Give the outputs that a file of DVC's declares; `pipeline` is what is in the `dvc.yaml` beside a lock file.

    Raises:
        MalformedContent: it is not what DVC writes.
        NoFormat: what reads it is not installed.
    """
    name = display(file)
    document = load(content, name)
    folder = file.rpartition(b"/")[0]
    if file.rpartition(b"/")[2] == LOCK:
        by_git = kept_by_git(load(pipeline, display(PIPELINE))) if pipeline is not None else set()
        for output in parse_lock(document, name):
            if output.path in by_git:
                output = replace(output, why_not=KEPT_BY_GIT, is_gits=True)
            yield _placed(file, folder, home, output)
        return
    for output in parse_pointer_file(document, name):
        yield _placed(file, folder, home, output)


def _declared(project: Project, file: bytes, content: bytes) -> Iterator[Declared]:
    folder = file.rpartition(b"/")[0]
    home = _home_of(project, folder, display(file))
    pipeline = setup.read(project, posixpath.join(folder, PIPELINE)) if file.endswith(LOCK) else None
    yield from outputs_in(file, content, pipeline, home)


def _placed(file: bytes, folder: bytes, home: bytes, output: Output) -> Declared:
    said = output.path.encode("utf-8", "surrogateescape")
    path = posixpath.normpath(posixpath.join(folder, said))
    why_not = None
    if said.startswith(b"/") or path == b".." or path.startswith(b"../"):
        path, why_not = said, "is outside: DVC has it at another place, not in this repository"
    elif (why := check_worktree_path(path)) is not None:
        why_not = why
    if output.why_not is None and why_not is not None:
        output = replace(output, why_not=why_not)
    return Declared(file, path, home, output)


def _home_of(project: Project, folder: bytes, name: str) -> bytes:
    """The nearest folder above that has DVC's own folder in it."""
    while True:
        if os.path.isdir(os.path.join(os.fsencode(project.root), folder, POINTER)):
            return folder
        if not folder:
            raise Unreadable(f"{name} is in no repository of DVC: there is no folder .dvc above it", hint="dvc init")
        folder = folder.rpartition(b"/")[0]
