"""What is saved to a living run alone: files from anywhere and objects, under names, in one of three categories."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from track.errors import ChangedWhileAdding, SpecialFile, UnknownPath, UsageError
from track.flows.run_start import readable
from track.formats.media import BY_SUFFIX, type_of
from track.model.digest import Digest
from track.model.names import display
from track.model.record import CATEGORIES, Record, Used
from track.project import Project
from track.runs.journal import Living
from track.store.pack import SMALL
from track.system import read_at, reading

UNKNOWN_TYPE = "application/octet-stream"
_MORE_TYPES = frozenset(
    ("text/css", "text/javascript", "text/x-python", "text/x-c", "application/javascript", "application/xhtml+xml")
)


class Item(NamedTuple):
    """A file to save: where it is, and the name that it gets in the run."""

    place: str
    name: str


def check_category(category: object) -> str:
    """The category. Raises UsageError for what is none."""
    if category not in CATEGORIES:
        raise UsageError(f"not a category: {display(str(category))}", hint=", ".join(CATEGORIES))
    return str(category)


def check_type(filetype: object) -> str | None:
    """The media type, or None where none was given. Raises UsageError for what nobody knows."""
    if filetype is None:
        return None
    known = {*BY_SUFFIX.values(), *_MORE_TYPES, UNKNOWN_TYPE}
    if filetype not in known and not (isinstance(filetype, str) and _is_own_type(filetype)):
        raise UsageError(
            f"not a file type: {display(str(filetype))}",
            hint="a media type such as text/plain or image/png; one of your own is application/x-NAME",
        )
    return str(filetype)


def item_of(path: str | os.PathLike[str], *, preserve_path: bool = False, name: str | None = None) -> Item:
    """A file as a person names it; its own name is that in the run, or its path where that is preserved.

    Raises:
        UsageError: a name that cannot be, or a path that leads out of this folder and is to be preserved.
        UnknownPath: nothing is there.
    """
    place = os.fspath(path)
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    if not os.path.lexists(place):
        raise UnknownPath(f"`{display(place)}` is not there", hint="see what is: ls")
    if name is None:
        full = os.path.abspath(place)
        name = _inner(os.path.relpath(full), place) if preserve_path else os.path.basename(full)
    return Item(place, check_name(name))


def items_in(folder: str | os.PathLike[str], *, preserve_path: bool = False) -> list[Item]:
    """Every file below a folder, hidden ones included, sorted; links to files count as what they lead to.

    Raises:
        UnknownPath: there is no such folder.
        UsageError: a name that cannot be.
    """
    top = os.fspath(folder)
    if not os.path.isdir(top):
        raise UnknownPath(f"`{display(str(top))}` is not a folder", hint="save one file with save")
    found: list[Item] = []
    for parent, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != ".git")
        found += [item_of(os.path.join(parent, name), preserve_path=preserve_path) for name in sorted(files)]
    return found


def check_name(name: object) -> str:
    """The name of something saved to a run. Raises UsageError for what cannot be one."""
    text = readable(name) if isinstance(name, str) else ""
    parts = text.split("/")
    if not text.isprintable() or len(text.encode()) > 1024 or any(part in ("", ".", "..") for part in parts):
        raise UsageError(
            f"not a name for an artifact: {display(str(name))!r}", hint="text without blank parts: results/loss.png"
        )
    return text


def save_files(
    project: Project, living: Living, items: Sequence[Item], category: str, type: str | None
) -> tuple[Used, ...]:
    """Store files and put them into a living run, all or none of them; durable when it returns.

    Raises:
        UsageError: two different contents would have one name; or the run has ended.
        SpecialFile, ChangedWhileAdding, Unreadable: a file cannot be saved as it stands.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    with project.store.writer() as writer:
        used = []
        for item in items:
            with _opened(item.place) as (fd, before):
                if before.st_size < SMALL:
                    digest = writer.add(read_at(fd, before.st_size, 0))
                else:
                    digest = writer.add_file(fd, before.st_size)
                after = os.fstat(fd)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ChangedWhileAdding(f"`{display(item.place)}` changed while it was saved", hint="save it again")
            kind = type or type_of(os.fsencode(item.place)) or UNKNOWN_TYPE
            used.append(Used(category, digest, before.st_size, name=item.name, type=kind, how="api"))
        writer.commit()
        _put(living, used)
    return tuple(used)


def save_content(project: Project, living: Living, content: bytes, used: Used) -> Used:
    """Store bytes and put them into a living run as `used` says, whatever its digest and size are. Durable when it
    returns. Raises as `save_files`.
    """
    with project.store.writer() as writer:
        digest: Digest = writer.add_content(content)
        writer.commit()
        kept = used._replace(digest=digest, size=len(content), name=check_name(used.name))
        _put(living, [kept])
    return kept


def without_doubles(before: Iterable[Used], more: Iterable[Used]) -> tuple[Used, ...]:
    """What a run has then, each name once. Raises UsageError where one name would stand for two contents."""
    by_name: dict[str | None, Used] = {used.name: used for used in before if used.name is not None}
    added: list[Used] = []
    for used in more:
        other = by_name.get(used.name)
        if other is not None and other.digest != used.digest:
            raise UsageError(
                f"the run has another artifact called `{display(used.name or '')}`",
                hint="keep the folders in the name with preserve_path=True, or give a name with name=",
            )
        if other is None or (other.category, other.type) != (used.category, used.type):
            added.append(used)
        by_name[used.name] = used
    return (*before, *added)


def _put(living: Living, used: Sequence[Used]) -> None:
    def put(draft: Record) -> Record:
        return replace(draft, artifacts=without_doubles(draft.artifacts, used))

    living.edit(put)


@contextmanager
def _opened(place: str) -> Iterator[tuple[int, os.stat_result]]:
    """An open file and its stat. Raises UnknownPath, Unreadable or SpecialFile."""
    try:
        with reading(place):
            fd = os.open(place, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise UnknownPath(f"`{display(place)}` is not there", hint="see what is: ls") from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise SpecialFile(f"`{display(place)}` is no file", hint="a folder is saved with save_directory")
        yield fd, found
    finally:
        os.close(fd)


def _inner(path: str, given: str) -> str:
    """A path as a part of a name. Raises UsageError for one that leads out of this folder."""
    if path == ".." or path.startswith("../"):
        raise UsageError(
            f"`{display(given)}` leads out of this folder, and its path was to be preserved",
            hint="give it a name with name=, or save it from a folder above",
        )
    return path


def _is_own_type(text: str) -> bool:
    """Whether a media type says itself that it is somebody's own: `application/x-lammps`, `text/vnd.lab.log`."""
    top, slash, kind = text.partition("/")
    word = kind.replace("-", "").replace(".", "").replace("+", "")
    named = kind.startswith(("x-", "vnd.")) and word.isascii() and word.isalnum() and len(text) <= 127
    return bool(slash) and named and top in ("application", "audio", "font", "image", "model", "text", "video")
