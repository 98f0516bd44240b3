"""What DVC says of data beside its bytes becomes what a pointer says: labels, tags, and what it was made from."""

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from track.errors import TrackError
from track.flows.dvc_found import Declared
from track.flows.dvc_reading import Content
from track.flows.pointers import pointer_at
from track.formats.media import type_of
from track.model import toml
from track.model.digest import Digest, digest_of
from track.model.dvc import DIRECTORY, Identity, is_of
from track.model.names import pointer_path
from track.model.pointer import Pointer
from track.project import Project

LABEL = "dvc"
_DEP_LIMIT = 64 << 20


class Said(NamedTuple):
    """A pointer, and in words what of DVC's could not be said in it."""

    pointer: Pointer
    left_out: tuple[str, ...]


def pointer_for(declared: Declared, content: Content, *, digest: Digest, sizes: tuple[int, int]) -> Said:
    """The pointer of an output, without what it was made from; `sizes` are bytes and files."""
    labels, left_out = _labels(declared)
    size, files = sizes
    is_file = content.kind == "file"
    return Said(
        Pointer(
            kind=content.kind,
            digest=digest,
            size=size,
            files=None if is_file else files,
            executable=is_file and content.entries[0].mode == "x",
            type=type_of(declared.path) if is_file else None,
            tags=tuple(filter(_is_text, declared.output.tags)),
            labels=labels,
        ),
        left_out,
    )


def with_origins(project: Project, said: Mapping[bytes, tuple[Declared, Said]]) -> dict[bytes, Said]:
    """The same pointers with what they were made from, as far as the bytes that DVC names are known here.

    What is there already for the same content keeps what was said in it since.
    A dependency counts only in the version that DVC says was used: one that changed since is left out, and told.
    """
    said = {path: (declared, _kept(project, path, one)) for path, (declared, one) in said.items()}
    by_md5 = {(path, _md5_of(declared)): one.pointer.digest for path, (declared, one) in said.items()}
    done = {}
    for path, (declared, one) in said.items():
        origins, unknown = {}, []
        for dep, md5 in _deps(declared):
            found = by_md5.get((dep, md5)) or _in_worktree(project, dep, md5)
            if found is None:
                unknown.append(dep)
            else:
                origins[dep] = found
        pointer = one.pointer
        if origins and not pointer.based_on and pointer.run is None:
            pointer = replace(pointer, based_on=origins)
        left_out = (*one.left_out, *_untold(unknown))
        done[path] = Said(pointer, left_out)
    return done


def _kept(project: Project, path: bytes, one: Said) -> Said:
    present = pointer_at(project, pointer_path(path))
    return Said(present, ()) if present is not None and present.digest == one.pointer.digest else one


def _labels(declared: Declared) -> tuple[dict[str, Any], tuple[str, ...]]:
    output = declared.output
    labels: dict[str, Any] = {}
    left_out: list[str] = []
    for key, name in (("desc", "description"), ("type", "type"), ("meta", "meta")):
        if key in output.said:
            value, lost = _sayable(output.said[key])
            left_out += [f"{key}{one}: a pointer cannot say it" for one in lost]
            if value is not None:
                labels[name] = value
    left_out += [f"the label {tag}: a pointer cannot say it" for tag in output.tags if not _is_text(tag)]
    facts: dict[str, Any] = {}
    if output.identity is not None:
        facts["md5"] = output.identity.md5 + (DIRECTORY if output.is_directory else "")
    if output.made is not None:
        facts |= {"stage": output.made.stage, "command": output.made.command}
    facts |= {f"source_{key}": value for key, value in output.source.items()}
    labels[LABEL], lost = _sayable({key: value for key, value in facts.items() if value is not None})
    left_out += [f"{LABEL}{one}: a pointer cannot say it" for one in lost]
    return labels, tuple(left_out)


def _sayable(value: object) -> tuple[Any, list[str]]:
    """The value as TOML can say it, and the places in it that it cannot."""
    if isinstance(value, dict):
        kept, lost = {}, []
        for key, inner in value.items():
            said, gone = _sayable(inner) if _is_text(str(key)) else (None, [""])
            lost += [f".{key}{one}" for one in gone]
            if said is not None:
                kept[str(key)] = said
        return kept, lost
    try:
        toml.value(value)
    except (TypeError, ValueError, RecursionError):
        return None, [""]
    return value, []


def _is_text(value: str) -> bool:
    """Whether it is text in UTF-8, and holds no byte of a name that is none."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _deps(declared: Declared) -> Iterator[tuple[bytes, str]]:
    folder = declared.file.rpartition(b"/")[0]
    made = declared.output.made
    for dep, md5 in (made.deps if made is not None else {}).items():
        yield posixpath.normpath(posixpath.join(folder, dep.encode("utf-8", "surrogateescape"))), md5


def _md5_of(declared: Declared) -> str:
    identity = declared.output.identity
    return "" if identity is None else identity.md5 + (DIRECTORY if declared.output.is_directory else "")


def _in_worktree(project: Project, path: bytes, md5: str) -> Digest | None:
    """The digest of a file in the working tree, such as a script, if its bytes are those that DVC means."""
    if not md5 or md5.endswith(DIRECTORY) or path.startswith((b"/", b"../")):
        return None
    with suppress(TrackError, OSError), project.gate.parent(path) as (folder, name):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            data = file.read(_DEP_LIMIT + 1)
        if len(data) <= _DEP_LIMIT and is_of(data, Identity(md5, loose=True)):
            return digest_of(data)
    return None


def _untold(paths: Iterable[bytes]) -> Iterator[str]:
    for path in paths:
        yield f"made from {path.decode('utf-8', 'replace')} in a version that is not here: not in `based_on`"
