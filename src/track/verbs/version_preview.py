"""Version preview: the beginning of a version that is here, to be looked at."""

from dataclasses import dataclass
from itertools import islice

from track.errors import MissingObject, TrackError
from track.flows.content import pieces
from track.flows.pinned import Pinned
from track.flows.view import reader
from track.model import manifest
from track.model.amounts import size_text
from track.model.canonical import canonical_json
from track.model.manifest import Entry
from track.project import Project

_LIMIT = 1 << 20
_LARGEST = 64 << 20
_FILES = 10


@dataclass(frozen=True, slots=True)
class Preview:
    """The first bytes of a file, or the first files of a directory; or why there is nothing to show."""

    content: bytes | None = None
    is_whole: bool = False
    files: tuple[Entry, ...] | None = None
    why_not: str | None = None


def version_preview(project: Project, pinned: Pinned) -> Preview:
    """Up to 1 MiB of a pinned file, verified, or 10 files of a directory. No remote is asked, no run is told."""
    if pinned.pointer.kind == "value":
        return Preview(canonical_json(pinned.pointer.value), True)
    entry = pinned.entry
    try:
        if entry is None or entry.mode == "d":
            start = len(pinned.inner) + 1 if pinned.inner else 0
            found = manifest.walk(reader(project), pinned.pointer.digest, pinned.inner)
            return Preview(files=tuple(each._replace(path=each.path[start:]) for each in islice(found, _FILES)))
        if entry.size > _LARGEST:
            return Preview(why_not=f"{size_text(entry.size)} are not looked into for a preview")
        content = b""
        for piece in pieces(project.store, entry.digest):
            content += piece
            if len(content) >= _LIMIT:
                break
        return Preview(content[:_LIMIT], entry.size <= _LIMIT)
    except MissingObject:
        return Preview(why_not="not on this machine yet; reading it brings it from a remote")
    except TrackError as error:
        return Preview(why_not=error.message)
