"""Version created: when the version that a path or name means was made, for programs that ask files for their time."""

import os
from datetime import UTC, datetime

from track.errors import UnknownPath
from track.flows.finding import find_versions
from track.flows.pinned import Pinned
from track.flows.sides import pointer_of
from track.history.catalog import Scope
from track.model.digest import Digest
from track.model.names import display, text_of
from track.model.query import In
from track.project import Project


def version_created(project: Project, pinned: Pinned) -> datetime:
    """When its run ended, or the first commit that has its artifact so was written; UTC.

    What no commit has yet is as old as its pointer in the working tree. Of a part of an artifact it is the artifact's.

    Raises:
        UnknownPath: the pointer is gone by now.
        UnknownRevision: the revision is.
    """
    pointer = pointer_of(pinned.artifact)
    named = text_of(pointer if pinned.name is not None else pinned.artifact)
    found = find_versions(project, Scope(pinned.rev, False, False), In(("path",), (named,)), None, datetime.now(UTC))
    for item in found.items:
        if item.is_committed and Digest.parse(str(item.document["digest"])) == pinned.pointer.digest:
            return item.created
    try:
        return datetime.fromtimestamp(os.lstat(os.path.join(os.fsencode(project.root), pointer)).st_mtime, UTC)
    except FileNotFoundError:
        raise UnknownPath(f"no artifact is called `{display(pinned.artifact)}` any more", hint="track ls") from None
