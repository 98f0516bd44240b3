"""Delivery: the data of single versions goes to the default remote, before commits that name it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from track.errors import together
from track.flows.reach import Version
from track.flows.remotes import choose, connected
from track.flows.send import losses, plan, send, size_of
from track.progress import Progress, silent
from track.project import Project
from track.publish import sweep


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was sent. Sizes in bytes as they travelled; nothing was asked of a remote when `remote` is None."""

    remote: str | None
    versions: tuple[Version, ...]
    objects_count: int
    sent_bytes: int


def deliver(
    project: Project,
    versions: Sequence[Version],
    *,
    tell: Callable[[str, int], None] | None = None,
    progress: Progress = silent,
) -> Delivered:
    """Send what these versions need and the default remote lacks; `tell` gets its name and the bytes, just before.

    Raises as `push` does: afterwards everything else was sent, and the same again goes on.
    """
    named = choose(project)
    with connected(project, named, sending=True) as connection:
        todo = plan(project, connection, versions)
        if tell is not None and todo.objects:
            tell(named.name, size_of(project, todo))
        sweep(project.store.rooms.staging)
        sent = send(project, connection, todo, progress=progress)
        if todo.incomplete:
            raise losses(project, connection, todo)
        if todo.refused:
            raise together([one.error for one in todo.refused])
    return Delivered(named.name, todo.versions, len(todo.objects), sent.sent_bytes)
