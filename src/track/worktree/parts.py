"""Parts: of which artifacts only some is checked out, and what; kept for each working tree, and never guessed.

It is no cache: without it, what was never placed would look as if somebody had removed it. A file beside the stat
cache has it as JSON, paths as text without loss; no file is none:

    {"format": 1, "artifacts": {PATH: [PART, …]}, "versions": {PATH: DIGEST}}

`versions` is the version of which all those parts were placed or added, at least; an artifact without one, as all
were in the first files, has parts of nobody knows which.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import NewerFormat, Unreadable
from track.model.digest import Digest
from track.model.names import display, path_of, text_of

_NAME = "parts.json"
_FORMAT = 1


class Parts(NamedTuple):
    """What is checked out of an artifact: paths relative to it, sorted; and of which version, None if unknown."""

    paths: tuple[bytes, ...]
    version: Digest | None = None


def parts_of(state: Path, artifact: bytes) -> tuple[bytes, ...] | None:
    """The parts of an artifact that are checked out, relative to it, sorted; None when it is not known to be partial.

    `state` is the folder of track's own of this working tree. Raises as `placed_parts` does.
    """
    return all_parts(state).get(artifact)


def all_parts(state: Path) -> dict[bytes, tuple[bytes, ...]]:
    """The paths of the parts of every artifact of which only some is checked out. Raises as `placed_parts` does."""
    return {artifact: parts.paths for artifact, parts in placed_parts(state).items()}


def placed_parts(state: Path) -> dict[bytes, Parts]:
    """The parts of every artifact of which only some is checked out, and of which version they are.

    Raises:
        Unreadable: the file is damaged; it is for a person to say what is checked out.
        NewerFormat: a later version wrote it.
    """
    try:
        content = (state / _NAME).read_bytes()
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(content)
        written = document["format"]
        if written == _FORMAT:
            versions = {path_of(path): Digest.parse(text) for path, text in document.get("versions", {}).items()}
            return {
                (artifact := path_of(path)): Parts(tuple(sorted(map(path_of, parts))), versions.get(artifact))
                for path, parts in document["artifacts"].items()
            }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(
            f"{display(str(state / _NAME))}, which says what is partly checked out, is damaged",
            hint=f"rm {display(str(state / _NAME))}      and then: track checkout",
        ) from error
    raise NewerFormat(f"{display(str(state / _NAME))} has format {written!r}; this version reads {_FORMAT}")


def remember(state: Path, artifact: bytes, parts: Iterable[bytes] | None, version: Digest | None = None) -> None:
    """Record, durably, what is checked out of an artifact and of which version.

    Parts of None: all of it, as far as anybody knows.
    """
    known = placed_parts(state)
    before = dict(known)
    if parts is None:
        known.pop(artifact, None)
    else:
        known[artifact] = Parts(outermost(parts), version)
    if known == before:
        return
    document = {
        "format": _FORMAT,
        "artifacts": {text_of(path): list(map(text_of, known[path].paths)) for path in sorted(known)},
        "versions": {text_of(path): str(one) for path in sorted(known) if (one := known[path].version) is not None},
    }
    content = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    publish.publish_bytes(state / _NAME, content.encode("utf-8"))


def outermost(parts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Without those that lie below another one; sorted."""
    wanted = set(parts)
    return tuple(sorted(part for part in wanted if not covers(wanted, part.rpartition(b"/")[0])))


def covers(parts: "set[bytes] | frozenset[bytes]", path: bytes) -> bool:
    """Whether a path is one of `parts`, or below one."""
    if path in parts:
        return True
    at = path.rfind(b"/")
    while at > 0:
        if path[:at] in parts:
            return True
        at = path.rfind(b"/", 0, at)
    return False
