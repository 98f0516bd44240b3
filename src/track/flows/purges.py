"""Purges: what was removed for good is told as that, wherever it is missed."""

from collections.abc import Iterable

from track.errors import MissingObject, PurgedObject
from track.model.digest import Digest
from track.model.names import display
from track.project import Project
from track.store.purge_notes import GONE, told
from track.store.purged import note_purged, purged_in
from track.store.remote import Remote
from track.store.tombstones import read_tombstones, together

_SHOWN = 5


def learn(project: Project, remote: Remote, missing: Iterable[bytes]) -> None:
    """Remember here which of what a remote lacks was removed there for good."""
    purged = together(read_tombstones(remote.place)).purged
    if found := {digest: purged[digest] for digest in missing if digest in purged}:
        note_purged(project.store.rooms, found, remote.store_id)


def explain(project: Project, error: MissingObject) -> None:
    """Where what is missing was removed for good, as far as it is known here, say so in the error."""
    if isinstance(error, PurgedObject):
        return
    cause = error.__cause__ or error.__context__
    if isinstance(cause, PurgedObject):  # a part of a manifest, which nobody knows by its path
        error.details, error.hint = (*error.details, cause.message), cause.hint
        return
    text = "\n".join((error.message, *error.details))
    lines: dict[str, None] = {}
    for digest, purge in purged_in(project.store.rooms).items():
        is_named = digest.hex()[:8] in text or Digest(digest).short in text
        if is_named or any(f"{path} " in f"{text} " or f"`{path}`" in text for path in purge.paths):
            lines[f"{', '.join(map(display, purge.paths))} {told(purge)}"] = None
    if lines:
        error.details = (*error.details, *list(lines)[:_SHOWN])
        error.hint = GONE
