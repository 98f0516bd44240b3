"""Hooks install: have Git call track, so that data follows commits by itself."""

from dataclasses import dataclass
from pathlib import Path

from track.history import hooks
from track.history.hooks import Hook
from track.project import Project


@dataclass(frozen=True, slots=True)
class HooksInstalled:
    """What an install did. `changed` are the hooks that it wrote; `lines` are (hook, line) for a person to paste.

    `manager` is who looks after `folder`, where Git finds its hooks; None for Git's own folder.
    """

    folder: Path
    manager: str | None
    hooks: tuple[Hook, ...]
    changed: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


def hooks_install(project: Project) -> HooksInstalled:
    """Put every hook of track in place beside those of others; again is fine, and brings them up to date.

    Raises:
        Conflict: two older hooks of one name are there, and it cannot be told which one counts.
        DiskFull, StoreUnwritable: one cannot be written; those that were there work as before.
        Locked: another `track` works here.
    """
    with project.lock():
        done = hooks.install(project.git)
    lines = tuple((name, hooks.call_line(name, done.site.manager)) for name in done.left)
    return HooksInstalled(done.site.folder, done.site.manager, done.hooks, done.changed, lines)
