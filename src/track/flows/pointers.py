"""Pointers: read and write the pointer files of the working tree, through the gate."""

import errno
import os
import stat
from collections.abc import Collection, Iterable

from track import publish
from track.errors import MalformedPointer, NotAPointer, TrackError, Unreadable
from track.history import log
from track.history.left_out import contents_left_out, is_sparse
from track.history.pointers_here import pointers_here
from track.model.names import data_path, display, is_named_pointer, pointer_path, typed
from track.model.pointer import Pointer, dump_pointer, parse_pointer
from track.project import Project

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_LIMIT = 1 << 20


def exists(project: Project, path: bytes) -> bool:
    """Whether anything, a dangling link too, has this name in the working tree. Never follows a link.

    Raises:
        ForbiddenPath: the way to it goes through a link, or it may not be named.
    """
    try:
        with project.gate.parent(path, own=is_named_pointer(path)) as (folder, name):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise
        return False
    return True


def pointer_at(project: Project, path: bytes) -> Pointer | None:
    """The pointer in the file `path` of the working tree, or left out of it by a sparse checkout; None when there is no
    such file.

    Raises:
        MalformedPointer, NewerFormat: it breaks the rules of its format.
        NotAPointer: it is somebody else's file.
        Unreadable: it cannot be read, or is left out and a partial clone lacks it.
    """
    content = said_at(project, path)
    return None if content is None else parse_pointer(content, path)


def said_at(project: Project, path: bytes) -> bytes | None:
    """As `content_at`; of a file that a sparse checkout leaves out, what Git's index has."""
    content = content_at(project, path)
    if content is None and is_sparse(project.git):
        return contents_left_out(project.git, [path]).get(path)
    return content


def left_out_of(project: Project, artifacts: Iterable[bytes]) -> list[bytes]:
    """The pointers of artifacts that went, sorted, if a sparse checkout may leave some out: Git has to be told."""
    gone = sorted(path if is_named_pointer(path) else pointer_path(path) for path in artifacts)
    return [path for path in gone if content_at(project, path) is None] if is_sparse(project.git) else []


def content_at(project: Project, path: bytes) -> bytes | None:
    """The bytes of the pointer file `path` of the working tree; None when there is no such file.

    Raises:
        Unreadable, MalformedPointer: it cannot be read, or is no file.
    """
    try:
        with project.gate.parent(path, own=is_named_pointer(path)) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unreadable(f"cannot read the pointer {display(path)}: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise MalformedPointer(f"{display(path)} is not a file", hint=f"git checkout HEAD -- {typed(path)}")
        return os.read(descriptor, _LIMIT + 1)
    finally:
        os.close(descriptor)


def readable_pointers(project: Project) -> tuple[dict[bytes, Pointer], tuple[TrackError, ...]]:
    """(path -> pointer, the troubles): every pointer in the working tree, or that a sparse checkout leaves out, by the
    path of its data, or its own when it is of a named artifact; those that cannot be read are the troubles.

    Somebody else's files are no pointers.
    """
    found: dict[bytes, Pointer] = {}
    refused: list[TrackError] = []
    foreign: list[bytes] = []
    for path, content in pointers_here(project.git).found:
        try:
            found[path if is_named_pointer(path) else data_path(path)] = parse_pointer(content, path)
        except NotAPointer:
            foreign.append(path)
        except TrackError as error:
            refused.append(error)
    return found, (*refused, *overwritten(project, foreign).values())


def overwritten(project: Project, paths: Collection[bytes]) -> dict[bytes, MalformedPointer]:
    """Those of these files, none of which is a pointer, under whose name Git's index has one, each with its error.

    The others are somebody else's.
    """
    found: dict[bytes, MalformedPointer] = {}
    for path, content in log.staged_contents(project.git, sorted(paths)).items() if paths else ():
        try:
            parse_pointer(content, path)
        except NotAPointer:
            continue
        except TrackError:  # one of ours, whole or not
            pass
        found[path] = MalformedPointer(
            f"{display(path)} was a pointer and is none any more", hint=f"git checkout HEAD -- {typed(path)}"
        )
    return found


def write_pointer(project: Project, path: bytes, pointer: Pointer, *, make_folders: bool = False) -> None:
    """Put a pointer in place, durably; folders for a named artifact are made, for a tracked path if asked for.

    Raises:
        DiskFull, StoreUnwritable: the old content, or none, is what stays.
    """
    named = is_named_pointer(path)
    with project.gate.parent(path, create=named or make_folders, own=named) as (folder, name):
        publish.publish_bytes(name, dump_pointer(pointer), dir_fd=folder)


def put_pointer(project: Project, path: bytes, content: bytes | None) -> bool:
    """Make the pointer file `path` these bytes, durably, or have none there; whether anything changed.

    Raises:
        DiskFull, StoreUnwritable: the old content, or none, is what stays.
    """
    if content_at(project, path) == content:
        return False
    named = is_named_pointer(path)
    with project.gate.parent(path, create=content is not None, own=named) as (folder, name):
        if content is None:
            publish.remove(name, dir_fd=folder)
        else:
            publish.publish_bytes(name, content, dir_fd=folder)
    if content is None and named:
        _remove_empty_folders(project, path.rpartition(b"/")[0])
    return True


def _remove_empty_folders(project: Project, folder: bytes) -> None:
    """Remove the folders of a named artifact that have nothing else in them."""
    while is_named_pointer(folder + b"/"):
        try:
            with project.gate.parent(folder, own=True) as (fd, name):
                publish.remove_directory(name, dir_fd=fd)
        except OSError:
            return
        folder = folder.rpartition(b"/")[0]


def owner_of(project: Project, path: bytes) -> bytes | None:
    """The artifact that `path` lies inside, by the pointers in the working tree; None when it lies in none."""
    if is_named_pointer(path):
        return None
    parts = path.split(b"/")
    for end in range(1, len(parts)):
        folder = b"/".join(parts[:end])
        if exists(project, pointer_path(folder)):
            return folder
    return None
