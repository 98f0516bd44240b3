"""Version modified: since when a path or name means a version, for programs that ask files for their time."""

import os
from datetime import UTC, datetime

from track.errors import UnknownPath
from track.flows.pinned import Pinned
from track.flows.sides import pointer_of
from track.history.commit_words import time_of
from track.model.names import display
from track.project import Project


def version_modified(project: Project, pinned: Pinned) -> datetime:
    """When its pointer was last written in the working tree, or when the commit at its revision was made; UTC.

    Content has no time of its own; this one is another whenever what is meant may be.

    Raises:
        UnknownPath: the pointer is gone by now.
        UnknownRevision: the revision is.
    """
    if pinned.rev is not None:
        commit = project.git.resolve(pinned.rev)
        said = project.git.run("show", "-s", "--format=%ct%n%at", commit).decode("ascii", "replace")
        return datetime.fromtimestamp(time_of(*said.split("\n")), UTC)
    place = os.path.join(os.fsencode(project.root), pointer_of(pinned.artifact))
    try:
        return datetime.fromtimestamp(os.lstat(place).st_mtime, UTC)
    except FileNotFoundError:
        raise UnknownPath(f"no artifact is called `{display(pinned.artifact)}` any more", hint="track ls") from None
