"""Hooks uninstall: have Git call track no more."""

from dataclasses import dataclass
from pathlib import Path

from track.history import hooks
from track.project import Project


@dataclass(frozen=True, slots=True)
class HooksUninstalled:
    """What an uninstall did: `removed` are the hooks that are gone from `folder`; older ones stand there again."""

    folder: Path
    manager: str | None
    removed: tuple[str, ...]


def hooks_uninstall(project: Project) -> HooksUninstalled:
    """Take every hook of track out; what others had there is as it was before, byte for byte.

    This clone gets none again by itself, until `track hooks install`.

    Raises:
        DiskFull, StoreUnwritable: one cannot be written; the same call goes on.
        Locked: another `track` works here.
    """
    with project.lock():
        done = hooks.uninstall(project.git)
    return HooksUninstalled(done.site.folder, done.site.manager, done.changed)
