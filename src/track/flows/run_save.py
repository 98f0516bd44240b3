"""Saving to a living run: objects, files and folders become named artifacts of its record, and lie in the store."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import NameTooLong, SpecialFile, UnknownPath, UsageError
from track.flows.run_secrets import secrets_of
from track.flows.run_start import without_secrets
from track.formats.declared import is_media_type
from track.formats.known import encode
from track.formats.media import type_of
from track.model.names import check_entry_path, display
from track.model.record import Record, Used
from track.model.run_words import CATEGORIES
from track.project import Project
from track.runs.journal import Living
from track.store.cutting import writing
from track.store.pack import SMALL
from track.store.writer import Writer
from track.worktree.reading import open_checked, read_small, stat_of, trouble

_NAME_LIMIT = 1000
_OWN = {".git", ".store", ".track"}
_UNKNOWN_TYPE = "application/octet-stream"


class Meant(NamedTuple):
    """What a person says of what is saved: one of CATEGORIES; the rest may be left out.

    `name` is what it is called in the run (default: of a file its own), `type` its media type (default: what the
    name or the object says), `metadata` text, numbers and truth values. With `preserve_path` the name of a file is
    its path as given, from the current folder, without a leading `./`.
    """

    category: str
    name: str | None = None
    type: str | None = None
    metadata: Mapping[str, Any] = {}
    preserve_path: bool = False


def save_object(project: Project, living: Living, obj: object, meant: Meant, *, allow_pickle: bool = False) -> Used:
    """Save an object as it is now to a living run, under a name; durable when it returns.

    The same object once more changes nothing.

    Raises:
        UsageError: the category, name, type or metadata cannot be, something else has this name, or the run has ended.
        NoFormat: no format keeps such an object, or only one that pickles, and that was not allowed.
        DiskFull, StoreUnwritable: it cannot be kept.
    """
    _check(meant)
    if meant.name is None:
        raise UsageError("an object has no name of its own", hint="save_object(obj, category, name='...')")
    _check_name(meant.name)
    encoded = encode(obj, allow_pickle=allow_pickle, type=meant.type)
    with writing(project.store) as writer:
        digest = writer.add_content(encoded.content)
        writer.commit()
    used = Used(meant.category, digest, len(encoded.content), name=meant.name, type=encoded.type, how="api")
    return _record(project, living, [used], meant)[0]


def save_file(project: Project, living: Living, path: str | Path, meant: Meant) -> Used:
    """Save a file as it is now to a living run; as `save_object`.

    Raises:
        UnknownPath: nothing is there.
        SpecialFile, Unreadable, ChangedWhileAdding: it is no file, may not be read, or changed meanwhile.
        and as `save_object`.
    """
    _check(meant)
    if os.path.isdir(path):
        raise SpecialFile(f"{display(str(path))} is a folder", hint="save_directory saves every file in it")
    name = meant.name or _name_of(str(path), meant)
    return _save(project, living, [(name, str(path))], meant)[0]


def save_directory(project: Project, living: Living, path: str | Path, meant: Meant) -> tuple[Used, ...]:
    """Save every file in a folder and the folders in it to a living run, an artifact each, all of them or none.

    Hidden files are taken; what is Git's or track's own is not. A link to a file counts as the file.

    Raises:
        UnknownPath: there is no such folder.
        SpecialFile: something in it is neither a file nor a folder, or a link to a folder.
        and as `save_file`.
    """
    return save_all(project, living, [path], meant, only_folders=True)


def save_all(
    project: Project, living: Living, paths: Sequence[str | Path], meant: Meant, *, only_folders: bool = False
) -> tuple[Used, ...]:
    """Save files, and every file in folders, to a living run, all of them or none; as `save_file`, `save_directory`."""
    _check(meant)
    if meant.name is not None:
        raise UsageError("several files cannot have one name", hint="leave name out, or save them one by one")
    found: list[tuple[str, str]] = []
    for each in map(str, paths):
        if os.path.isdir(each):
            found += [(_name_of(file, meant), file) for file in _files_in(each)]
        elif only_folders and os.path.lexists(each):
            raise SpecialFile(f"{display(each)} is no folder", hint="save saves a single file")
        else:
            found.append((_name_of(each, meant), each))
    return _save(project, living, found, meant)


def _save(project: Project, living: Living, files: Sequence[tuple[str, str]], meant: Meant) -> tuple[Used, ...]:
    for name, _ in files:
        _check_name(name)
    used = []
    with writing(project.store) as writer:
        for name, path in files:
            kind = meant.type or type_of(os.fsencode(name)) or type_of(os.fsencode(path)) or _UNKNOWN_TYPE
            digest, size = _add(writer, path)
            used.append(Used(meant.category, digest, size, name=name, type=kind, how="api"))
        writer.commit()
    return _record(project, living, used, meant)


def _add(writer: Writer, path: str) -> tuple[Any, int]:
    """Add a file to the store, as it is behind any link."""
    shown = os.fsencode(path)
    real = os.path.realpath(path)
    folder, name = os.path.split(os.fsencode(real))
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    except OSError as error:
        raise trouble(shown, error) from error
    try:
        seen = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISREG(seen.st_mode):
            raise SpecialFile(f"{display(path)} is neither a file nor a folder", hint="only files can be saved")
        if seen.st_size < SMALL:
            return writer.add(read_small(fd, name, stat_of(seen), path=shown)), seen.st_size
        with open_checked(fd, name, stat_of(seen), path=shown) as content:
            return writer.add_file(content, seen.st_size), seen.st_size
    except FileNotFoundError:
        raise _missing(path) from None
    finally:
        os.close(fd)


def _files_in(folder: str) -> Iterator[str]:
    """The files below a folder, in the order of their paths."""
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.name in _OWN:
            continue
        if entry.is_symlink() and entry.is_dir():
            raise SpecialFile(
                f"{display(entry.path)} is a link to a folder", hint="save that folder, or take the link out"
            )
        if entry.is_dir():
            yield from _files_in(entry.path)
        else:
            yield entry.path


def _name_of(path: str, meant: Meant) -> str:
    """What a file is called in the run."""
    if not meant.preserve_path:
        return os.path.basename(os.path.normpath(path))
    name = os.path.relpath(path) if os.path.isabs(path) else os.path.normpath(path)
    if name.split(os.sep)[0] == os.pardir:
        raise UsageError(
            f"`{display(path)}` leads out of this folder, and its path was to be its name",
            hint="leave preserve_path out, or give it a name with name=",
        )
    return Path(name).as_posix()


def _record(project: Project, living: Living, used: Sequence[Used], meant: Meant) -> tuple[Used, ...]:
    """Put artifacts into the draft of a run, each once."""
    metadata = _clean(project, living, meant.metadata) if meant.metadata else {}
    named = [one._replace(metadata=tuple(metadata.items())) for one in used]

    def added(draft: Record) -> Record:
        known = {one.shown: one for one in draft.artifacts if one.name is not None}
        new = {(one.shown, one.category): one for one in draft.artifacts if one.name is not None}
        kept = [one for one in draft.artifacts if one.name is None]
        for one in named:
            before = known.setdefault(one.shown, one)
            if before.digest != one.digest:
                raise _taken(draft, one, before)
            new[one.shown, one.category] = one
        return replace(draft, artifacts=(*kept, *new.values()))

    living.edit(added)
    return tuple(dict.fromkeys(named))


def _clean(project: Project, living: Living, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Metadata without secrets."""
    return without_secrets(replace(living.record(), metadata=metadata), secrets_of(project)).metadata


def _taken(draft: Record, one: Used, before: Used) -> UsageError:
    return UsageError(
        f"another {before.category} of run {display(draft.name)} is called `{display(one.shown)}`, with other content",
        hint="preserve_path=True makes the path the name, or give it a name of its own",
    )


def _missing(path: str) -> UnknownPath:
    return UnknownPath(f"`{display(path)}` is not there", hint="see what is: ls")


def _check(meant: Meant) -> None:
    if meant.category not in CATEGORIES:
        raise UsageError(f"not a category: '{display(str(meant.category))}'", hint=f"one of {', '.join(CATEGORIES)}")
    if meant.type is not None and not (isinstance(meant.type, str) and is_media_type(meant.type)):
        raise UsageError(
            f"not a file type that is known: '{display(str(meant.type))}'",
            hint="a media type such as text/plain or image/png; one of your own is application/x-NAME",
        )
    for name, fact in meant.metadata.items():
        if not isinstance(name, str) or not isinstance(fact, str | int | float | bool):
            raise UsageError(
                f"metadata {display(str(name))} is a {type(fact).__name__}",
                hint="text, numbers and true or false can be kept",
            )


def _check_name(name: str) -> None:
    try:
        why = check_entry_path(os.fsencode(name))
        is_long = len(name.encode("utf-8")) > _NAME_LIMIT
    except UnicodeEncodeError:
        why, is_long = "is not UTF-8", False
    if why is not None:
        raise UsageError(
            f"not a name for an artifact: '{display(name)}' {why}",
            hint="a name has parts between slashes; none is empty, '.', '..' or '.git'",
        )
    if is_long:
        raise NameTooLong(f"the name {display(name[:40])}… has more than {_NAME_LIMIT} bytes", hint="use a shorter one")
