"""Pointing: the pointer that content gets, from what was said of the content before it."""

from dataclasses import replace

from track.flows.keep import Kept
from track.formats.media import type_of
from track.model.pointer import Pointer


def pointer_of_content(path: bytes, kept: Kept, present: Pointer | None, *, run: str | None = None) -> Pointer:
    """The pointer for what the data at `path` holds: the present one where it is the same, else without what was said
    of the old content. `run` is the run that made it; it stands only where it was the first to give this path this
    content.
    """
    if present is not None and (present.digest, present.kind) == (kept.digest, kept.kind):
        return replace(present, executable=kept.executable, size=kept.size, files=kept.files)
    fresh = Pointer(
        kind=kept.kind,
        digest=kept.digest,
        size=kept.size,
        executable=kept.executable,
        files=kept.files,
        type=type_of(path) if kept.kind == "file" else None,
        run=run,
    )
    if present is None:
        return fresh
    return replace(fresh, tags=present.tags, labels=present.labels, partitions=present.partitions, extra=present.extra)
