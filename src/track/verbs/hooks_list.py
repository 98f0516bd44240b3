"""Hooks list: which hooks of track Git calls here, and how."""

from dataclasses import dataclass
from pathlib import Path

from track.history import hooks
from track.history.hooks import Hook
from track.project import Project


@dataclass(frozen=True, slots=True)
class HooksListed:
    """Every hook of track, and `folder`, where Git finds hooks; `manager` is who else looks after it, if anybody."""

    folder: Path
    manager: str | None
    hooks: tuple[Hook, ...]


def hooks_list(project: Project) -> HooksListed:
    """Look at every hook; nothing is changed."""
    where = hooks.site(project.git)
    return HooksListed(where.folder, where.manager, hooks.look(project.git))
